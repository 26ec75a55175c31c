"""Requests to the log, and their replies (section 6 of the specification)."""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

import zmq

from daybook_events.checkpoint import Checkpoint, Point
from daybook_events.failures import ChainBroken, LogUnreachable, LogWentBack, Malformed, Refused
from daybook_events.endpoints import listed
from daybook_events.frames import (
    HAS_EPOCH,
    HEAD,
    MAGIC,
    MOST_FRAMES,
    READ_LOG,
    READ_STREAM,
    REFUSAL,
    STATUS,
    Cursor,
    Head,
    Record,
    genesis,
    stream_bytes,
)
from daybook_events.keys import Keys
from daybook_events.lead import Lead
from daybook_events.link import Link

APPEND = 0x10
STOPPING, NOT_LEADER = 2, 6
ELSEWHERE = (STOPPING, NOT_LEADER)  # Refusals after which another service of the log may obey.


@dataclass(frozen=True)
class Reply:
    """One reply: the number of its request, its kind, and what follows its head."""

    number: int
    kind: int
    body: Cursor
    # The log's head, if the reply has it.
    head: Head | None = None

    @classmethod
    def parse(cls, frame: bytes) -> Reply:
        start = Cursor(frame)
        magic, kind, flags, reserved, number = HEAD.unpack(start.take(HEAD.size))
        tells_head = kind in (READ_LOG | 0x80, STATUS | 0x80)
        if magic != MAGIC or reserved or flags not in ((0, HAS_EPOCH) if tells_head else (0,)):
            raise Malformed(f"a reply begins with {frame[: HEAD.size]!r}")
        body = Cursor(frame, has_epoch=flags == HAS_EPOCH)
        body.take(HEAD.size)
        head = Cursor(start.rest, body.has_epoch).head() if tells_head else None
        return cls(number, kind, body, head)

    def body_for(self, kind: int) -> Cursor:
        """The body, if the reply is the one that belongs to a request of this kind."""
        if self.kind == REFUSAL:
            raise Refused(self.body.integer(1), self.body.sized(2).decode(errors="replace"))
        if self.kind != kind | 0x80:
            raise Malformed(f"a reply of kind {self.kind:#x} to a request of kind {kind:#x}")
        return self.body


