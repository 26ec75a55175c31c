"""A disk that is full, fails, lies, tears pages and loses power: nothing acknowledged is lost, nothing false told."""

import json
import os
import random
import shutil
import subprocess
from decimal import Decimal

import pytest

import store
from disk import FaultyDisk
from load import Load
from services import wait_until

pytestmark = pytest.mark.sqlite_only("it is about how SQLite's file is written; what a server does is in test_server_faults.py")


@pytest.fixture
def start(make_daybook):
    """Starts services whose event log stands on a faulty disk."""

    def begin(**settings):
        daybook = make_daybook(**settings)
        # The services' own folder: that of the database is made by the log, and could be lost with the power.
        disk = FaultyDisk(daybook.event_log, daybook.directory)
        daybook.start()
        return daybook, disk

    return begin


def check_file(daybook, load):
    """The file is whole, and every acknowledged deposit stands in it where its answer said."""
    log_id, records = store.read(daybook.database)
    store.check_order(records)
    store.check_chain(log_id, records)
    for outcome in load.outcomes:
        if outcome.kind != "acknowledged":
            continue
        position, version = outcome.answer.position, outcome.answer.json["version"]
        assert position <= len(records), f"lost, though it was acknowledged: {outcome}"
        record = records[position - 1]
        assert (record.stream.decode(), record.version) == (outcome.account, version), (record, outcome)
        assert Decimal(json.loads(record.data)["amount"]) == Decimal(outcome.cents).scaleb(-2), (record, outcome)


def check_everything(daybook, load):
    """The file is right, and so is what is told of it."""
    check_file(daybook, load)
    daybook.wait_until_caught_up()
    load.check()


def failures(service):
    """The lines with which the process has said why it ended: one each time."""
    return [line for line in service.output.splitlines() if line.startswith(f"{service.program}: ")]


def wait_until_started_or_ended(service):
    """Whether it runs."""
    wait_until(
        lambda: not service.is_running or service.health("/readyz") == 200,
        f"{service.program} starts, or says why it does not",
    )
    return service.is_running


def wait_until_obeyed(daybook, account, amount, key=None):
    """Sends a deposit, under a key, until it is obeyed."""
    answer = daybook.gateway.insist(account, {"type": "Deposit", "amount": amount}, key)
    assert answer.status == 200, answer
    return answer


def lose_power(disk, seed):
    return disk.lose_power(None if seed is None else random.Random(seed))


# ---- I1, I3, I8: loss of power


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_I1_I3_I8_a_loss_of_power_takes_nothing_that_was_acknowledged(start, seed):
    daybook, disk = start()
    with Load(daybook) as load:
        for _ in range(3):
            load.wait_for("acknowledged", 60)
            daybook.event_log.kill()
            lose_power(disk, seed)
            daybook.event_log.start()
        load.wait_for("acknowledged", 60)
    check_everything(daybook, load)


@pytest.mark.parametrize("call, nth, file, seed", [
    # Between the header and the page of a frame, in the middle of a batch, between writing and flushing it.
    ("write", 2, "-wal", 6), ("write", 11, "-wal", None), ("flush", 1, "-wal", 7), ("flush", 9, "-wal", None),
    # While SQLite copies the write-ahead log into the database, before and after it has flushed that, and while it
    # begins the write-ahead log anew over frames of before.
    ("write", 1, ".db", None), ("write", 9, ".db", 8), ("flush", 1, ".db", 9), ("flush", 2, ".db", None),
])  # fmt: skip
def test_I1_I3_I8_a_loss_of_power_at_the_worst_moment_takes_nothing_that_was_acknowledged(
    start, call, nth, file, seed
):
    daybook, disk = start()
    with Load(daybook) as load:
        load.wait_for("acknowledged", 20)
        disk.fail(call, "power", nth, file=file)
        assert daybook.event_log.wait_for_end() == -9
        lose_power(disk, seed)
        disk.heal()
        daybook.event_log.start()
        load.wait_for("acknowledged", 20)
    check_everything(daybook, load)


@pytest.mark.parametrize("seed", [None, 7])
def test_I8_a_loss_of_power_while_the_log_is_made_leaves_what_can_be_started(make_daybook, seed):
    daybook = make_daybook()
    log = daybook.event_log
    disk = FaultyDisk(log, daybook.directory)
    for nth in range(1, 100):
        disk.fail("write", "power", nth)
        log.start(wait=False)
        is_made = wait_until_started_or_ended(log)
        log.kill()
        lose_power(disk, seed)
        disk.heal()
        log.start()
        assert log.figures()["position"] == 0
        log.kill()
        lose_power(disk, seed)
        shutil.rmtree(daybook.database.parent)
        if is_made:
            assert nth > 5, "a log is made with more writes than that"
            return
    pytest.fail("the log makes more writes at its first start than were tried")


