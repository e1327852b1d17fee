"""What can go wrong, and what the client reads.

    KairosError
    ├── Refusal                 an answer the caller can act on; its class tells status, code and sentence
    │   ├── Unreadable 400 · IdempotencyKeyRequired 400
    │   ├── Unauthenticated 401 · Forbidden 403 · ConsentRequired 403 · NotFound 404
    │   ├── Conflict 409 · Gone 410 · TooLarge 413 · Invalid 422 · TooEarly 425
    │   ├── TooMany 429 · Unavailable 503
    └── Misconfigured           a setting, file or server that must be mended before the start; ends the program

The docstring of a class is the sentence that the client reads when nothing better is known. `server.web.middleware` alone
turns an exception into a status (RFC 9457).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple


class FieldError(NamedTuple):
    """One wrong field: a JSON path such as `if.all[0].local_time.from`, and what is wrong with it."""

    field: str
    message: str


class KairosError(Exception):
    """Something went wrong."""


class Misconfigured(KairosError):
    """A setting is wrong."""


class Refusal(KairosError):
    """The request was refused."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "refused"
    title: ClassVar[str] = "Refused"

    def __init__(
        self,
        detail: str | None = None,
        *,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        retry_after_s: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep the sentence, the machine-readable code, wrong fields, seconds to wait, and members to add to the body."""
        self.detail = detail or (type(self).__doc__ or "").strip()
        self.reason = code or self.code
        self.errors = tuple(errors)
        self.retry_after_s = retry_after_s
        self.extra = dict(extra or {})
        super().__init__(self.detail)


class Unreadable(Refusal):
    """The request could not be read."""

    status, code, title = 400, "unreadable", "Bad request"


class IdempotencyKeyRequired(Refusal):
    """This request needs an Idempotency-Key header, so that a retry has one effect."""

    status, code, title = 400, "idempotency_key_required", "Idempotency key required"


class Unauthenticated(Refusal):
    """A valid credential is required."""

    status, code, title = 401, "unauthenticated", "Unauthenticated"


class Forbidden(Refusal):
    """This credential is not allowed to do that."""

    status, code, title = 403, "forbidden", "Forbidden"


class ConsentRequired(Refusal):
    """The customer has not consented to this purpose; nothing was stored."""

    status, code, title = 403, "consent_required", "Consent required"


class NotFound(Refusal):
    """There is nothing here for this credential."""

    status, code, title = 404, "not_found", "Not found"


class Conflict(Refusal):
    """The current state does not allow that."""

    status, code, title = 409, "conflict", "Conflict"


class Gone(Refusal):
    """That is over for good."""

    status, code, title = 410, "gone", "Gone"


class TooLarge(Refusal):
    """The body is larger than the limit."""

    status, code, title = 413, "too_large", "Too large"


class Invalid(Refusal):
    """The request was understood and is wrong."""

    status, code, title = 422, "invalid", "Invalid"


class TooEarly(Refusal):
    """That is not valid yet."""

    status, code, title = 425, "not_yet_valid", "Too early"


class TooMany(Refusal):
    """Too many requests; wait and try again."""

    status, code, title = 429, "too_many_requests", "Too many requests"


class Unavailable(Refusal):
    """The service cannot answer just now; try again."""

    status, code, title = 503, "unavailable", "Unavailable"
