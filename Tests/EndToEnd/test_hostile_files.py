"""Files that somebody made to harm, given to `restore`, `verify`, `import` or the event log itself: they are refused with one
line, or harmless; nothing hangs, and nothing of them is run."""

import os
import random
import shutil
import sqlite3

import pytest

import hostile_files
from daybook_tool import Tool
from services import Ports, Service, wait_until

pytestmark = pytest.mark.sqlite_only("it is about SQLite files of strangers, whatever the log's own store is")

SECONDS = 60


@pytest.fixture(scope="module")
def good(module_services):
    """A backup of a log with accounts, keys and snapshots; and the services, without what they were started for."""
    daybook = module_services(COMMAND_SNAPSHOT_EVENTS=3)
    for number in range(3):
        daybook.gateway.open(f"a{number}", 100)
    for number in range(6):
        headers = {"Content-Type": "application/json", "Idempotency-Key": f"k{number}"}
        answer = daybook.gateway.request("POST", "/accounts/a0", b'{"type":"Deposit","amount":1}', headers)
        assert answer.status == 200
    tool = Tool(daybook)
    assert tool.run("backup", "good.db").returncode == 0
    return daybook, daybook.directory / "good.db"


@pytest.fixture
def place(good, tmp_path):
    daybook, path = good
    return daybook, path, tmp_path


def assert_told(result):
    assert result.returncode in (1, 64, 65, 69), result
    text = result.stdout + result.stderr
    assert len(text) < 2000 and "\x1b" not in text and "Fatal" not in text, result


def expect_refused(daybook, path, *words):
    """Neither verified nor restored, and no log begins with it; it stays as it is."""
    tool, before = Tool(daybook), path.read_bytes()
    target = path.with_name("restored.db")
    for arguments in (
        ["verify", "--event-store", f"sqlite:{path}"], ["restore", path, "--event-store", f"sqlite:{target}"],
    ):  # fmt: skip
        result = tool.run(*arguments, timeout=SECONDS)
        assert result.returncode == 1, result
        assert_told(result)
        for word in words:
            assert word in result.stdout + result.stderr, result
    assert not list(path.parent.glob("restored.db*"))
    line = end_of_log(daybook, path)
    for word in words:
        assert word in line, line
    assert path.read_bytes() == before


def log_on(daybook, path):
    settings = daybook.settings | {
        f"EVENT_LOG_{name}_ENDPOINT": f"tcp://127.0.0.1:{Ports.take()}" for name in ("APPEND", "EVENTS", "READ")
    }
    port = Ports.take()
    settings |= {"EVENT_STORE": f"sqlite:{path}", "EVENT_LOG_HTTP_ADDRESS": f"127.0.0.1:{port}"}
    directory = path.parent / f"log-{port}"
    directory.mkdir()
    return Service("event-log-service", port, settings, directory)


def end_of_log(daybook, path):
    """The line with which a log on this file ends; empty if it goes on, and stops as it should."""
    service = log_on(daybook, path)
    service.start(wait=False)
    wait_until(lambda: not service.is_running or service.health("/readyz") == 200, "it is ready or ends", SECONDS)
    if service.is_running:
        assert service.stop() == 0, service.output
        return ""
    assert service.process.returncode == 1, (service.process.returncode, service.output)
    return service.output.splitlines()[-1]


# ---- schemas


@pytest.mark.parametrize("name", hostile_files.SCHEMAS)
def test_I4_a_schema_that_is_not_daybooks_is_refused(place, name):
    daybook, good, folder = place
    words, sql = hostile_files.SCHEMAS[name]
    try:
        path = hostile_files.changed(good, folder / "hostile.db", sql)
    except sqlite3.OperationalError as error:
        pytest.skip(f"this SQLite cannot make it: {error}")
    expect_refused(daybook, path, words, str(path))


@pytest.mark.parametrize("name", hostile_files.WRITTEN_SCHEMAS)
def test_a_schema_that_was_written_by_hand_is_refused(place, name):
    daybook, good, folder = place
    sql = hostile_files.WRITTEN_SCHEMAS[name]
    expect_refused(daybook, hostile_files.changed(good, folder / "hostile.db", sql, writable_schema=True))


