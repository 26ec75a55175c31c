"""A disk that is full, fails, lies, tears pages and loses power: nothing acknowledged is lost, nothing false is told."""

import os
import random
import shutil
import subprocess

import pytest

import store
from disk import FaultyDisk
from load import Load
from services import wait_until


@pytest.fixture
def start(make_daybook):
    """Starts services whose event log stands on a faulty disk."""

    def begin(**settings):
        daybook = make_daybook(**settings)
        daybook.database.parent.mkdir()
        disk = FaultyDisk(daybook.event_log, daybook.database.parent)
        daybook.start()
        return daybook, disk

    return begin


def check_everything(daybook, load):
    """What was acknowledged is there, exactly once, and the file is whole."""
    daybook.wait_until_caught_up()
    load.check()
    log_id, records = store.read(daybook.database)
    store.check_order(records)
    store.check_chain(log_id, records)


# ---- I1, I8: loss of power


@pytest.mark.parametrize("seed", [None, 1, 2, 3, 4])
def test_I1_a_loss_of_power_takes_nothing_that_was_acknowledged(start, seed):
    daybook, disk = start()
    with Load(daybook) as load:
        for _ in range(3):
            load.wait_for("acknowledged", 60)
            daybook.event_log.kill()
            disk.lose_power(None if seed is None else random.Random(seed))
            daybook.event_log.start()
        load.wait_for("acknowledged", 60)
    check_everything(daybook, load)


def test_I1_the_loss_of_power_would_show_an_acknowledgement_before_the_flush(start):
    """The bench has teeth: a flush that only says that it was done loses what was acknowledged, and it is noticed."""
    daybook, disk = start()
    with Load(daybook, threads=2) as load:
        load.wait_for("acknowledged", 20)
        disk.fail("flush", "lie")
        load.wait_for("acknowledged", 50)
        daybook.event_log.kill()
        assert disk.lose_power() > 0
        disk.heal()
        daybook.event_log.start()
        load.wait_for("acknowledged", 5)
    with pytest.raises(AssertionError, match="lost, though it was acknowledged|version is missing|recorded"):
        load.check()


# ---- I1: writes and flushes that fail


@pytest.mark.parametrize("call, fault, nth", [
    ("flush", "EIO", 1), ("flush", "EIO", 7), ("write", "EIO", 1), ("write", "EIO", 12), ("write", "ENOSPC", 5),
    ("write", "short", 3),
])  # fmt: skip
def test_I1_after_a_write_or_flush_that_fails_the_log_stops_with_a_clear_line(start, call, fault, nth):
    daybook, disk = start()
    with Load(daybook) as load:
        load.wait_for("acknowledged", 30)
        disk.fail(call, fault, nth)
        if fault == "short":
            # SQLite writes the rest in a further call; where that is short too, it writes on.
            load.wait_for("acknowledged", 30)
            disk.heal()
            assert daybook.event_log.is_running
        else:
            assert daybook.event_log.wait_for_end(20) == 1, "a log that cannot write must not go on"
            last = daybook.event_log.output.strip().splitlines()[-1]
            assert "cannot" in last and "append" in last and ("I/O" in last or "full" in last), last
            counted = load.counted()
            load.wait_for("nothing recorded", 8)
            assert load.counted()["acknowledged"] - counted["acknowledged"] <= 8, "told as done by a log that is gone"
            disk.heal()
            daybook.event_log.start()
        load.wait_for("acknowledged", 30)
    check_everything(daybook, load)


def test_I1_a_disk_that_goes_on_failing_is_told_at_every_start_and_forgotten_once_it_is_well(start):
    daybook, disk = start()
    daybook.gateway.open("a", 1)
    disk.fail("flush", "EIO")
    assert daybook.gateway.deposit("a", 1).status in (503, 504)
    assert daybook.event_log.wait_for_end(10) == 1
    # Whether it needs a flush to start, or finds out with the first command, it must not serve.
    daybook.event_log.start(wait=False)

    def has_ended():
        if daybook.event_log.is_running:
            assert daybook.gateway.deposit("a", 1).status in (503, 504), "told as done, with a disk that fails"
        return not daybook.event_log.is_running

    wait_until(has_ended, "the log stops again")
    assert daybook.event_log.process.returncode == 1
    disk.heal()
    daybook.event_log.start()
    wait_until(lambda: daybook.gateway.deposit("a", 1).status == 200, "commands flow again")


# ---- I1: a full file system


