"""I10: whatever is altered in the log's file by hand, `daybook verify` finds it and names it."""

import sqlite3

import pytest

import secured
import store
from daybook_tool import Tool
from services import wait_until


@pytest.fixture(scope="module")
def written(module_services):
    """A log with some accounts, keys and snapshots, and the tool for it."""
    daybook = module_services(COMMAND_SNAPSHOT_EVENTS="4")
    for number in range(4):
        daybook.gateway.open(f"acc-{number}", "10.00")
        for cents in range(1, 8):
            headers = {"Idempotency-Key": f"key-{cents}"}
            answer = daybook.gateway.post(f"acc-{number}", {"type": "Deposit", "amount": f"0.0{cents}"}, headers=headers)
            assert answer.status == 200
    refused = {"type": "Withdraw", "amount": 5000}
    assert daybook.gateway.post("acc-0", refused, headers={"Idempotency-Key": "refused"}).status == 400
    return daybook, Tool(daybook)


@pytest.fixture
def copy(written, tmp_path):
    """A copy of the log for a test to alter."""
    daybook, tool = written
    path = tmp_path / "copy.db"
    assert tool.run("backup", path).returncode == 0
    return path, tool


def alter(path, *statements):
    with sqlite3.connect(path) as database:
        for statement in statements:
            database.execute(statement)


def test_I10_a_log_that_nobody_altered_is_in_order_beside_the_running_services(written):
    daybook, tool = written
    wait_until(lambda: tool.verify()[1]["snapshots"] == 8, "all snapshots are kept")
    code, found = tool.verify()
    log_id, records = store.read(daybook.database)
    assert (code, found["ok"], found["position"]) == (0, True, 32)
    assert found["hash"] == records[-1].hash.hex()
    assert (found["streams"], found["keys"]) == (4, 29)
    head = tool.run("head")
    assert head.stdout == f"32:{records[-1].hash.hex()}\n"
    assert tool.run("verify", "--pinned", head.stdout.strip()).returncode == 0
    assert tool.run("verify", "--pinned", f"7:{records[6].hash.hex()}").returncode == 0


# The row with the link of position 12: links of some events share one, of those that were written together.
LINK_OF_12 = "position = (SELECT max(position) FROM stream_links WHERE position <= 12)"

# What is done to the file, the position that verify must name, and a word of its reason.
ALTERATIONS = {
    "an amount changed": (["UPDATE events SET data = '{\"amount\":\"9.03\"}' WHERE position = 12"], 12, "hash"),
    "a type changed": (["UPDATE events SET type = 'MoneyWithdrawn' WHERE position = 12"], 12, "hash"),
    "an event deleted": (["DELETE FROM events WHERE position = 12"], 12, "missing"),
    "two events swapped": (
        [
            "UPDATE events SET position = 1000 WHERE position = 12",
            "UPDATE events SET position = 12 WHERE position = 13",
            "UPDATE events SET position = 13 WHERE position = 1000",
        ],
        12,
        "",
    ),
    "an event inserted": (
        [
            "UPDATE events SET position = -position WHERE position > 12",
            "UPDATE events SET position = 1 - position WHERE position < 0",
            "INSERT INTO events SELECT 13, category, stream, 900, type, schema_version, recorded_at, id, hash, metadata,"
            " data, continues FROM events WHERE position = 12",
        ],
        13,
        "version",
    ),
    "a time changed": (["UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 12"], 12, ""),
    "a hash changed": (["UPDATE events SET hash = zeroblob(32) WHERE position = 12"], 12, "hash"),
    "a version changed": (["UPDATE events SET version = 77 WHERE position = 12"], 12, "version"),
    "a link of a stream changed": (
        [
            "UPDATE stream_links SET links = CAST(substr(links, 1, (12 - position) * 16) || zeroblob(15) || x'01'"
            f" || substr(links, (12 - position) * 16 + 17) AS BLOB) WHERE {LINK_OF_12}"
        ],
        12,
        "way back",
    ),
    "a link of a stream deleted": (
        [f"UPDATE stream_links SET links = substr(links, 1, (12 - position) * 16) WHERE {LINK_OF_12}"],
        12,
        "missing",
    ),
    "the log's id changed": (["UPDATE log SET id = zeroblob(16)"], 1, "hash"),
}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_I10_an_alteration_is_found_and_named(copy, name):
    path, tool = copy
    statements, position, word = ALTERATIONS[name]
    alter(path, *statements)
    code, found = tool.verify(path)
    assert (code, found["ok"]) == (1, False)
    named = found["position"] or int(found["reason"].split("position ")[1].split()[0])
    assert named == position, found
    assert word in found["reason"]


