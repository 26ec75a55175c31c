"""How far a subscriber is, in a form that survives it."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from daybook_events.failures import CheckpointDamaged, InsideAppend
from daybook_events.frames import Head, Record

_POINT = re.compile(r"([0-9]{1,20})(?:-([0-9a-fA-F]{16}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Point:
    """A position and, where it is known, the first 8 bytes of the hash there: `42-9e560c9ab1d2f3a4`.

    The `id` of an event of the HTTP feed is such a point, so one can go on here where one stopped there.
    """

    position: int
    hash_prefix: bytes | None = None

    @classmethod
    def parse(cls, text: str) -> Point:
        match = _POINT.fullmatch(text)
        if not match or int(match[1]) >= 2**63:
            raise ValueError(f"{text!r:.60} is no position, alone or with a dash and 16 hexadecimal digits of the hash")
        return cls(int(match[1]), bytes.fromhex(match[2]) if match[2] else None)

    def __str__(self) -> str:
        return str(self.position) + (f"-{self.hash_prefix.hex()}" if self.hash_prefix is not None else "")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log, a position in it, and the hash there: all that is needed to go on, and to notice another history.

    The position is always the end of an append.

    Keep it together with what you make of the events: in the transaction that writes that, where there is one. A
    file beside it may be older than what it stands for, so what is done with an event must then bear repeating.
    """

    log_id: UUID
    position: int
    hash: bytes

    @classmethod
    def of(cls, point: Record | Head) -> Checkpoint:
        """Where one stands who has taken in this record, or everything up to this head.

        Nobody stands inside an append: `InsideAppend` is raised for a record that `continues`.
        """
        if isinstance(point, Record) and point.continues:
            raise InsideAppend(
                f"position {point.position} is inside an append, which goes on at position {point.position + 1}: take a "
                "position at which one ends"
            )
        return cls(point.log_id, point.position, point.hash)

    @property
    def point(self) -> Point:
        """The same without the log and most of the hash: short enough to be noted, and given to `watch.py --after`."""
        return Point(self.position, self.hash[:8])

    def save(self, path: str | Path) -> None:
        """Replaces the file as a whole: a crash leaves the old checkpoint or the new one, and on disk. It is its owner's alone.
        """
        path = Path(path)
        new = path.with_name(path.name + ".new")
        text = json.dumps({"log_id": str(self.log_id), "position": self.position, "hash": self.hash.hex()})
        # What a crash left, or somebody put there, goes: a link would have its target overwritten.
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:
            os.fchmod(descriptor, 0o600)
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
        # The new name is on disk only when the folder is.
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @classmethod
    def load(cls, path: str | Path) -> Checkpoint | None:
        """What was saved last; nothing where nothing was saved yet."""
        try:
            text = Path(path).read_bytes()
        except FileNotFoundError:
            return None
        try:
            members = json.loads(text)
            log_id, position, digest = UUID(members["log_id"]), members["position"], bytes.fromhex(members["hash"])
            if type(position) is not int or position < 0 or len(digest) != 32:
                raise ValueError("a position or a hash that cannot be")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointDamaged(
                f"{path} is no checkpoint ({error}): remove it, and what was made of the events, to begin again"
            ) from error
        return cls(log_id, position, digest)
