"""Apple Wallet: pass.json, the certificates, the signature over the manifest, and the zip around them."""