def test_I1_the_first_command_of_a_new_log_outlives_a_loss_of_power(start):
    daybook, disk = start()
    daybook.gateway.open("a", 1)
    daybook.event_log.kill()
    disk.lose_power()
    daybook.event_log.start()
    _, records = store.read(daybook.database)
    assert [record.stream for record in records] == [b"a"]


def test_I1_I2_what_a_killed_log_left_unflushed_is_durable_before_anybody_is_told_of_it(start):
    daybook, disk = start()
    daybook.gateway.open("a", 1)
    # Written, not flushed: the system still has it in memory when the log is started again, and so the log reads it.
    disk.fail("flush", "power", file="-wal")
    headers = {"Idempotency-Key": "payment-1"}
    answer = daybook.gateway.post("a", {"type": "Deposit", "amount": 1}, headers=headers)
    assert answer.status == 504, answer
    assert daybook.event_log.wait_for_end() == -9
    disk.heal()
    daybook.event_log.start()
    answer = wait_until_obeyed(daybook, "a", 1, headers["Idempotency-Key"])
    assert answer.json["version"] == 2
    daybook.event_log.kill()
    disk.lose_power()
    _, records = store.read(daybook.database)
    assert len(records) == 2, "lost with the power, though it was acknowledged"


def test_I1_the_bench_notices_an_acknowledgement_before_the_flush(start):
    """The bench has teeth: a flush that only says that it was done loses what was acknowledged, and that is seen."""
    daybook, disk = start()
    with Load(daybook, threads=2) as load:
        load.wait_for("acknowledged", 20)
        disk.fail("flush", "lie")
        load.wait_for("acknowledged", 50)
    daybook.event_log.kill()
    assert disk.lose_power() > 0
    disk.heal()
    with pytest.raises(AssertionError, match="lost, though it was acknowledged"):
        check_file(daybook, load)


# ---- I1: writes and flushes that fail


@pytest.mark.parametrize("call, fault, nth, times", [
    ("flush", "EIO", 1, 0), ("flush", "EIO", 7, 0), ("write", "EIO", 1, 0), ("write", "EIO", 12, 0),
    # The system reports a failed flush once and forgets what was to be flushed: who flushes again is told a lie.
    ("flush", "EIO", 2, 1), ("write", "EIO", 3, 1),
])  # fmt: skip
def test_I1_after_a_write_or_flush_that_fails_the_log_stops_with_a_clear_line(start, call, fault, nth, times):
    daybook, disk = start()
    with Load(daybook) as load:
        load.wait_for("acknowledged", 30)
        disk.fail(call, fault, nth, times=times)
        assert daybook.event_log.wait_for_end() == 1, "a log that cannot write must not go on"
        (line,) = failures(daybook.event_log)
        assert line.startswith("event-log-service: the event log stops: cannot append after position "), line
        assert "disk I/O error" in line, line
        load.wait_for("nothing recorded", 8)
        acknowledged = load.counted()["acknowledged"]
        load.wait_for("nothing recorded", 8)
        assert load.counted()["acknowledged"] == acknowledged, "told as done by a log that is gone"
        # What the failed flush should have made durable is gone for good.
        disk.lose_power()
        disk.heal()
        daybook.event_log.start()
        load.wait_for("acknowledged", 30)
    check_everything(daybook, load)


def test_I1_a_short_write_is_completed(start):
    daybook, disk = start()
    with Load(daybook) as load:
        load.wait_for("acknowledged", 30)
        # From the third on each: so is the one that writes the rest, and what is left after it.
        disk.fail("write", "short", 3)
        load.wait_for("acknowledged", 60)
        daybook.event_log.kill()
        disk.lose_power()
        disk.heal()
        daybook.event_log.start()
        load.wait_for("acknowledged", 30)
    check_everything(daybook, load)


def test_I1_a_database_that_cannot_be_flushed_stops_the_log(start):
    """The commits are flushed in the write-ahead log; what fails is to bring them into the database."""
    daybook, disk = start()
    with Load(daybook) as load:
        disk.fail("flush", "EIO", file=".db")
        assert daybook.event_log.wait_for_end() == 1
        (line,) = failures(daybook.event_log)
        assert "disk I/O error" in line, line
        disk.lose_power()
        disk.heal()
        daybook.event_log.start()
        load.wait_for("acknowledged", 30)
    check_everything(daybook, load)


