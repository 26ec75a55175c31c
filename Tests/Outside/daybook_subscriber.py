"""A subscriber and an appender of Daybook's event log, written from the protocol's specification alone.

It shares no code with Daybook. Section numbers are those of `Specification.md` of the module `EventLogProtocol`.

    python daybook_subscriber.py tcp://127.0.0.1:5571 tcp://127.0.0.1:5572 [POSITION]

prints every record after the position, verified: position, hash, topic and data.
"""

from __future__ import annotations

import struct
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from uuid import UUID

import zmq
from daybook_frames import (
    APPEND, HEAD, MAGIC, READ_LOG, REFUSAL, AppendReply, Command, Cursor, Head, Malformed, Record, Write, append_body,
    genesis, parse_published, read_append_reply,
)  # fmt: skip

MOST_FRAMES = 64


class Diverged(Exception):
    """What the log says does not agree with what this subscriber holds of it."""


class Refused(Exception):
    """The service does not obey the request; nothing was done."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code


class Requester:
    """A DEALER that sends requests and pairs their replies by number (section 6)."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, patience: float = 10.0) -> None:
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.IMMEDIATE, 1)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(endpoint)
        self.patience = patience
        self.late_replies = 0
        self._number = 0

    def ask(self, kind: int, body: bytes = b"") -> Cursor:
        return self.ask_all(kind, [body])[0]

    def ask_all(self, kind: int, bodies: Sequence[bytes]) -> list[Cursor]:
        """Asks many at once, a message for every 64, and gives the bodies of the replies in the order of `bodies`."""
        numbers = range(self._number + 1, self._number + 1 + len(bodies))
        self._number += len(bodies)
        frames = [HEAD.pack(MAGIC, kind, 0, 0, number) + body for number, body in zip(numbers, bodies)]
        replies: dict[int, Cursor] = {}
        deadline = time.monotonic() + self.patience
        for start in range(0, len(frames), MOST_FRAMES):
            self._wait(zmq.POLLOUT, deadline)
            self.socket.send_multipart(frames[start : start + MOST_FRAMES])
        while len(replies) < len(frames):
            self._wait(zmq.POLLIN, deadline)
            for frame in self.socket.recv_multipart():
                reply = Cursor(frame)
                magic, found, flags, reserved, number = HEAD.unpack(reply.take(HEAD.size))
                if (magic, flags, reserved) != (MAGIC, 0, 0) or found not in (kind | 0x80, REFUSAL):
                    raise Malformed(f"the reply {frame[:16]!r} to a request of kind {kind:#x}")
                if number not in numbers:
                    self.late_replies += 1
                elif found == REFUSAL:
                    raise Refused(reply.integer(1), reply.sized(2).decode())
                else:
                    replies[number] = reply
        return [replies[number] for number in numbers]

    def _wait(self, event: int, deadline: float) -> None:
        if not self.socket.poll(max(0, int((deadline - time.monotonic()) * 1000)), event):
            raise TimeoutError(f"no reply within {self.patience} s: what became of the request is unknown")

    def close(self) -> None:
        self.socket.close()


