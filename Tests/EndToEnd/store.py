"""The store in which an event log keeps its records, as anybody could read and change it: a file or a database.

`place` is a log's: the path of an SQLite file, or a `postgresql.Database`; `daybook.database` is one or the other.
"""

import hashlib
import shutil
import sqlite3
import struct
from collections import namedtuple
from contextlib import closing, contextmanager
from pathlib import Path

import postgresql

Record = namedtuple(
    "Record", "position category stream version type schema_version recorded_at id hash metadata data continues"
)
# What a command led to that had a key; `streams` is None if there was one only.
Kept = namedtuple("Kept", "stream key fingerprint outcome position recorded_at streams stream_versions")
Snapshot = namedtuple("Snapshot", "stream version fingerprint last_event created_at updated_at state")

_SIDE_FILES = ("-wal", "-shm", "-journal")


def add_marker(config):
    config.addinivalue_line("markers", "sqlite_only(reason): is about the file of SQLite's store, and no other store has it")


def skip_what_is_sqlite_only(items):
    import pytest

    for item in items if postgresql.IS_USED else ():
        if marker := item.get_closest_marker("sqlite_only"):
            item.add_marker(pytest.mark.skip(reason=f"not with PostgreSQL: {marker.args[0]}"))


def is_database(place):
    """Whether it is PostgreSQL's."""
    return isinstance(place, postgresql.Database)


def address(place):
    """The value of EVENT_STORE."""
    return place.url if is_database(place) else f"sqlite:{place}"


# ---- reading


def read(place):
    """The id of the log, and all its records in the order of their positions."""
    return _read_database(place) if is_database(place) else _read_file(place)


def _read_file(path):
    with closing(_open_file(path)) as database:
        # As they are stored, byte for byte.
        database.text_factory = bytes
        ((log_id,),) = database.execute("SELECT id FROM log")
        # A file of an earlier version has single events only.
        columns = {name for (name,) in database.execute("SELECT CAST(name AS TEXT) FROM pragma_table_info('events')")}
        rows = database.execute(
            "SELECT position, category, stream, version, type, schema_version, recorded_at, id, hash, metadata, data,"
            f" {'continues' if b'continues' in columns else 0} FROM events ORDER BY position"
        )
        return log_id, [Record(*row) for row in rows]


def _open_file(path):
    # Read-only: a test must not change what it looks at, nor be in the way of the service that writes.
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def _microseconds(column):
    return f"(extract(epoch FROM {column}) * 1000000)::bigint"


_TIMESTAMP = "timestamptz 'epoch' + %s * interval '24 hours' + %s * interval '1 microsecond'"


def _days_and_rest(microseconds):
    """The values of `_TIMESTAMP`: PostgreSQL multiplies intervals as floating-point numbers, so both must be small."""
    return divmod(microseconds, 86_400_000_000)


def _category_and_stream(column):
    return f"convert_to(split_part({column}, '/', 1), 'UTF8'), convert_to(substr({column}, strpos({column}, '/') + 1), 'UTF8')"


def _read_database(database):
    with database.connect() as connection, connection.transaction():
        # Both of one moment.
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        ((log_id,),) = connection.execute("SELECT uuid_send(id) FROM daybook.log").fetchall()
        rows = connection.execute(
            f"SELECT position, {_category_and_stream('stream')}, stream_version, convert_to(type, 'UTF8'), schema_version,"
            f" {_microseconds('recorded_at')}, uuid_send(id), hash, metadata, data, continues::int"
            " FROM daybook.records ORDER BY position"
        ).fetchall()
        return log_id, [Record(*row) for row in rows]


def log_id(place):
    if is_database(place):
        return place.run("SELECT uuid_send(id) FROM daybook.log")[0][0]
    with closing(_open_file(place)) as database:
        return database.execute("SELECT id FROM log").fetchone()[0]


