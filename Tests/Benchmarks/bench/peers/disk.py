"""The floor of the disk: a flush of some bytes, and rows appended to SQLite with nothing around them."""

from __future__ import annotations

from bench import native
from bench.context import Context
from bench.measurement import Case, Label, Measurement

NAME = "disk"
FLUSH = "4 KiB and fdatasync, file grows"
SQLITE = "SQLite rows, {} a flush"
_ROWS = (1, 64, 100, 1000)


def sqlite(rows: int) -> Label:
    return Label(NAME, SQLITE.format(rows))


def cases(context: Context) -> list[Case]:
    folder = context.make_folder("disk")

    def flush(seconds: float, how: str) -> Measurement:
        file = folder / "flushed"
        printed = native.run("flush", file, 4096, seconds, how, seconds=seconds)
        file.unlink()
        return native.measurement(printed)

    def append(seconds: float, rows: int) -> Measurement:
        # A file of its own for each, so that no round finds a larger one than the round before.
        printed = native.run("sqlite_append", folder / "rows.db", rows, seconds, seconds=seconds)
        for file in folder.glob("rows.db*"):
            file.unlink()
        return native.measurement(printed)

    return [
        Case(Label(NAME, FLUSH), lambda seconds: flush(seconds, "append")),
        Case(Label(NAME, "4 KiB and fdatasync, in place"), lambda seconds: flush(seconds, "overwrite")),
        *(Case(sqlite(rows), lambda seconds, rows=rows: append(seconds, rows)) for rows in _ROWS),
    ]
