"""Makes files that somebody could give to an operator: logs that do harm, or try to, when they are opened."""

import shutil
import sqlite3
import struct

# What is done to a good log, in SQL; the first part says what must be said of it.
SCHEMAS = {
    # Every append deletes all keys, so that commands are obeyed twice.
    "trigger that deletes keys": (
        "trigger", "CREATE TRIGGER evil AFTER INSERT ON events BEGIN DELETE FROM command_keys; END"),
    "trigger that stops the log": (
        "trigger", "CREATE TRIGGER evil BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no'); END"),
    "trigger that changes money": (
        "trigger", "CREATE TRIGGER evil AFTER INSERT ON events WHEN NEW.type = 'MoneyDeposited' BEGIN UPDATE events SET"
        " data = '{\"amount\":\"999999.00\"}' WHERE position = NEW.position; END"),
    "view": ("which Daybook did not make", "ALTER TABLE events RENAME TO real; CREATE VIEW events AS SELECT * FROM real"),
    "view of events without an end": (
        "which Daybook did not make", "ALTER TABLE events RENAME TO real; CREATE VIEW events AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL"
        " SELECT x + 1 FROM c) SELECT x AS position, 'account' AS category, 'a' AS stream, x AS version, 'T' AS type,"
        " 2 AS schema_version, 0 AS recorded_at, randomblob(16) AS id, randomblob(32) AS hash, '' AS metadata,"
        " '{}' AS data, 0 AS continues FROM c"),
    "view of the log without an end": (
        "which Daybook did not make", "ALTER TABLE log RENAME TO other; CREATE VIEW log AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT"
        " x + 1 FROM c) SELECT x AS only_row, zeroblob(15) AS id, 0 AS created_at FROM c WHERE x < 0"),
    "view of its own": ("view", "CREATE VIEW evil AS SELECT load_extension('/tmp/x')"),
    "virtual table": ("evil", "CREATE VIRTUAL TABLE evil USING fts5(a)"),
    "table of its own": ("table", "CREATE TABLE evil (a)"),
    "index of its own": ("index", "CREATE INDEX evil ON events (stream)"),
    "index over an expression": ("index", "CREATE INDEX evil ON events (abs(position))"),
    "column of its own": ("events", "ALTER TABLE events ADD COLUMN evil TEXT"),
    "generated column": ("events", "ALTER TABLE events ADD COLUMN evil TEXT GENERATED ALWAYS AS (hex(zeroblob(9))) VIRTUAL"),
    "table without a column": ("command_keys", "ALTER TABLE command_keys DROP COLUMN streams"),
    "table gone": ("lacks", "DROP TABLE snapshots"),
    "name that steers a terminal": ("evil", 'CREATE TABLE "evil\x1b[31m\n" (a)'),
    "older version than its tables": ("Daybook", "PRAGMA user_version = 2"),
    "newer version": ("version 77", "PRAGMA user_version = 77"),
    "version 0": ("version 0", "PRAGMA user_version = 0"),
    "another program's": ("another program", "PRAGMA application_id = 77"),
}
# The same, where the schema's text is written by hand.
WRITTEN_SCHEMAS = {
    "check that calls a function": (
        "UPDATE sqlite_master SET sql = replace(sql, 'only_row = 1', 'load_extension(id)') WHERE name = 'log'"),
    "default that calls a function": (
        "UPDATE sqlite_master SET sql = replace(sql, 'DEFAULT 0', 'DEFAULT (load_extension(1))') WHERE name = 'events'"),
    "columns without types": (
        "UPDATE sqlite_master SET sql = replace(sql, 'STRICT', '') WHERE name = 'command_keys'"),
    "table that is called as the schema": (
        "INSERT INTO sqlite_master VALUES ('table', 'sqlite_schema', 'sqlite_schema', 3, 'CREATE TABLE sqlite_schema (a)')"),
    "no schema": "DELETE FROM sqlite_master",
}  # fmt: skip
# Its text is right, but two tables are one.
SHARED_ROOT = (
    "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'log') WHERE name = 'events'"
)
# What stands in the tables is not what any log has.
VALUES = {
    "huge data": "UPDATE events SET data = '{\"amount\":\"1.00\",\"x\":\"' || hex(zeroblob(50000000)) || '\"}' WHERE position = 5",
    "position below zero": "INSERT INTO events SELECT -5, category, stream, version, type, schema_version, recorded_at,"
    " id, hash, metadata, data, 0 FROM events WHERE position = 1",
    "largest position": "INSERT INTO events SELECT 9223372036854775807, category, stream, version, type, schema_version,"
    " recorded_at, id, hash, metadata, data, 0 FROM events WHERE position = 1",
    "largest version": "UPDATE events SET version = 9223372036854775807 WHERE position = 8",
    "numbers below zero": "UPDATE events SET version = -9223372036854775808, schema_version = -1,"
    " recorded_at = -9223372036854775808 WHERE position = 8",
    "short id": "UPDATE events SET id = zeroblob(3), hash = zeroblob(1) WHERE position = 8",
    "continues": "UPDATE events SET continues = 9223372036854775807 WHERE position = 8",
    "all continue": "UPDATE events SET continues = 1",
    "versions of a key": "UPDATE command_keys SET stream_versions = '[1e999999999999]'",
    "versions of a key that overflow": "UPDATE command_keys SET stream_versions = '99999999999999999999', position = -1",
    "huge outcome": "UPDATE command_keys SET outcome = zeroblob(90000000)",
    "streams of a key": "UPDATE command_keys SET streams = '[[[[[[[['",
    "huge links": "UPDATE stream_links SET links = zeroblob(90000000)",
    "links at another place": "UPDATE stream_links SET links = randomblob(1000), position = -9 WHERE position = 1",
    "links that lead in a circle": "UPDATE stream_links SET links = randomblob(16)",
    "largest heads": "UPDATE stream_heads SET version = 9223372036854775807, position = 9223372036854775807",
    "heads below zero": "UPDATE stream_heads SET version = -1, position = -1",
    "heads until": "UPDATE stream_heads_until SET until = -9223372036854775808",
    "heads of later": "UPDATE stream_heads_until SET until = 9223372036854775807",
    "names": "UPDATE events SET category = 'a/b', stream = char(27) || '[31m' || char(10) || 'x' WHERE position = 8",
    "log id": "UPDATE log SET id = zeroblob(16)",
    "no log": "DELETE FROM log",
    "no events": "DELETE FROM events",
}  # fmt: skip


