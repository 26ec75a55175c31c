"""A record that cannot be applied stops its account, not the ledger."""

import sqlite3

import pytest

import store
from daybook_tool import Tool
from problems import assert_problem
from raw_log import append
from services import wait_until
from test_projections import metrics
from test_time_travel import spelled


@pytest.fixture
def poisoned(start_daybook):
    """Two accounts, and after them an event of one of them that no version of the program knows."""
    daybook = start_daybook()
    daybook.gateway.open("sound", 5)
    opened = daybook.gateway.open("poisoned", 7)
    append(daybook, [("poisoned", 1, [("MoneyTeleported", {"amount": "1.00"})])])
    assert daybook.gateway.deposit("sound", 1).status == 200
    daybook.wait_until_caught_up()
    return daybook, opened.position + 1


def both(daybook):
    return daybook.queries, daybook.gateway


def assert_unreadable(answer, position, reason):
    problem = assert_problem(answer, 503, "account-unreadable")
    assert (problem["position"], reason in problem["reason"]) == (position, True), problem
    assert "Daybook-Stale" not in answer.headers and "Daybook-Position" in answer.headers


PATHS = ["", "/events", "/statement", "?version=2", "?version=99", "?at=9999-12-31T23:59:59Z", "/events?reference=x"]


def test_its_account_is_unreadable_and_never_shown_as_it_was(poisoned):
    daybook, position = poisoned
    for client in both(daybook):
        for path in PATHS:
            assert_unreadable(client.get(f"/accounts/poisoned{path}"), position, "MoneyTeleported")


def test_before_the_record_it_is_shown_as_it_was(poisoned):
    daybook, position = poisoned
    _, records = store.read(daybook.database)
    recorded_at = records[position - 1].recorded_at
    for client in both(daybook):
        for query in ("version=1", f"at={spelled(recorded_at - 1)}"):
            answer = client.get(f"/accounts/poisoned?{query}")
            assert (answer.status, answer.json["balance"], answer.json["version"]) == (200, 7, 1), answer
        statement = client.get(f"/accounts/poisoned/statement?to={spelled(recorded_at)}")
        assert (statement.status, statement.json["closing_balance"]) == (200, 7), statement
        assert_unreadable(client.get(f"/accounts/poisoned?at={spelled(recorded_at)}"), position, "MoneyTeleported")
        path = f"/accounts/poisoned/statement?to={spelled(recorded_at + 1)}"
        assert_unreadable(client.get(path), position, "MoneyTeleported")


def test_all_others_go_on(poisoned):
    daybook, position = poisoned
    deposited = daybook.gateway.deposit("sound", 1)
    for client in both(daybook):
        answer = client.get(f"/accounts/sound?min_position={deposited.position}")
        assert (answer.status, answer.json["balance"]) == (200, 7), answer
        assert "Daybook-Stale" not in answer.headers
        assert len(client.events("sound")) == 3
        assert client.get("/accounts/sound/statement").json["closing_balance"] == 7
        types = [event["type"] for event in client.get("/events?after=0&account=poisoned").json]
        assert types == ["AccountOpened", "MoneyTeleported"]


def test_lists_totals_readiness_and_metrics_name_what_is_left_out(poisoned):
    daybook, position = poisoned
    for client in both(daybook):
        answer = client.get("/accounts")
        assert [account["id"] for account in answer.json] == ["sound"]
        assert answer.headers["Daybook-Unreadable-Accounts"] == "1"
        answer = client.get("/totals")
        assert [(each["accounts"], each["balance"]) for each in answer.json] == [(1, 6)]
        assert answer.headers["Daybook-Unreadable-Accounts"] == "1"
    assert daybook.query.health("/readyz") == 200
    figures = daybook.query.figures()
    assert figures["unreadable_streams"] == 1
    (named,) = figures["unreadable"]
    assert (named["projection"], named["stream"], named["position"]) == ("accounts", "account/poisoned", position)
    assert "MoneyTeleported" in named["reason"]
    samples = metrics(daybook.query)
    assert samples['daybook_query_projection_unreadable_streams{projection="accounts"}'] == 1
    assert samples['daybook_query_projection_stopped{projection="accounts"}'] == 0


