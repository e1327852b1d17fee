"""An HTTP/2 conversation, byte by byte, with h2's server side as the other end. No socket, no clock."""

from __future__ import annotations

import hpack
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, StreamEnded
from h2.events import StreamReset as WasReset
from h2.settings import SettingCodes, Settings
from hyperframe.frame import ContinuationFrame, Frame, HeadersFrame
from hypothesis import given
from hypothesis import strategies as st

from server.channels.conversation import Answer, Conversation, Ended, Lost, Request

GOOD = [(":status", "200"), ("apns-id", "x")]


def request(body: bytes = b"{}", path: str = "/3/device/ab") -> Request:
    return Request(path, {"apns-topic": "app"}, {"apns-id": "1", "authorization": "bearer secret"}, body)


def conversation(streams: int = 100) -> Conversation:
    return Conversation("push.example", streams=streams, header_bytes=4096, body_bytes=1000)


class Peer:
    """The other end, and both hands on the line between."""

    def __init__(self, talk: Conversation, **settings: int) -> None:
        self.talk = talk
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        codes = {SettingCodes[name.upper()]: value for name, value in settings.items()}
        self.h2.local_settings = Settings(client=False, initial_values=codes)
        self.h2.initiate_connection()
        self.bodies: dict[int, bytes] = {}
        self.finished: list[int] = []
        self.resets: dict[int, int] = {}
        self.give_back = True
        self.turn()

    def turn(self) -> list[Ended]:
        """Carry bytes both ways until nobody has any more to say."""
        ended: list[Ended] = []
        while True:
            theirs, ours = self.h2.data_to_send(), self.talk.take()
            if not theirs and not ours:
                return ended
            ended += self.talk.hear(theirs)
            for event in self.h2.receive_data(ours):
                if isinstance(event, RequestReceived):
                    self.bodies[event.stream_id] = b""
                elif isinstance(event, DataReceived):
                    self.bodies[event.stream_id] += event.data
                    if self.give_back:
                        self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, StreamEnded):
                    self.finished.append(event.stream_id)
                elif isinstance(event, WasReset):
                    self.resets[event.stream_id] = event.error_code

    def answer(self, stream: int, body: bytes = b"", status: str = "200") -> None:
        self.h2.send_headers(stream, [(":status", status)], end_stream=not body)
        if body:
            self.h2.send_data(stream, body, end_stream=True)

    def goaway(self, last: int) -> bytes:
        """The frame as bytes: h2's own would end the other end's connection, too."""
        return b"\0\0\x08\x07\0\0\0\0\0" + last.to_bytes(4, "big") + bytes(4)


def begun(peer: Peer, count: int) -> list[int]:
    streams = [peer.talk.begin(request()) for _ in range(count)]
    peer.turn()
    return streams


def test_each_answer_comes_to_its_own_stream() -> None:
    peer = Peer(conversation())
    one, two = begun(peer, 2)
    peer.answer(two, b"second", "400")
    peer.answer(one, b"first")
    ended = peer.turn()
    found = {each.stream: each.result for each in ended}
    assert isinstance(found[one], Answer)
    assert (found[one].status, found[one].body, found[two].status, found[two].body) == (200, b"first", 400, b"second")
    assert peer.talk.open == 0
    assert peer.bodies == {one: b"{}", two: b"{}"}


def test_nothing_is_asked_before_the_peer_has_told_its_settings() -> None:
    talk = conversation()
    assert talk.room == 0
    assert Peer(talk).talk.room == 100


def test_what_was_answered_leaves_the_window_as_wide_as_it_was() -> None:
    peer = Peer(conversation())
    for _ in range(80):
        (stream,) = begun(peer, 1)
        peer.answer(stream, bytes(1000), "400")
        (ended,) = peer.turn()
        assert isinstance(ended.result, Answer)
    assert peer.h2.outbound_flow_control_window > 30_000


def test_answers_that_nobody_waits_for_are_given_back_too() -> None:
    peer = Peer(conversation())
    for _ in range(80):
        (stream,) = begun(peer, 1)
        peer.answer(stream, bytes(900))
        peer.talk.drop(stream)  # the peer's answer is on its way already
        assert peer.turn() == []
    assert peer.h2.outbound_flow_control_window > 30_000
    assert peer.talk.room == 100


