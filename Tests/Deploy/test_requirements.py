"""What deploy/up says of a machine that lacks something, and how it shows that it builds."""

import os
import pty
import subprocess

import pytest

SYSTEM = "/usr/sbin:/usr/bin:/sbin:/bin"


def environment(path):
    return os.environ | {"PATH": path}


def test_a_missing_toolchain_is_named(deployment):
    status, _, errors = deployment.run("up", env=environment(SYSTEM))
    if "no Swift toolchain found" not in errors:
        pytest.skip("this machine has its Swift among the system's programs")
    assert status == 1 and "swift.org/install" in errors


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_folder_without_permission_is_named(deployment):
    status, _, errors = deployment.run("up", "--no-build", env=environment(SYSTEM), user="nobody", group="nogroup")
    assert status == 1 and "no permission to write into" in errors and "nobody" in errors


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_may_not_stop_it_and_is_told_so(deployment):
    deployment.up()
    status, _, errors = deployment.run("down", env=environment(SYSTEM), user="nobody", group="nogroup")
    assert status == 1 and "no permission" in errors and len(errors.splitlines()) == 1, errors
    assert deployment.is_ready("command")


def test_programs_that_are_not_built_are_named(deployment):
    (deployment.folder / ".build" / "release").unlink()
    status, _, errors = deployment.run("up", "--no-build")
    assert status == 1 and "there is no .build/release/event-log-service" in errors


@pytest.fixture
def slow_swift(deployment, tmp_path):
    """A toolchain that compiles for some seconds, and fails."""
    program = tmp_path / "swift"
    program.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = --version ]; then echo "Swift version 6.3.1"; exit; fi\n'
        "echo '[7/10] Compiling'\nsleep 8\necho 'error: no such luck'\nexit 1\n"
    )
    program.chmod(0o755)
    return environment(f"{tmp_path}:{SYSTEM}")


def test_a_build_shows_how_far_it_is(deployment, slow_swift):
    terminal, end = pty.openpty()
    process = deployment.begin("up", env=slow_swift, stdout=end, stderr=subprocess.PIPE)
    os.close(end)
    shown = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(terminal)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1 and "no such luck" in errors and ".build/build.log" in errors
    assert b"building [7/10]" in shown, shown


def test_foreman_leaves_the_settings_file_to_the_services(deployment):
    deployment.write_settings("EVENT_STORE=sqlite:elsewhere.db # a comment")
    done = subprocess.run(
        ["foreman", "run", "env"], cwd=deployment.folder, capture_output=True, text=True, timeout=60, check=True
    )
    assert "EVENT_STORE" not in done.stdout