@pytest.mark.parametrize("ended", ["killed", "stopped"])
def test_it_is_still_unreadable_after_a_restart(poisoned, ended):
    daybook, position = poisoned
    if ended == "killed":
        daybook.query.kill()
    else:
        assert daybook.query.stop() == 0
    daybook.query.start()
    assert ("checkpoint read" in daybook.query.output) == (ended == "stopped")
    # A record after the poison changes nothing of it.
    append(daybook, [("poisoned", 2, [("MoneyDeposited", {"amount": "1.00"})])])
    daybook.wait_until_caught_up()
    assert_unreadable(daybook.queries.get("/accounts/poisoned"), position, "MoneyTeleported")
    assert daybook.queries.account("sound")["balance"] == 6
    assert daybook.queries.get("/accounts").headers["Daybook-Unreadable-Accounts"] == "1"
    before = daybook.queries.get("/totals").json
    rebuilt = daybook.queries.request("POST", "/projections/accounts/rebuild").json
    assert rebuilt["digest"] == rebuilt["replaced_digest"]
    assert daybook.queries.get("/totals").json == before


@pytest.mark.parametrize(
    ("event_type", "data", "reason"),
    [
        ("MoneyWithdrawn", {"amount": "7.01"}, "insufficient"),
        ("MoneyDeposited", {"amount": "7.01", "currency": "USD"}, "amount"),
        ("MoneyDeposited", b"[]", "MoneyDeposited"),
        ("HoldCaptured", {"hold": "none", "amount": "1.00"}, "hold"),
        ("AccountOpened", {"owner": "E", "initial_balance": "1.00", "currency": "USD"}, "second opening"),
    ],
)
def test_a_forged_record_is_poison_too(start_daybook, event_type, data, reason):
    daybook = start_daybook()
    daybook.gateway.open("sound", 5)
    opened = daybook.gateway.open("poisoned", 7)
    append(daybook, [("poisoned", 1, [(event_type, data)])])
    daybook.wait_until_caught_up()
    problem = assert_problem(daybook.queries.get("/accounts/poisoned"), 503, "account-unreadable")
    assert problem["position"] == opened.position + 1
    assert 0 < len(problem["reason"]) <= 300 and problem["reason"].isprintable()
    assert daybook.queries.account("sound")["balance"] == 5


def test_of_many_some_are_named(start_daybook):
    daybook = start_daybook()
    append(daybook, [(f"bad-{number:02}", 0, [("MoneyTeleported", {})]) for number in range(25)])
    append(daybook, [("good", 0, [("AccountOpened", {"owner": "A", "initial_balance": "1.00", "currency": "USD"})])])
    daybook.wait_until_caught_up()
    figures = daybook.query.figures()
    assert (figures["unreadable_streams"], len(figures["unreadable"])) == (25, 20)
    answer = daybook.queries.get("/accounts")
    assert ([each["id"] for each in answer.json], answer.headers["Daybook-Unreadable-Accounts"]) == (["good"], "25")
    wait_until(lambda: "left out" in daybook.query.output, "the log of the service tells of it")


def test_a_command_on_the_account_fails_alone(poisoned):
    daybook, position = poisoned
    assert_unreadable(daybook.gateway.deposit("poisoned", 1), position, "MoneyTeleported")
    assert daybook.gateway.deposit("sound", 1).status == 200


