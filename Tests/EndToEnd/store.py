"""Reads the file in which the event log keeps its records, as anybody could, and checks it against the contract."""

import hashlib
import sqlite3
import struct
from collections import namedtuple

Record = namedtuple(
    "Record", "position category stream version type schema_version recorded_at id hash metadata data continues"
)


def read(path):
    """The id of the log, and all its records in the order of their positions."""
    # Read-only: a test must not change what it looks at, nor be in the way of the service that writes.
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
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
    finally:
        database.close()


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
