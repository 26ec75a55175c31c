"""The store's file, the files beside it and its lock: whatever somebody does to them, nothing acknowledged is lost
unseen, and nothing that belongs to another file is taken or overwritten."""

import os
import shutil
import sqlite3

import pytest

import store
from daybook_tool import Tool
from services import Service, Ports, wait_until

pytestmark = pytest.mark.sqlite_only("it is about that file, the files beside it and its lock")

SIDE_FILES = ["-wal", "-shm", "-journal"]


def side(path, suffix):
    return path.with_name(path.name + suffix)


def written(start_daybook, events=5):
    """A log with some events, whose service was killed, so that they stand in the write-ahead log."""
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    for _ in range(events - 1):
        assert daybook.gateway.deposit("a", 1).status == 200
    daybook.event_log.kill()
    assert side(daybook.database, "-wal").stat().st_size > 0
    return daybook


def failure_of(service):
    """Starts a service that must not start, and gives the one line that says why."""
    before = len(service.output.splitlines())
    service.start(wait=False)
    assert service.wait_for_end() in (1, 64), service.output
    lines = [line for line in service.output.splitlines()[before:] if line.startswith(f"{service.program}: ")]
    assert len(lines) == 1, service.output
    return lines[0]


def second_log(daybook, path):
    """An event log with ports of its own on some path."""
    settings = daybook.settings | {
        f"EVENT_LOG_{name}_ENDPOINT": f"tcp://127.0.0.1:{Ports.take()}" for name in ("APPEND", "EVENTS", "READ")
    }
    port = Ports.take()
    settings |= {"EVENT_STORE": f"sqlite:{path}", "EVENT_LOG_HTTP_ADDRESS": f"127.0.0.1:{port}"}
    directory = daybook.directory / f"second-{port}"
    directory.mkdir()
    return Service("event-log-service", port, settings, directory)


# ---- side files


def test_restore_beside_the_side_files_of_a_killed_log_is_refused_and_done_once_they_are_away(start_daybook):
    daybook = start_daybook()
    tool = Tool(daybook)
    daybook.gateway.open("a", 0)
    assert tool.run("backup", "backup.db").returncode == 0
    for _ in range(20):
        assert daybook.gateway.deposit("a", 1).status == 200
    daybook.event_log.kill()
    daybook.database.rename(daybook.directory / "broken.db")
    result = tool.run("restore", "backup.db")
    assert result.returncode == 1 and "daybook.db-wal is there" in result.stderr, result
    assert not daybook.database.exists()
    for suffix in SIDE_FILES:
        if side(daybook.database, suffix).exists():
            side(daybook.database, suffix).rename(daybook.directory / f"broken.db{suffix}")
    assert tool.run("restore", "backup.db").returncode == 0
    assert tool.verify()[1]["position"] == 1
    daybook.event_log.start()
    assert daybook.event_log.figures()["position"] == 1
    wait_until(lambda: daybook.gateway.deposit("a", 1).status == 200, "commands flow")
    assert tool.verify()[0] == 0
    # What was moved away with its side files has everything.
    assert tool.verify(daybook.directory / "broken.db")[1]["position"] == 21


@pytest.mark.parametrize("command", ["backup", "restore"])
@pytest.mark.parametrize("suffix", SIDE_FILES)
def test_no_copy_is_put_beside_a_side_file(start_daybook, command, suffix):
    daybook = start_daybook()
    tool = Tool(daybook)
    daybook.gateway.open("a", 0)
    assert tool.run("backup", "good.db").returncode == 0
    target = daybook.directory / "target.db"
    side(target, suffix).write_bytes(b"of another file")
    arguments = ["backup", target] if command == "backup" else ["restore", "good.db", "--event-store", f"sqlite:{target}"]
    result = tool.run(*arguments)
    assert result.returncode == 1 and f"target.db{suffix} is there" in result.stderr, result
    assert not target.exists() and side(target, suffix).read_bytes() == b"of another file"
    assert not list(daybook.directory.glob("target.db.partial*"))


