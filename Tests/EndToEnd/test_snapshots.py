"""Snapshots: copies of what the fold gives, kept by the log; never needed, never trusted blindly."""

import json
import os
from decimal import Decimal
from uuid import uuid4

import pytest

import postgresql
import store
from daybook_frames import Event, Write
from daybook_subscriber import append
from problems import assert_problem
from raw_log import requester_of
from services import wait_until
from signed_snapshots import DIGEST_LENGTH, secret_of, signed
from test_projections import metrics
from test_time_travel import History, account_path, assert_account, fill

def snapshots(daybook):
    """The snapshots that the store holds, by account and version."""
    return store.snapshots(daybook.database)


def alter(daybook, account, change):
    """Changes the snapshots of an account by hand; no service may have the store open."""
    store.change_snapshots(daybook.database, account, change)


def stop(daybook):
    assert [service.stop() for service in reversed(daybook.services)] == [0, 0, 0]


def kept(daybook, account, version):
    """Waits for the snapshot at this version."""
    return wait_until(lambda: snapshots(daybook).get((account, version)), f"version {version} has a snapshot")


def filled(daybook, account, events):
    """Opens an account with so many events."""
    daybook.gateway.open(account, "0.50")
    for _ in range(events - 1):
        assert daybook.gateway.deposit(account, 1).status == 200


def stopped_with_snapshots(daybook, accounts, version):
    """Stops the services once each of the accounts has a snapshot at the version."""
    for account in accounts:
        kept(daybook, account, version)
    stop(daybook)


def check(daybook, account):
    """I5: at every version and every time, here and there, the account is the fold of its events."""
    daybook.wait_until_caught_up()
    history = History(daybook)
    for state, time in zip(history.states[account], history.times[account], strict=True):
        assert_account(daybook.queries.get(f"/accounts/{account}?version={state['version']}"), state)
        assert_account(daybook.gateway.get(account_path(account, time)), state)
    for client in (daybook.queries, daybook.gateway):
        assert_account(client.get(f"/accounts/{account}"), state)
    return state


def check_and_go_on(daybook, account):
    """I5 before and after the next event, which stands on what the gateway has loaded."""
    before = check(daybook, account)
    answer = daybook.gateway.deposit(account, "0.25", timeout=5)
    assert answer.status == 200, answer
    assert answer.json["version"] == before["version"] + 1
    assert answer.json["balance"] == before["balance"] + Decimal("0.25")
    assert check(daybook, account) == answer.json


# ---- what is kept


def test_snapshots_are_what_the_fold_gives(start_daybook):
    daybook = start_daybook(COMMAND_SNAPSHOT_EVENTS=3)
    fill(daybook, seed=5)
    history = History(daybook)
    # Whoever has much to do leaves some out, but these few commands leave time for each.
    expected = {
        (account, version) for account, states in history.states.items() for version in range(3, len(states) + 1, 3)
    }
    assert len(expected) > 12
    wait_until(lambda: snapshots(daybook).keys() == expected, f"the snapshots are those at {sorted(expected)}")
    events = {(record.stream.decode(), record.version): record for record in history.records}
    for place, snapshot in snapshots(daybook).items():
        state, event = history.states[snapshot.stream][snapshot.version - 1], events[place]
        opened = events[snapshot.stream, 1]
        assert (snapshot.last_event, snapshot.updated_at) == (event.id, event.recorded_at)
        assert snapshot.created_at == opened.recorded_at
        held = json.loads(snapshot.state[:-DIGEST_LENGTH])
        assert held.keys() == {"owner", "currency", "balance", "events"}
        assert held["events"] == snapshot.version
        assert (held["owner"], held["currency"]) == (state["owner"], state["currency"])
        assert Decimal(held["balance"]) == state["balance"]
    assert len({snapshot.fingerprint for snapshot in snapshots(daybook).values()}) == 1
    assert metrics(daybook.event_log)["daybook_event_log_snapshots_total"] == len(expected)
    wait_until(
        lambda: metrics(daybook.command)["daybook_command_snapshots_kept_total"] == len(expected),
        "the gateway counts as many",
    )


def test_there_are_none_where_none_are_wanted(start_daybook):
    daybook = start_daybook(COMMAND_SNAPSHOT_EVENTS=0)
    filled(daybook, "a", 250)
    stop(daybook)
    assert snapshots(daybook) == {}


# ---- what is damaged by hand
# Without audits, so that what holds holds by itself. Each damage is done to all snapshots of an account of its own.


