"""/account: everybody's own page: who they are here, their log-ins, their password, their second factor."""

from __future__ import annotations

import msgspec

from server.web.account import account_of
from server.web.call import Call, Reply
from server.web.door import door
from server.web.own import me
from server.web.pages import HTML
from server.web.screens.frame import show


@door("GET", "/account", produces=HTML, summary="One's own account", tags=("Pages",))
async def show_account(call: Call) -> Reply:
    """Show the page; the log-ins are asked for by its script."""
    user_id, log_in = me(call)
    account = await account_of(call, user_id)
    return show(
        call,
        "account.html",
        words="account",
        facts={"account": msgspec.to_builtins(account)},
        account=account,
        wanted=log_in.wants_second,
    )
