"""The disk under the event log's file, made to fail and to lose power: see faulty_disk.c."""

import struct
import subprocess
from collections import namedtuple
from pathlib import Path

SOURCE = Path(__file__).with_name("faulty_disk.c")
LIBRARY = Path(__file__).resolve().parents[2] / ".build" / "faults" / "faulty_disk.so"

# What can reach the disk by itself while the power goes.
SECTOR = 512

Change = namedtuple("Change", "kind path offset size old new")
_HEAD = struct.Struct("=cH")
_REST = struct.Struct("=QQII")


def library():
    """The library's path; compiled where it is missing or older than its source."""
    if not LIBRARY.exists() or LIBRARY.stat().st_mtime < SOURCE.stat().st_mtime:
        LIBRARY.parent.mkdir(parents=True, exist_ok=True)
        fresh = LIBRARY.with_suffix(".new")
        subprocess.run(["cc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", fresh, SOURCE, "-ldl", "-lpthread"], check=True)
        fresh.rename(LIBRARY)
    return LIBRARY


class FaultyDisk:
    """The disk of one event log. Put under its service before that is started."""

    def __init__(self, service, folder):
        self.folder = Path(folder).resolve()
        self._control = service.directory / "disk-control"
        self._undo = service.directory / "disk-undo"
        self._control.write_text("")
        service.variables |= {
            "LD_PRELOAD": str(library()),
            "FAULTY_DISK_FOLDER": str(self.folder),
            "FAULTY_DISK_CONTROL": str(self._control),
            "FAULTY_DISK_UNDO": str(self._undo),
        }

    def fail(self, call, fault, nth=1):
        """From the nth `write` or `flush` on, each has a fault: EIO, ENOSPC, `short` (writes), `lie` (flushes)."""
        self._control.write_text(f"{call} {fault} {nth}")

    def heal(self):
        self._control.write_text("")

    def lose_power(self, chance=None):
        """To be called once the service was killed: takes back what was not flushed.

        All of it; or with a random generator, any part of it may have reached the disk: some writes, and of some only
        some sectors. Gives the number of changes that were not flushed.
        """
        changes = self._unflushed()
        for change in reversed(changes):
            _take_back(change)
        if chance is not None:
            for change in changes:
                if change.kind == "w" and chance.random() < 0.5:
                    _persist(change, chance)
        for path in self.folder.glob("*-shm"):
            path.unlink()
        self._undo.write_bytes(b"")
        return len(changes)

    def _unflushed(self):
        journal = self._undo.read_bytes()
        changes, offset = [], 0
        # What does not reach the journal's end was killed while it was noted: the change itself had not begun.
        while offset + _HEAD.size <= len(journal):
            kind, length = _HEAD.unpack_from(journal, offset)
            path_end = offset + _HEAD.size + length
            body = path_end + _REST.size
            if body > len(journal):
                break
            path = journal[offset + _HEAD.size : path_end].decode()
            at, size, old, new = _REST.unpack_from(journal, path_end)
            if body + old + new > len(journal):
                break
            change = Change(kind.decode(), path, at, size, journal[body : body + old], journal[body + old : body + old + new])
            offset = body + old + new
            if change.kind == "f":
                changes = [other for other in changes if not _settles(path, other)]
            else:
                changes.append(change)
        return changes


def _settles(path, change):
    """Whether a flush of a path makes a change durable: the file's own, or for a deletion that of its folder."""
    return change.path == path or (change.kind == "u" and change.path.rpartition("/")[0] == path)


def _take_back(change):
    with open(change.path, "ab") as file:
        # Where it was deleted, this has made it anew.
        pass
    with open(change.path, "r+b") as file:
        file.seek(change.offset)
        file.write(change.old)
        file.truncate(change.size)


def _persist(change, chance):
    with open(change.path, "r+b") as file:
        is_torn = chance.random() < 0.5
        for start in range(0, len(change.new), SECTOR):
            if not is_torn or chance.random() < 0.5:
                file.seek(change.offset + start)
                file.write(change.new[start : start + SECTOR])
