"""Snapshots that anybody else keeps in the log change no balance: only those with the services' digest are believed."""

import json
import os
import stat
import struct
import subprocess
from decimal import Decimal

import pytest

import store
from daybook_frames import Cursor, sized, stream_bytes
from problems import assert_problem
from raw_log import requester_of
from services import PROGRAMS, environment, wait_until
from signed_snapshots import SCHEMA, fingerprint, secret_of, signed
from test_projections import metrics
from test_snapshots import kept, snapshots

KEEP = 0x11
FORGED = b'{"owner":"Mallory","currency":"USD","balance":"999999999999.00","events":3}'


def keep(daybook, account, version, state, fingerprint=SCHEMA, last_event=None, times=None):
    """Keeps a snapshot as any peer of the log can; whether the log kept it."""
    event = daybook.gateway.events(account)[version - 1]
    last_event = last_event or bytes.fromhex(event["id"].replace("-", ""))
    created_at, updated_at = times or (0, 0)
    body = stream_bytes(f"account/{account}") + struct.pack(">Q", version) + last_event
    body += struct.pack(">qq", created_at, updated_at) + fingerprint + sized(4, state)
    requester = requester_of(daybook)
    try:
        reply: Cursor = requester.ask(KEEP, body)
        return reply.integer(1) == 1
    finally:
        requester.close()


def restart(*services):
    for service in services:
        assert service.stop() == 0
        service.start()


def unbelieved(daybook, service="command"):
    figures = metrics(daybook.command if service == "command" else daybook.query)
    return figures[f"daybook_{service}_snapshots_not_believed_total"]


def filled(daybook, account, events):
    daybook.gateway.open(account, "10.00")
    for _ in range(events - 1):
        assert daybook.gateway.deposit(account, "1.00").status == 200


def assert_truth(daybook, account, events):
    """No command, no look back and no restart believes anything but the events."""
    balance = Decimal("10.00") + (events - 1)
    refusal = daybook.gateway.withdraw(account, 1_000_000)
    assert_problem(refusal, 400, "insufficient-funds")
    assert refusal.json["available"] == balance
    daybook.wait_until_caught_up()
    for version in range(1, events + 1):
        answer = daybook.queries.get(f"/accounts/{account}?version={version}")
        assert (answer.status, answer.json["balance"]) == (200, Decimal("10.00") + (version - 1)), answer
    assert daybook.gateway.account(account)["balance"] == balance


def test_a_forged_snapshot_of_a_peer_is_believed_by_no_command_no_look_back_and_no_restart(start_daybook):
    daybook = start_daybook(COMMAND_SNAPSHOT_AUDIT=0, QUERY_HISTORY_EVENTS=0)
    filled(daybook, "victim", 6)
    # Under the name that everybody can know, at the newest version and before it.
    assert keep(daybook, "victim", 6, FORGED) and keep(daybook, "victim", 3, FORGED)
    restart(daybook.command)
    assert_truth(daybook, "victim", 6)
    restart(*daybook.services)
    assert_truth(daybook, "victim", 6)
    # Nobody even found it.
    assert unbelieved(daybook) == unbelieved(daybook, "query") == 0


