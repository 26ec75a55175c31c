"""The frames of an appender of Daybook's event log, written from its specification alone.

What a subscriber needs of the frames is in the package `daybook_events`; it is found here for all tests. Section
numbers are those of `Specification.md` of the module `EventLogProtocol`.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

# The package is not installed where the tests run.
sys.path.append(str(Path(__file__).resolve().parents[2] / "deploy/analytics"))

from daybook_events.failures import Malformed as Malformed  # noqa: E402
from daybook_events.frames import (  # noqa: E402
    HEAD as HEAD, HEADER as HEADER, MAGIC as MAGIC, READ_LOG as READ_LOG, READ_STREAM as READ_STREAM,
    REFUSAL as REFUSAL, STATUS as STATUS, Cursor as Cursor, Head as Head, Record as Record, genesis as genesis,
    parse_published as parse_published, sized as sized, stream_bytes as stream_bytes,
)  # fmt: skip

APPEND, OUTCOME = 0x10, 0x23
ANY_VERSION = 2**64 - 1


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
class Conflict:
    """A stream that is not what the append expects (section 6.3)."""

    write: int
    stream: str
    actual: int
    missed: tuple[Record, ...]


@dataclass(frozen=True)
class AppendReply:
    """The result by its name, and what belongs to it (section 6.3)."""

    result: str
    position: int = 0
    recorded_at: int = 0
    versions: tuple[int, ...] = ()
    streams: tuple[str, ...] = ()
    outcome: bytes = b""
    conflicts: tuple[Conflict, ...] = ()
    reason: str = ""

    @property
    def conflict(self) -> Conflict:
        """The only one."""
        (conflict,) = self.conflicts
        return conflict


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

    def stream() -> str:
        return f"{reply.sized(1).decode()}/{reply.sized(1).decode()}"

    match reply.integer(1):
        case 0:
            result = AppendReply("committed", *commit())
        case 1:
            committed = commit()
            streams = tuple(stream() for _ in range(reply.integer(2)))
            result = AppendReply("replayed", *committed, streams=streams, outcome=reply.sized(4))
        case 2:
            result = AppendReply("key reused")
        case 3:
            conflicts = tuple(
                Conflict(reply.integer(2), stream(), reply.integer(8), tuple(reply.records()))
                for _ in range(reply.integer(2))
            )
            result = AppendReply("conflict", conflicts=conflicts)
        case 4:
            result = AppendReply("invalid", reason=reply.sized(2).decode())
        case other:
            raise Malformed(f"an append has the result {other}")
    reply.finish()
    return result