def with_state(state):
    """Puts another state in the place of a snapshot's own, which is signed."""
    content = state if isinstance(state, bytes) else json.dumps(state).encode()
    return lambda snapshot: snapshot._replace(state=content)


RICH = json.dumps({"owner": "Eve", "currency": "USD", "balance": "900.00", "events": 9}).encode()
DAMAGES = {
    "state-garbage": with_state(bytes.fromhex("DEADBEEF")),
    "state-empty": with_state(b""),
    "state-cut-short": lambda snapshot: snapshot._replace(state=snapshot.state[:-4]),
    "state-no-object": with_state(b"[]"),
    "state-without-balance": with_state({"owner": "Eve", "currency": "USD"}),
    "state-below-zero": with_state({"owner": "Eve", "currency": "USD", "balance": "-1.00", "events": 9}),
    "state-of-no-currency": with_state({"owner": "Eve", "currency": "XYZ", "balance": "1.00", "events": 9}),
    "other-fingerprint": lambda snapshot: snapshot._replace(fingerprint=os.urandom(32), state=RICH),
    "fingerprint-cut-short": lambda snapshot: snapshot._replace(fingerprint=b"\0", state=RICH),
    "last-event-cut-short": lambda snapshot: snapshot._replace(last_event=b"\0", state=RICH),
    "version-below-zero": lambda snapshot: snapshot._replace(version=-snapshot.version, state=RICH),
    "version-zero": lambda snapshot: snapshot._replace(version=0, state=RICH) if snapshot.version == 9 else snapshot,
    "gone": lambda snapshot: None,
}
if postgresql.IS_USED:
    # There it is a UUID.
    del DAMAGES["last-event-cut-short"]


@pytest.fixture(scope="module")
def damaged(module_services):
    daybook = module_services(COMMAND_SNAPSHOT_EVENTS=3, COMMAND_SNAPSHOT_AUDIT=0, QUERY_HISTORY_EVENTS=5)
    for account in DAMAGES:
        # The newest snapshot is at the last event: the next one stands on nothing else.
        filled(daybook, account, 9)
    stopped_with_snapshots(daybook, DAMAGES, 9)
    for account, damage in DAMAGES.items():
        alter(daybook, account, damage)
    daybook.start()
    return daybook


@pytest.mark.parametrize("account", DAMAGES)
def test_I5_a_damaged_snapshot_changes_nothing(damaged, account):
    check_and_go_on(damaged, account)


OF_ANOTHER_HISTORY = {
    "of-another-event": lambda snapshot: snapshot._replace(last_event=os.urandom(16)),
    "beyond-the-last-event": lambda snapshot: snapshot._replace(version=snapshot.version + 50),
    "of-an-earlier-version": lambda snapshot: snapshot._replace(version=snapshot.version - 1),
}


@pytest.mark.parametrize("account", OF_ANOTHER_HISTORY)
def test_I5_a_snapshot_of_another_history_is_refused(start_daybook, account):
    """It names an event that is not the account's at that version; nothing that stands on it could be recorded."""
    daybook = start_daybook(COMMAND_SNAPSHOT_EVENTS=3, COMMAND_SNAPSHOT_AUDIT=0)
    filled(daybook, account, 9)
    stopped_with_snapshots(daybook, [account], 9)
    alter(daybook, account, OF_ANOTHER_HISTORY[account])
    daybook.start()
    check_and_go_on(daybook, account)


CONTRADICTED = {
    "absent": with_state({}),
    "of-another-currency": with_state({"owner": "Eve", "currency": "JPY", "balance": "900", "events": 9}),
    "too-poor": with_state({"owner": "Alice", "currency": "USD", "balance": "0.00", "events": 9}),
}


@pytest.mark.parametrize("account", CONTRADICTED)
def test_I5_a_snapshot_that_the_events_after_it_contradict_is_not_believed(start_daybook, account):
    """The events are the truth: where they cannot follow on a snapshot, it is the snapshot that is wrong."""
    daybook = start_daybook(COMMAND_SNAPSHOT_EVENTS=3, COMMAND_SNAPSHOT_AUDIT=0)
    filled(daybook, account, 9)
    kept(daybook, account, 9)
    assert daybook.gateway.withdraw(account, "2.00").status == 200
    stop(daybook)
    alter(daybook, account, CONTRADICTED[account])
    daybook.start()
    # A version at which a wrong snapshot lies is not asked for: it can be told from the events' fold by an audit alone.
    daybook.wait_until_caught_up()
    (*_, expected) = History(daybook).states[account]
    answer = daybook.gateway.deposit(account, "0.25")
    assert answer.status == 200, answer
    assert answer.json["balance"] == expected["balance"] + Decimal("0.25")
    assert_account(daybook.queries.get(f"/accounts/{account}?version={expected['version']}"), expected)