@pytest.mark.parametrize("call", ["flush", "write"])
def test_I1_a_disk_that_goes_on_failing_is_told_at_every_start_and_forgotten_once_it_is_well(start, call):
    daybook, disk = start()
    daybook.gateway.open("a", 1)
    disk.fail(call, "EIO")
    assert daybook.gateway.deposit("a", 1).status in (503, 504)
    assert daybook.event_log.wait_for_end() == 1
    assert len(failures(daybook.event_log)) == 1, daybook.event_log.output
    # Whether it needs the disk to start, or finds out with the first command, it must not serve.
    daybook.event_log.start(wait=False)

    def has_ended():
        if daybook.event_log.is_running:
            assert daybook.gateway.deposit("a", 1).status in (503, 504), "told as done, with a disk that fails"
        return not daybook.event_log.is_running

    wait_until(has_ended, "the log stops again", 60)
    assert daybook.event_log.process.returncode == 1
    assert len(failures(daybook.event_log)) == 2, daybook.event_log.output
    disk.heal()
    daybook.event_log.start()
    wait_until_obeyed(daybook, "a", 1)


# ---- I1: a full file system


class SmallFileSystem:
    """A file system of 3 MiB, mounted in memory, of which something else takes a third until it is freed."""

    def __init__(self, place):
        self.place = place
        place.mkdir()
        mount = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place], capture_output=True, text=True
        )
        self.is_mounted = mount.returncode == 0
        self._ballast = place / "ballast"
        self._disk = None
        if self.is_mounted:
            self._ballast.write_bytes(bytes(1 << 20))

    def put_under(self, service):
        """Where this user may not mount, a disk that is full after some writes stands in."""
        if not self.is_mounted:
            self._disk = FaultyDisk(service, self.place)

    def fill(self):
        if self._disk:
            self._disk.fail("write", "ENOSPC", 100)

    def free(self):
        if self._disk:
            self._disk.heal()
        else:
            self._ballast.unlink()

    def close(self):
        if self.is_mounted:
            subprocess.run(["umount", "--lazy", self.place], check=True)


@pytest.fixture
def small_file_system(tmp_path):
    small = SmallFileSystem(tmp_path / "small")
    yield small
    small.close()


def check_told_once(log, acknowledged_again):
    """One warning, whatever was refused, and one line when it was over."""
    assert log.output.count("the store takes no writes") == 1, log.output
    assert log.output.count("the store takes writes again") == (1 if acknowledged_again else 0), log.output
    assert not failures(log), log.output


def test_I1_a_full_file_system_refuses_appends_loses_nothing_and_is_recovered_from(make_daybook, small_file_system):
    path = small_file_system.place / "log" / "daybook.db"
    daybook = make_daybook(EVENT_STORE=f"sqlite:{path}")
    daybook.database = path
    small_file_system.put_under(daybook.event_log)
    daybook.start()
    log = daybook.event_log
    with Load(daybook) as load:
        small_file_system.fill()
        wait_until(lambda: "the disk is full" in log.missing(), "/readyz says so", 60)
        load.wait_for("nothing recorded", 100)
        assert log.health("/livez") == 200
        # Reads go on.
        assert daybook.gateway.get(f"/accounts/{load.ACCOUNTS[0]}").status == 200
        assert log.is_running and log.figures()["refused"] > 50
        check_told_once(log, False)
        small_file_system.free()
        load.wait_for("acknowledged", 30, 60)
        wait_until(lambda: log.health("/readyz") == 200, "the log is ready", 60)
        check_told_once(log, True)
        log.kill()
        log.start()
        load.wait_for("acknowledged", 10, 60)
        # Nor does the gateway write a line for each command.
        assert daybook.command.output.count("the log did not obey") < 40, daybook.command.output
    check_everything(daybook, load)


@pytest.mark.parametrize("nth", [1, 2, 3, 5, 8, 13])
@pytest.mark.parametrize("times", [0, 1])
def test_I1_what_a_full_disk_refused_is_never_read_also_after_a_loss_of_power(start, nth, times):
    """Whichever write of a commit finds no space: the log refuses the batch, and no part of it comes back."""
    daybook, disk = start()
    with Load(daybook) as load:
        load.wait_for("acknowledged", 30, 60)
        disk.fail("write", "ENOSPC", nth, times=times, file="-wal")
        load.wait_for("nothing recorded", 20, 60)
        if times == 0:
            # It is killed in that state, and what was flushed is all that is left.
            daybook.event_log.kill()
            disk.lose_power(random.Random(nth))
            disk.heal()
            daybook.event_log.start()
        load.wait_for("acknowledged", 30, 60)
    assert not failures(daybook.event_log), daybook.event_log.output
    check_everything(daybook, load)


def test_I1_a_log_that_is_started_on_a_full_disk_waits_for_space(start):
    daybook, disk = start()
    daybook.gateway.open("a", 1)
    daybook.event_log.kill()
    disk.fail("write", "ENOSPC", 1)
    daybook.event_log.start(wait=False)
    wait_until(lambda: "the disk is full" in daybook.event_log.missing(), "the log says why it is not ready", 60)
    assert daybook.event_log.health("/readyz") == 503
    assert daybook.gateway.deposit("a", 1).status == 503
    disk.heal()
    wait_until(lambda: daybook.event_log.health("/readyz") == 200, "the log is ready", 60)
    assert wait_until_obeyed(daybook, "a", 1).json["version"] == 2
    assert not failures(daybook.event_log), daybook.event_log.output


