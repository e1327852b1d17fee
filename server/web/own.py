"""What the doors of one's own account share: whose it is, their hashes and secrets, and that it is them."""

from __future__ import annotations

from uuid import UUID

from server.errors import Forbidden
from server.pipeline import second_factor
from server.pipeline.second_factor import Locks
from server.store import logins, users
from server.web.call import Call
from server.web.entering import (
    WrongCode,
    WrongLogin,
    account_of,
    attempt,
    attempt_code,
    forgive_codes,
    network_of,
)
from server.web.visitor import LogIn


class NoAccount(Forbidden):
    """A key has no account: log in with a cookie."""

    code, title = "no_account", "No account"


def me(call: Call) -> tuple[UUID, LogIn]:
    """Give who is logged in, and their log-in; raises NoAccount for keys."""
    if call.principal.user_id is None or call.log_in is None:
        raise NoAccount
    return call.principal.user_id, call.log_in


def locks_of(call: Call) -> Locks:
    """Give what opens second factors, at the true time: a day that was moved for tests is not the phone's."""
    return Locks(call.parts.secrets, call.parts.clock.now() - call.parts.ahead)


async def prove(call: Call, *, user_id: UUID, password: str, code: str | None) -> None:
    """Check that somebody is who they are: the password, and a code where there is a second factor.

    Each is counted as a log-in is. Raises WrongLogin, WrongCode or TooMany.
    """
    account, network = account_of(str(user_id)), network_of(call.address)
    await attempt(call, account=account, network=network)
    async with call.connection() as db:
        stored = await users.password_hash(db, id_=user_id)
        second = await second_factor.is_on(db, user_id=user_id)
    if not (await call.gate.hasher.check(password, stored)).right:
        raise WrongLogin("The password is wrong.")
    if second:
        await attempt_code(call, user_id=user_id)
    async with call.transaction() as db:
        if second and not await second_factor.check(db, user_id=user_id, code=code or "", locks=locks_of(call)):
            raise WrongCode
        await logins.succeed(db, account=account, network=network)
        await forgive_codes(db, user_id=user_id)
