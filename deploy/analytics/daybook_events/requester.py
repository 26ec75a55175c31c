"""Requests to the log, and their replies (section 6 of the specification)."""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

import zmq

from daybook_events.checkpoint import Checkpoint, Point
from daybook_events.failures import ChainBroken, LogUnreachable, LogWentBack, Malformed, Refused
from daybook_events.frames import (
    HEAD,
    MAGIC,
    MOST_FRAMES,
    READ_LOG,
    READ_STREAM,
    REFUSAL,
    STATUS,
    Cursor,
    Record,
    genesis,
    stream_bytes,
)
from daybook_events.keys import Keys
from daybook_events.link import Link

@dataclass(frozen=True)
class Reply:
    """One reply: the number of its request, its kind, and what follows its head."""

    number: int
    kind: int
    body: Cursor

    @classmethod
    def parse(cls, frame: bytes) -> Reply:
        body = Cursor(frame)
        magic, kind, flags, reserved, number = HEAD.unpack(body.take(HEAD.size))
        if (magic, flags, reserved) != (MAGIC, 0, 0):
            raise Malformed(f"a reply begins with {frame[: HEAD.size]!r}")
        return cls(number, kind, body)

    def body_for(self, kind: int) -> Cursor:
        """The body, if the reply is the one that belongs to a request of this kind."""
        if self.kind == REFUSAL:
            raise Refused(self.body.integer(1), self.body.sized(2).decode(errors="replace"))
        if self.kind != kind | 0x80:
            raise Malformed(f"a reply of kind {self.kind:#x} to a request of kind {kind:#x}")
        return self.body


class Requester:
    """A DEALER that sends requests and pairs their replies by number."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        endpoint: str,
        patience: float = 10.0,
        keys: Keys | None = None,
    ) -> None:
        # A request must not wait for a log that is gone, to be carried out when nobody wants it any more. Safe only since
        # no message of several replies is under way when a log may go (the protocol's specification, section 13).
        self._link = Link(context, zmq.DEALER, endpoint, keys, lambda socket: socket.setsockopt(zmq.IMMEDIATE, 1))
        self.patience = patience
        self.late_replies = 0
        self._number = 0

    @property
    def socket(self) -> zmq.Socket[bytes]:
        return self._link.socket

    @property
    def rejection(self) -> str | None:
        """Why the log and this peer do not accept each other, if they do not."""
        return self._link.rejection

    def ask(self, kind: int, body: bytes = b"") -> Cursor:
        """Asks, and gives the body of the reply."""
        return self.ask_all(kind, [body])[0]

    def ask_all(self, kind: int, bodies: Sequence[bytes]) -> list[Cursor]:
        """Asks many at once, a message for every 64, and gives the bodies of the replies in the order of `bodies`."""
        numbers = range(self._number + 1, self._number + 1 + len(bodies))
        self._number += len(bodies)
        frames = [HEAD.pack(MAGIC, kind, 0, 0, number) + body for number, body in zip(numbers, bodies, strict=True)]
        replies: dict[int, Reply] = {}
        deadline = time.monotonic() + self.patience
        for start in range(0, len(frames), MOST_FRAMES):
            self._wait(zmq.POLLOUT, deadline)
            self.socket.send_multipart(frames[start : start + MOST_FRAMES], zmq.NOBLOCK)
        while len(replies) < len(frames):
            self._wait(zmq.POLLIN, deadline)
            for reply in self._receive():
                if reply.number in numbers:
                    replies[reply.number] = reply
                else:
                    self.late_replies += 1
        return [replies[number].body_for(kind) for number in numbers]

    def send(self, kind: int, body: bytes = b"") -> int | None:
        """Sends a request without waiting, and gives its number; nothing where no log is connected."""
        number = self._number + 1
        self._link.look()
        try:
            self.socket.send(HEAD.pack(MAGIC, kind, 0, 0, number) + body, zmq.NOBLOCK)
        except zmq.Again:
            return None
        self._number = number
        return number

    def reply_to(self, number: int, kind: int) -> Cursor | None:
        """The body of the reply to a request that was sent, if it is in the next message, which must be there."""
        found = None
        for reply in self._receive():
            if reply.number == number:
                found = reply
            else:
                self.late_replies += 1
        return found.body_for(kind) if found else None

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
        self._link.close()

    def _receive(self) -> list[Reply]:
        """The replies of one message."""
        return [Reply.parse(frame) for frame in self.socket.recv_multipart(zmq.NOBLOCK)]

    def _wait(self, event: int, deadline: float) -> None:
        while True:
            self._link.look()
            left = deadline - time.monotonic()
            # Short steps, for a failed handshake is found by looking only.
            if self.socket.poll(max(0, int(min(left, 0.2) * 1000)), event):
                return
            if left <= 0:
                raise LogUnreachable(
                    self.rejection or f"no reply within {self.patience} s: what became of the request is unknown"
                )
