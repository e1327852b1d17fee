"""Failed log-ins by account and network: counted in the database, since any process may be asked next."""

from __future__ import annotations

import math

from server.store.pool import Connection

TURN = "SELECT pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 0))"

RECENT = """
SELECT count(*) AS failures,
       extract(epoch FROM min(at) + make_interval(secs => $3) - clock_timestamp())::float8 AS wait_s
FROM (SELECT at FROM login_failures
      WHERE account = $1 AND network = $2 AND at > clock_timestamp() - make_interval(secs => $3)
      ORDER BY at DESC LIMIT $4) AS latest
"""

INSERT = "INSERT INTO login_failures (account, network) VALUES ($1, $2)"


async def attempt(db: Connection, *, account: str, network: str, failures: int, window_s: int) -> int:
    """Count an attempt as a failure before it is looked at, so that parallel guesses are counted too.

    Gives 0 when it may go on (`succeed` takes it back), else the seconds to wait: there were `failures` within
    `window_s`. To be called in a transaction of its own.
    """
    await db.execute(TURN, account, network)
    row = await db.fetchrow(RECENT, account, network, window_s, failures)
    if row is not None and row["failures"] >= failures:
        return max(1, math.ceil(float(row["wait_s"])))
    await db.execute(INSERT, account, network)
    return 0


SUCCEED = "DELETE FROM login_failures WHERE account = $1 AND network = $2"


async def succeed(db: Connection, *, account: str, network: str) -> None:
    """Forget the failures of an account from a network: its owner has logged in from there."""
    await db.execute(SUCCEED, account, network)
