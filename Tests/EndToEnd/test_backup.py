"""Backup while commands flow, and restore."""

import sqlite3

import pytest

import store
from daybook_tool import Tool
from load import Load
from services import wait_until


def test_I8_a_backup_during_load_is_a_prefix_of_the_log_and_a_restored_system_goes_on(start_daybook):
    daybook = start_daybook()
    tool = Tool(daybook)
    backups = []
    with Load(daybook) as load:
        for number in range(3):
            load.wait_for("acknowledged", 200)
            (report,) = tool.json("backup", f"backup-{number}.db")
            backups.append(report)
        load.wait_for("acknowledged", 100)
    load.check()
    assert all(outcome.kind == "acknowledged" for outcome in load.outcomes), "a backup disturbed the commands"
    log_id, records = store.read(daybook.database)
    for report in backups:
        copy_id, copied = store.read(daybook.directory / report["file"])
        assert (copy_id, copied) == (log_id, records[: report["position"]])
        assert report["hash"] == copied[-1].hash.hex()
        assert tool.verify(daybook.directory / report["file"])[0] == 0

    # Elsewhere, a restored log serves and its chain goes on.
    other = start_daybook(start=False)
    source = daybook.directory / backups[1]["file"]
    (report,) = Tool(other).json("restore", source)
    assert (report["position"], report["hash"]) == (backups[1]["position"], backups[1]["hash"])
    other.start()
    head = backups[1]["position"]
    assert other.gateway.deposit("load-0", 1).position == head + 1
    other.wait_until_caught_up()
    new_id, new = store.read(other.database)
    assert new_id == log_id and new[:head] == records[:head]
    store.check_chain(new_id, new)
    assert Tool(other).verify(None, "--pinned", f"{head}:{backups[1]['hash']}")[0] == 0


def test_restore_to_a_position_leaves_out_what_came_later(start_daybook):
    daybook = start_daybook(COMMAND_SNAPSHOT_EVENTS="3")
    tool = Tool(daybook)
    daybook.gateway.open("a", 0)
    for number in range(1, 13):
        answer = daybook.gateway.post("a", {"type": "Deposit", "amount": 1}, headers={"Idempotency-Key": f"k{number}"})
        assert answer.status == 200
    wait_until(lambda: daybook.event_log.figures()["snapshots"] >= 4, "snapshots are kept")
    assert tool.run("backup", "b.db").returncode == 0
    other = start_daybook(start=False)
    (report,) = Tool(other).json("restore", daybook.directory / "b.db", "--to-position", 8)
    assert report["position"] == 8
    other.start()
    assert other.gateway.account("a")["version"] == 8
    # A key that was used within the position is used; one beyond it never was.
    used = other.gateway.post("a", {"type": "Deposit", "amount": 1}, headers={"Idempotency-Key": "k7"})
    assert (used.status, used.headers["Idempotent-Replayed"], used.json["version"]) == (200, "true", 8)
    fresh = other.gateway.post("a", {"type": "Deposit", "amount": 1}, headers={"Idempotency-Key": "k8"})
    assert (fresh.status, fresh.headers["Idempotent-Replayed"], fresh.json["version"]) == (200, None, 9)


@pytest.mark.parametrize("damage", ["UPDATE events SET data = '{\"amount\":\"9.00\"}' WHERE position = 2", None])
def test_restore_refuses_a_backup_that_is_not_in_order_and_a_place_that_is_taken(start_daybook, damage):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    daybook.gateway.deposit("a", 1)
    tool = Tool(daybook)
    assert tool.run("backup", "b.db").returncode == 0
    if damage:
        with sqlite3.connect(daybook.directory / "b.db") as database:
            database.execute(damage)
        other = start_daybook(start=False)
        result = Tool(other).run("restore", daybook.directory / "b.db")
        assert result.returncode == 1 and "position 2" in result.stderr, result
        assert not store.exists(other.database)
    else:
        for result in (tool.run("restore", "b.db"), tool.run("backup", "b.db")):
            assert result.returncode == 1 and "is there already" in result.stderr, result
        assert daybook.gateway.deposit("a", 1).status == 200
