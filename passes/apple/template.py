"""A template holds what many passes share: certificates, images and their hashes are read once.

After that a pass costs its JSON, one RSA signature and a few copies of bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from passes.apple.archive import Packed, assemble, listed, pack, sha1
from passes.apple.certificates import WATCH, Credentials, load_credentials
from passes.apple.document import Issuer, document_for, strings_for
from passes.apple.signature import Signer
from passes.errors import CertificateError, ContentError, ImageError
from passes.images import check_images, size_of
from passes.model import Pass
from passes.styles import STYLES
from passes.times import check_time

MEDIA_TYPE = "application/vnd.apple.pkpass"
BUNDLE_MEDIA_TYPE = "application/vnd.apple.pkpasses"

_PASS_TYPE = re.compile(r"pass\.[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_TEAM = re.compile(r"[A-Z0-9]{10}")


@dataclass(frozen=True, slots=True)
class Template:
    """Signs passes of one pass type. Make it with `load`; it may be used from several threads at once."""

    issuer: Issuer
    credentials: Credentials
    signer: Signer = field(repr=False)
    images: Packed = field(repr=False)
    refusals: Mapping[str, ImageError]
    allow_http: bool = False

    @classmethod
    def load(
        cls,
        *,
        certificate: bytes,
        key: bytes,
        wwdr: bytes,
        images: Mapping[str, bytes],
        pass_type_id: str,
        team_id: str,
        organization: str,
        now: datetime,
        password: bytes | None = None,
        allow_http: bool = False,
        watch: timedelta = WATCH,
    ) -> Template:
        """Read everything once and refuse what cannot work (CertificateError, ImageError, ContentError).

        `certificate`, `key` (with its `password`) and `wwdr` are PEM: the pass type certificate, its RSA key, and the
        intermediate of Apple's that issued it. `images` maps file names (`icon@2x.png`, `de.lproj/logo.png`) to PNG
        bytes. `allow_http` lets `webServiceURL` be a plain http address, for stand-ins on loopback. What ends within
        `watch` is among the credentials' warnings.
        """
        issuer = _issuer(pass_type_id, team_id, organization)
        credentials = load_credentials(
            certificate=certificate,
            key=key,
            wwdr=wwdr,
            password=password,
            pass_type_id=pass_type_id,
            team_id=team_id,
            now=now,
            watch=watch,
        )
        packed, refusals = _lay_down(images)
        return cls(issuer, credentials, Signer(credentials), packed, refusals, allow_http)

    def with_images(self, images: Mapping[str, bytes]) -> Template:
        """The same signer with other images, such as an offer's own strip; the key is not read again.

        ImageError where an image is none, or where no style could show them all. Keep the result: laying images down
        costs their hashes, once.
        """
        packed, refusals = _lay_down(images)
        return replace(self, images=packed, refusals=refusals)

    def build(self, pass_: Pass, *, signed_at: datetime) -> bytes:
        """The .pkpass file (MIME `MEDIA_TYPE`): the same bytes for the same pass and `signed_at`, which is aware.

        Costs one RSA signature and some 0.1 ms; the signature gives the interpreter's lock back, so that other threads
        go on. ContentError where Wallet would turn the pass down, ImageError where the images do not fit its style,
        CertificateError `certificate.time` where the certificate is not valid at `signed_at`.
        """
        check_time("signed_at", signed_at)
        begins, ends = self.signer.life
        if not begins <= signed_at <= ends:
            rule = "lies in the life of the certificates: no phone takes a pass that was signed outside it"
            raise CertificateError("certificate.time", "signed_at", rule)
        style = STYLES.get(pass_.style)
        if style is None:
            raise ContentError("style.unknown", "style", f"is one of {', '.join(sorted(STYLES))}")
        if (refusal := self.refusals.get(style.name)) is not None:
            raise ImageError(refusal.code, refusal.field, refusal.rule)
        document = document_for(pass_, style, self.issuer, allow_http=self.allow_http)
        own = [
            (f"{language}.lproj/pass.strings", strings_for(language, strings))
            for language, strings in sorted(pass_.localisations.items())
        ]
        own.append(("pass.json", document))
        hashes = listed({name: sha1(data) for name, data in own})
        manifest = f"{{{self.images.listed},{hashes}}}".encode("ascii")
        own.append(("manifest.json", manifest))
        own.append(("signature", self.signer.sign(manifest, signed_at=signed_at)))
        return assemble(self.images, own, at=signed_at)


def _issuer(pass_type_id: str, team_id: str, organization: str) -> Issuer:
    if not _PASS_TYPE.fullmatch(pass_type_id):
        raise ContentError("issuer.pass_type", "passTypeIdentifier", "is pass. and a reverse domain name")
    if not _TEAM.fullmatch(team_id):
        raise ContentError("issuer.team", "teamIdentifier", "has ten letters and digits")
    if not organization.strip():
        raise ContentError("text.empty", "organizationName", "is required and not empty")
    return Issuer(pass_type_id, team_id, organization)


def _lay_down(images: Mapping[str, bytes]) -> tuple[Packed, dict[str, ImageError]]:
    sizes = {name: size_of(name, data) for name, data in images.items()}
    refusals: dict[str, ImageError] = {}
    for style in STYLES.values():
        try:
            check_images(style, sizes)
        except ImageError as error:
            if error.code == "image.name":
                raise
            refusals[style.name] = error
    if len(refusals) == len(STYLES):
        raise next(iter(refusals.values()))
    return pack(images), refusals