class Subscriber(Iterator[Record]):
    """Follows the log from the record after `after` and gives every record once, in order, verified (section 8).

    `after` is the last record held, or a position: 0 for the beginning; another one is read and trusted as it is.
    Waits for ever for the next event, but not for a log that says nothing for `patience` seconds.
    """

    PAGE = struct.pack(">II", 5000, 1 << 20)

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], events: str, read: str, after: Record | int = 0,
                 receive_queue: int = 1000, patience: float = 10.0) -> None:  # fmt: skip
        self.socket = context.socket(zmq.SUB)
        self.socket.setsockopt(zmq.RCVHWM, receive_queue)
        self.socket.setsockopt(zmq.SUBSCRIBE, b"")
        self.socket.connect(events)
        self.patience = patience
        self.position, self.hash, self.log_id = 0, b"", None  # type: int, bytes, UUID | None
        self.head = 0
        self.is_live = False
        self.gaps = self.lost_tails = self.repeats = self.heartbeats = self.malformed = self.reads = 0
        self._read = Requester(context, read, patience=1.0)
        self._ready: deque[Record] = deque()
        if isinstance(after, int) and after > 0:
            after = self._page(after - 1, struct.pack(">II", 1, 1))[0]
        if isinstance(after, Record):
            self.position, self.hash, self.log_id = after.position, after.hash, after.log_id

    def __next__(self) -> Record:
        while not self._ready:
            if self.position < self.head:
                self._repair()
            else:
                self.take(self._receive())
        return self._ready.popleft()

    def up_to(self, position: int) -> Iterator[Record]:
        """The records up to a position, which must come to be."""
        while self.position - len(self._ready) < position:
            yield next(self)

    def take(self, message: Record | Head) -> None:
        """Takes in one message of the events socket, by the rules of section 8.2."""
        self._agree(message.log_id)
        was_live, self.is_live = self.is_live, True
        if isinstance(message, Record):
            if message.position == self.position + 1:
                self._accept(message)
            elif message.position <= self.position:
                self.repeats += 1
            else:
                self.gaps += was_live
            self.head = max(self.head, message.position)
            return
        self.heartbeats += 1
        if message.position > self.position:
            self.lost_tails += was_live
            self.head = message.position
        elif message.position == self.position and message.hash != self.hash:
            raise Diverged(f"the log has another record at position {self.position}")
        elif message.position < self.position:
            # It may have been overtaken by a read; only an answer to a request tells what is now.
            self._page(self.position, struct.pack(">II", 1, 1))

    def _receive(self) -> Record | Head:
        deadline = time.monotonic() + self.patience
        while self.socket.poll(max(0, int((deadline - time.monotonic()) * 1000))):
            try:
                return parse_published(self.socket.recv_multipart())
            except Malformed:
                self.malformed += 1
        raise TimeoutError(f"not even a heartbeat for {self.patience} s")

    def _repair(self) -> None:
        records = self._page(self.position, self.PAGE)
        if not records:
            raise Diverged(f"the log knows of position {self.head} but does not have {self.position + 1}")
        for record in records:
            self._accept(record)

    def _page(self, after: int, limit: bytes) -> list[Record]:
        deadline = time.monotonic() + self.patience
        while True:
            self.reads += 1
            try:
                reply = self._read.ask(READ_LOG, struct.pack(">Q", after) + limit)
                break
            except (TimeoutError, Refused):
                if time.monotonic() > deadline:
                    raise
        head, records = reply.head(), reply.records()
        reply.finish()
        self._agree(head.log_id)
        if head.position < self.position:
            raise Diverged(f"position {self.position} is held, but the log ends at {head.position}")
        return records

    def _agree(self, log_id: UUID) -> None:
        if self.log_id is None:
            self.log_id, self.hash = log_id, genesis(log_id)
        elif self.log_id != log_id:
            raise Diverged(f"expected log {self.log_id}, found log {log_id}")

    def _accept(self, record: Record) -> None:
        self._agree(record.log_id)
        if record.position != self.position + 1 or record.hash_after(self.hash) != record.hash:
            raise Diverged(f"the record at position {record.position} does not follow on position {self.position}")
        self.position, self.hash = record.position, record.hash
        self._ready.append(record)

    def close(self) -> None:
        self.socket.close(linger=0)
        self._read.close()


def append(requester: Requester, *writes: Write, command: Command | None = None) -> AppendReply:
    """Appends to one or more streams, whole or not at all."""
    return read_append_reply(requester.ask(APPEND, append_body(writes, command)))


def main(events: str, read: str, after: str = "0") -> None:
    for record in Subscriber(zmq.Context.instance(), events, read, int(after)):
        print(record.position, record.hash.hex(), record.topic.decode(), record.data.decode(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