def changed(good, path, sql, writable_schema=False):
    """A copy of a good log, changed by SQL."""
    shutil.copy(good, path)
    database = sqlite3.connect(path, isolation_level=None)
    try:
        if writable_schema:
            database.execute("PRAGMA writable_schema = ON")
        database.executescript(sql)
    finally:
        database.close()
    return path


def with_wrong_types(good, path):
    """A copy whose texts are numbers, and whose bytes are texts, though its schema says otherwise."""
    changed(good, path, "UPDATE sqlite_master SET sql = replace(sql, 'STRICT', '')", writable_schema=True)
    with sqlite3.connect(path) as database:
        database.execute("UPDATE events SET stream = zeroblob(9), type = 7.5, data = 12345, hash = 'text' WHERE position = 8")
    changed(path, path.with_name("again"), "")
    strict = dict(sqlite3.connect(good).execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA writable_schema = ON")
    for name, sql in strict.items():
        database.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (sql, name))
    database.close()
    return path


def in_utf16(good, path):
    """An empty log in another encoding."""
    with sqlite3.connect(good) as source, sqlite3.connect(path) as database:
        database.execute("PRAGMA encoding = 'UTF-16le'")
        for (sql,) in source.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"):
            database.execute(sql)
        database.execute("INSERT INTO log VALUES (1, zeroblob(16), 0)")
        database.execute("INSERT INTO stream_heads_until VALUES (1, 0)")
        for pragma in ("application_id", "user_version"):
            ((value,),) = source.execute(f"PRAGMA {pragma}")
            database.execute(f"PRAGMA {pragma} = {value}")
    return path


def with_endless_tree(good, path, table=None, levels=12, width=100):
    """A copy in which a table, else the schema, is read as 100 ** 12 times its first page: its tree has the same page at
    every place of a level."""
    with sqlite3.connect(good) as database:
        found = database.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    root = found[0] if found else 1
    data = bytearray(good.read_bytes())
    size = struct.unpack_from(">H", data, 16)[0]
    pages = len(data) // size
    start = (root - 1) * size
    offset = 100 if root == 1 else 0
    page = data[start : start + size]
    # The root as a page of its own, without the file's header.
    count = struct.unpack_from(">H", page, offset + 3)[0]
    head = 8 if page[offset] == 13 else 12
    leaf = bytearray(page)
    leaf[0 : head + 2 * count] = page[offset : offset + head + 2 * count]
    data += leaf
    child = pages + 1

    def interior(child, offset):
        made = bytearray(size)
        cells = size
        for key in range(width):
            cells -= 5
            made[cells : cells + 5] = struct.pack(">IB", child, key + 1)
            struct.pack_into(">H", made, offset + 12 + 2 * key, cells)
        struct.pack_into(">BHHHBI", made, offset, 5, 0, width, cells, 0, child)
        return made

    for _ in range(levels - 1):
        data += interior(child, 0)
        child += 1
    top = interior(child, offset)
    top[:offset] = data[start : start + offset]
    data[start : start + size] = top
    struct.pack_into(">I", data, 28, len(data) // size)
    data[92:96] = data[24:28]
    path.write_bytes(data)
    return path
