"""Appends over several streams in the log's file: `verify`, copies and openings take them whole or not at all."""

import json
import shutil
import sqlite3

import pytest

import store
from commands import transfer
from daybook_tool import Tool
from services import wait_until

# Positions at which an append of the log below is not over.
INSIDE = (3, 6)


@pytest.fixture(scope="module")
def written(module_services):
    """A log with two transfers, at positions 3 and 4 and, under a key, 6 and 7; and the tool for it."""
    daybook = module_services()
    gateway = daybook.gateway
    gateway.open("a", "100.00")
    gateway.open("b", "100.00")
    assert gateway.post("a", transfer("b", "1.00")).status == 200
    assert gateway.deposit("b", "5.00").status == 200
    assert gateway.post("b", transfer("a", "2.00"), headers={"Idempotency-Key": "key"}).status == 200
    assert gateway.deposit("a", "7.00").status == 200
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


def rewrite(path, change):
    """Writes the whole chain anew with what `change` makes of each record, as somebody could who forges a log."""
    log_id, records = store.read(path)
    previous = None
    with sqlite3.connect(path) as database:
        for record in records:
            altered = change(record)
            digest = store.hash_of(altered, previous or store.hashlib.sha256(log_id).digest(), log_id)
            database.execute(
                "UPDATE events SET continues = ?, recorded_at = ?, hash = ? WHERE position = ?",
                (altered.continues, altered.recorded_at, digest, altered.position),
            )
            previous = digest
        database.execute("DELETE FROM snapshots")
    store.check_chain(*store.read(path))


def test_a_log_with_appends_over_several_accounts_is_in_order(written):
    daybook, tool = written
    log_id, records = store.read(daybook.database)
    store.check_chain(log_id, records)
    assert [record.position for record in records if record.continues] == list(INSIDE)
    for position in INSIDE:
        assert records[position - 1].recorded_at == records[position].recorded_at
    code, found = tool.verify()
    assert (code, found["ok"], found["position"], found["keys"]) == (0, True, 8, 1)
    (kept,) = store.keys(daybook.database)
    assert (json.loads(kept.streams), json.loads(kept.stream_versions)) == (["account/b", "account/a"], [4, 3])


@pytest.mark.parametrize(
    "statement, position, word",
    [
        ("UPDATE events SET continues = 0 WHERE position = 3", 3, "hash"),
        ("UPDATE events SET continues = 1 WHERE position = 5", 5, "hash"),
        ("UPDATE events SET continues = 2 WHERE position = 5", 5, "not 0 or 1"),
        ("UPDATE command_keys SET position = 6", 6, "inside an append"),
        ("""UPDATE command_keys SET streams = '["account/b","account/c"]'""", 7, "account/c"),
        ("UPDATE command_keys SET stream_versions = '[4,2]'", 7, "version 2 of account/a"),
        ("""UPDATE command_keys SET streams = '["account/a","account/b"]'""", None, "streams"),
        ("""UPDATE command_keys SET streams = '["account/b"]'""", None, "streams"),
    ],
)
def test_I10_what_is_altered_of_an_append_is_found_and_named(copy, statement, position, word):
    path, tool = copy
    alter(path, statement)
    code, found = tool.verify(path)
    assert (code, found["ok"]) == (1, False)
    assert word in found["reason"], found
    named = found["position"] or ("position " in found["reason"] and int(found["reason"].split("position ")[1].split()[0]))
    assert named == (position or False), found


@pytest.mark.parametrize(
    "change, position, word",
    [
        (lambda record: record._replace(continues=int(record.position in (*INSIDE, 8))), 8, "cut off"),
        (
            lambda record: record._replace(recorded_at=record.recorded_at + (record.position > 3)),
            4,
            "another time",
        ),
    ],
)
def test_I10_a_chain_rewritten_with_appends_that_cannot_be_is_found(copy, change, position, word):
    path, tool = copy
    rewrite(path, change)
    code, found = tool.verify(path)
    assert (code, found["position"]) == (1, position), found
    assert word in found["reason"]


