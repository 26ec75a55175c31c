"""An event-log service in a few lines, by the specification, that behaves as a test says."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Sequence
from uuid import UUID

import zmq
from daybook_frames import (
    APPEND, HEAD, HEADER, MAGIC, READ_LOG, REFUSAL, STATUS, Cursor, Record, genesis, sized,
)  # fmt: skip
from daybook_services import PATIENCE, free_port
from daybook_subscriber import received

LOG_ID = UUID("00010203-0405-0607-0809-0a0b0c0d0e0f")
TIME = 1_767_323_045_678_901
STOPPING, NOT_LEADER = 2, 6


def chain(count: int, after: Sequence[Record] = ()) -> list[Record]:
    """`count` more records after those, each an append of its own."""
    records = list(after)
    for _ in range(count):
        position = len(records) + 1
        values = (MAGIC, 1, 0, 1, LOG_ID.bytes, position, position, TIME, UUID(int=position).bytes)
        unproven = Record(HEADER.pack(*values, bytes(32)), b"thing/Happened/a/", b"", b"{}")
        previous = records[-1].hash if records else genesis(LOG_ID)
        digest = unproven.hash_after(previous)
        records.append(Record(HEADER.pack(*values, digest), unproven.topic, b"", b"{}"))
    return records


class ScriptedLog:
    """Binds when it is opened. It obeys if its `refusal` is None, and sends nothing while it `is_silent`."""

    def __init__(self) -> None:
        self.append, self.events, self.read = (f"tcp://127.0.0.1:{free_port()}" for _ in range(3))
        self.records: list[Record] = []
        self.epoch = 0
        self.refusal: int | None = None
        self.is_silent = False
        self.requests: list[bytes] = []
        self._to_publish: list[Record] = []
        self._thread: threading.Thread | None = None
        self._is_ending = False

    def open(self, records: Sequence[Record], epoch: int) -> None:
        self.records, self.epoch, self.refusal, self.is_silent = list(records), epoch, None, False
        self._is_ending = False
        is_bound = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(is_bound,), daemon=True)
        self._thread.start()
        assert is_bound.wait(PATIENCE)

    def close(self) -> None:
        """As a process does that is killed."""
        if self._thread:
            self._is_ending = True
            self._thread.join()
            self._thread = None

    def record(self, count: int = 1) -> None:
        """Records and publishes."""
        before = len(self.records)
        self.records = chain(count, self.records)
        self.publish(self.records[before:])

    def publish(self, records: Sequence[Record]) -> None:
        self._to_publish += records

    def __enter__(self) -> ScriptedLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, is_bound: threading.Event) -> None:
        context = zmq.Context()
        events, append, read = (context.socket(kind) for kind in (zmq.XPUB, zmq.ROUTER, zmq.ROUTER))
        for socket, endpoint in ((events, self.events), (append, self.append), (read, self.read)):
            socket.linger = 0
            socket.bind(endpoint)
        is_bound.set()
        next_beat = 0.0
        while not self._is_ending:
            while self._to_publish:
                record = self._to_publish.pop(0)
                events.send_multipart([record.topic, record.header + record.metadata, record.data])
            is_subscribed = False
            while subscription := received(events):
                is_subscribed |= subscription[0][:1] == b"\1"
            if is_subscribed or time.monotonic() >= next_beat:
                next_beat = time.monotonic() + 0.1
                if not self.is_silent and self.refusal is None:
                    events.send_multipart([b"heartbeat/", self._heartbeat(), b""])
            for socket in (append, read):
                while message := received(socket):
                    address, *frames = message
                    self.requests += frames
                    replies = [self._reply(frame) for frame in frames]
                    if not self.is_silent:
                        socket.send_multipart([address, *replies])
            events.poll(5)
        context.destroy(linger=0)

    def _head(self) -> tuple[int, bytes]:
        return len(self.records), self.records[-1].hash if self.records else genesis(LOG_ID)

    def _heartbeat(self) -> bytes:
        position, digest = self._head()
        return HEADER.pack(MAGIC, 2, 0, 0, LOG_ID.bytes, position, self.epoch, 0, bytes(16), digest)

    def _reply(self, frame: bytes) -> bytes:
        request = Cursor(frame)
        _, kind, _, _, number = HEAD.unpack(request.take(HEAD.size))
        if self.refusal is not None:
            return HEAD.pack(MAGIC, REFUSAL, 0, 0, number) + bytes([self.refusal]) + sized(2, b"ask another one")
        position, digest = self._head()
        flags = 1 if self.epoch else 0
        head = LOG_ID.bytes + struct.pack(">Q32sQ", position, digest, TIME)
        head += struct.pack(">Q", self.epoch) if self.epoch else b""
        if kind == STATUS:
            return HEAD.pack(MAGIC, STATUS | 0x80, flags, 0, number) + head
        if kind == READ_LOG:
            after, most = request.integer(8), request.integer(4)
            page = b"".join(
                record.header + sized(2, record.topic) + sized(4, record.metadata) + sized(4, record.data)
                for record in self.records[after : after + most]
            )
            count = len(self.records[after : after + most])
            return HEAD.pack(MAGIC, READ_LOG | 0x80, flags, 0, number) + head + struct.pack(">I", count) + page
        if kind == APPEND:
            self.record()
            return HEAD.pack(MAGIC, APPEND | 0x80, 0, 0, number) + struct.pack(
                ">BQQHQ", 0, len(self.records), TIME, 1, len(self.records)
            )
        return HEAD.pack(MAGIC, REFUSAL, 0, 0, number) + bytes([3]) + sized(2, b"unknown")
