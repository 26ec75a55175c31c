"""deploy/install, into a folder instead of the root of a machine, and what systemd says of the units."""

import os
import re
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
from client import Client
from deployment import ROOT
from services import Ports, environment, wait_until

PROGRAMS = ["event-log-service", "command-service", "query-service", "daybook"]
SERVICES = ["daybook-event-log.service", "daybook-command.service", "daybook-query.service"]
# Of 100; systemd calls less than 20 "OK", and a unit without any hardening has 96.
MAX_EXPOSURE = 20


def install(*arguments):
    return subprocess.run(
        [ROOT / "deploy" / "install", *arguments], capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture
def place():
    """A staging folder in which a prefix has the same path as from outside, so that systemd finds the programs."""
    with tempfile.TemporaryDirectory(prefix="daybook-install-") as folder:
        folder = Path(folder)
        prefix = folder / "prefix"
        root = folder / "root"
        prefix.symlink_to(root / prefix.relative_to("/"))
        yield root, prefix


@pytest.fixture
def stand_ins(tmp_path):
    """Programs that need no toolchain, under the names of the real ones."""
    for name in PROGRAMS:
        shutil.copy("/bin/true", tmp_path / name)
    return tmp_path


def installed(place, programs):
    root, prefix = place
    done = install("--root", root, "--prefix", prefix, "--programs", programs)
    assert done.returncode == 0, done.stderr
    return root, prefix, root / "etc/systemd/system"


def files(root):
    return {
        str(path.relative_to(root)): (stat.S_IMODE(path.stat().st_mode), path.read_bytes())
        for path in root.rglob("*") if path.is_file()
    }  # fmt: skip


def test_it_installs_twice_as_once_keeps_settings_and_goes_without_a_trace(place, stand_ins):
    root, prefix, units = installed(place, stand_ins)
    before = files(root)
    assert stat.S_IMODE((root / "etc/daybook").stat().st_mode) == 0o750
    assert before["etc/daybook/daybook.env"][0] == 0o640
    assert all(os.access(prefix / "lib/daybook" / name, os.X_OK) for name in PROGRAMS)
    wrapper = (prefix / "bin/daybook").read_text()
    assert str(prefix) in wrapper and "/usr/local" not in wrapper

    (root / "etc/daybook/daybook.env").write_text("LOG_LEVEL=debug\n")
    installed(place, stand_ins)
    after = files(root)
    assert after.pop("etc/daybook/daybook.env")[1] == b"LOG_LEVEL=debug\n"
    before.pop("etc/daybook/daybook.env")
    assert after == before

    ledger = root / "var/lib/daybook/daybook.db"
    ledger.parent.mkdir(parents=True)
    ledger.write_text("a ledger")
    done = install("--root", root, "--prefix", prefix, "--uninstall")
    assert done.returncode == 0, done.stderr
    assert set(files(root)) == {"etc/daybook/daybook.env", "var/lib/daybook/daybook.db"}
    assert install("--root", root, "--prefix", prefix, "--uninstall").returncode == 0, "nothing is left to remove"


def test_the_units_are_right_and_shut_off_what_they_do_not_need(place, stand_ins):
    _, _, units = installed(place, stand_ins)
    paths = [units / name for name in ["daybook.target", *SERVICES]]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *paths], capture_output=True, text=True, timeout=120, check=False
    )
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "daybook" in line]
    assert done.returncode == 0 and not ours, done.stdout + done.stderr
    for name in SERVICES:
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={MAX_EXPOSURE}",
             units / name],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_services_run_as_a_user_of_their_own(place, stand_ins):
    root, _, units = installed(place, stand_ins)
    if os.getuid() == 0:
        done = subprocess.run(
            ["systemd-sysusers", f"--root={root}", "daybook.conf"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert re.search(r"^daybook:x:\d+:\d+:.*:/usr/sbin/nologin$", (root / "etc/passwd").read_text(), re.M)
    for name in SERVICES:
        lines = (units / name).read_text().splitlines()
        assert {"User=daybook", "Group=daybook", "Restart=on-failure", "Type=notify"} <= set(lines)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--programs", "/nowhere"], "there is no /nowhere/event-log-service"),
        (["--prefix", "usr"], "a path from the root"), (["--prefix", "/a b"], "can stand in a unit"),
        (["--root"], "needs a value"), (["--nonsense"], "unknown argument --nonsense"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused(place, arguments, words):
    root, _ = place
    done = install(*([] if arguments == ["--root"] else ["--root", root]), *arguments)
    assert done.returncode == 1 and words in done.stderr and not root.exists()


def test_programs_that_need_a_toolchain_are_refused(place):
    root, _ = place
    done = install("--root", root, "--programs", ROOT / ".build/debug")
    assert done.returncode == 1 and "libraries of a Swift toolchain" in done.stderr


@pytest.mark.skipif(not (ROOT / ".build/release/daybook").exists(), reason="nothing is built for release")
def test_installed_programs_run_on_a_machine_without_a_toolchain(place):
    root, prefix, _ = installed(place, ROOT / ".build/release")
    ports = [Ports.take() for _ in range(6)]
    settings = root / "etc/daybook/daybook.env"
    settings.write_text(
        f"EVENT_STORE=sqlite:{root}/ledger.db\r\nQUERY_CHECKPOINTS=none\r\n"
        f"EVENT_LOG_APPEND_ENDPOINT=tcp://127.0.0.1:{ports[0]}\r\n"
        f"EVENT_LOG_EVENTS_ENDPOINT=tcp://127.0.0.1:{ports[1]}\r\n"
        f"EVENT_LOG_READ_ENDPOINT=tcp://127.0.0.1:{ports[2]}\r\nEVENT_LOG_HTTP_ADDRESS=127.0.0.1:{ports[3]}\r\n"
        f"COMMAND_HTTP_ADDRESS=127.0.0.1:{ports[4]}\r\nQUERY_HTTP_ADDRESS=127.0.0.1:{ports[5]}\r\n"
    )
    variables = environment({"SETTINGS_FILE": settings, "LD_LIBRARY_PATH": ""})
    # The run-time path that a link writes may name the toolchain: nothing may be found there.
    for name in PROGRAMS:
        traced = subprocess.run(
            [prefix / "lib/daybook" / name, "--version"], env=variables | {"LD_DEBUG": "libs", "LD_BIND_NOW": "1"},
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        loaded = re.findall(r"calling init: (\S+)", traced.stderr)
        assert loaded and not [path for path in loaded if "swift" in path.lower()], loaded
    processes = [
        subprocess.Popen([prefix / "lib/daybook" / name], env=variables, cwd="/", stdout=subprocess.DEVNULL)
        for name in PROGRAMS[:3]
    ]
    try:
        def is_up():
            command = [prefix / "bin/daybook", "status"]
            return subprocess.run(command, env=variables, cwd="/", capture_output=True, check=False).returncode == 0

        wait_until(is_up, "the installed services are ready", 60)
        gateway = Client(ports[4])
        gateway.catches_up = True
        gateway.open("acc-001", "10")
        assert gateway.get("/accounts/acc-001").json["balance"] == 10
    finally:
        for process in processes:
            process.terminate()
        assert [process.wait(30) for process in processes] == [0, 0, 0]
