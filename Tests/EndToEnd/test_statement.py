"""The statement of an account: what moved money in it, and that it ties."""

import csv
import io
import random
from datetime import datetime
from decimal import Decimal

import pytest

from problems import assert_problem
from raw_log import Ledger
from test_time_travel import EPOCH, microseconds, spelled

COLUMNS = [
    "time", "version", "position", "type", "amount", "balance", "reference", "description", "effective_at",
    "counterparty",
]  # fmt: skip


def both(daybook):
    return daybook.queries, daybook.gateway


def statement(client, account, query="", headers={}):
    answer = client.get(f"/accounts/{account}/statement{query}", headers, timeout=60)
    assert answer.status == 200, answer
    return answer.json


@pytest.fixture(scope="module")
def ledger(module_services):
    """An account with every kind of movement, and what moves no money between. Few events are held in memory."""
    daybook = module_services(QUERY_HISTORY_EVENTS=5)
    ledger = Ledger(daybook)
    ledger.open("a", "100.00", owner="Zoë, “Söhne”")
    ledger.open("b", "0.00")
    ledger.deposit("a", "10.00", reference="R-1", description='a "quoted", text\nin two lines', effective_at="2026-01-31")
    ledger.withdraw("a", "5.50")
    ledger.transfer("a", "b", "20.00", reference="T,1")
    ledger.hold("a", "h", "30.00")
    ledger.capture("a", "h", "12.00", released="18.00")
    ledger.hold("a", "i", "1.00")
    ledger.release("a", "i", "1.00")
    ledger.transfer("b", "a", "4.25")
    ledger.reverse("a", 2, "10.00", "debit", description="the deposit was a mistake")
    daybook.wait_until_caught_up()
    return ledger


def test_a_row_for_every_event_that_moved_money(ledger):
    for client in both(ledger.daybook):
        found = statement(client, "a")
        rows = [(row["type"], row["amount"], row["balance"], row.get("counterparty")) for row in found["entries"]]
        assert rows == [
            ("AccountOpened", Decimal("100.00"), Decimal("100.00"), None),
            ("MoneyDeposited", Decimal("10.00"), Decimal("110.00"), None),
            ("MoneyWithdrawn", Decimal("-5.50"), Decimal("104.50"), None),
            ("MoneySent", Decimal("-20.00"), Decimal("84.50"), "b"),
            ("HoldCaptured", Decimal("-12.00"), Decimal("72.50"), None),
            ("MoneyReceived", Decimal("4.25"), Decimal("76.75"), "b"),
            ("MovementReversed", Decimal("-10.00"), Decimal("66.75"), None),
        ]
        assert {name: found[name] for name in ("account", "owner", "currency")} == {
            "account": "a", "owner": "Zoë, “Söhne”", "currency": "USD",
        }  # fmt: skip
        assert (found["opening_balance"], found["closing_balance"]) == (0, Decimal("66.75"))
        assert (found["credits"], found["debits"]) == (Decimal("114.25"), Decimal("47.50"))
        first = found["entries"][1]
        assert (first["reference"], first["effective_at"]) == ("R-1", "2026-01-31")
        assert first["description"] == 'a "quoted", text\nin two lines'
        events = {event["version"]: event for event in client.events("a")}
        for row in found["entries"]:
            event = events[row["version"]]
            assert (row["position"], row["time"], row["type"]) == (event["position"], event["time"], event["type"])
        assert statement(client, "b")["closing_balance"] == Decimal("15.75")
        # An opening without money moved none.
        assert [row["type"] for row in statement(client, "b")["entries"]] == ["MoneyReceived", "MoneySent"]


def test_it_ties_for_any_two_times(ledger):
    daybook = ledger.daybook
    whole = statement(daybook.queries, "a")
    times = [microseconds(row["time"]) for row in whole["entries"]]
    moments = sorted({moment for time in times for moment in (time - 1, time, time + 1)})

    def balance(before):
        return sum((row["amount"] for row, time in zip(whole["entries"], times) if time < before), Decimal(0))

    chance = random.Random(5)
    pairs = [tuple(sorted((chance.choice(moments), chance.choice(moments)))) for _ in range(60)]
    for start, end in [(moments[0], moments[-1]), *zip(moments, moments[1:]), *pairs]:
        client = chance.choice(both(daybook))
        found = statement(client, "a", f"?from={spelled(start)}&to={spelled(end)}")
        assert (found["from"], found["to"]) == (spelled(start), spelled(end))
        rows = [row for row, time in zip(whole["entries"], times) if start <= time < end]
        assert found["entries"] == rows
        assert (found["opening_balance"], found["closing_balance"]) == (balance(start), balance(end))
        assert found["opening_balance"] + found["credits"] - found["debits"] == found["closing_balance"]
    # What one ends with, the next begins with.
    first = statement(daybook.queries, "a", f"?to={spelled(times[3])}")
    second = statement(daybook.queries, "a", f"?from={spelled(times[3])}")
    assert first["closing_balance"] == second["opening_balance"]
    assert first["entries"] + second["entries"] == whole["entries"]


def test_without_times_it_is_the_whole_history(ledger):
    found = statement(ledger.daybook.queries, "a")
    assert microseconds(found["from"]) == microseconds(found["entries"][0]["time"])
    assert microseconds(found["to"]) == microseconds(found["entries"][-1]["time"]) + 1


