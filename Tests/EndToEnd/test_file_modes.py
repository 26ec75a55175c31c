"""Whatever Daybook makes is its user's alone, whatever the umask; and where somebody has planted a link, nothing is read or
written through it."""

import os
import signal
import stat
import subprocess

import pytest

from daybook_tool import Tool
from services import PROGRAMS, environment, wait_until
from test_projections import checkpoint_of
from test_store_files import failure_of, side


def made(daybook):
    """What there is in the folder of some services, but for the outputs that the tests themselves write."""
    outputs = {service.output_file for service in (daybook.event_log, daybook.command, daybook.query)}
    return [path for path in daybook.directory.rglob("*") if path not in outputs]


def run(daybook, umask, *arguments):
    return subprocess.run(
        [PROGRAMS / "daybook", *map(str, arguments)], cwd=daybook.directory, capture_output=True, text=True, timeout=60,
        env=environment(daybook.settings), umask=umask, check=False,
    )  # fmt: skip


@pytest.mark.sqlite_only("the files of PostgreSQL are its own")
@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_every_file_is_its_users_alone_whatever_the_umask(start_daybook, umask):
    daybook = start_daybook(start=False, COMMAND_SNAPSHOT_EVENTS=2)
    for service in (daybook.event_log, daybook.command, daybook.query):
        service.umask = umask
    daybook.start()
    daybook.gateway.open("a", 0)
    for _ in range(5):
        assert daybook.gateway.deposit("a", 1).status == 200
    daybook.wait_until_caught_up()
    assert daybook.query.stop() == 0
    assert checkpoint_of(daybook).exists()
    # Also of a log that is open: its write-ahead log, and the index of that.
    names = {path.name for path in made(daybook)}
    assert {"daybook.db", "daybook.db-wal", "daybook.db-shm", "daybook.db.lock", "snapshot.key"} <= names, names
    assert run(daybook, umask, "backup", "backups/of/today.db").returncode == 0
    result = run(daybook, umask, "restore", "backups/of/today.db", "--event-store", "sqlite:restored/daybook.db")
    assert result.returncode == 0, result
    assert run(daybook, umask, "backup", "cut.db", "--to-position", "2").returncode == 0
    for path in made(daybook):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), f"{path} has mode {mode:o}"


@pytest.mark.sqlite_only("the files of PostgreSQL are its own")
def test_files_of_an_older_version_that_others_may_read_are_warned_of(start_daybook):
    daybook = start_daybook()
    assert "chmod" not in daybook.event_log.output
    assert daybook.event_log.stop() == 0
    daybook.database.chmod(0o644)
    daybook.event_log.start()
    wait_until(lambda: "holds the log: chmod 600 " in daybook.event_log.output, "it is warned of")
    assert daybook.event_log.figures()["position"] == 0


# ---- links


@pytest.fixture
def precious(tmp_path):
    path = tmp_path / "precious"
    path.write_text("precious")
    yield path
    assert path.read_text() == "precious"
    assert sorted(found.name for found in tmp_path.iterdir()) == ["precious"]


@pytest.mark.sqlite_only("the files of PostgreSQL are its own")
@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal", ".lock"])
@pytest.mark.parametrize("dangling", [False, True])
def test_no_link_is_followed_where_the_log_has_its_files(start_daybook, precious, suffix, dangling):
    daybook = start_daybook(start=False)
    daybook.database.parent.mkdir()
    link = side(daybook.database, suffix)
    link.symlink_to(precious.with_name("nowhere") if dangling else precious)
    assert str(link) in failure_of(daybook.event_log)
    assert link.is_symlink()


@pytest.mark.parametrize("dangling", [False, True])
def test_no_link_is_followed_where_a_copy_is_made(start_daybook, precious, dangling):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    tool = Tool(daybook)
    assert tool.run("backup", "good.db").returncode == 0
    target = precious.with_name("nowhere") if dangling else precious
    link = daybook.directory / "link.db"
    link.symlink_to(target)
    for arguments in (["backup", link], ["restore", "good.db", "--event-store", f"sqlite:{link}"]):
        result = tool.run(*arguments)
        assert result.returncode == 1 and "symbolic link" in result.stderr, result
        assert link.is_symlink()
    # What a killed copy may have left is made anew, not written through.
    (daybook.directory / "new.db.partial").symlink_to(target)
    assert tool.run("backup", "new.db").returncode == 0
    assert not (daybook.directory / "new.db").is_symlink()
    assert not (daybook.directory / "new.db.partial").is_symlink()