def test_verify_names_the_record_and_still_proves_what_comes_after_it(poisoned):
    daybook, position = poisoned
    # One that nobody can cover, and one whose text would steer the terminal.
    forged = ("MoneyWithdrawn", {"amount": "1000.00"})
    steering = ("AccountOpened", {"owner": "Bob", "initial_balance": "\x1b[2J", "currency": "\x1b[2J"})
    last, _ = append(daybook, [("sound", 2, [forged]), ("gone", 0, [steering])])
    assert daybook.gateway.open("after", 3).status == 201
    tool = Tool(daybook)
    code, found = tool.verify()
    assert (code, found["ok"], found["position"], found["stream"]) == (1, False, position, "account/poisoned")
    assert (found["head"], found["streams"], found["unreadable_streams"]) == (last + 1, 4, 3)
    named = [(each["stream"], each["position"], each["version"]) for each in found["unreadable"]]
    assert named == [("account/poisoned", position, 2), ("account/sound", last - 1, 3), ("account/gone", last, 1)]
    assert "MoneyTeleported" in found["unreadable"][0]["reason"]
    text = tool.run("verify")
    assert text.returncode == 1 and "NOT in order: 3 accounts have" in text.stdout and "\x1b" not in text.stdout, text
    assert f"position {position} (version 2 of account/poisoned)" in text.stdout
    assert f"all else is in order: {last + 1} events of 4 streams" in text.stdout

    assert tool.run("backup", "altered.db").returncode == 0
    altered = daybook.directory / "altered.db"
    with sqlite3.connect(altered) as database:
        database.execute("UPDATE events SET data = replace(data, '3', '4') WHERE position = ?", (last + 1,))
    code, found = tool.verify(altered)
    assert (code, found["position"], found["unreadable_streams"]) == (1, last + 1, 3), found
    assert "hash" in found["reason"] and "head" not in found
    refused = tool.run("restore", altered, "--event-store", "sqlite:nowhere.db")
    assert refused.returncode == 1 and f"position {last + 1}" in refused.stderr, refused
    assert not (daybook.directory / "nowhere.db").exists()


def test_a_backup_with_the_record_is_restored_with_a_warning(poisoned, start_daybook):
    daybook, position = poisoned
    assert Tool(daybook).run("backup", "full.db").returncode == 0
    log_id, records = store.read(daybook.database)
    other = start_daybook(start=False)
    result = Tool(other).run("restore", daybook.directory / "full.db")
    assert result.returncode == 0 and "verified" in result.stdout, result
    assert "warning: 1 account has" in result.stderr
    assert f"position {position} (version 2 of account/poisoned)" in result.stderr
    assert store.read(other.database) == (log_id, records)
    other.start()
    other.wait_until_caught_up()
    assert other.gateway.deposit("sound", 1).status == 200
    assert other.gateway.account("sound")["balance"] == 7
    for client in both(other):
        assert_unreadable(client.get("/accounts/poisoned"), position, "MoneyTeleported")

    (report,) = Tool(other).json("restore", daybook.directory / "full.db", "--event-store", "sqlite:again.db")
    assert (report["position"], report["unreadable_streams"]) == (len(records), 1)
    assert [each["position"] for each in report["unreadable"]] == [position]


def test_more_than_a_hundred_such_accounts_are_counted_and_a_hundred_named(start_daybook):
    daybook = start_daybook()
    append(daybook, [(f"bad-{number}", 0, [("Unheard", {})]) for number in range(103)])
    code, found = Tool(daybook).verify()
    assert (code, found["unreadable_streams"], len(found["unreadable"])) == (1, 103, 100)
    assert "and 3 more" in Tool(daybook).run("verify").stdout


def test_a_snapshot_from_such_a_record_on_is_not_checked_but_must_have_an_event(start_daybook):
    daybook = start_daybook(COMMAND_SNAPSHOT_EVENTS="1")
    tool = Tool(daybook)
    daybook.gateway.open("poisoned", 7)
    wait_until(lambda: tool.verify()[1]["snapshots"] == 1, "a snapshot is kept")
    append(daybook, [("poisoned", 1, [("MoneyTeleported", {}), ("MoneyDeposited", {"amount": "1.00"})])])
    assert tool.verify()[1]["snapshots"] == 1, "the one before the record is checked"
    assert tool.run("backup", "moved.db").returncode == 0
    for version, position, snapshots in ((3, 2, 0), (4, None, None)):
        with sqlite3.connect(daybook.directory / "moved.db") as database:
            database.execute("UPDATE snapshots SET version = ?", (version,))
        code, found = tool.verify(daybook.directory / "moved.db")
        assert (code, found["position"], found.get("snapshots")) == (1, position, snapshots), found
    assert "no such event" in found["reason"] and found["unreadable_streams"] == 1
