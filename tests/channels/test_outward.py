"""However an inner address is dressed up, nothing connects to it; and what answers may not take much."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from aiohttp import web

from server.channels.outward import LIMIT_BYTES, Failed, Outward, open_outward
from server.channels.reach import PUBLIC, STAND_INS, Policy
from tests.signals.standin import certificate, standing_in

ANYWHERE_PUBLIC = Policy(("http", "https"), None)
"""As in production, but for scheme and port: so that a canary would be reached if the address itself did not forbid it."""


class Canary:
    """Listens on loopback and counts who comes."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()


@pytest.fixture(scope="module")
async def canary() -> AsyncIterator[Canary]:
    """One port on every loopback and wildcard address that this machine has."""
    counting = Canary()
    first = await asyncio.start_server(counting, "0.0.0.0", 0)  # noqa: S104  a canary hears whoever comes
    counting.port = first.sockets[0].getsockname()[1]
    servers = [first]
    with contextlib.suppress(OSError):  # a machine without IPv6 has no such address to reach either
        servers.append(await asyncio.start_server(counting, "::1", counting.port))
    yield counting
    for server in servers:
        server.close()


@contextlib.asynccontextmanager
async def going(policy: Policy, **options: object) -> AsyncIterator[Outward]:
    outward = open_outward(policy, **options)  # type: ignore[arg-type]
    try:
        yield outward
    finally:
        await outward.close()


WRITTEN = """
http://127.0.0.1:{p}/                http://127.1:{p}/                    http://127.0.1:{p}/
http://0:{p}/                        http://0.0.0.0:{p}/                  http://2130706433:{p}/
http://0x7f000001:{p}/               http://0x7f.0.0.1:{p}/               http://0x7f.1:{p}/
http://0177.0.0.1:{p}/               http://017700000001:{p}/             http://127.0.0.01:{p}/
http://127.000.000.001:{p}/          http://127.0.0.1.:{p}/               http://127.8.8.8:{p}/
http://localhost:{p}/                http://LOCALHOST:{p}/                http://localhost.:{p}/
http://localhost.localdomain:{p}/    http://ip6-localhost:{p}/            http://[::1]:{p}/
http://[0:0:0:0:0:0:0:1]:{p}/        http://[::]:{p}/                     http://[::ffff:127.0.0.1]:{p}/
http://[::ffff:7f00:1]:{p}/          http://[0:0:0:0:0:ffff:7f00:1]:{p}/  http://[::127.0.0.1]:{p}/
http://[64:ff9b::127.0.0.1]:{p}/     http://[64:ff9b::7f00:1]:{p}/        http://[2002:7f00:1::]:{p}/
http://[::1%25lo]:{p}/               http://[::1%lo]:{p}/                 http://[fe80::1%25lo]:{p}/
http://[::ffff:0:127.0.0.1]:{p}/     http://[2001:0:7f00:1::]:{p}/        http://[fc00::1]:{p}/
http://169.254.169.254/latest/       http://[fd00:ec2::254]/latest/       http://10.0.0.1:{p}/
http://172.16.0.1:{p}/               http://192.168.0.1:{p}/              http://100.64.0.1:{p}/
http://198.18.0.1:{p}/               http://224.0.0.1:{p}/                http://255.255.255.255:{p}/
http://user@127.0.0.1:{p}/           http://example.com@127.0.0.1:{p}/    http://example.com:x@127.0.0.1:{p}/
http://127.0.0.1:{p}@127.0.0.1:{p}/  http://example.com\\@127.0.0.1:{p}/  http://127.0.0.1:{p}\\@example.com/
http://example.com%40127.0.0.1:{p}/  http://127.0.0.1%2f@localhost:{p}/   http://%31%32%37.0.0.1:{p}/
http://１２７.０.０.１:{p}/           http://127。0。0。1:{p}/               http://ⓛocalhost:{p}/
http://①②⑦.⓪.⓪.①:{p}/              http://loca\u00adlhost:{p}/          http://lｏcalhost:{p}/
http:127.0.0.1:{p}/                  http:/127.0.0.1:{p}/                 http:///127.0.0.1:{p}/
//127.0.0.1:{p}/                     127.0.0.1:{p}                        file:///etc/passwd
file://127.0.0.1:{p}/                gopher://127.0.0.1:{p}/_x            dict://127.0.0.1:{p}/
ftp://127.0.0.1:{p}/                 ldap://127.0.0.1:{p}/                ws://127.0.0.1:{p}/
unix://127.0.0.1:{p}/                http+unix://%2ftmp%2fx/              jar:http://127.0.0.1:{p}/!/
data:text/plain,x                    javascript://127.0.0.1:{p}/          about:blank
http://127.0.0.1:{p}#.example.com/   http://127.0.0.1:{p}?.example.com/   http://127.0.0.1:{p}/..;/
http://evil.example:{p}/             http://EVIL.example.:{p}/            http://0.evil.example:{p}/
"""
FORMS = WRITTEN.split()