FORGERIES = {
    "without-a-digest": lambda state, secret, *parts: state,
    "with-a-digest-of-zeros": lambda state, secret, *parts: state + bytes(32),
    "with-another-key": lambda state, secret, *parts: signed(state, bytes(32), *parts),
    "of-another-log": lambda state, secret, log, *parts: signed(state, secret, bytes(16), *parts),
    "of-another-account": lambda state, secret, log, account, *parts: signed(state, secret, log, "rich", *parts),
    "of-another-version": lambda state, secret, log, account, version, *parts: signed(
        state, secret, log, account, version - 1, *parts
    ),
    "of-another-time": lambda state, secret, log, account, version, event, created, updated: signed(
        state, secret, log, account, version, event, created + 1, updated
    ),
    "of-another-schema": lambda state, secret, *parts: signed(state, secret, *parts, bytes(32)),
    "shorter-than-a-digest": lambda state, secret, *parts: b"x",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_snapshot_without_the_right_digest_is_not_believed_counted_and_replaced(start_daybook, forgery):
    """Kept by somebody who has learned from the log's file under what name the services look for theirs."""
    daybook = start_daybook(COMMAND_SNAPSHOT_EVENTS=3, COMMAND_SNAPSHOT_AUDIT=0, QUERY_HISTORY_EVENTS=0)
    filled(daybook, "victim", 7)
    right = kept(daybook, "victim", 6)
    name = fingerprint(secret_of(daybook))
    assert right.fingerprint == name
    for version in (6, 7):
        event = daybook.gateway.events("victim")[version - 1]
        event = bytes.fromhex(event["id"].replace("-", ""))
        times = (right.created_at, right.updated_at)
        state = FORGERIES[forgery](FORGED, secret_of(daybook), store.log_id(daybook.database), "victim", version, event, *times)
        assert keep(daybook, "victim", version, state, name, event, times)
    assert snapshots(daybook)["victim", 6].state != right.state
    answer = daybook.queries.get("/accounts/victim?version=6")
    assert answer.json["balance"] == Decimal("15.00")
    assert unbelieved(daybook, "query") == 1
    restart(daybook.command)
    assert_truth(daybook, "victim", 7)
    assert unbelieved(daybook) >= 1
    # The gateway has put right ones in their place, so that the next load is fast again.
    wait_until(lambda: snapshots(daybook).get(("victim", 6)) == right, "the right snapshot is back")
    wait_until(
        lambda: (found := snapshots(daybook).get(("victim", 7))) is None or FORGED not in found.state,
        "the other is gone or right",
    )  # fmt: skip
    restart(daybook.command)
    assert_truth(daybook, "victim", 7)
    assert unbelieved(daybook) == 0


def test_two_services_that_start_at_once_agree_on_one_key_that_nobody_else_may_read(start_daybook):
    for _ in range(3):
        daybook = start_daybook(COMMAND_SNAPSHOT_EVENTS=3)
        path = daybook.directory / "data" / "snapshot.key"
        assert path.stat().st_size == 32 and stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [found.name for found in path.parent.glob("snapshot.key*")] == ["snapshot.key"]
        filled(daybook, "a", 4)
        kept(daybook, "a", 3)
        # The query service believes what the gateway kept.
        assert daybook.queries.get("/accounts/a?version=3").json["balance"] == Decimal("12.00")
        assert unbelieved(daybook, "query") == 0


def test_the_folder_of_a_key_is_made_for_its_owner_alone(start_daybook):
    daybook = start_daybook(SNAPSHOT_KEY="keys/of/daybook/snapshot.key")
    for folder in ("keys", "keys/of", "keys/of/daybook"):
        assert stat.S_IMODE((daybook.directory / folder).stat().st_mode) == 0o700


def test_without_a_key_only_what_the_process_kept_itself_is_believed(start_daybook):
    daybook = start_daybook(
        SNAPSHOT_KEY="none", COMMAND_SNAPSHOT_EVENTS=3, COMMAND_SNAPSHOT_AUDIT=0, QUERY_HISTORY_EVENTS=0,
        COMMAND_CACHE_ACCOUNTS=1,
    )  # fmt: skip
    assert not list(daybook.directory.rglob("snapshot.key"))
    filled(daybook, "victim", 7)
    own = kept(daybook, "victim", 6)
    filled(daybook, "other", 1)
    # Loaded anew by the gateway that kept it.
    assert daybook.gateway.deposit("victim", "1.00").json["balance"] == Decimal("17.00")
    assert unbelieved(daybook) == 0
    assert keep(daybook, "victim", 8, FORGED)
    restart(daybook.command)
    assert_truth(daybook, "victim", 8)
    assert unbelieved(daybook) >= 1
    wait_until(lambda: snapshots(daybook)["victim", 6].state != own.state, "the new gateway has kept its own")
    wait_until(
        lambda: not any(FORGED in found.state for found in snapshots(daybook).values()), "no forged one is left"
    )


def started(program, daybook, **settings):
    return subprocess.run(
        [PROGRAMS / program], cwd=daybook.directory, env=environment(daybook.settings | settings),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_key_that_others_can_read_or_that_is_no_key_is_refused_with_one_line(start_daybook):
    daybook = start_daybook(start=False)
    folder = daybook.directory / "keys"
    folder.mkdir()
    secret = os.urandom(32)
    places = {name: folder / name for name in ("open", "short", "long", "link", "folder", "pipe", "dangling")}
    for name, content in (("open", secret), ("short", secret[:31]), ("long", secret + b"\n")):
        places[name].write_bytes(content)
        places[name].chmod(0o640 if name == "open" else 0o600)
    (folder / "real").write_bytes(secret)
    (folder / "real").chmod(0o600)
    places["link"].symlink_to("real")
    places["dangling"].symlink_to("nowhere")
    places["folder"].mkdir()
    os.mkfifo(places["pipe"], 0o600)
    words = {
        "open": "chmod 600", "short": "32 bytes", "long": "32 bytes", "link": "symbolic link", "folder": "no file",
        "pipe": "no file", "dangling": "symbolic link",
    }  # fmt: skip
    for program in ("command-service", "query-service"):
        for name, path in places.items():
            result = started(program, daybook, SNAPSHOT_KEY=path)
            assert result.returncode == 64, (program, name, result)
            (line,) = result.stderr.splitlines()
            assert "SNAPSHOT_KEY" in line and str(path) in line and words[name] in line, line
    assert not (folder / "nowhere").exists()


def test_verify_checks_the_snapshots_with_the_key_and_says_so_without(start_daybook):
    daybook = start_daybook(COMMAND_SNAPSHOT_EVENTS=3)
    filled(daybook, "a", 4)
    kept(daybook, "a", 3)

    def verify(**settings):
        result = subprocess.run(
            [PROGRAMS / "daybook", "verify", "--json"], cwd=daybook.directory, capture_output=True, text=True,
            env=environment(daybook.settings | settings), timeout=60, check=False,
        )  # fmt: skip
        return result.returncode, json.loads(result.stdout)

    # What a peer kept is nobody's concern.
    assert keep(daybook, "a", 4, FORGED)
    code, found = verify()
    assert (code, found["snapshots"]) == (0, 1)
    code, found = verify(SNAPSHOT_KEY="none")
    assert (code, found["ok"], found["snapshots"]) == (0, True, None)
    assert keep(daybook, "a", 4, FORGED, fingerprint(secret_of(daybook)))
    code, found = verify()
    assert code == 1 and "snapshot" in found["reason"], found