@pytest.mark.parametrize("position", INSIDE)
def test_a_log_that_ends_inside_an_append_is_refused_by_everybody(copy, start_daybook, position):
    path, tool = copy
    alter(path, f"DELETE FROM events WHERE position > {position}", f"DELETE FROM command_keys WHERE position > {position}")
    code, found = tool.verify(path)
    assert (code, found["position"]) == (1, position), found
    assert "cut off" in found["reason"]
    other = start_daybook(start=False)
    for command in (("restore", path), ("backup", "b.db", "--event-store", f"sqlite:{path}")):
        result = Tool(other).run(*command)
        assert result.returncode == 1 and f"position {position}" in result.stderr and "cut off" in result.stderr, result
        assert len(result.stderr.splitlines()) == 1, result
        assert not store.exists(other.database) and not (other.directory / "b.db").exists()
    # The log itself does not open it either.
    own = other.directory / "own.db"
    shutil.copy(path, own)
    own_log = other.event_log
    own_log.settings = other.settings | {"EVENT_STORE": f"sqlite:{own}"}
    own_log.start(wait=False)
    wait_until(lambda: not own_log.is_running, "the log ends")
    assert f"position {position}" in own_log.output and "cut off" in own_log.output
    # Up to where an append ended it is a log.
    assert Tool(other).run("restore", path, "--to-position", position - 1).returncode == 0
    assert Tool(other).verify()[0] == 0


@pytest.mark.parametrize("position", [*INSIDE, 2, 4, 5, 7, 8])
def test_copies_end_where_an_append_ends(written, tmp_path, start_daybook, position):
    daybook, tool = written
    assert tool.run("backup", tmp_path / "whole.db").returncode == 0
    other = start_daybook(start=False)
    backup = tmp_path / "cut.db"
    for result in (
        tool.run("backup", backup, "--to-position", position, "--json"),
        Tool(other).run("restore", tmp_path / "whole.db", "--to-position", position, "--json"),
    ):
        if position in INSIDE:
            assert result.returncode == 1, result
            assert f"position {position - 1} or position {position + 1}" in result.stderr, result
            assert len(result.stderr.splitlines()) == 1, result
        else:
            assert result.returncode == 0 and json.loads(result.stdout)["position"] == position, result
    assert backup.exists() == store.exists(other.database) == (position not in INSIDE)
    if backup.exists():
        _, records = store.read(daybook.database)
        assert store.read(backup)[1] == store.read(other.database)[1] == records[:position]
        for path in (backup, None):
            assert Tool(other).verify(path)[0] == 0


def test_a_position_beyond_the_end_is_refused(written, tmp_path):
    _, tool = written
    result = tool.run("backup", tmp_path / "b.db", "--to-position", 9)
    assert result.returncode == 64 and "9" in result.stderr and "position 8" in result.stderr, result
    assert not (tmp_path / "b.db").exists()


def test_a_restored_log_goes_on_and_its_keys_tell_of_all_accounts(written, start_daybook, tmp_path):
    daybook, tool = written
    assert tool.run("backup", tmp_path / "b.db", "--to-position", 7).returncode == 0
    other = start_daybook(start=False)
    assert Tool(other).run("restore", tmp_path / "b.db").returncode == 0
    other.start()
    again = other.gateway.post("b", transfer("a", "2.00"), headers={"Idempotency-Key": "key"})
    assert (again.status, again.headers["Idempotent-Replayed"], again.json["version"]) == (200, "true", 4)
    assert other.gateway.post("a", transfer("b", "3.00")).position == 9
    (head,) = Tool(other).json("verify")
    assert head["position"] == 9
    exported = Tool(other).json("export")
    assert [event["position"] for event in exported] == [str(position) for position in range(1, 10)]
    assert [int(event["position"]) for event in exported if event.get("continues")] == [*INSIDE, 8]
