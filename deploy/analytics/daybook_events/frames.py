"""The frames that a subscriber meets, by the specification of the event-log protocol.

Section numbers are those of `Specification.md` of the module `EventLogProtocol`.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from daybook_events.failures import Malformed

MAGIC = b"DBK1"
HEADER = struct.Struct(">4sBBH16sQQq16s32s")  # section 5.2
HASHED_SIZE = 64
HEAD = struct.Struct(">4sBBHQ")  # section 6.1
READ_LOG, READ_STREAM, STATUS, REFUSAL = 0x20, 0x21, 0x22, 0xFF
MOST_FRAMES = 64
MAX_ORDINAL = 2**63 - 1
HAS_EPOCH = 1  # The only flag of a reply, in those that hold the log's head.

_EVENT, _HEARTBEAT = 1, 2
_CONTINUES = 1  # The only flag, of events alone.
_TOPIC = re.compile(rb"([\w.~-]{1,32})/([\w.~-]{1,64})/([\w.~-]{1,128})/", re.ASCII)
_NO_FIELDS = bytes(24)


def genesis(log_id: UUID) -> bytes:
    """The hash before position 1 (section 7)."""
    return hashlib.sha256(log_id.bytes).digest()


@dataclass(frozen=True, slots=True)
class Head:
    """The log's id, its last position and the hash there: what a heartbeat, a status and a page contain.

    `epoch` says which lead of the log sent it (section 8.4); 0: the log counts none.
    """

    log_id: UUID
    position: int
    hash: bytes
    epoch: int = 0


@dataclass(frozen=True)
class Record:
    """One event of the log, exactly as it came."""

    header: bytes
    topic: bytes
    metadata: bytes
    data: bytes

    def __post_init__(self) -> None:
        _check_header(self.header, _EVENT, flags=(0, _CONTINUES))
        if not _TOPIC.fullmatch(self.topic):
            raise Malformed(f"the topic {self.topic!r} is not CATEGORY/TYPE/NAME/")

    @property
    def continues(self) -> bool:
        """Whether the append that it is part of goes on in the next record: what is made of one is whole or nothing."""
        return self.header[5] == _CONTINUES

    @property
    def schema_version(self) -> int:
        return int.from_bytes(self.header[6:8], "big")

    @property
    def log_id(self) -> UUID:
        return UUID(bytes=self.header[8:24])

    @property
    def position(self) -> int:
        return int.from_bytes(self.header[24:32], "big")

    @property
    def stream_version(self) -> int:
        return int.from_bytes(self.header[32:40], "big")

    @property
    def recorded_at(self) -> int:
        """Microseconds since 1970-01-01T00:00:00Z."""
        return int.from_bytes(self.header[40:48], "big", signed=True)

    @property
    def event_id(self) -> UUID:
        return UUID(bytes=self.header[48:64])

    @property
    def hash(self) -> bytes:
        return self.header[HASHED_SIZE:]

    @property
    def category(self) -> str:
        return self._segment(0)

    @property
    def type(self) -> str:
        return self._segment(1)

    @property
    def name(self) -> str:
        return self._segment(2)

    def hash_after(self, previous: bytes) -> bytes:
        """The hash that this record must have when the one before it has `previous` (section 7)."""
        digest = hashlib.sha256(previous + self.header[:HASHED_SIZE])
        for part in (self.topic, self.metadata, self.data):
            digest.update(struct.pack(">I", len(part)))
            digest.update(part)
        return digest.digest()

    def _segment(self, index: int) -> str:
        return self.topic.split(b"/")[index].decode("ascii")


def parse_published(frames: Sequence[bytes]) -> Record | Head:
    """A message of the events socket (section 5)."""
    if len(frames) != 3:
        raise Malformed(f"a published message has {len(frames)} frames")
    topic, second, data = frames
    header, metadata = second[: HEADER.size], second[HEADER.size :]
    if header[4:5] == bytes([_EVENT]):
        return Record(header, topic, metadata, data)
    _check_header(header, _HEARTBEAT, flags=(0,))
    epoch = int.from_bytes(header[32:40], "big")
    if topic != b"heartbeat/" or metadata or data or header[6:8] != bytes(2) or header[40:64] != _NO_FIELDS:
        raise Malformed("a heartbeat carries what it must not")
    if epoch > MAX_ORDINAL:
        raise Malformed(f"no lead has the epoch {epoch}")
    return Head(UUID(bytes=header[8:24]), int.from_bytes(header[24:32], "big"), header[HASHED_SIZE:], epoch)


def _check_header(header: bytes, kind: int, flags: Sequence[int]) -> None:
    if len(header) != HEADER.size or header[:5] != MAGIC + bytes([kind]) or header[5] not in flags:
        raise Malformed("a header is cut short, or has another magic, kind or flags")


class Cursor:
    """Reads the fields of a frame one after another. The log's head in one with `has_epoch` is followed by an epoch."""

    def __init__(self, frame: bytes, has_epoch: bool = False) -> None:
        self._frame = frame
        self._offset = 0
        self.has_epoch = has_epoch

    @property
    def rest(self) -> bytes:
        return self._frame[self._offset :]

    def take(self, count: int) -> bytes:
        end = self._offset + count
        if len(self._frame) < end:
            raise Malformed("a frame ends within a field")
        taken = self._frame[self._offset : end]
        self._offset = end
        return taken

    def integer(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def sized(self, size: int) -> bytes:
        return self.take(self.integer(size))

    def head(self) -> Head:
        log_id, position, digest = UUID(bytes=self.take(16)), self.integer(8), self.take(32)
        self.take(8)  # The time of the head's record.
        epoch = self.integer(8) if self.has_epoch else 0
        if self.has_epoch and not 1 <= epoch <= MAX_ORDINAL:
            raise Malformed(f"no lead has the epoch {epoch}")
        return Head(log_id, position, digest, epoch)

    def records(self) -> list[Record]:
        return [
            Record(self.take(HEADER.size), self.sized(2), self.sized(4), self.sized(4))
            for _ in range(self.integer(4))
        ]

    def finish(self) -> None:
        if self._offset < len(self._frame):
            raise Malformed(f"{len(self._frame) - self._offset} bytes follow the last field")


def sized(size: int, value: bytes) -> bytes:
    """A value behind its length."""
    return len(value).to_bytes(size, "big") + value


def stream_bytes(stream: str) -> bytes:
    """The stream `category/name`, as requests name it."""
    category, _, name = stream.partition("/")
    return sized(1, category.encode()) + sized(1, name.encode())