@pytest.fixture
def small_file_system(tmp_path):
    """A file system of 3 MiB; fails where this user may not mount."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root; ENOSPC is shown above without it")
def test_I1_a_full_file_system_stops_the_log_and_loses_nothing(make_daybook, small_file_system):
    path = small_file_system / "log" / "daybook.db"
    daybook = make_daybook(EVENT_STORE=f"sqlite:{path}")
    daybook.database = path
    daybook.start()
    ballast = small_file_system / "ballast"
    ballast.write_bytes(bytes(1 << 20))
    with Load(daybook) as load:
        assert daybook.event_log.wait_for_end(60) == 1
        assert "full" in daybook.event_log.output.splitlines()[-1]
        load.wait_for("nothing recorded", 8)
        ballast.unlink()
        daybook.event_log.start()
        load.wait_for("acknowledged", 30)
        daybook.event_log.kill()
        daybook.event_log.start()
        load.wait_for("acknowledged", 10)
    check_everything(daybook, load)


# ---- I10: damage


def written_log(daybook):
    """Commands whose events stand in the write-ahead log, the event log then killed; gives the records."""
    daybook.start()
    daybook.gateway.open("a", 0)
    for cents in range(1, 60):
        assert daybook.gateway.deposit("a", f"0.{cents:02}").status == 200
    daybook.event_log.kill()
    copy = daybook.directory / "copy"
    shutil.copytree(daybook.database.parent, copy, ignore=lambda folder, names: [n for n in names if n == "query"])
    _, records = store.read(copy / "daybook.db")
    assert len(records) == 60
    return records


def test_I10_a_torn_last_page_of_the_write_ahead_log_is_as_if_it_had_never_been_written(make_daybook):
    daybook = make_daybook()
    records = written_log(daybook)
    log = daybook.database.with_name("daybook.db-wal")
    size = log.stat().st_size
    os.truncate(log, size - 2000)
    daybook.event_log.start()
    daybook.wait_until_caught_up()
    _, after = store.read(daybook.database)
    # The last commit was torn, and with it went its event; a real disk tears only what was never flushed.
    assert after == records[: len(after)] and len(records) - 2 <= len(after) < len(records)
    # The gateway had told of more, and finds out when it asks the log again.
    def shown():
        answer = daybook.gateway.get("/accounts/a")
        return answer.status == 200 and answer.json["version"]

    wait_until(lambda: shown() == len(after), "gateway and queries notice")
    assert daybook.gateway.deposit("a", 1).json["version"] == len(after) + 1


def test_I10_garbage_after_the_last_commit_is_passed_over(make_daybook):
    daybook = make_daybook()
    records = written_log(daybook)
    with open(daybook.database.with_name("daybook.db-wal"), "ab") as log:
        log.write(random.Random(7).randbytes(3 * 4120))
    daybook.event_log.start()
    _, after = store.read(daybook.database)
    assert after == records


def flip(path, content, where):
    data = bytearray(path.read_bytes())
    at = where(bytes(data), content)
    assert at >= 0, "the bytes to damage are not in the file"
    data[at] ^= 0x01
    path.write_bytes(data)


def checkpointed_log(daybook):
    records = written_log(daybook)
    # Opened and closed in order, the file holds everything and the write-ahead log nothing.
    daybook.event_log.start()
    assert daybook.event_log.stop() == 0
    assert not daybook.database.with_name("daybook.db-wal").exists()
    return records


def test_I10_a_flipped_bit_in_the_last_record_is_found_at_the_start(make_daybook):
    daybook = make_daybook()
    checkpointed_log(daybook)
    flip(daybook.database, b'{"amount":"0.59"}', lambda data, content: data.rfind(content) + 12)
    daybook.event_log.start(wait=False)
    assert daybook.event_log.wait_for_end(20) == 1
    last = daybook.event_log.output.strip().splitlines()[-1]
    assert "position 60 is damaged" in last and "hash" in last and "restore a backup" in last, last


def test_I10_a_flipped_bit_in_the_middle_is_never_served_by_a_query_service_that_reads_the_log(make_daybook):
    daybook = make_daybook()
    checkpointed_log(daybook)
    flip(daybook.database, b'{"amount":"0.30"}', lambda data, content: data.find(content) + 12)
    daybook.query.kill()
    for path in (daybook.directory / "data" / "query").glob("*"):
        path.unlink()
    daybook.event_log.start()
    daybook.query.start(wait=False)
    wait_until(lambda: "chain of hashes" in daybook.query.output, "the query service names the damage", 30)
    assert "position 31 does not continue the chain" in daybook.query.output
    assert daybook.query.health("/readyz") == 503
    answer = daybook.queries.get("/accounts/a?wait=100ms")
    assert answer.status == 503, f"served from a damaged history: {answer}"


def test_I10_a_page_that_was_wiped_is_never_taken_for_history(make_daybook):
    daybook = make_daybook(QUERY_HISTORY_EVENTS="5")
    records = checkpointed_log(daybook)
    data = bytearray(daybook.database.read_bytes())
    at = data.find(b'{"amount":"0.30"}')
    page = at - at % 4096
    data[page : page + 4096] = bytes(4096)
    daybook.database.write_bytes(data)
    daybook.event_log.start(wait=False)
    wait_until(
        lambda: not daybook.event_log.is_running or daybook.event_log.health("/readyz") == 200,
        "the log starts, or says why it does not",
    )
    if not daybook.event_log.is_running:
        assert daybook.event_log.process.returncode == 1
        assert "damaged" in daybook.event_log.output.splitlines()[-1]
        return
    daybook.wait_until_caught_up()
    # Once the query service is connected again the log either gives the page or says that it cannot be read.
    wait_until(
        lambda: daybook.queries.get("/accounts/a/events?limit=5").status == 200
        or "a read failed" in daybook.event_log.output,
        "the oldest events are read, or the damage is told",
    )
    answer = daybook.queries.get("/accounts/a/events?limit=5")
    if answer.status == 200:
        shown = [(event["position"], event["id"].replace("-", "")) for event in answer.json]
        assert shown == [(record.position, record.id.hex()) for record in records[:5]]
    else:
        told = daybook.event_log.output
        assert answer.status == 503 and ("damaged" in told or "malformed" in told)