async def inner_names(host: str, port: int) -> Sequence[str]:
    """A name server of the bad guy's, which otherwise answers as the system's does for numbers in odd forms."""
    loop = asyncio.get_running_loop()
    if "evil.example" in host.lower():
        return ["127.0.0.1"]
    return [str(each[4][0]) for each in await loop.getaddrinfo(host, port)]


def test_there_are_enough_forms() -> None:
    assert len(set(FORMS)) >= 80


@pytest.mark.parametrize("form", FORMS)
async def test_no_form_of_an_inner_address_is_connected_to(canary: Canary, form: str) -> None:
    url = form.format(p=canary.port)
    for policy in (PUBLIC, ANYWHERE_PUBLIC):
        for address in (url, url.replace("http:", "https:", 1)):
            async with going(policy, look_up=inner_names) as outward:
                with pytest.raises(Failed) as failure:
                    await outward.post(address, body=b"{}", headers={}, deadline_s=5)
            assert failure.value.reason in ("address_refused", "address_not_public", "name_unknown", "broken_answer")
    assert canary.connections == 0


async def test_the_canary_sings_where_it_may_be_reached(canary: Canary) -> None:
    before = canary.connections
    async with going(STAND_INS) as outward:
        for host in ("127.0.0.1", "localhost"):
            assert (await outward.post(f"http://{host}:{canary.port}/", body=b"{}", headers={})).status == 200
    assert canary.connections == before + 2
    canary.connections = before