def test_an_empty_frame_of_data_is_no_trouble() -> None:
    peer = Peer(conversation())
    (stream,) = begun(peer, 1)
    peer.h2.send_headers(stream, GOOD)
    peer.h2.send_data(stream, b"")
    peer.h2.send_data(stream, b"x")
    peer.h2.send_data(stream, b"", end_stream=True)
    (ended,) = peer.turn()
    assert isinstance(ended.result, Answer)
    assert ended.result.body == b"x"


def test_a_body_wider_than_the_window_goes_as_the_window_opens() -> None:
    peer = Peer(conversation(), initial_window_size=1000)
    peer.give_back = False
    body = bytes(range(256)) * 16
    stream = peer.talk.begin(request(body))
    peer.turn()
    assert peer.bodies[stream] == body[:1000]
    for _ in range(4):
        assert stream not in peer.finished
        peer.h2.increment_flow_control_window(1000, stream)
        peer.turn()
    assert peer.bodies[stream] == body
    assert peer.finished == [stream]


def test_a_full_window_of_the_connection_holds_bodies_back_and_none_is_lost() -> None:
    peer = Peer(conversation())
    peer.give_back = False
    body = bytes(4096)
    streams = [peer.talk.begin(request(body)) for _ in range(20)]
    peer.turn()
    assert 0 < len(peer.finished) < 20
    peer.h2.increment_flow_control_window(65_535)
    peer.turn()
    assert sorted(peer.finished) == streams
    assert all(len(sent) == 4096 for sent in peer.bodies.values())


def test_who_is_answered_before_the_body_is_sent_sends_no_more_of_it() -> None:
    peer = Peer(conversation(), initial_window_size=10)
    peer.give_back = False
    stream = peer.talk.begin(request(bytes(100)))
    peer.turn()
    peer.answer(stream, status="413")
    (ended,) = peer.turn()
    assert isinstance(ended.result, Answer)
    assert ended.result.status == 413
    assert peer.resets == {stream: ErrorCodes.CANCEL}
    assert peer.talk.room == 100


def test_room_is_what_the_peer_allows_at_this_moment() -> None:
    peer = Peer(conversation(streams=50), max_concurrent_streams=1)
    assert peer.talk.room == 1
    (stream,) = begun(peer, 1)
    assert peer.talk.room == 0
    peer.h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 1000})
    peer.turn()
    assert peer.talk.room == 49
    peer.h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 0})
    peer.answer(stream)
    peer.turn()
    assert peer.talk.room == 0


def test_after_a_goaway_what_was_taken_is_heard_to_its_end_and_the_rest_is_safe_to_repeat() -> None:
    peer = Peer(conversation())
    one, two, three = begun(peer, 3)
    peer.answer(one, b"1")
    before = peer.h2.data_to_send()
    peer.answer(two, b"2")
    after = peer.h2.data_to_send()
    ended = peer.talk.hear(before + peer.goaway(two) + after)  # in one piece: h2 alone would refuse what follows
    assert [each.stream for each in ended] == [one, three, two]
    found = {each.stream: each.result for each in ended}
    assert isinstance(found[two], Answer)
    assert found[two].body == b"2"
    lost = found[three]
    assert isinstance(lost, Lost)
    assert (lost.unseen, peer.talk.leaving, peer.talk.room, peer.talk.over) == (True, True, 0, None)


def test_a_goaway_in_single_bytes_and_a_second_one_are_understood() -> None:
    peer = Peer(conversation())
    one, two = begun(peer, 2)
    for byte in peer.goaway(2**31 - 1):
        assert peer.talk.hear(bytes((byte,))) == []
    assert peer.talk.leaving
    (ended,) = peer.talk.hear(peer.goaway(one))
    assert ended.stream == two
    peer.answer(one)
    (ended,) = peer.turn()
    assert isinstance(ended.result, Answer)


@pytest.mark.parametrize("frame", [b"\0\0\x04\x07\0\0\0\0\0\0\0\0\0", b"\0\0\x08\x07\0\0\0\0\x01" + bytes(8)])
def test_a_goaway_that_is_none_ends_the_conversation(frame: bytes) -> None:
    peer = Peer(conversation())
    begun(peer, 1)
    (ended,) = peer.talk.hear(frame)
    assert isinstance(ended.result, Lost)
    assert not ended.result.unseen
    assert peer.talk.over