class Requester:
    """Sends requests to one socket of the log and pairs their replies by number.

    Of several endpoints, separated by commas, one is that of the service that leads: each has a DEALER, requests go to one
    of them, and to the next one if that is not connected, does not lead or is stopping (section 8.4).
    """

    _PAUSE = 0.05

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        endpoint: str,
        patience: float = 10.0,
        keys: Keys | None = None,
        lead: Lead | None = None,
    ) -> None:
        # A request must not wait for a log that is gone, to be carried out when nobody wants it any more. Safe only since
        # no message of several replies is under way when a log may go (the protocol's specification, section 13).
        self._links = [
            Link(context, zmq.DEALER, place, keys, lambda socket: socket.setsockopt(zmq.IMMEDIATE, 1))
            for place in listed(endpoint)
        ]
        self._current = 0
        self._endpoint = endpoint
        self._lead = lead or Lead()
        self.patience = patience
        self.late_replies = 0
        self._number = 0

    @property
    def socket(self) -> zmq.Socket[bytes]:
        """That of the service that leads, as far as is known."""
        return self._links[self._current].socket

    @property
    def epoch(self) -> int:
        """The number of the newest lead of the log that was reported; 0: none was."""
        return self._lead.epoch

    @property
    def rejection(self) -> str | None:
        """Why the log and this peer do not accept each other, if they do not."""
        return next((link.rejection for link in self._links if link.rejection), None)

    def ask(self, kind: int, body: bytes = b"") -> Cursor:
        """Asks, and gives the body of the reply."""
        return self.ask_all(kind, [body])[0]

    def ask_all(self, kind: int, bodies: Sequence[bytes]) -> list[Cursor]:
        """Asks many at once, a message for every 64, and gives the bodies of the replies in the order of `bodies`."""
        deadline = time.monotonic() + self.patience
        answered: dict[int, Cursor] = {}
        while True:
            left = [index for index in range(len(bodies)) if index not in answered]
            elsewhere = self._ask_one_log(kind, [bodies[index] for index in left], left, answered, deadline)
            if elsewhere is None:
                return [answered[index] for index in range(len(bodies))]
            if len(self._links) == 1 or time.monotonic() >= deadline:
                raise elsewhere
            if not self.go_on():
                time.sleep(self._PAUSE)

    def _ask_one_log(
        self, kind: int, bodies: Sequence[bytes], places: Sequence[int], answered: dict[int, Cursor], deadline: float
    ) -> Refused | None:
        """Asks the service that leads, as far as is known; why it does not obey some, if another one may."""
        numbers = range(self._number + 1, self._number + 1 + len(bodies))
        self._number += len(bodies)
        frames = [HEAD.pack(MAGIC, kind, 0, 0, number) + body for number, body in zip(numbers, bodies, strict=True)]
        replies: dict[int, Reply] = {}
        for start in range(0, len(frames), MOST_FRAMES):
            self._send(frames[start : start + MOST_FRAMES], start == 0, deadline)
        may_repeat = len(self._links) > 1 and all(_is_repeatable(kind, body) for body in bodies)
        while len(replies) < len(frames):
            if not self._wait(zmq.POLLIN, deadline, may_repeat):
                return Refused(NOT_LEADER, "the connection was lost")
            for reply in self._receive():
                if reply.number in numbers:
                    replies[reply.number] = reply
                else:
                    self.late_replies += 1
        elsewhere = None
        for number, place in zip(numbers, places, strict=True):
            try:
                answered[place] = self._body(replies[number], kind)
            except Refused as refusal:
                if refusal.code not in ELSEWHERE:
                    raise
                elsewhere = refusal
        return elsewhere

    def _body(self, reply: Reply, kind: int) -> Cursor:
        body = reply.body_for(kind)
        if reply.head and not self._lead.believes(reply.head):
            raise Refused(NOT_LEADER, f"its lead {reply.head.epoch} is over: lead {self._lead.epoch} has begun")
        return body

    def send(self, kind: int, body: bytes = b"") -> int | None:
        """Sends a request without waiting, and gives its number; nothing where no log is connected."""
        number = self._number + 1
        for link in self._links:
            link.look()
        for _ in self._links:
            try:
                self.socket.send(HEAD.pack(MAGIC, kind, 0, 0, number) + body, zmq.NOBLOCK)
            except zmq.Again:
                self._current = (self._current + 1) % len(self._links)
            else:
                self._number = number
                return number
        return None

    def reply_to(self, number: int, kind: int) -> Cursor | None:
        """The body of the reply to a request that was sent, if it is in the next message, which was seen to be there."""
        found = None
        for reply in self._receive():
            if reply.number == number:
                found = reply
            else:
                self.late_replies += 1
        return self._body(found, kind) if found else None

    def go_on(self) -> bool:
        """Asks the next service that is connected from now on; whether there is another one."""
        for step in range(1, len(self._links)):
            index = (self._current + step) % len(self._links)
            if self._links[index].socket.poll(0, zmq.POLLOUT):
                self._current = index
                return True
        return False

    def status(self) -> Checkpoint:
        """Where the log stands now."""
        reply = self.ask(STATUS)
        head = reply.head()
        reply.finish()
        return Checkpoint.of(head)

    def checkpoint_at(self, point: int | Point) -> Checkpoint:
        """The checkpoint of a point. A position alone is trusted as it is (section 8.1); the beginning of a hash must be
        that of the log's record there."""
        if isinstance(point, int):
            point = Point(point)
        checkpoint = self._checkpoint_at(point.position)
        if point.hash_prefix is not None and point.hash_prefix != checkpoint.hash[:8]:
            raise ChainBroken(
                f"the log's record at position {point.position} is {checkpoint.point}, not {point}: its history is "
                "another one; begin again from position 0"
            )
        return checkpoint

    def _checkpoint_at(self, position: int) -> Checkpoint:
        if position == 0:
            log_id = self.status().log_id
            return Checkpoint(log_id, 0, genesis(log_id))
        reply = self.ask(READ_LOG, struct.pack(">QII", position - 1, 1, 1))
        reply.head()
        records = reply.records()
        reply.finish()
        if not records:
            raise LogWentBack(f"the log has no position {position}")
        return Checkpoint.of(records[0])

    def first_of_stream(self, stream: str) -> Record | None:
        """The first record of the stream `category/name`. The chain cannot prove it: see section 7."""
        reply = self.ask(READ_STREAM, stream_bytes(stream) + struct.pack(">QII", 0, 1, 1))
        reply.integer(8)
        records = reply.records()
        reply.finish()
        return records[0] if records else None

    def close(self) -> None:
        for link in self._links:
            link.close()

    def _send(self, frames: Sequence[bytes], may_go_elsewhere: bool, deadline: float) -> None:
        """Sends a message as soon as there is a connection that takes it."""
        while True:
            if may_go_elsewhere:
                self._find_connected(deadline)
            else:
                self._wait(zmq.POLLOUT, deadline)
            try:
                self.socket.send_multipart(frames, zmq.NOBLOCK)
                return
            except zmq.Again:
                # It was lost just now. Connections that come and go must not keep it here for longer than the deadline.
                self._look(deadline)

    def _receive(self) -> list[Reply]:
        """The replies of one message; none if they went with their connection after it was seen that there are some."""
        try:
            return [Reply.parse(frame) for frame in self.socket.recv_multipart(zmq.NOBLOCK)]
        except zmq.Again:
            return []

    def _find_connected(self, deadline: float) -> None:
        """Waits until a service is connected, which is asked then."""
        while not self.socket.poll(0, zmq.POLLOUT) and not self.go_on():
            self._look(deadline)
            poller = zmq.Poller()
            for link in self._links:
                poller.register(link.socket, zmq.POLLOUT)
            poller.poll(self._step(deadline))

    def _wait(self, event: int, deadline: float, may_be_lost: bool = False) -> bool:
        """Waits for an event; false if `may_be_lost` and the connection was lost."""
        while True:
            self._look(deadline)
            # Short steps, for a failed handshake is found by looking only.
            if self.socket.poll(self._step(deadline), event):
                return True
            if may_be_lost and not self.socket.poll(0, zmq.POLLOUT):
                return False

    def _look(self, deadline: float) -> None:
        for link in self._links:
            link.look()
        if time.monotonic() >= deadline:
            raise LogUnreachable(
                self.rejection
                or f"no reply from {self._endpoint} within {self.patience} s: what became of the request is unknown"
            )

    @staticmethod
    def _step(deadline: float) -> int:
        return max(0, int(min(deadline - time.monotonic(), 0.2) * 1000))


def _is_repeatable(kind: int, body: bytes) -> bool:
    """Whether a request may be sent again though it may have been carried out: a read, or an append under a key."""
    return kind >= READ_LOG or (kind == APPEND and body[:1] != b"\0")
