"""Refusals: each names the field and the rule that it breaks, under a code that stays the same.

PassError
├── ContentError         what the pass says
├── ImageError           an image that Wallet would not show, or that should not be opened
├── CertificateError     a certificate or key that cannot sign this pass type
├── BundleError          several passes that cannot travel together
├── GoogleError          a body, link or credential that Google would turn down
└── CallbackError        a message that Google did not send to us

No refusal repeats the refused value: it may hold a name, a code or a token.
"""

from __future__ import annotations


class PassError(ValueError):
    """A pass cannot be made.

    `code` is stable and meant for programs (`field.duplicate_key`), `field` says where (`coupon.primaryFields[0].key`),
    `rule` is the sentence of Apple or Google that was broken.
    """

    def __init__(self, code: str, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule} [{code}]")
        self.code = code
        self.field = field
        self.rule = rule


class ContentError(PassError):
    """What the pass says breaks a rule of its wallet."""


class ImageError(PassError):
    """An image is no PNG, has the wrong size, or does not belong to the style."""


class CertificateError(PassError):
    """A certificate or key cannot sign passes of this pass type."""


class BundleError(PassError):
    """The passes cannot travel in one .pkpasses file."""


class GoogleError(PassError):
    """Google would turn this body, link or credential down."""


class CallbackError(PassError):
    """The message did not come from Google, is not meant for us, or is too old."""