@pytest.mark.parametrize(("code", "unseen"), [(ErrorCodes.REFUSED_STREAM, True), (ErrorCodes.INTERNAL_ERROR, False)])
def test_a_stream_that_was_refused_is_safe_to_repeat_and_one_that_was_reset_is_not(code: int, unseen: bool) -> None:
    peer = Peer(conversation())
    stream, other = begun(peer, 2)
    peer.h2.reset_stream(stream, code)
    (ended,) = peer.turn()
    assert isinstance(ended.result, Lost)
    assert (ended.stream, ended.result.unseen) == (stream, unseen)
    peer.answer(other)
    assert isinstance(peer.turn()[0].result, Answer)


def test_an_answer_that_is_too_long_is_cut_and_the_others_go_on() -> None:
    peer = Peer(conversation())
    stream, other = begun(peer, 2)
    peer.answer(stream, bytes(1001))
    peer.answer(other, bytes(1000))
    found = {each.stream: each.result for each in peer.turn()}
    assert isinstance(found[stream], Lost)
    assert isinstance(found[other], Answer)


def test_headers_that_are_too_long_end_the_conversation() -> None:
    peer = Peer(conversation())
    (stream,) = begun(peer, 1)
    peer.h2.send_headers(stream, [(":status", "200"), *((f"x-{n}", "y" * 500) for n in range(10))])
    (ended,) = peer.talk.hear(peer.h2.data_to_send())
    assert isinstance(ended.result, Lost)
    assert peer.talk.over


@pytest.mark.parametrize(
    "garbage", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 30, bytes(200), b"\x00\x00\x01\x01" * 9]
)
def test_garbage_ends_the_conversation_at_once_and_what_came_before_it_counts(garbage: bytes) -> None:
    peer = Peer(conversation())
    one, two = begun(peer, 2)
    peer.answer(one)
    ended = peer.talk.hear(peer.h2.data_to_send() + garbage)
    found = {each.stream: each.result for each in ended}
    assert isinstance(found[one], Answer)
    lost = found[two]
    assert isinstance(lost, Lost)
    assert (lost.unseen, peer.talk.room) == (False, 0)
    assert "HTTP/1.1" not in str(lost)
    assert peer.talk.hear(b"more") == []


@given(st.binary(max_size=300), st.integers(0, 120), st.binary(max_size=5))
def test_whatever_a_peer_sends_each_request_ends_once_at_most(noise: bytes, at: int, patch: bytes) -> None:
    peer = Peer(conversation())
    streams = begun(peer, 3)
    for stream in streams:
        peer.answer(stream, b"{}")
    told = peer.h2.data_to_send()
    spoiled = told[:at] + patch + told[at + len(patch) :] + noise
    ended = [each.stream for piece in (spoiled[:50], spoiled[50:]) for each in peer.talk.hear(piece)]
    ended += [each.stream for each in peer.talk.end("over")]
    assert sorted(ended) == streams


def test_tokens_and_ids_fill_no_table_of_headers() -> None:
    """Apple asks for it: its table is small, and a token in a compression table can be guessed at."""
    peer = Peer(conversation())
    for _ in range(3):
        peer.talk.begin(request())
    data, decoder, fields = peer.talk.take(), hpack.Decoder(), []
    while data:
        frame, length = Frame.parse_frame_header(memoryview(data[:9]))
        frame.parse_body(memoryview(data[9 : 9 + length]))
        data = data[9 + length :]
        if isinstance(frame, HeadersFrame | ContinuationFrame):
            fields.append({name: kind for kind in decoder.decode(frame.data) for name in (kind[0],)})
    assert len(fields) == 3
    for name in (":path", "apns-id", "authorization"):
        assert {type(each[name]) for each in fields} == {hpack.NeverIndexedHeaderTuple}
    kept = {name for name, _ in decoder.header_table.dynamic_entries}
    assert kept == {b":authority", b"apns-topic"}


def test_when_the_numbers_of_streams_are_used_up_nothing_new_is_asked() -> None:
    peer = Peer(conversation())
    peer.talk._h2.highest_outbound_stream_id = 2**31 - 5
    last = peer.talk.begin(request())
    assert last == 2**31 - 3
    assert (peer.talk.leaving, peer.talk.room) == (True, 0)


def test_a_request_tells_nothing_of_itself() -> None:
    said = repr(request())
    assert "secret" not in said
    assert "/3/device" not in said


def test_a_probe_is_answered_by_a_living_peer() -> None:
    peer = Peer(conversation())
    peer.talk.probe()
    peer.h2.receive_data(peer.talk.take())
    assert b"kairos??" in peer.h2.data_to_send()