def test_a_file_in_which_two_tables_are_one_is_neither_verified_nor_restored(place):
    daybook, good, folder = place
    path = hostile_files.changed(good, folder / "hostile.db", hostile_files.SHARED_ROOT, writable_schema=True)
    tool = Tool(daybook)
    for arguments in (
        ["verify", "--event-store", f"sqlite:{path}"], ["restore", path, "--event-store", f"sqlite:{folder}/new.db"],
    ):  # fmt: skip
        result = tool.run(*arguments, timeout=SECONDS)
        assert result.returncode == 1, result
        assert_told(result)
    assert not list(folder.glob("new.db*"))
    end_of_log(daybook, path)


def test_a_log_in_another_encoding_is_refused(place):
    daybook, good, folder = place
    expect_refused(daybook, hostile_files.in_utf16(good, folder / "hostile.db"), "UTF-8")


def test_a_schema_without_an_end_is_refused_at_once(place):
    daybook, good, folder = place
    expect_refused(daybook, hostile_files.with_endless_tree(good, folder / "hostile.db"))


# ---- tables


@pytest.mark.parametrize("table", ["events", "command_keys", "stream_links", "log"])
def test_a_table_without_an_end_is_neither_verified_nor_copied(place, table):
    daybook, good, folder = place
    path = hostile_files.with_endless_tree(good, folder / "hostile.db", table)
    tool = Tool(daybook)
    for arguments in (
        ["verify", "--event-store", f"sqlite:{path}"], ["restore", path, "--event-store", f"sqlite:{folder}/new.db"],
        ["restore", path, "--to-position", "5", "--event-store", f"sqlite:{folder}/new.db"],
    ):  # fmt: skip
        result = tool.run(*arguments, timeout=SECONDS)
        assert result.returncode == 1, result
        assert_told(result)
    assert not list(folder.glob("new.db*"))
    end_of_log(daybook, path)


@pytest.mark.parametrize("name", hostile_files.VALUES)
def test_values_that_cannot_be_stop_neither_the_tool_nor_the_log(place, name):
    daybook, good, folder = place
    path = hostile_files.changed(good, folder / "hostile.db", hostile_files.VALUES[name])
    tool = Tool(daybook)
    target = folder / "new.db"
    verified = tool.run("verify", "--event-store", f"sqlite:{path}", timeout=SECONDS)
    restored = tool.run("restore", path, "--event-store", f"sqlite:{target}", timeout=SECONDS)
    # What nobody reads without a look at the events, such as the ends of streams, may be anything: it is made anew.
    for result in (verified, restored):
        if result.returncode != 0:
            assert_told(result)
    assert restored.returncode == 1 or verified.returncode == 0 or tool.verify(target)[0] == 0, (verified, restored)
    assert target.exists() == (restored.returncode == 0)
    end_of_log(daybook, path)


def test_values_of_other_types_than_the_schema_says_are_found(place):
    daybook, good, folder = place
    path = hostile_files.with_wrong_types(good, folder / "hostile.db")
    tool = Tool(daybook)
    for arguments in (
        ["verify", "--event-store", f"sqlite:{path}"], ["restore", path, "--event-store", f"sqlite:{folder}/new.db"],
    ):  # fmt: skip
        result = tool.run(*arguments, timeout=SECONDS)
        assert result.returncode == 1, result
        assert_told(result)
    end_of_log(daybook, path)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_pages_are_found_or_harmless(place, seed):
    daybook, good, folder = place
    randomness = random.Random(seed)
    tool = Tool(daybook)
    content = good.read_bytes()
    for _ in range(8):
        damaged = bytearray(content)
        for _ in range(randomness.choice([1, 3, 20, 200])):
            damaged[randomness.randrange(16, len(damaged))] = randomness.randrange(256)
        path, target = folder / "damaged.db", folder / "new.db"
        path.write_bytes(damaged)
        target.unlink(missing_ok=True)
        result = tool.run("restore", path, "--event-store", f"sqlite:{target}", timeout=SECONDS)
        assert result.returncode in (0, 1), result
        assert target.exists() == (result.returncode == 0)
        if target.exists():
            assert tool.verify(target)[0] == 0