def test_no_link_is_followed_to_what_is_read(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    tool = Tool(daybook)
    assert tool.run("backup", "good.db").returncode == 0
    (daybook.directory / "link.db").symlink_to("good.db")
    for arguments in (
        ["verify", "--event-store", "sqlite:link.db"], ["head", "--event-store", "sqlite:link.db"],
        ["backup", "copy.db", "--event-store", "sqlite:link.db"],
        ["restore", "link.db", "--event-store", "sqlite:new.db"],
    ):  # fmt: skip
        result = tool.run(*arguments)
        assert result.returncode == 1 and "symbolic link" in result.stderr, result
    (daybook.directory / "settings").write_text("LOG_LEVEL=debug\n")
    (daybook.directory / "linked").symlink_to("settings")
    result = tool.run("status", settings={"SETTINGS_FILE": "linked"})
    assert result.returncode == 64 and "symbolic link" in result.stderr, result


# ---- the process


def test_a_crash_leaves_no_core_dump_unless_it_is_asked_for(start_daybook):
    for wanted in ("no", "yes"):
        daybook = start_daybook(CORE_DUMPS=wanted)
        for service in (daybook.event_log, daybook.command, daybook.query):
            with open(f"/proc/{service.pid}/limits") as file:
                (line,) = [line for line in file if line.startswith("Max core file size")]
            assert (line.split()[4:6] == ["0", "0"]) == (wanted == "no"), line


@pytest.mark.skipif(os.geteuid() == 0 and not os.path.exists("/usr/bin/setpriv"), reason="needs another user")
def test_another_process_of_the_user_reads_no_memory_and_no_environment(start_daybook):
    daybook = start_daybook(start=False)
    daybook.event_log.variables["DAYBOOK_TOKEN"] = "secret-of-the-environment"
    daybook.start()
    path = f"/proc/{daybook.event_log.pid}/environ"
    reader = ["cat", path]
    if os.geteuid() == 0:
        # As root without what lets root read everything.
        reader = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *reader]
    result = subprocess.run(reader, capture_output=True, text=True, timeout=20, check=False)
    assert "secret-of-the-environment" not in result.stdout


def test_SIGHUP_ends_no_service(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    for _ in range(3):
        for service in (daybook.event_log, daybook.command, daybook.query):
            service.send(signal.SIGHUP)
        wait_until(lambda: daybook.gateway.deposit("a", 1).status == 200, "commands flow")
    wait_until(lambda: daybook.gateway.deposit("a", 1).status == 200, "commands flow")
    for service in (daybook.event_log, daybook.command, daybook.query):
        assert service.is_running
        assert service.stop() == 0


KEY = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"


@pytest.mark.parametrize("program", ["command-service", "query-service"])
@pytest.mark.parametrize("where", ["environment", "flag", "file"])
def test_a_key_in_the_place_of_its_files_path_is_in_no_output(start_daybook, program, where):
    daybook = start_daybook(start=False)
    arguments, settings = [], daybook.settings
    for secret in (KEY, "4f1c6a8e2b7d9035c1e4f7a8b6d2039e4f1c6a8e2b7d9035c1e4f7a8b6d2039e/"):
        if where == "environment":
            settings = daybook.settings | {"SNAPSHOT_KEY": f"{secret}/x" if "/" not in secret else secret}
        elif where == "flag":
            arguments = [f"--snapshot-key={secret}"]
        else:
            (daybook.directory / ".env").write_text(f"SNAPSHOT_KEY='{secret}'\n")
        result = subprocess.run(
            [PROGRAMS / program, *arguments, "--print-settings"], cwd=daybook.directory, capture_output=True, text=True,
            env=environment(settings), timeout=30, check=False,
        )  # fmt: skip
        assert KEY not in result.stdout + result.stderr, result
