"""Reads a finished .pkpass as a stranger would, and says all that Wallet would silently refuse.

An independent reading of Apple's documentation: it shares no code with the library that builds passes, so that a
mistake there is not repeated here. It does not say whether the chain ends at Apple; `openssl smime -verify` does.
"""

from __future__ import annotations

from passes.testing.archive import read_archive
from passes.testing.document import check_document
from passes.testing.finding import Finding
from passes.testing.images import check_pictures
from passes.testing.manifest import check_manifest
from passes.testing.signature import check_signature
from passes.testing.strings import check_strings

__all__ = ["Finding", "check"]


def check(pkpass: bytes, *, allow_http: bool = False) -> list[Finding]:
    """Every finding about the file, none where Wallet has nothing to object; never raises on bad input.

    `allow_http` takes a plain http `webServiceURL`, as a stand-in on loopback has.
    """
    files, findings = read_archive(pkpass)
    if not files:
        return findings
    document, said = check_document(files.get("pass.json"), allow_http=allow_http)
    findings += said
    findings += check_manifest(files)
    findings += check_pictures(files, document)
    findings += check_strings(files)
    findings += check_signature(files.get("signature"), files.get("manifest.json"), document)
    return findings