# ---- I10: damage


def written_log(daybook):
    """Commands whose events stand in the write-ahead log, the event log then killed; gives the records."""
    daybook.start()
    daybook.gateway.open("a", 0)
    for cents in range(1, 60):
        assert daybook.gateway.deposit("a", f"0.{cents:02}").status == 200
    daybook.wait_until_caught_up()
    daybook.event_log.kill()
    # Read from a copy, for whoever opens the write-ahead log of a killed process changes the files beside it.
    copy = daybook.directory / "copy"
    shutil.copytree(daybook.database.parent, copy, ignore=shutil.ignore_patterns("query"))
    _, records = store.read(copy / daybook.database.name)
    assert len(records) == 60
    return records


def database_log(daybook):
    """As `written_log`, the event log then stopped in order: the database holds all, the write-ahead log is gone."""
    records = written_log(daybook)
    daybook.event_log.start()
    assert daybook.event_log.stop() == 0
    assert not write_ahead_log(daybook).exists()
    return records


def write_ahead_log(daybook):
    return daybook.database.with_name(daybook.database.name + "-wal")


def amount(cents):
    """The data of the deposit of so many cents, as it stands in the file."""
    return b'{"amount":"0.%02d"}' % cents


def flip_a_bit(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 0x01
    path.write_bytes(data)


def test_I10_a_torn_last_page_of_the_write_ahead_log_is_as_if_it_had_never_been_written(make_daybook):
    daybook = make_daybook()
    records = written_log(daybook)
    log = write_ahead_log(daybook)
    os.truncate(log, log.stat().st_size - 2000)
    daybook.event_log.start()
    daybook.wait_until_caught_up()
    _, after = store.read(daybook.database)
    # The last commit is torn, and with it goes its event, never more: a disk tears only what was never flushed.
    assert after == records[:-1]

    # The gateway had told of more, and finds out when it asks the log again.
    def version():
        answer = daybook.gateway.get("/accounts/a")
        return answer.status == 200 and answer.json["version"]

    wait_until(lambda: version() == len(after), "gateway and queries notice")
    assert wait_until_obeyed(daybook, "a", 1).json["version"] == len(after) + 1


def test_I10_garbage_after_the_last_commit_is_passed_over(make_daybook):
    daybook = make_daybook()
    records = written_log(daybook)
    with open(write_ahead_log(daybook), "ab") as log:
        log.write(random.Random(7).randbytes(3 * 4120))
    daybook.event_log.start()
    _, after = store.read(daybook.database)
    assert after == records


def test_I10_a_flipped_bit_in_the_middle_of_the_write_ahead_log_is_found_at_the_start(make_daybook):
    daybook = make_daybook()
    records = written_log(daybook)
    log = write_ahead_log(daybook)
    flip_a_bit(log, log.stat().st_size // 2)
    daybook.event_log.start(wait=False)
    if wait_until_started_or_ended(daybook.event_log):
        _, after = store.read(daybook.database)
        assert after == records, f"of {len(records)} acknowledged events {len(after)} are left, and the log is silent"
    else:
        assert daybook.event_log.process.returncode == 1
        (line,) = failures(daybook.event_log)
        assert "damaged" in line or "malformed" in line, line


def test_I10_a_page_that_was_wiped_is_never_taken_for_history(make_daybook):
    daybook = make_daybook(QUERY_HISTORY_EVENTS="5")
    records = database_log(daybook)
    data = bytearray(daybook.database.read_bytes())
    at = data.find(amount(30))
    page = at - at % 4096
    data[page : page + 4096] = bytes(4096)
    daybook.database.write_bytes(data)
    daybook.event_log.start(wait=False)
    if not wait_until_started_or_ended(daybook.event_log):
        assert daybook.event_log.process.returncode == 1
        (line,) = failures(daybook.event_log)
        assert "damaged" in line or "malformed" in line, line
        return
    daybook.wait_until_caught_up()

    # Once the query service is connected again, the log either gives the page or says that it cannot be read.
    def page_of_the_oldest():
        answer = daybook.queries.get("/accounts/a/events?limit=5")
        return answer if answer.status == 200 or "a read failed" in daybook.event_log.output else None

    answer = wait_until(page_of_the_oldest, "the oldest events are read, or the damage is told")
    if answer.status == 200:
        shown = [(event["position"], event["id"].replace("-", "")) for event in answer.json]
        assert shown == [(record.position, record.id.hex()) for record in records[:5]]
    else:
        assert answer.status == 503 and "malformed" in daybook.event_log.output, answer