@pytest.mark.parametrize("content", [b"", b"hello" * 1000, b"SQLite format 3\0" + os.urandom(5000)])
def test_what_is_no_log_at_all_is_refused(place, content):
    daybook, _, folder = place
    path = folder / "hostile.db"
    path.write_bytes(content)
    for arguments in (
        ["verify", "--event-store", f"sqlite:{path}"], ["restore", path, "--event-store", f"sqlite:{folder}/new.db"],
    ):  # fmt: skip
        result = Tool(daybook).run(*arguments, timeout=SECONDS)
        assert result.returncode == 1, result
        assert_told(result)
    assert path.read_bytes() == content and not list(folder.glob("new.db*"))


def test_a_file_that_says_that_it_has_many_more_pages_is_read_as_it_is(place):
    daybook, good, folder = place
    path = folder / "hostile.db"
    content = bytearray(good.read_bytes())
    content[28:32] = b"\xff\xff\xff\xfe"
    content[92:96] = content[24:28]
    path.write_bytes(content)
    os.truncate(path, 1 << 40)
    result = Tool(daybook).run("verify", "--event-store", f"sqlite:{path}", timeout=SECONDS)
    assert result.returncode == 1, result
    assert_told(result)


def test_a_trigger_that_came_while_the_log_ran_is_not_run(place):
    daybook, good, folder = place
    # The services of this test alone.
    path = folder / "daybook.db"
    shutil.copy(good, path)
    service = log_on(daybook, path)
    service.start()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TRIGGER evil AFTER INSERT ON events BEGIN DELETE FROM command_keys; END")
    keys = database.execute("SELECT count(*) FROM command_keys").fetchone()
    database.close()
    assert service.stop() == 0
    assert "trigger" in end_of_log(daybook, path)
    assert keys == (6,)


# ---- import


@pytest.mark.parametrize(
    "content",
    [
        b'{"account":"a","type":"AccountOpened","owner":"' + b"x" * 3_000_000 + b'","initial_balance":1}\n',
        b"[" * 1_000_000 + b"\n",
        b'{"account":"a","type":"AccountOpened","owner":"x","initial_balance":1' + b"0" * 900_000 + b"}\n",
        b'{"account":"a","type":"AccountOpened","owner":"x","initial_balance":1e999999999999}\n',
        b'{"account":"a","type":"AccountOpened","owner":"x","initial_balance":1e-99999999999999999999}\n',
        b'{"account":"\\u001b[31m","type":1}\n' * 5000,
        b"\0" * 100_000,
        os.urandom(100_000),
    ],
)
def test_a_hostile_import_is_refused(place, content):
    daybook, _, folder = place
    (folder / "hostile.ndjson").write_bytes(content)
    result = Tool(daybook).run("import", "--dry-run", folder / "hostile.ndjson", timeout=SECONDS)
    assert result.returncode == 65, result
    assert "\x1b" not in result.stdout + result.stderr and "Fatal" not in result.stderr


def test_an_import_reads_neither_a_device_nor_through_a_link(place):
    daybook, _, folder = place
    tool = Tool(daybook)
    (folder / "real").write_text('{"account":"z","type":"AccountOpened","owner":"x","initial_balance":1}\n')
    (folder / "link").symlink_to("real")
    (folder / "endless").symlink_to("/dev/zero")
    assert tool.run("import", "--dry-run", folder / "real").returncode == 0
    for name in ("link", "endless"):
        result = tool.run("import", "--dry-run", folder / name, timeout=SECONDS)
        assert result.returncode == 66 and "symbolic link" in result.stderr, result
    assert tool.run("import", "--dry-run", "/dev/zero", timeout=SECONDS).returncode == 65
    assert tool.run("import", "--dry-run", folder, timeout=SECONDS).returncode == 66
    # By this name a shell gives a pipe.
    text = (folder / "real").read_text()
    assert tool.run("import", "--dry-run", "/dev/stdin", input=text, timeout=SECONDS).returncode == 0