def test_I10_the_end_cut_off_is_found_by_the_pinned_head(copy):
    path, tool = copy
    pinned = tool.run("head").stdout.strip()
    alter(path, "DELETE FROM events WHERE position > 30", "DELETE FROM command_keys WHERE position > 30",
          "DELETE FROM snapshots WHERE version > 6")  # fmt: skip
    assert tool.verify(path)[0] == 0, "a log that ends earlier is a log"
    code, found = tool.verify(path, "--pinned", pinned)
    assert (code, found["position"]) == (1, 32), found


def test_I10_a_chain_rewritten_from_some_point_is_found_by_the_pinned_head(copy):
    path, tool = copy
    pinned = tool.run("head").stdout.strip()
    log_id, records = store.read(path)
    previous = records[10].hash
    with sqlite3.connect(path) as database:
        for record in records[11:]:
            if record.position == 12:
                record = record._replace(data=b'{"amount":"9.03"}')
            digest = store.hash_of(record, previous, log_id)
            database.execute(
                "UPDATE events SET data = ?, hash = ? WHERE position = ?", (record.data.decode(), digest, record.position)
            )
            previous = digest
        database.execute("DELETE FROM snapshots")
    store.check_chain(*store.read(path))
    assert tool.verify(path)[0] == 0, "a chain rewritten with care is whole"
    code, found = tool.verify(path, "--pinned", pinned)
    assert (code, found["position"]) == (1, 32), found
    assert "rewritten" in found["reason"]


# One of the keys, as the log has it.
KEY = f"x'{secured.stored_key(b'key-5').hex()}'"


@pytest.mark.parametrize(
    "word, statement",
    [
        ("key", "UPDATE command_keys SET stream_versions = '[99]' WHERE stream = 'acc-2'"),
        ("key", "UPDATE command_keys SET position = 3 WHERE stream = 'acc-2' AND key = " + KEY),
        ("key", "UPDATE command_keys SET fingerprint = x'00' WHERE stream = 'acc-2'"),
        (
            "snapshot",
            "UPDATE snapshots SET state = CAST(replace(CAST(state AS TEXT), '10.', '99.') AS BLOB)"
            " WHERE version = 4 AND stream = 'acc-1'",
        ),
        ("snapshot", "UPDATE snapshots SET version = 99 WHERE version = 4 AND stream = 'acc-1'"),
    ],
)
def test_I10_altered_keys_and_snapshots_are_found(copy, word, statement):
    path, tool = copy
    alter(path, statement)
    code, found = tool.verify(path)
    assert code == 1 and word in found["reason"], found


def test_a_flipped_bit_anywhere_in_the_file_is_found_or_changes_nothing(copy, tmp_path):
    path, tool = copy
    size = path.stat().st_size
    original = path.read_bytes()
    found = 0
    for offset in range(4096 + 7, size, size // 25):
        broken = bytearray(original)
        broken[offset] ^= 0x10
        damaged = tmp_path / "damaged.db"
        damaged.write_bytes(broken)
        result = tool.run("verify", "--event-store", f"sqlite:{damaged}")
        assert result.returncode in (0, 1), result
        if result.returncode == 1:
            found += 1
        else:
            assert store.read(damaged) == store.read(path), f"the bit at {offset} altered the log unseen"
    assert found > 0


def test_files_that_are_no_log(written, tmp_path):
    _, tool = written
    (tmp_path / "text").write_text("hello " * 1000)
    with sqlite3.connect(tmp_path / "other.db") as database:
        database.execute("CREATE TABLE t (x)")
    for name in ("missing.db", "text", "other.db"):
        result = tool.run("verify", "--event-store", f"sqlite:{tmp_path / name}")
        assert result.returncode == 1, result
        assert name in result.stderr and len(result.stderr.splitlines()) == 1, result
    assert not (tmp_path / "missing.db").exists(), "a look must not make a file"
