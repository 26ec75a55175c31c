"""deploy/up --secure: one command makes everything that a secured Daybook needs on one machine, and what it prints works."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import requests
from deployment import DEADLINE
from secured import ROLES
from services import PROGRAMS, environment, wait_until


def tokens_in(output):
    return dict(re.findall(rf"^    ({'|'.join(ROLES)}) +(\S+)$", output, re.MULTILINE))


class Secured:
    """A copy that `deploy/up --secure` has started."""

    def __init__(self, deployment):
        self.deployment = deployment
        self.folder = deployment.folder / "data" / "secure"
        self.output = deployment.up("--secure")
        self.tokens = tokens_in(self.output)

    def ask(self, path, role=None, service="command", **options):
        headers = {"Authorization": f"Bearer {self.tokens[role]}"} if role else {}
        return requests.request(
            options.pop("method", "GET"), f"https://127.0.0.1:{self.deployment.ports[service]}{path}", headers=headers,
            verify=str(self.folder / "ca.pem"), timeout=DEADLINE, **options,
        )  # fmt: skip

    def shell(self, command, **variables):
        return subprocess.run(
            ["bash", "-c", command], cwd=self.deployment.folder, env=environment({}) | variables, capture_output=True,
            text=True, timeout=DEADLINE, check=False,
        )  # fmt: skip

    def files(self):
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}

    def is_obeying(self):
        opened = self.ask("/accounts/a", "manager", method="POST", json={"type": "OpenAccount", "owner": "Alice", "initial_balance": 1})
        return opened.status_code == 201


def peers(folder):
    """The public keys that the log admits, by the peers' names."""
    return {peer["name"]: peer["key"] for peer in map(json.loads, (folder / "peers.jsonl").read_text().splitlines())}


def public_keys(folder):
    """The public halves of the pairs of peers that are in use, by their names."""
    return {path.stem: path.read_text().strip() for path in folder.glob("*.pub") if path.stem != "event-log"}


@pytest.fixture
def secured(deployment):
    return Secured(deployment)


def printed(output, begin, end):
    """The lines that are to be typed, from the one that begins so to the one that ends so."""
    lines = [line.removeprefix("    ") for line in output.splitlines()]
    first = next(index for index, line in enumerate(lines) if line.startswith(begin))
    last = next(index for index in range(first, len(lines)) if lines[index].endswith(end))
    return "\n".join(lines[first : last + 1])


