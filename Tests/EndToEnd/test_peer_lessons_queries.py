"""What went wrong with statements, history and references elsewhere does not go wrong here. Each test names the public
report that it comes of."""

import random
from decimal import Decimal

import pytest
from bank import Bank, done, open_holds


@pytest.fixture
def bank(daybook):
    return Bank(daybook.gateway)


def test_a_statement_has_one_row_for_each_movement(bank):
    """blnkfinance/blnk#290: queued, inflight and applied states of one movement were rows of their own."""
    account, other = bank.account("100.00"), bank.account("0.00")
    for hold in ("captured", "paid", "released"):
        done(bank.hold(account, hold, "10.00"))
    done(bank.capture(account, "captured", amount="4.00", reference="card 1"))
    done(bank.capture(account, "paid", to=other))
    done(bank.release(account, "released"))
    done(bank.freeze(account))
    statement = bank.statement(account)
    rows = [(row["version"], row["type"], row["amount"], row["balance"]) for row in statement["entries"]]
    assert rows == [(1, "AccountOpened", 100, 100), (5, "HoldCaptured", -4, 96), (6, "HoldCaptured", -10, 86)]
    assert [row.get("counterparty") for row in statement["entries"]] == [None, None, other]
    assert (statement["credits"], statement["debits"]) == (100, 14)
    (received,) = bank.statement(other)["entries"][-1:]
    assert (received["amount"], received["counterparty"], received["type"]) == (10, account, "MoneyReceived")


def test_a_captured_hold_and_its_capture_are_not_both_listed(bank):
    """blnkfinance/blnk#218: a list showed a transaction twice, as inflight and as applied."""
    account = bank.account("100.00")
    done(bank.hold(account, "h", "10.00"))
    assert bank.statement(account)["debits"] == 0
    done(bank.capture(account, "h"))
    assert [row["amount"] for row in bank.statement(account)["entries"]] == [100, -10]


@pytest.mark.parametrize("report", [
    "moneymanagerex/android-money-manager-ex#483", "firefly-iii/firefly-iii#12862", "apache/fineract pull 297",
])  # fmt: skip
def test_a_statement_ties_for_any_two_times(bank, report):
    """The reports: running balances were wrong for another period, a later day, or one kind of account."""
    chance = random.Random(report)
    account, other = bank.account("100.00", overdraft="50.00"), bank.account("100.00")
    for _ in range(12):
        chance.choice([
            lambda: bank.deposit(account, "3.00"), lambda: bank.withdraw(account, "5.00"),
            lambda: bank.transfer(account, other, "7.00"), lambda: bank.transfer(other, account, "2.00"),
        ])()  # fmt: skip
    events = bank.gateway.events(account)
    times = [event["time"] for event in events]
    whole = bank.statement(account)
    assert whole["closing_balance"] == bank.figures(account)[0]
    for _ in range(10):
        begin, end = sorted(chance.choices(times, k=2))
        statement = bank.statement(account, f"?from={begin}&to={end}")
        rows = [row for row in whole["entries"] if begin <= row["time"] < end]
        assert statement["entries"] == rows
        earlier = [row["balance"] for row in whole["entries"] if row["time"] < begin]
        assert statement["opening_balance"] == (earlier[-1] if earlier else 0)


def test_a_new_account_has_a_statement(bank):
    """tigerbeetle/tigerbeetle#2045: a new account had no balances at all, though zero is a balance."""
    account = bank.account("0.00")
    statement = bank.statement(account)
    assert (statement["opening_balance"], statement["closing_balance"]) == (0, 0)
    assert (statement["credits"], statement["debits"]) == (0, 0)


def test_an_effective_date_is_shown_and_changes_no_balance(bank):
    """formancehq/ledger#340: a transaction that is dated back was to change later balances, or to be refused. Here it
    does neither: an effective date is for the statement, and history stays as it was recorded."""
    account = bank.account("100.00")
    before = bank.gateway.account(account)["updated_at"]
    done(bank.withdraw(account, "60.00"))
    done(bank.deposit(account, "5.00", effective_at="2020-01-31", description="found in a drawer"))
    assert bank.gateway.get(f"/accounts/{account}?at={before}").json["balance"] == 100
    rows = bank.statement(account)["entries"]
    assert [row["balance"] for row in rows] == [100, 40, 45]
    assert (rows[2].get("effective_at"), rows[1].get("effective_at")) == ("2020-01-31", None)
    assert rows[2]["description"] == "found in a drawer"
    assert bank.gateway.events(account)[-1]["effective_at"] == "2020-01-31"


