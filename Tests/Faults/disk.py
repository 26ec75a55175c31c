"""The disk under the event log's file, made to fail and to lose power; faulty_disk.c says how.

    disk = FaultyDisk(daybook.event_log, daybook.directory)    # before the service is started
    disk.fail("flush", "EIO", 3)                               # the third flush from now on fails, and all after it
    disk.heal()

    daybook.event_log.kill()
    disk.lose_power(random.Random(seed))
    daybook.event_log.start()
"""

import hashlib
import os
import shutil
import struct
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

SOURCE = Path(__file__).with_name("faulty_disk.c")
FOLDER = Path(__file__).resolve().parents[2] / ".build" / "faults"

# What a disk writes whole or not at all.
SECTOR = 512

# A record of the journal: a change that no flush has made durable, or the end of a flush.
Change = namedtuple("Change", "kind path offset size old new")
_HEAD = struct.Struct("=cH")
_REST = struct.Struct("=QQII")

_CHANGES_OF_NAMES = ("c", "m", "u")


def library():
    """The library's path; compiled where there is none of this very source."""
    compiled = FOLDER / f"faulty_disk-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}.so"
    if not compiled.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        # Two runs at once may both compile it; each puts its own in place whole.
        fresh = compiled.with_suffix(f".{os.getpid()}")
        options = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
        subprocess.run(["cc", *options, "-o", fresh, SOURCE, "-ldl", "-lpthread"], check=True)
        fresh.rename(compiled)
    return compiled


class FaultyDisk:
    """The disk of one event log. To be put under its service before that is started."""

    def __init__(self, service, folder):
        """The disk is what lies below `folder`, which exists."""
        self.folder = Path(folder).resolve(strict=True)
        self._control = service.directory / "disk-control"
        self._undo = service.directory / "disk-undo"
        self.heal()
        service.variables |= {
            "LD_PRELOAD": str(library()),
            "FAULTY_DISK_FOLDER": str(self.folder),
            "FAULTY_DISK_CONTROL": str(self._control),
            "FAULTY_DISK_UNDO": str(self._undo),
        }

    def fail(self, call, fault, nth=1, *, times=0, file="*"):
        """From the nth `write` or `flush` on, each has a fault; or only so many `times`.

        The fault is EIO or ENOSPC, `short` for writes, `lie` for flushes, or `power`, which kills the service just
        before the call: `lose_power` may follow. Only calls on files whose path ends with `file` count, and fail.
        """
        self._order(f"{call} {fault} {nth} {nth + times - 1 if times else 0} {file}")

    def heal(self):
        """Ends the fault."""
        self._order("")

    def _order(self, line):
        # As one, for the service may read it at any moment.
        fresh = self._control.with_suffix(".new")
        fresh.write_text(line)
        fresh.rename(self._control)

    def lose_power(self, chance=None):
        """To be called once the service has ended: takes back what is not flushed. Gives the number of such changes.

        All of it; or with a random generator, any part of it may have reached the disk: some writes, of some of those
        only some sectors, and names up to some moment, since a file system records those in their order.
        """
        lost, unflushed = self._read_journal()
        for change in reversed(unflushed):
            _take_back(change)
        for path, offset, old in reversed(lost):
            if path.exists():
                _overwrite(path, offset, old)
        if chance is not None:
            _persist_some(unflushed, chance)
        for path in self.folder.rglob("*-shm"):
            path.unlink()
        self._undo.write_bytes(b"")
        return len(unflushed) + len(lost)

    def _read_journal(self):
        """What failed flushes have lost for good, as (path, offset, old bytes); and the changes not flushed yet."""
        lost, changes = [], []
        for change in self._records():
            if change.kind not in ("f", "d"):
                changes.append(change)
                if change.kind == "c":
                    lost = [other for other in lost if other[0] != Path(change.path)]
                continue
            settled = [other for other in changes if _is_settled(other, change.path)]
            if change.kind == "f":
                for other in settled:
                    lost = _cut_out(lost, other)
            else:
                # What became of a truncation is not known; only that of writes is.
                settled = [other for other in settled if other.kind == "w"]
                lost += [(Path(other.path), other.offset, other.old.ljust(len(other.new), b"\0")) for other in settled]
            gone = set(map(id, settled))
            changes = [other for other in changes if id(other) not in gone]
        return lost, changes

    def _records(self):
        journal = self._undo.read_bytes() if self._undo.exists() else b""
        offset = 0
        while offset + _HEAD.size <= len(journal):
            kind, length = _HEAD.unpack_from(journal, offset)
            path = offset + _HEAD.size
            rest = path + length
            old = rest + _REST.size
            if old > len(journal):
                break
            place, size, old_length, new_length = _REST.unpack_from(journal, rest)
            new, offset = old + old_length, old + old_length + new_length
            if offset > len(journal):
                break
            yield Change(
                kind.decode(), os.fsdecode(journal[path:rest]), place, size, journal[old:new], journal[new:offset]
            )
        # Killed while the last record was noted: its call had not begun. A killed process writes nothing more.


def _is_settled(change, flushed):
    """Whether a flush settles a change: that of a file what is in it, that of a folder the names in it."""
    if change.kind in _CHANGES_OF_NAMES:
        return os.path.dirname(change.path) == flushed
    return change.path == flushed


def _cut_out(lost, durable):
    """What stays lost after a change that did become durable: what it did not put anew or cut off."""
    if durable.kind not in ("w", "t"):
        return lost
    left = []
    end = durable.offset + len(durable.new) if durable.kind == "w" else sys.maxsize
    for path, offset, old in lost:
        if path != Path(durable.path) or end <= offset or offset + len(old) <= durable.offset:
            left.append((path, offset, old))
            continue
        if offset < durable.offset:
            left.append((path, offset, old[: durable.offset - offset]))
        if end < offset + len(old):
            left.append((path, end, old[end - offset :]))
    return left


def _take_back(change):
    path = Path(change.path)
    if change.kind == "c":
        path.unlink(missing_ok=True)
    elif change.kind == "m":
        shutil.rmtree(path)
    elif change.kind == "u":
        path.write_bytes(change.old)
    else:
        _overwrite(path, change.offset, change.old)
        os.truncate(path, change.size)


def _persist_some(changes, chance):
    names_left = chance.randint(0, sum(change.kind in _CHANGES_OF_NAMES for change in changes))
    forgotten = set()
    for change in changes:
        path = Path(change.path)
        if change.kind in _CHANGES_OF_NAMES:
            if names_left == 0:
                # What is written to a file that has no name is nowhere.
                forgotten.add(change.path)
                continue
            names_left -= 1
            if change.kind == "c":
                path.touch()
            elif change.kind == "m":
                path.mkdir()
            else:
                path.unlink()
        elif change.path not in forgotten and chance.random() < 0.5:
            if change.kind == "t":
                os.truncate(path, change.offset)
            else:
                _persist_write(path, change, chance)


def _persist_write(path, change, chance):
    is_torn = chance.random() < 0.5
    for start in range(0, len(change.new), SECTOR):
        if not is_torn or chance.random() < 0.5:
            _overwrite(path, change.offset + start, change.new[start : start + SECTOR])


def _overwrite(path, offset, content):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(content)