def test_what_it_prints_works_when_typed(secured):
    assert set(secured.tokens) == set(ROLES)
    curl = printed(secured.output, "curl ", "}'")
    opened = secured.shell(f"curl() {{ command curl -sS --noproxy '*' \"$@\"; }}; {curl}", MANAGER=secured.tokens["manager"])
    assert '"owner":"Alice"' in opened.stdout, opened
    follow = printed(secured.output, "import zmq", 'subscribe(b"account/")')
    with subprocess.Popen(
        [sys.executable, "-c", follow + "\nprint(socket.recv_multipart()[0].decode())"], cwd=secured.deployment.folder,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as subscriber:  # fmt: skip
        def has_received():
            secured.ask("/accounts/acc-001", "teller", method="POST", json={"type": "Deposit", "amount": 1})
            return subscriber.poll() is not None

        try:
            wait_until(has_received, "the subscriber has an event", DEADLINE)
            assert subscriber.stdout.read() == "account/MoneyDeposited/acc-001/\n", subscriber.stderr.read()
        finally:
            subscriber.kill()


def test_each_role_may_what_it_may_and_strangers_nothing(secured):
    open_account = {"type": "OpenAccount", "owner": "Alice", "initial_balance": 1}
    assert secured.ask("/accounts/a", "manager", method="POST", json=open_account).status_code == 201
    assert secured.ask("/accounts/b", "teller", method="POST", json=open_account).status_code == 403
    for role in ("reader", "teller", "manager", "auditor"):
        assert secured.ask("/accounts/a?wait=60s", role).status_code == 200
    assert secured.ask("/accounts/a", "operator").status_code == 403
    assert secured.ask("/events?limit=1", "auditor").status_code == 200
    for service in ("event-log", "command", "query"):
        assert secured.ask("/metrics", "operator", service).status_code == 200
        assert secured.ask("/metrics", service=service).status_code == 401
        assert secured.ask("/readyz", service=service).status_code == 200
        with pytest.raises(requests.exceptions.ConnectionError):
            requests.get(f"http://127.0.0.1:{secured.deployment.ports[service]}/livez", timeout=DEADLINE)


def test_its_files_are_for_their_owner_alone(secured):
    assert secured.folder.stat().st_mode & 0o777 == 0o700
    for path in secured.folder.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path
    kept = b"".join(secured.files().values()).decode() + secured.deployment.log
    assert not any(token in kept for token in secured.tokens.values())


def test_a_second_time_it_keeps_what_is_there(secured):
    before = secured.files()
    assert "Daybook is up at https://" in secured.deployment.up("--secure"), "while it runs"
    secured.deployment.down()
    output = secured.deployment.up("--secure")
    assert secured.files() == before and tokens_in(output) == {}
    assert secured.ask("/accounts", "reader").status_code == 200
    # What is missing of it is made anew.
    secured.deployment.down()
    (secured.folder / "certificate.pem").unlink()
    secured.deployment.up("--secure")
    assert secured.ask("/accounts", "reader").status_code == 200
    after = secured.files()
    assert {name for name in after if after[name] != before[name]} == {"ca.pem", "certificate.pem", "certificate.key"}


def put_first_in_path(folder, name, script):
    """The environment in which a program of that name is that script."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return environment({}) | {"PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.mark.parametrize("step", ["rand", "req -x509", "req -new", "x509 -req"])
def test_a_certificate_that_cannot_be_made_is_a_failure(deployment, tmp_path, step):
    openssl = f'case "$*" in "{step}"*) echo "no entropy" >&2; exit 1 ;; esac; exec {shutil.which("openssl")} "$@"'
    status, output, errors = deployment.run(
        "up", "--no-build", "--secure", env=put_first_in_path(tmp_path / "programs", "openssl", openssl)
    )
    assert status == 1 and "no entropy" in errors and "could not make the secrets" in errors, errors
    assert output == "" and not deployment.processes()
    folder = deployment.folder / "data" / "secure"
    assert not any((folder / name).exists() for name in ("certificate.pem", "tokens.jsonl", "settings.env"))


@pytest.mark.parametrize("step", ["keys new query", "keys allow query", "token new manager"])
def test_what_failed_half_way_completes_the_next_time(deployment, tmp_path, step):
    programs = deployment.folder / ".build" / "release"
    daybook = f'case "$*" in "{step}"*) echo "no space" >&2; exit 1 ;; esac; exec {PROGRAMS}/daybook "$@"'
    programs.unlink()
    put_first_in_path(programs, "daybook", daybook)
    for name in ("event-log-service", "command-service", "query-service"):
        (programs / name).symlink_to(PROGRAMS / name)
    status, _, errors = deployment.run("up", "--no-build", "--secure")
    assert status == 1 and "no space" in errors and "could not make the secrets" in errors, errors
    assert not (deployment.folder / "data" / "secure" / "settings.env").exists()

    put_first_in_path(programs, "daybook", f'exec {PROGRAMS}/daybook "$@"')
    secured = Secured(deployment)
    assert set(secured.tokens) == set(ROLES) and secured.is_obeying()
    assert peers(secured.folder) == public_keys(secured.folder)
    assert not list(secured.folder.glob("*.new"))


def test_a_run_that_was_killed_completes_the_next_time(secured):
    secured.deployment.down()
    # As it is between letting the key in and keeping it.
    (secured.folder / "settings.env").unlink()
    (secured.folder / "query.pub").rename(secured.folder / "query.new")
    (secured.folder / "ca-key.new").touch()
    (secured.folder / "certificate.pem").unlink()
    before = peers(secured.folder)
    secured.deployment.up("--secure")
    after = peers(secured.folder)
    assert after == public_keys(secured.folder) and secured.is_obeying()
    assert {name for name in after if after[name] != before[name]} == {"query"}
    assert not list(secured.folder.glob("*.new"))


def test_keys_that_the_log_would_not_admit_are_made_anew(secured):
    secured.deployment.down()
    before = public_keys(secured.folder)
    (secured.folder / "peers.jsonl").unlink()
    secured.deployment.up("--secure")
    assert peers(secured.folder) == public_keys(secured.folder) and secured.is_obeying()
    assert not set(before.values()) & set(peers(secured.folder).values())


def test_a_service_has_its_own_key_whatever_the_environment_says(secured):
    secured.deployment.down()
    names = {"PEER_SECRET_KEY": str(secured.folder / "subscriber.key")}
    status, _, errors = secured.deployment.run("up", "--no-build", env=environment({}) | names)
    assert status == 0 and secured.is_obeying(), errors


def test_the_key_of_a_gateway_is_replaced_as_the_page_about_security_says(secured):
    secured.deployment.down()
    before = peers(secured.folder)
    (secured.folder / "command.pub").unlink()
    secured.deployment.up("--secure")
    after = peers(secured.folder)
    assert after == public_keys(secured.folder) and secured.is_obeying()
    assert {name for name in after if after[name] != before[name]} == {"command"}


def test_once_secured_it_is_never_open_by_mistake(secured):
    secured.deployment.down()
    assert "Daybook is up at https://" in secured.deployment.up()
    assert secured.ask("/accounts").status_code == 401
    assert secured.ask("/accounts", "reader").status_code == 200
    assert "Daybook is up at https://" in secured.deployment.up(), "while it runs"


def test_one_that_runs_open_is_not_said_to_be_secured(deployment):
    deployment.up()
    status, _, errors = deployment.run("up", "--no-build", "--secure")
    assert status == 1 and "deploy/down stops it" in errors, errors
    assert not (deployment.folder / "data" / "secure").exists()


def test_services_that_are_started_again_have_their_secrets(secured):
    former = secured.deployment.pid("command")
    os.kill(former, 9)
    wait_until(lambda: secured.deployment.pid("command") not in (None, former), "it was started again", DEADLINE)

    def is_ready():
        try:
            return secured.ask("/readyz").status_code == 200
        except requests.exceptions.ConnectionError:
            return False

    wait_until(is_ready, "it is ready again", DEADLINE)
    opened = secured.ask("/accounts/a", "manager", method="POST", json={"type": "OpenAccount", "owner": "Alice", "initial_balance": 1})
    assert opened.status_code == 201


def test_daybook_finds_its_key_and_shows_a_token(secured):
    secured.ask("/accounts/a", "manager", method="POST", json={"type": "OpenAccount", "owner": "Alice", "initial_balance": 1})
    token = secured.deployment.folder / "auditor.token"
    token.touch(mode=0o600)
    token.write_text(secured.tokens["auditor"])
    settings = "set -a; . data/secure/settings.env; set +a"
    daybook = PROGRAMS / "daybook"
    assert secured.shell(f"{settings}; {daybook} head").stdout.startswith("1:")
    shown = secured.shell(f"{settings}; DAYBOOK_TOKEN_FILE=auditor.token {daybook} tail")
    assert shown.returncode == 0 and "AccountOpened" in shown.stdout, shown
    refused = secured.shell(f"{settings}; {daybook} tail")
    assert refused.returncode == 1 and "401" in refused.stderr, refused
    token.chmod(0o644)
    refused = secured.shell(f"{settings}; DAYBOOK_TOKEN_FILE=auditor.token {daybook} tail")
    assert refused.returncode == 64 and "chmod 600" in refused.stderr and len(refused.stderr.splitlines()) == 1, refused