@pytest.mark.parametrize("inner", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254", "", "?"])
async def test_a_name_with_one_inner_address_among_public_ones_is_not_connected_to_at_all(
    canary: Canary, inner: str
) -> None:
    async def mixed(host: str, port: int) -> Sequence[str]:
        return ["203.0.114.1", inner, "2606:4700:4700::1111"]

    async with going(ANYWHERE_PUBLIC, look_up=mixed) as outward:
        with pytest.raises(Failed, match="address_not_public"):
            await outward.post(f"http://mixed.example:{canary.port}/", body=b"", headers={})
    assert canary.connections == 0


async def test_a_name_that_changes_after_it_was_looked_up_gains_nothing(canary: Canary) -> None:
    """DNS rebinding: the first answer is public (and answers nothing), each later one is loopback."""
    asked = 0

    async def rebinding(host: str, port: int) -> Sequence[str]:
        nonlocal asked
        asked += 1
        return ["192.88.98.1"] if asked == 1 else ["127.0.0.1"]

    async with going(ANYWHERE_PUBLIC, look_up=rebinding) as outward:
        url = f"http://rebinding.example:{canary.port}/"
        with pytest.raises(Failed):  # goes to the public address that was judged, where nobody is
            await outward.post(url, body=b"", headers={}, deadline_s=0.2)
        assert asked == 1
        for _ in range(3):
            with pytest.raises(Failed, match="address_not_public"):
                await outward.post(url, body=b"", headers={})
    assert canary.connections == 0


async def test_a_name_is_looked_up_once_for_all_who_ask_at_the_same_time() -> None:
    asked, go_on = 0, asyncio.Event()

    async def slow(host: str, port: int) -> Sequence[str]:
        nonlocal asked
        asked += 1
        await go_on.wait()
        return ["10.0.0.1"]

    async with going(ANYWHERE_PUBLIC, look_up=slow) as outward:
        tasks = [
            asyncio.create_task(outward.post("http://slow.example/", body=b"", headers={}, deadline_s=30))
            for _ in range(20)
        ]
        tasks[0].cancel()
        await asyncio.sleep(0)
        go_on.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
    assert asked == 1
    assert isinstance(found[0], asyncio.CancelledError)
    assert [str(each) for each in found[1:]] == ["address_not_public"] * 19


async def test_a_name_that_nobody_has_and_one_that_nobody_answers_for_are_told_apart() -> None:
    async def hanging(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    async with going(PUBLIC) as outward:
        with pytest.raises(Failed, match="name_unknown"):
            await outward.post("https://nobody.invalid/", body=b"", headers={}, deadline_s=30)
    async with going(PUBLIC, look_up=hanging) as outward:
        with pytest.raises(Failed, match="timeout"):
            await outward.post("https://hanging.example/", body=b"", headers={}, deadline_s=0.05)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_nobody_goes_there(canary: Canary, status: int) -> None:
    async def elsewhere(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": f"http://127.0.0.1:{canary.port}/"})

    async with standing_in(elsewhere) as base, going(STAND_INS) as outward:
        assert (await outward.post(base, body=b"{}", headers={})).status == status
    assert canary.connections == 0


async def test_no_proxy_of_the_environment_is_asked(canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=204)

    async with standing_in(answer) as base, going(STAND_INS) as outward:
        assert (await outward.post(base, body=b"{}", headers={})).status == 204
    assert canary.connections == 0


async def test_what_is_sent_arrives_and_no_cookie_is_ever_brought_back() -> None:
    came: list[tuple[bytes, dict[str, str]]] = []

    async def answer(request: web.Request) -> web.Response:
        came.append((await request.read(), dict(request.headers)))
        response = web.Response(body=b"thanks", headers={"Retry-After": "7"})
        response.set_cookie("track", "1")
        return response

    async with standing_in(answer) as base, going(STAND_INS) as outward:
        for _ in range(2):
            given = await outward.post(f"{base}/hook", body=b"\x00{}", headers={"X-Ours": "1"})
    assert (given.status, given.body, given.headers["Retry-After"]) == (200, b"thanks", "7")
    for body, headers in came:
        assert body == b"\x00{}"
        assert (headers["X-Ours"], headers["Accept-Encoding"], headers["User-Agent"]) == ("1", "identity", "Kairos")
        assert "Cookie" not in headers


async def test_a_long_answer_counts_and_is_not_read_to_its_end() -> None:
    sent = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(16_384):
            await response.write(b" " * 65_536)
            sent += 65_536
        return response

    async with standing_in(flood) as base, going(STAND_INS) as outward:
        given = await outward.post(base, body=b"", headers={}, deadline_s=30)
    assert (given.status, len(given.body)) == (200, LIMIT_BYTES)
    assert sent < 64_000_000, "what the sockets' buffers hold, not the gigabyte"


async def test_an_answer_whose_body_never_ends_counts_by_its_status() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=202)
        await response.prepare(request)
        await response.write(b"so")
        await asyncio.sleep(60)
        return response

    async with standing_in(drip) as base, going(STAND_INS) as outward:
        given = await outward.post(base, body=b"", headers={}, deadline_s=0.2)
    assert (given.status, given.body) == (202, b"so")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
async def test_what_is_compressed_stays_as_it_came(encoding: str) -> None:
    bomb = gzip.compress(b" " * 20_000_000, 9)

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": encoding})

    async with standing_in(answer) as base, going(STAND_INS) as outward:
        assert (await outward.post(base, body=b"", headers={}, deadline_s=30)).body == bomb[:LIMIT_BYTES]


async def test_one_who_says_nothing_one_who_is_away_and_one_who_talks_nonsense_fail_in_a_word() -> None:
    async def hang(request: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async with standing_in(hang) as base, going(STAND_INS) as outward:
        with pytest.raises(Failed, match="timeout"):
            await outward.post(f"{base}/secret-token", body=b"", headers={}, deadline_s=0.1)

    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x16\x03\x01 garbage\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/secret-token"
    async with going(STAND_INS) as outward:
        with pytest.raises(Failed, match=r"^broken_answer$"):
            await outward.post(url, body=b"", headers={}, deadline_s=30)
        server.close()
        await asyncio.wait_for(server.wait_closed(), 20)
        with pytest.raises(Failed, match=r"^no_connection$"):
            await outward.post(url, body=b"", headers={}, deadline_s=30)


async def test_over_tls_the_name_is_sent_and_the_certificate_must_be_the_names(tmp_path: Path) -> None:
    """The connection goes to the judged address, and still asks for, and believes, the host of the URL alone."""
    names: list[str] = []
    file, served = certificate(tmp_path)
    served.sni_callback = lambda _socket, name, _context: names.append(name)

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=request.host)

    async def here(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    trusted = ssl.create_default_context(cafile=str(file))
    async with standing_in(answer, tls=served) as base:
        port = base.rpartition(":")[2]
        async with going(STAND_INS, tls=trusted) as outward:
            assert (await outward.post(base, body=b"", headers={}, deadline_s=30)).status == 200
        async with going(STAND_INS, tls=trusted, look_up=here) as outward:
            with pytest.raises(Failed, match="tls_failed"):  # a certificate for 127.0.0.1, not for this name
                await outward.post(f"https://hooks.example:{port}/", body=b"", headers={}, deadline_s=30)
        trusted.check_hostname = False
        async with going(STAND_INS, tls=trusted, look_up=here) as outward:
            given = await outward.post(f"https://hooks.example:{port}/", body=b"", headers={}, deadline_s=30)
        async with going(STAND_INS, look_up=here) as outward:
            with pytest.raises(Failed, match="tls_failed"):
                await outward.post(f"https://hooks.example:{port}/", body=b"", headers={}, deadline_s=30)
    assert given.body == f"hooks.example:{port}".encode()
    assert names[-2:] == ["hooks.example", "hooks.example"]