def test_before_the_opening_there_is_nothing(ledger):
    found = statement(ledger.daybook.queries, "a", "?from=1970-01-01T00:00:00Z&to=1971-01-01T00:00:00Z")
    assert (found["opening_balance"], found["closing_balance"], found["entries"]) == (0, 0, [])
    found = statement(ledger.daybook.queries, "a", "?to=1971-01-01T00:00:00Z")
    assert (found["from"], found["to"], found["entries"]) == ("1971-01-01T00:00:00.000000Z",) * 2 + ([],)
    later = statement(ledger.daybook.queries, "a", "?from=2999-01-01T00:00:00Z")
    assert (later["opening_balance"], later["closing_balance"], later["entries"]) == (Decimal("66.75"),) * 2 + ([],)


def test_as_csv_it_follows_rfc_4180(ledger):
    for client in both(ledger.daybook):
        answer = client.get("/accounts/a/statement", {"Accept": "text/csv"})
        assert answer.status == 200, answer
        assert answer.headers["Content-Type"] == "text/csv;charset=utf-8;header=present"
        text = answer.body.decode()
        assert text.startswith(",".join(COLUMNS) + "\r\n") and text.endswith("\r\n")
        header, *rows = csv.reader(io.StringIO(text, newline=""))
        assert header == COLUMNS
        entries = statement(client, "a", headers={"Accept": "application/json;amounts=string"})["entries"]
        assert rows == [[str(entry.get(name, "")) for name in COLUMNS] for entry in entries]
        quoted = '"a ""quoted"", text\nin two lines"'
        assert quoted in text and '"T,1"' in text


def test_amounts_as_strings(ledger):
    found = statement(ledger.daybook.gateway, "a", headers={"Accept": "application/json;amounts=string"})
    assert (found["closing_balance"], found["debits"], found["entries"][2]["amount"]) == ("66.75", "47.50", "-5.50")


def test_its_tag_changes_with_the_account(ledger):
    for client in both(ledger.daybook):
        answer = client.get("/accounts/a/statement")
        tag = answer.headers["ETag"]
        assert client.get("/accounts/a/statement", {"If-None-Match": tag}).status == 304
        as_csv = client.get("/accounts/a/statement", {"If-None-Match": tag, "Accept": "text/csv"})
        assert as_csv.status == 200 and as_csv.headers["ETag"] != tag
        head = client.request("HEAD", "/accounts/a/statement")
        assert (head.status, head.headers["ETag"], head.body) == (200, tag, b"")
        assert int(head.headers["Content-Length"]) == len(answer.body)
        assert answer.headers["Daybook-Log-Id"] == head.headers["Daybook-Log-Id"]
        assert answer.position == head.position >= 11
        assert "Accept" in answer.headers["Vary"]
        beyond = client.get(f"/accounts/a/statement?min_position={10**9}&wait=50ms")
        assert_problem(beyond, 503, "not-caught-up")


def test_what_cannot_be_understood_is_400(ledger):
    for client in both(ledger.daybook):
        for query in ("from=yesterday", "to=2026-01-02", "at=2026-01-02T03:04:05Z", "limit=5", "from=&to=",
                      "from=2026-01-02T03:04:05Z&to=2026-01-02T03:04:04Z", "to=2026-01-02T03:04:05+01:00"):  # fmt: skip
            assert_problem(client.get(f"/accounts/a/statement?{query}"), 400, "invalid-parameter")
        assert_problem(client.get("/accounts/nobody/statement"), 404, "account-not-found")
        assert_problem(client.get("/accounts/a%20b/statement"), 400, "invalid-account-id")


def test_after_a_command_the_gateway_shows_it(ledger):
    daybook = ledger.daybook
    daybook.gateway.open("fresh", 1)
    for number in range(2, 12):
        written = daybook.gateway.deposit("fresh", 1).json
        found = statement(daybook.gateway, "fresh")
        assert (found["closing_balance"], len(found["entries"])) == (number, number)
        assert found["entries"][-1]["time"] == written["updated_at"]
        assert datetime.fromisoformat(found["from"]) > EPOCH


# ---- long ones


@pytest.fixture(scope="module")
def long(module_services):
    """An account with 100,001 deposits, 10,000 in an append; few of them are held in memory."""
    daybook = module_services(QUERY_HISTORY_EVENTS=1000)
    ledger = Ledger(daybook)
    ledger.open("long")
    for _ in range(10):
        ledger.append(*[("long", "MoneyDeposited", {"amount": "0.01"})] * 10_000)
    ledger.deposit("long", "0.01")
    daybook.wait_until_caught_up()
    return ledger


# A debug build on a busy machine may take long for 100,000 events; the gateway waits as long as it is told.
PATIENCE = "wait=60s"


def test_one_that_is_too_long_says_where_to_cut_it(long):
    for client in both(long.daybook):
        answer = client.get(f"/accounts/long/statement?{PATIENCE}", timeout=60)
        problem = assert_problem(answer, 400, "statement-too-long")
        assert microseconds(problem["to"]) == long.appends[-1][1]
        assert problem["maximum"] == 100_000
        first = statement(client, "long", f"?to={problem['to']}&{PATIENCE}")
        second = statement(client, "long", f"?from={problem['to']}&{PATIENCE}")
        assert (len(first["entries"]), len(second["entries"])) == (100_000, 1)
        assert first["closing_balance"] == second["opening_balance"] == 1000
        assert [row["version"] for row in first["entries"]] == list(range(2, 100_002))
        assert [row["balance"] for row in first["entries"][::999]] == [
            Decimal(number + 1) / 100 for number in range(0, 100_000, 999)
        ]


def test_a_long_one_as_csv(long):
    end = spelled(long.appends[-1][1])
    path = f"/accounts/long/statement?to={end}&{PATIENCE}"
    answer = long.daybook.gateway.get(path, {"Accept": "text/csv"}, timeout=60)
    rows = list(csv.reader(io.StringIO(answer.body.decode(), newline="")))
    assert len(rows) == 100_001
    assert rows[-1][4:6] == ["0.01", "1000.00"]