def keys(place, stream=None):
    """What is kept under keys, of all streams or one, such as `account/a`, in the order in which it came."""
    if is_database(place):
        rows = place.run(
            "SELECT coalesce(streams::json ->> 0, stream), command_key, fingerprint, outcome, position,"
            f" {_microseconds('recorded_at')}, streams, coalesce(stream_versions, '[' || stream_version || ']')"
            " FROM daybook.records WHERE command_key IS NOT NULL"
            f" UNION ALL SELECT stream, command_key, fingerprint, outcome, position, {_microseconds('recorded_at')},"
            " streams, stream_versions FROM daybook.refusals ORDER BY 6, 5"
        )
    else:
        with closing(_open_file(place)) as database:
            rows = database.execute(
                "SELECT category || '/' || stream, key, fingerprint, outcome, position, recorded_at, streams,"
                " stream_versions FROM command_keys ORDER BY recorded_at, position"
            ).fetchall()
    return [kept for kept in (Kept(*row) for row in rows) if stream in (None, kept.stream)]


def snapshots(place):
    """The snapshots of accounts, by account and version: a look that changes nothing."""
    if is_database(place):
        rows = place.run(
            "SELECT substr(stream, 9), version, fingerprint, uuid_send(last_event),"
            f" {_microseconds('created_at')}, {_microseconds('updated_at')}, state FROM daybook.snapshots"
            " WHERE stream LIKE 'account/%%'"
        )
    else:
        with closing(_open_file(place)) as database:
            rows = database.execute(f"SELECT {', '.join(Snapshot._fields)} FROM snapshots WHERE category = 'account'").fetchall()
    return {(row[0], row[1]): Snapshot(*row) for row in rows}


# ---- changing by hand, while no log has it open


def change_event(place, position, **columns):
    """Changes what is stored of an event; `version`, `recorded_at` in microseconds and so on are those of `Record`."""
    assert columns
    if not is_database(place):
        with closing(sqlite3.connect(place)) as database, database:
            columns = {name: _as_text(name, value) for name, value in columns.items()}
            changes = ", ".join(f"{name} = ?" for name in columns)
            statement = f"UPDATE events SET {changes} WHERE position = ?"
            assert database.execute(statement, [*columns.values(), position]).rowcount == 1
        return
    changes, values = [], []
    for name, value in columns.items():
        expression, parts = "%s", [value]
        if name == "recorded_at":
            expression, parts = _TIMESTAMP, _days_and_rest(value)
        elif name in ("data", "metadata") and isinstance(value, str):
            parts = [value.encode()]
        elif name == "continues":
            parts = [bool(value)]
        elif name == "category":
            name, expression = "stream", "%s || substr(stream, strpos(stream, '/'))"
        elif name == "stream":
            expression = "split_part(stream, '/', 1) || '/' || %s"
        changes.append(f"{'stream_version' if name == 'version' else name} = {expression}")
        values += parts
    with place.connect() as connection:
        statement = f"UPDATE daybook.records SET {', '.join(changes)} WHERE position = %s"
        assert connection.execute(statement, [*values, position]).rowcount == 1


def _as_text(name, value):
    return value.decode() if name in ("data", "metadata") and isinstance(value, bytes) else value


def change_snapshots(place, account, change):
    """Puts what `change` makes of each snapshot of an account in its place; None: it goes."""
    found = [snapshot for (stream, _), snapshot in sorted(snapshots(place).items()) if stream == account]
    assert found, f"no snapshot of {account}"
    changed = [new for new in map(change, found) if new]
    if is_database(place):
        insert = (
            "INSERT INTO daybook.snapshots (stream, version, fingerprint, last_event, created_at, updated_at, state)"
            f" VALUES ('account/' || %s::text, %s, %s, encode(%s, 'hex')::uuid, {_TIMESTAMP}, {_TIMESTAMP}, %s)"
        )
        with place.connect() as connection, connection.transaction():
            connection.execute("DELETE FROM daybook.snapshots WHERE stream = 'account/' || %s::text", [account])
            for snapshot in changed:
                times = (*_days_and_rest(snapshot.created_at), *_days_and_rest(snapshot.updated_at))
                connection.execute(insert, [*snapshot[:4], *times, snapshot.state])
        return
    with closing(sqlite3.connect(place)) as database, database:
        database.execute("DELETE FROM snapshots WHERE category = 'account' AND stream = ?", [account])
        insert = f"INSERT INTO snapshots (category, {', '.join(Snapshot._fields)}) VALUES ('account', ?, ?, ?, ?, ?, ?, ?)"
        database.executemany(insert, changed)