def test_what_a_killed_copy_left_does_not_get_into_the_next(start_daybook):
    daybook = written(start_daybook)
    tool = Tool(daybook)
    partial = daybook.directory / "copy.db.partial"
    for suffix in ("", "-wal", "-shm"):
        shutil.copy(side(daybook.database, suffix), side(partial, suffix))
    side(partial, "-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(5000))
    assert tool.run("backup", "copy.db").returncode == 0
    assert tool.verify(daybook.directory / "copy.db")[1]["position"] == 5
    assert not list(daybook.directory.glob("*.partial*"))


def test_a_write_ahead_log_without_its_file_is_refused_and_kept(start_daybook):
    daybook = written(start_daybook)
    kept = daybook.directory / "kept.db"
    daybook.database.rename(kept)
    wal = side(daybook.database, "-wal")
    before = wal.read_bytes()
    for make in (lambda: None, daybook.database.touch):
        make()
        line = failure_of(daybook.event_log)
        assert "missing or empty" in line and "daybook.db-wal" in line, line
        assert wal.read_bytes() == before
    result = Tool(daybook).run("verify")
    assert result.returncode == 1 and "missing or empty" in result.stderr, result
    daybook.database.unlink()
    kept.rename(daybook.database)
    daybook.event_log.start()
    assert daybook.event_log.figures()["position"] == 5


def test_a_rollback_journal_of_another_file_is_refused_and_not_rolled_back(start_daybook, tmp_path):
    daybook = written(start_daybook)
    daybook.event_log.start()
    assert daybook.event_log.stop() == 0
    # A program that is killed while it changes an ordinary database leaves such a journal.
    other = tmp_path / "other.db"
    assert Tool(daybook).run("backup", other).returncode == 0
    with sqlite3.connect(other) as database:
        database.execute("PRAGMA cache_size = 1")
        database.execute("BEGIN IMMEDIATE")
        database.execute("CREATE TABLE much (data)")
        database.execute("INSERT INTO much SELECT randomblob(20000)")
        database.execute("UPDATE events SET data = data || ' '")
        journal = side(other, "-journal").read_bytes()
    assert journal[:8] == b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
    before = daybook.database.read_bytes()
    side(daybook.database, "-journal").write_bytes(journal)
    line = failure_of(daybook.event_log)
    assert "daybook.db-journal is a rollback journal" in line, line
    assert daybook.database.read_bytes() == before
    side(daybook.database, "-journal").unlink()
    daybook.event_log.start()
    assert daybook.event_log.figures()["position"] == 5


def test_a_restored_file_whose_first_start_lost_the_power_goes_on(start_daybook):
    """A restored file is switched to the write-ahead log when it is first opened: that journal is its own."""
    daybook = written(start_daybook)
    tool = Tool(daybook)
    assert tool.run("backup", "good.db").returncode == 0
    for suffix in ["", *SIDE_FILES]:
        side(daybook.database, suffix).unlink(missing_ok=True)
    assert tool.run("restore", "good.db").returncode == 0
    first_page = daybook.database.read_bytes()[:4096]
    assert first_page[18:20] == b"\1\1"
    # The state at the worst moment: the page is switched, the journal is still there.
    count = daybook.database.stat().st_size // 4096
    journal = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + (1).to_bytes(4, "big") + bytes(4) + count.to_bytes(4, "big")
    journal = (journal + (512).to_bytes(4, "big") + (4096).to_bytes(4, "big")).ljust(512, b"\0")
    checksum = sum(first_page[index] for index in range(4096 - 200, 0, -200)) & 0xFFFFFFFF
    side(daybook.database, "-journal").write_bytes(
        journal + (1).to_bytes(4, "big") + first_page + checksum.to_bytes(4, "big")
    )
    with open(daybook.database, "r+b") as file:
        file.seek(18)
        file.write(b"\2\2")
    daybook.event_log.start()
    assert daybook.event_log.figures()["position"] == 5
    assert tool.verify()[0] == 0


# ---- one log at a time


def test_a_second_log_on_a_file_whose_lock_file_was_removed_is_refused(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    side(daybook.database, ".lock").unlink()
    line = failure_of(second_log(daybook, daybook.database))
    assert "is locked by another process" in line and str(daybook.database) in line, line
    # Also if that log has made a lock file of its own, and if somebody has made one.
    side(daybook.database, ".lock").unlink(missing_ok=True)
    side(daybook.database, ".lock").touch()
    assert "is locked by another process" in failure_of(second_log(daybook, daybook.database))
    assert daybook.gateway.deposit("a", 1).status == 200


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_a_second_log_on_another_name_of_the_file_is_refused(start_daybook, link):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    other = daybook.directory / "other.db"
    link(daybook.database, other)
    line = failure_of(second_log(daybook, other))
    assert "symbolic link" in line or "names (hard links)" in line, line
    assert not side(other, "-wal").exists()
    assert daybook.gateway.deposit("a", 1).status == 200


def test_a_log_whose_file_was_moved_away_is_not_begun_anew_by_a_restart(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a", 5)
    assert daybook.event_log.stop() == 0
    elsewhere = daybook.directory / "elsewhere.db"
    for empty in (False, True):
        daybook.database.rename(elsewhere)
        if empty:
            daybook.database.touch()
        line = failure_of(daybook.event_log)
        assert "bring the file back" in line and f"remove {daybook.database}.lock" in line, line
        assert daybook.database.exists() == empty
        elsewhere.rename(daybook.database)
    daybook.event_log.start()
    headers = {"Idempotency-Key": "k"}
    wait_until(
        lambda: daybook.gateway.post("a", {"type": "Deposit", "amount": 1}, headers=headers).status == 200,
        "the gateway is connected again",
    )  # fmt: skip
    assert daybook.event_log.figures()["position"] == 2
    # Whoever wants another log says so.
    assert daybook.event_log.stop() == 0
    daybook.database.unlink()
    side(daybook.database, ".lock").unlink()
    daybook.event_log.start()
    assert daybook.event_log.figures()["position"] == 0


@pytest.mark.parametrize("make", ["symbolic link", "dangling link", "hard link", "FIFO", "folder"])
def test_a_lock_file_that_is_something_else_is_refused_at_once_and_left_alone(start_daybook, make):
    daybook = start_daybook(start=False)
    daybook.database.parent.mkdir()
    lock = side(daybook.database, ".lock")
    precious = daybook.directory / "precious"
    precious.write_text("the content of another file")
    if make == "symbolic link":
        lock.symlink_to(precious)
    elif make == "dangling link":
        lock.symlink_to(daybook.directory / "nothing")
    elif make == "hard link":
        lock.hardlink_to(precious)
    elif make == "FIFO":
        os.mkfifo(lock)
    else:
        lock.mkdir()
    line = failure_of(daybook.event_log)
    assert str(lock) in line, line
    assert precious.read_text() == "the content of another file"
    assert not (daybook.directory / "nothing").exists()


@pytest.mark.parametrize("make", ["FIFO", "folder", "dangling link"])
def test_a_store_that_is_no_file_is_refused_at_once(start_daybook, make):
    daybook = start_daybook(start=False)
    daybook.database.parent.mkdir()
    if make == "FIFO":
        os.mkfifo(daybook.database)
    elif make == "folder":
        daybook.database.mkdir()
    else:
        daybook.database.symlink_to(daybook.directory / "nothing")
    assert str(daybook.database) in failure_of(daybook.event_log)
    assert not (daybook.directory / "nothing").exists()
    for command in ("verify", "head"):
        result = Tool(daybook).run(command, timeout=60)
        assert result.returncode == 1 and len(result.stderr.splitlines()) == 1, result


@pytest.mark.parametrize("suffix", SIDE_FILES)
@pytest.mark.parametrize("make", ["FIFO", "symbolic link"])
def test_a_side_file_that_is_no_file_is_refused_at_once_and_left_alone(start_daybook, suffix, make):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    assert daybook.event_log.stop() == 0
    path = side(daybook.database, suffix)
    precious = daybook.directory / "precious"
    precious.write_text("the content of another file")
    if make == "FIFO":
        os.mkfifo(path)
    else:
        path.symlink_to(precious)
    assert f"{path} is not a regular file" in failure_of(daybook.event_log)
    result = Tool(daybook).run("verify", timeout=60)
    assert result.returncode == 1 and "is not a regular file" in result.stderr, result
    assert precious.read_text() == "the content of another file"
    path.unlink()
    daybook.event_log.start()
    assert daybook.event_log.figures()["position"] == 1


@pytest.mark.parametrize("suffix", ["", "-wal"])
@pytest.mark.parametrize("act", ["removed", "replaced"])
def test_a_file_that_is_taken_away_while_the_log_runs_ends_it_before_anything_more_is_acknowledged(
    start_daybook, suffix, act
):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    assert daybook.gateway.deposit("a", 1).status == 200
    path = side(daybook.database, suffix)
    kept = daybook.directory / "kept"
    path.rename(kept)
    if act == "replaced":
        shutil.copy(kept, path)
    assert daybook.gateway.deposit("a", 1).status in (503, 504), "acknowledged, in a file that has no name"
    assert daybook.event_log.wait_for_end() == 1
    assert "was moved, removed or replaced while the log was open" in daybook.event_log.output
    kept.replace(path)
    daybook.event_log.start()
    log_id, records = store.read(daybook.database)
    store.check_chain(log_id, records)
    assert len(records) == 2


# ---- what a person reads


def test_no_text_of_a_library_reaches_a_person(start_daybook):
    daybook = start_daybook(start=False)
    daybook.database.parent.mkdir()
    tool = Tool(daybook)
    texts = {
        "not a database": b"Dear diary, " * 1000, "empty": b"", "cut": b"SQLite format 3\0" + bytes(50),
        "noise": b"SQLite format 3\0" + os.urandom(20000),
    }  # fmt: skip
    libraries = ("GRDB", "grdb", "SQLite error", "while executing", "SELECT", "CREATE TABLE", "CocoaError", "Error Domain")

    def check(text):
        assert text.strip() and not [word for word in libraries if word in text], text
        assert len(text.strip().splitlines()) == 1, text

    for name, content in texts.items():
        daybook.database.write_bytes(content)
        for arguments in (["verify"], ["head"], ["backup", "x.db"], ["restore", daybook.database, "--event-store", "sqlite:y.db"]):
            result = tool.run(*arguments)
            assert result.returncode == 1, (name, result)
            check(result.stderr)
        if name != "empty":
            check(failure_of(daybook.event_log))
        assert daybook.database.read_bytes() == content
    daybook.database.unlink()
    for arguments in (["verify"], ["head"], ["backup", "x.db"]):
        result = tool.run(*arguments)
        assert result.returncode == 1 and "there is no log at" in result.stderr, result
        check(result.stderr)