@pytest.mark.parametrize("report", ["LerianStudio/midaz#1766", "hiero-ledger/hiero-mirror-node#7239"])
def test_the_past_is_shown_as_it_was_with_limits_holds_and_status(bank, report):
    """The two reports: no balance of a past time could be had; or it came with the time of now."""
    account = bank.account("100.00")
    done(bank.hold(account, "h", "30.00"))
    done(bank.set_limits(account, overdraft="20.00"))
    done(bank.freeze(account, "debits"))
    done(bank.release(account, "h"))
    done(bank.unfreeze(account))
    events = bank.gateway.events(account)
    for version, available, held, status, overdraft in [
        (1, 100, 0, "open", 0), (2, 70, 30, "open", 0), (3, 90, 30, "open", 20), (4, 90, 30, "frozen", 20),
        (5, 120, 0, "frozen", 20), (6, 120, 0, "open", 20),
    ]:  # fmt: skip
        time = events[version - 1]["time"]
        for query in (f"version={version}", f"at={time}"):
            then = bank.gateway.get(f"/accounts/{account}?{query}").json
            assert (then["version"], then["available"], then["held"]) == (version, available, held), query
            assert (then["status"], then.get("overdraft", 0), then["updated_at"]) == (status, overdraft, time), query


def test_an_expiry_is_seen_in_the_past_at_its_very_time(bank):
    """tigerbeetle/tigerbeetle pull 1657: what happens at the very nanosecond of an expiry had to be asked."""
    account = bank.account("100.00")
    done(bank.hold(account, "h", "30.00", expires_in="1s"))
    placed = bank.gateway.events(account)[-1]
    bank.wait_for_expiry(account, "h")
    expires_at = bank.gateway.get(f"/accounts/{account}?version=2").json["holds"][0]["expires_at"]
    at_expiry = bank.gateway.get(f"/accounts/{account}?at={expires_at}").json
    assert (open_holds(at_expiry), at_expiry["available"], at_expiry["version"]) == ([], 100, 2)
    at_placing = bank.gateway.get(f"/accounts/{account}?at={placed['time']}").json
    assert (open_holds(at_placing), at_placing["available"]) == (["h"], 70)


def test_a_reference_leads_to_every_event_that_has_it(bank):
    """blnkfinance/blnk#158: committing a hold made up a reference of its own, so that the client's number was lost."""
    account, other = bank.account("100.00"), bank.account("0.00")
    done(bank.hold(account, "h", "10.00", reference="PAY-0001"))
    done(bank.deposit(account, "1.00", reference="PAY-0002"))
    done(bank.capture(account, "h", to=other, reference="PAY-0001"))
    found = bank.gateway.get(f"/accounts/{account}/events?reference=PAY-0001").json
    assert [(event["type"], event["hold"]) for event in found] == [("HoldPlaced", "h"), ("HoldCaptured", "h")]
    found = bank.gateway.get(f"/accounts/{other}/events?reference=PAY-0001").json
    assert [event["type"] for event in found] == ["MoneyReceived"]


def test_a_reference_is_no_key(bank):
    """Govcraft/beankeeper#1: a second posting under the same reference was told to be done, and was not recorded."""
    account = bank.account("0.00")
    for _ in range(5):
        done(bank.deposit(account, "612.87", reference="ref-123"))
    assert bank.figures(account)[0] == Decimal("3064.35")
    found = bank.gateway.get(f"/accounts/{account}/events?reference=ref-123").json
    assert len(found) == 5


def test_totals_tie_and_hold_what_is_held(bank):
    """tigerbeetle/tigerbeetle#2693: what is held must be part of the balance at the same cut."""
    account = bank.account("100.00", currency="CHF")
    other = bank.account("0.00", currency="CHF")
    done(bank.hold(account, "h", "30.00"))
    done(bank.transfer(account, other, "40.00"))
    done(bank.withdraw(other, "15.00"))
    total = bank.totals()["CHF"]
    assert (total["accounts"], total["balance"], total["held"]) == (2, 85, 30)