def test_a_wrong_snapshot_is_found_by_the_audit_deleted_counted_and_named(start_daybook):
    daybook = start_daybook(COMMAND_SNAPSHOT_EVENTS=3, COMMAND_SNAPSHOT_AUDIT=1)
    for account in ("wrong", "sound"):
        filled(daybook, account, 10)
    stopped_with_snapshots(daybook, ["wrong", "sound"], 9)
    # Signed with the services' own key, as by a program with a fault: nothing else is compared at all.
    right = snapshots(daybook)["wrong", 9]
    richer = signed(
        json.dumps({"owner": "Alice", "currency": "USD", "balance": "900.00", "events": 9}).encode(), secret_of(daybook),
        store.log_id(daybook.database), "wrong", 9, right.last_event, right.created_at, right.updated_at,
    )  # fmt: skip
    alter(daybook, "wrong", lambda snapshot: snapshot._replace(state=richer) if snapshot.version == 9 else snapshot)
    daybook.start()

    def audited(count):
        figures = metrics(daybook.command)
        return figures["daybook_command_snapshots_audited_total"] >= count and figures

    # A command that is refused either way, so that the history stays what it is; it makes the gateway load the account.
    assert_problem(daybook.gateway.withdraw("sound", 10_000), 400, "insufficient-funds")
    figures = wait_until(lambda: audited(1), "the sound snapshot was compared")
    assert figures["daybook_command_snapshots_wrong_total"] == 0 and ("sound", 9) in snapshots(daybook)
    assert_problem(daybook.gateway.withdraw("wrong", 10_000), 400, "insufficient-funds")
    wait_until(lambda: ("wrong", 9) not in snapshots(daybook), "the wrong snapshot is deleted")
    assert {("wrong", 3), ("wrong", 6), ("sound", 9)} <= snapshots(daybook).keys()
    wait_until(
        lambda: metrics(daybook.command)["daybook_command_snapshots_wrong_total"] == 1, "the wrong snapshot is counted"
    )
    (line,) = [line for line in daybook.command.output.splitlines() if " error " in line]
    assert "account/wrong" in line and "version=9" in line and "a snapshot is not what the events give" in line
    # What the gateway held of it is forgotten.
    wait_until(
        lambda: daybook.gateway.withdraw("wrong", 10_000).json["available"] == Decimal("9.50"),
        "the gateway knows the true balance",
    )
    check_and_go_on(daybook, "wrong")


# ---- what they are for


def start_without_queries(daybook):
    """Starts the log and the gateway, which is then not ready for queries, and waits until it can obey commands."""
    daybook.event_log.start()
    daybook.command.start(wait=False)
    wait_until(
        lambda: daybook.command.health("/readyz") is not None
        and all("query service" in missing for missing in daybook.command.figures().get("missing", [])),
        "the gateway lacks nothing but the query service",
        30,
    )


def test_a_command_on_a_long_account_does_not_read_what_a_snapshot_holds(start_daybook):
    """Shown by an event before the snapshot that nobody can read: it is in the way of whoever reads all of them."""
    daybook = start_daybook(start=False)
    start_without_queries(daybook)
    daybook.gateway.open("long", 0)
    requester = requester_of(daybook)
    try:
        for page in range(5):
            events = [
                Event(uuid4(), "MoneyDeposited", b'{"amount":"0.01"}', schema_version=2) for _ in range(1000)
            ]
            write = Write("account/long", 1 + page * 1000, events)
            assert append(requester, write).result == "committed"
    finally:
        requester.close()
    assert daybook.gateway.deposit("long", 1).json["balance"] == Decimal("51.00")
    # Those that the gateway took on the way, when it folded the whole history.
    kept(daybook, "long", 5000)
    assert (daybook.command.stop(), daybook.event_log.stop()) == (0, 0)
    store.change_event(daybook.database, 2, data="{}")
    start_without_queries(daybook)
    answer = daybook.gateway.deposit("long", 1)
    assert (answer.status, answer.json["balance"], answer.json["version"]) == (200, Decimal("52.00"), 5003), answer

    # Without the snapshots there is no way past it.
    assert (daybook.command.stop(), daybook.event_log.stop()) == (0, 0)
    alter(daybook, "long", lambda snapshot: None)
    start_without_queries(daybook)
    assert daybook.gateway.deposit("long", 1).status >= 500
    assert daybook.event_log.figures()["position"] == answer.position