# ---- the whole


def exists(place):
    """Whether anything of a log is there."""
    if is_database(place):
        return place.exists() and not place.is_empty()
    return any(place.parent.glob(f"{place.name}*"))


def save(place):
    """A copy as it is, for `put_back`."""
    if is_database(place):
        return place.copy()
    for file, kept in zip(_files(place), _files(place, ".old"), strict=True):
        kept.unlink(missing_ok=True)
        if file.exists():
            shutil.copy(file, kept)
    return None


def put_back(place, saved):
    """Puts what `save` gave in its place."""
    if is_database(place):
        place.replace_by(saved)
        return
    for file, kept in zip(_files(place), _files(place, ".old"), strict=True):
        file.unlink(missing_ok=True)
        if kept.exists():
            shutil.copy(kept, file)


def erase(place):
    """Makes it a place where no log was ever."""
    if is_database(place):
        place.erase()
        return
    # The lock file too: it shows that there was a log.
    for file in [*_files(place), _beside(place, ".lock")]:
        file.unlink(missing_ok=True)


def _beside(path, suffix):
    return path.with_name(path.name + suffix)


def _files(path, suffix=""):
    """The files in which the log is kept, or where a copy of them is."""
    return [_beside(Path(path), part + suffix) for part in ("", *_SIDE_FILES)]


@contextmanager
def write_lock(place):
    """Another program keeps the log from writing; gives what ends that before the end of the block."""
    if is_database(place):
        with place.connect() as connection:
            connection.execute("BEGIN")
            connection.execute("SELECT FROM daybook.writer FOR UPDATE")
            yield lambda: connection.execute("ROLLBACK")
        return
    connection = sqlite3.connect(place, isolation_level=None, timeout=30, check_same_thread=False)
    with closing(connection):
        connection.execute("BEGIN IMMEDIATE")
        yield lambda: connection.execute("ROLLBACK")


# ---- the chain


def hash_of(record, previous, log_id):
    """The hash of a record by contract/event-stream.md."""
    header = struct.pack(
        ">4sBBH16sQQQ16s", b"DBK1", 1, 1 if record.continues else 0, record.schema_version, log_id, record.position, record.version,
        record.recorded_at, record.id,
    )  # fmt: skip
    assert len(header) == 64
    topic = b"%s/%s/%s/" % (record.category, record.type, record.stream)
    digest = hashlib.sha256(previous + header)
    for part in (topic, record.metadata, record.data):
        digest.update(struct.pack(">I", len(part)) + part)
    return digest.digest()


def check_chain(log_id, records):
    """Gives the hash at the head; fails at the first record whose hash does not follow."""
    previous = hashlib.sha256(log_id).digest()
    for record in records:
        assert record.hash == hash_of(record, previous, log_id), f"the chain breaks at position {record.position}"
        previous = record.hash
    return previous


def check_order(records):
    """Positions and versions have neither gaps nor repeats, and time never goes back."""
    assert [record.position for record in records] == list(range(1, len(records) + 1))
    versions = {}
    for record in records:
        stream = (record.category, record.stream)
        assert record.version == versions.get(stream, 0) + 1, record
        versions[stream] = record.version
    times = [record.recorded_at for record in records]
    assert times == sorted(times)
    assert len({record.id for record in records}) == len(records)
    assert not records or not records[-1].continues, "the log ends amid an append"
