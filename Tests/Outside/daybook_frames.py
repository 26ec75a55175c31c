"""The frames of Daybook's event-log protocol, written from its specification alone.

Section numbers are those of `Specification.md` of the module `EventLogProtocol`.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

MAGIC = b"DBK1"
HEADER = struct.Struct(">4sBBH16sQQq16s32s")  # section 5.2
HASHED_SIZE = 64
HEAD = struct.Struct(">4sBBHQ")  # section 6.1
APPEND, READ_LOG, READ_STREAM, STATUS, OUTCOME, REFUSAL = 0x10, 0x20, 0x21, 0x22, 0x23, 0xFF
ANY_VERSION = 2**64 - 1
ALPHABET = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-")


class Malformed(ValueError):
    """A frame that breaks the grammar."""


def genesis(log_id: UUID) -> bytes:
    """The hash before position 1 (section 7)."""
    return hashlib.sha256(log_id.bytes).digest()


@dataclass(frozen=True)
class Record:
    """One event of the log, exactly as it came."""

    header: bytes
    topic: bytes
    metadata: bytes
    data: bytes
    schema_version: int = field(init=False)
    log_id: UUID = field(init=False)
    position: int = field(init=False)
    stream_version: int = field(init=False)
    recorded_at: int = field(init=False)
    event_id: UUID = field(init=False)
    hash: bytes = field(init=False)
    category: str = field(init=False)
    type: str = field(init=False)
    name: str = field(init=False)

    def __post_init__(self) -> None:
        _, kind, _, schema, log, position, version, at, event, digest = read_header(self.header)
        segments = self.topic.split(b"/")
        if kind != 1 or len(segments) != 4 or segments.pop():
            raise Malformed("no event's header, or a topic that is not CATEGORY/TYPE/STREAM/")
        for segment, longest in zip(segments, (32, 64, 128)):
            if not 1 <= len(segment) <= longest or not ALPHABET.issuperset(segment):
                raise Malformed(f"a segment of the topic is {segment!r}")
        category, type_, name = (segment.decode() for segment in segments)
        values = (schema, UUID(bytes=log), position, version, at, UUID(bytes=event), digest, category, type_, name)
        for attribute, value in zip(list(self.__dataclass_fields__)[4:], values):
            object.__setattr__(self, attribute, value)

    def hash_after(self, previous: bytes) -> bytes:
        """The hash that this record must have when the one before it has `previous` (section 7)."""
        digest = hashlib.sha256(previous + self.header[:HASHED_SIZE])
        for part in (self.topic, self.metadata, self.data):
            digest.update(struct.pack(">I", len(part)) + part)
        return digest.digest()


@dataclass(frozen=True)
class Head:
    """The log's id, its last position and the hash there: what a heartbeat, a status and a page tell."""

    log_id: UUID
    position: int
    hash: bytes


def read_header(header: bytes) -> tuple[bytes, int, int, int, bytes, int, int, int, bytes, bytes]:
    if len(header) != HEADER.size:
        raise Malformed(f"a header has {len(header)} bytes")
    fields = HEADER.unpack(header)
    if fields[0] != MAGIC or fields[1] not in (1, 2) or fields[2] != 0:
        raise Malformed("a header has another magic, kind or flags")
    return fields


def parse_published(frames: Sequence[bytes]) -> Record | Head:
    """A message of the events socket (section 5)."""
    if len(frames) != 3:
        raise Malformed(f"a published message has {len(frames)} frames")
    topic, second, data = frames
    header, metadata = second[: HEADER.size], second[HEADER.size :]
    _, kind, _, schema, log, position, version, at, event, digest = read_header(header)
    if kind == 1:
        return Record(header, topic, metadata, data)
    if topic != b"heartbeat/" or metadata or data or schema or version or at or any(event):
        raise Malformed("a heartbeat carries what it must not")
    return Head(UUID(bytes=log), position, digest)


class Cursor:
    """Reads the fields of a frame one after another."""

    def __init__(self, frame: bytes) -> None:
        self.rest = frame

    def take(self, count: int) -> bytes:
        if len(self.rest) < count:
            raise Malformed("a frame ends within a field")
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def integer(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def sized(self, size: int) -> bytes:
        return self.take(self.integer(size))

    def head(self) -> Head:
        head = Head(UUID(bytes=self.take(16)), self.integer(8), self.take(32))
        self.take(8)
        return head

    def records(self) -> list[Record]:
        return [Record(self.take(HEADER.size), self.sized(2), self.sized(4), self.sized(4))
                for _ in range(self.integer(4))]  # fmt: skip

    def finish(self) -> None:
        if self.rest:
            raise Malformed(f"{len(self.rest)} bytes follow the last field")


@dataclass(frozen=True)
class Event:
    """An event to append."""

    id: UUID
    type: str
    data: bytes
    metadata: bytes = b""
    schema_version: int = 1


@dataclass(frozen=True)
class Write:
    """Events for one stream, `category/name`; `expected` None takes the stream at whatever version it is."""

    stream: str
    expected: int | None
    events: Sequence[Event] = ()
    last_event: UUID | None = None


@dataclass(frozen=True)
class Command:
    """A command key, the digest that binds it, and the bytes to give back when it comes again."""

    key: bytes
    fingerprint: bytes
    outcome: bytes = b""


@dataclass(frozen=True)
class AppendReply:
    """The result by its name, and what belongs to it (section 6.3)."""

    result: str
    position: int = 0
    recorded_at: int = 0
    versions: tuple[int, ...] = ()
    outcome: bytes = b""
    write: int = 0
    actual: int = 0
    missed: tuple[Record, ...] = ()
    reason: str = ""


def sized(size: int, value: bytes) -> bytes:
    return len(value).to_bytes(size, "big") + value


def stream_bytes(stream: str) -> bytes:
    category, _, name = stream.partition("/")
    return sized(1, category.encode()) + sized(1, name.encode())


def append_body(writes: Sequence[Write], command: Command | None = None) -> bytes:
    """The body of an append request (section 6.2)."""
    body = b"\0"
    if command:
        body = sized(1, command.key) + command.fingerprint + sized(4, command.outcome)
    body += struct.pack(">H", len(writes))
    for write in writes:
        expected = ANY_VERSION if write.expected is None else write.expected
        body += stream_bytes(write.stream) + struct.pack(">QB", expected, write.last_event is not None)
        body += write.last_event.bytes if write.last_event else b""
        body += struct.pack(">H", len(write.events))
        for event in write.events:
            body += event.id.bytes + sized(1, event.type.encode()) + struct.pack(">H", event.schema_version)
            body += sized(4, event.metadata) + sized(4, event.data)
    return body


def read_append_reply(reply: Cursor) -> AppendReply:
    """The body of the reply to an append (section 6.3)."""

    def commit() -> tuple[int, int, tuple[int, ...]]:
        return reply.integer(8), reply.integer(8), tuple(reply.integer(8) for _ in range(reply.integer(2)))

    match reply.integer(1):
        case 0:
            result = AppendReply("committed", *commit())
        case 1:
            result = AppendReply("replayed", *commit(), outcome=reply.sized(4))
        case 2:
            result = AppendReply("key reused")
        case 3:
            write, actual, missed = reply.integer(2), reply.integer(8), tuple(reply.records())
            result = AppendReply("conflict", write=write, actual=actual, missed=missed)
        case 4:
            result = AppendReply("invalid", reason=reply.sized(2).decode())
        case other:
            raise Malformed(f"an append has the result {other}")
    reply.finish()
    return result
