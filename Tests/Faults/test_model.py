"""The model and the checks of the fault bench by themselves: what is allowed passes, what is wrong is found."""

from collections import namedtuple
from itertools import islice
from types import SimpleNamespace

import ledger_checks
import pytest
import query_checks
import refusal_checks
from clients import Outcome, Sight
from account_commands import command_of
from history import History, appends_of
from model import Event, microseconds, rfc3339
from orders import READS, Order, orders
from views import difference

START = microseconds("2026-01-02T03:04:05.678901Z")
SECOND = 1_000_000
Answer = namedtuple("Answer", "json")


class Log:
    """Makes up appends, one a call, each by a command of its own."""

    def __init__(self):
        self.appends, self.outcomes, self.position, self.versions = [], [], 0, {}

    def append(self, *events, kind="Deposit", cents=0, at=0.0, sent=None, **command):
        """Events are tuples: account, type, data. `at`: seconds after the start."""
        number = len(self.outcomes) + 1
        time = START + int(at * SECOND)
        append = []
        for index, (account, type, data) in enumerate(events):
            self.position += 1
            self.versions[account] = self.versions.get(account, 0) + 1
            event = Event(
                self.position, self.versions[account], type, account, data, time, f"{self.position:032x}",
                {"correlation_id": f"order-{number}"}, index + 1 < len(events),
            )  # fmt: skip
            append.append(event)
        self.appends.append(append)
        order = Order(number, kind, events[0][0], cents, None, "none", 0, to=command.get("to"))
        sent_at = START + int((at if sent is None else sent) * SECOND)
        outcome = Outcome(order, {"type": kind} | command, None, 0, sent_at=sent_at)
        outcome.answered_at = time
        self.outcomes.append(outcome)
        return self

    def opened(self, account, amount="100.00", currency="USD", **data):
        data = {"owner": "A", "initial_balance": amount, "currency": currency} | data
        return self.append((account, "AccountOpened", data), kind="OpenAccount", cents=_cents(amount))

    def transfer(self, sender, to, amount, other={}):
        """A transfer whose other side may differ from what it must be."""
        id = f"00000000-0000-0000-0000-{self.position + 1:012x}"
        version = self.versions[to] + 1
        sent = {"amount": amount, "to": to, "transfer": id, "counterparty_version": version}
        received = {"amount": amount, "from": sender, "transfer": id, "counterparty_version": self.versions[sender] + 1}
        return self.append(
            (sender, "MoneySent", sent), (to, "MoneyReceived", received | other),
            kind="Transfer", cents=_cents(amount), to=to, amount=amount,
        )  # fmt: skip

    def hold(self, account, name, amount, at=0.0, expires=None):
        data = {"hold": name, "amount": amount}
        if expires is not None:
            data["expires_at"] = rfc3339(START + int(expires * SECOND))
        return self.append((account, "HoldPlaced", data), kind="PlaceHold", cents=_cents(amount), at=at, hold=name)

    @property
    def history(self):
        return History.made_of(self.appends)

    def check(self):
        history = self.history
        ledger_checks.i6_appends_hold_what_was_asked_for(history, self.outcomes)
        ledger_checks.i6_money_is_conserved_after_every_append(history, self.outcomes)
        ledger_checks.i6_no_command_meets_a_hold_that_is_due(history, self.outcomes)
        return history


def _cents(amount):
    return int(amount.replace(".", ""))


def deposit(amount):
    return {"amount": amount}


def two_accounts():
    return Log().opened("a").opened("b")


def test_what_the_rules_allow_passes():
    log = two_accounts().transfer("a", "b", "40.00").hold("b", "h", "120.00", expires=9)
    log.append(("b", "HoldCaptured", {"hold": "h", "amount": "20.00", "released": "100.00"}), kind="CaptureHold",
               hold="h", amount="20.00", at=1)  # fmt: skip
    log.append(("a", "LimitsSet", {"overdraft": "50.00"}), kind="SetLimits", at=1)
    log.append(("a", "MoneyWithdrawn", deposit("110.00")), kind="Withdraw", cents=11000, amount="110.00", at=2)
    log.append(("a", "AccountFrozen", {"direction": "debits", "reason": "r"}), kind="Freeze", direction="debits", at=2)
    history = log.check()
    balances = {name: account.newest.balance for name, account in history.accounts.items()}
    assert balances == {"a": -5000, "b": 12000}
    assert history.sums[log.position] == {"USD": 7000}
    assert history.accounts["a"].newest.status == "frozen"


@pytest.mark.parametrize("resolution", [
    ("HoldCaptured", {"hold": "h", "amount": "10.00"}), ("HoldReleased", {"hold": "h", "amount": "10.00"}),
    ("HoldExpired", {"hold": "h", "amount": "10.00"}),
])  # fmt: skip
def test_a_hold_that_is_resolved_twice_is_found(resolution):
    log = two_accounts().hold("a", "h", "10.00", expires=1)
    log.append(("a", "HoldReleased", {"hold": "h", "amount": "10.00"}), kind="ReleaseHold", hold="h")
    log.append(("a", *resolution), kind="ReleaseHold", hold="h", at=2)
    with pytest.raises(AssertionError, match="resolved twice"):
        log.history


@pytest.mark.parametrize("type, data, told", [
    ("MoneyWithdrawn", {"amount": "90.01"}, "were available"),
    ("HoldPlaced", {"hold": "k", "amount": "40.01"}, "draws on the overdraft"),
    ("MoneyDeposited", {"amount": "100.01"}, "beyond the limit"),
    ("HoldCaptured", {"hold": "h", "amount": "60.01"}, "were held"),
    ("HoldExpired", {"hold": "h", "amount": "60.00"}, "before its time"),
    ("MovementReversed", {"amount": "60.00", "reverses": 2, "direction": "credit", "reason": "r"}, "be reversed"),
    ("AccountClosed", {"reason": "r"}, "not empty"),
    ("AccountUnfrozen", {"reason": "r"}, "was not frozen"),
])  # fmt: skip
def test_what_the_rules_do_not_allow_is_found(type, data, told):
    log = Log().opened("a", overdraft="50.00", maximum_balance="200.00").hold("a", "h", "60.00", expires=9)
    log.append(("a", type, data))
    with pytest.raises(AssertionError, match=told):
        log.history


@pytest.mark.parametrize("direction, type", [("credits", "MoneyDeposited"), ("all", "MoneyWithdrawn")])
def test_a_movement_in_a_frozen_direction_is_found(direction, type):
    log = two_accounts().append(("a", "AccountFrozen", {"direction": direction, "reason": "r"}), kind="Freeze")
    log.append(("a", type, deposit("1.00")))
    with pytest.raises(AssertionError, match="were frozen"):
        log.history


def test_a_second_reversal_is_found():
    log = two_accounts()
    for _ in range(2):
        log.append(("a", "MoneyDeposited", deposit("5.00")), cents=500, amount="5.00")
        log.append(("a", "MovementReversed", {"amount": "5.00", "reverses": 2, "direction": "debit", "reason": "r"}),
                   kind="Reverse", version=2)  # fmt: skip
    with pytest.raises(AssertionError, match="reversed twice"):
        log.history


def test_half_an_append_at_the_end_of_the_log_is_found():
    append = two_accounts().transfer("a", "b", "1.00").appends[-1]
    with pytest.raises(AssertionError, match="amid an append"):
        appends_of(append[:1])


@pytest.mark.parametrize("other, told", [
    ({"transfer": "00000000-0000-0000-0000-000000000009"}, "one transfer"), ({"from": "c"}, "names c"),
    # The other account was at another version than the command was decided on.
    ({"counterparty_version": 1}, "older account"), ({"amount": "1.01"}, "two sides"),
])  # fmt: skip
def test_two_sides_that_do_not_belong_together_are_found(other, told):
    log = two_accounts().transfer("a", "b", "1.00", other)
    with pytest.raises(AssertionError, match=told):
        ledger_checks.i6_appends_hold_what_was_asked_for(log.history, log.outcomes)


def test_money_out_of_nothing_is_found():
    log = two_accounts()
    log.append(("a", "MoneyDeposited", deposit("5.00")), kind="Transfer", to="b", amount="5.00")
    with pytest.raises(AssertionError, match="flowed"):
        ledger_checks.i6_money_is_conserved_after_every_append(log.history, log.outcomes)


def test_a_hold_that_is_due_and_that_the_next_command_does_not_record_is_found():
    log = two_accounts().hold("a", "h", "10.00", expires=1)
    log.append(("a", "MoneyDeposited", deposit("5.00")), cents=500, amount="5.00", at=2, sent=0.5).check()
    log.append(("a", "MoneyDeposited", deposit("6.00")), cents=600, amount="6.00", at=3, sent=2)
    with pytest.raises(AssertionError, match="was due"):
        log.check()


def test_a_recorded_expiry_passes_and_frees_the_money():
    log = two_accounts().hold("a", "h", "100.00", expires=1)
    log.append(("a", "HoldExpired", {"hold": "h", "amount": "100.00"}), ("a", "MoneyWithdrawn", deposit("100.00")),
               kind="Withdraw", cents=10000, amount="100.00", at=2)  # fmt: skip
    assert log.check().accounts["a"].newest.balance == 0


def test_an_account_is_seen_as_of_a_time():
    state = two_accounts().hold("a", "h", "10.00", expires=1).hold("a", "k", "20.00").history.accounts["a"].newest
    body = {
        "id": "a", "owner": "A", "currency": "USD", "status": "open", "version": 3, "balance": 100,
        "available": 70, "held": 30,
        "holds": [
            {"hold": "h", "amount": 10, "expires_at": rfc3339(START + SECOND)}, {"hold": "k", "amount": 20},
        ],
    }  # fmt: skip
    assert difference(body, state, state.moments(START, START)) is None
    assert set(difference(body, state, [START + SECOND])) == {"available", "held", "holds"}
    later = body | {"available": 80, "held": 20, "holds": body["holds"][1:]}
    assert difference(later, state, state.moments(START, START + 2 * SECOND)) is None
    assert difference(later, state, state.moments(START, START + SECOND - 1)) is not None


def sight(kind, body, position):
    return Sight(SimpleNamespace(kind=kind, account="a"), 200, body, position, 0, 0, START, START)


def shown(name, balance):
    return {"id": name, "owner": "A", "currency": "USD", "status": "open", "version": 1, "balance": balance,
            "available": balance, "held": 0}  # fmt: skip


@pytest.mark.parametrize("position", [3, 4])
def test_half_an_append_in_a_list_is_found(position):
    history = two_accounts().transfer("a", "b", "40.00").history
    half = [shown("a", 60) | {"version": 2}, shown("b", 100)]
    check = query_checks.i5_i7_queries_showed_what_was_and_not_less_than_they_had_to
    with pytest.raises(AssertionError, match="half an append|not the fold"):
        check(history, [sight("list", half, position)])
    whole = [shown("a", 60) | {"version": 2}, shown("b", 140) | {"version": 2}]
    check(history, [sight("list", whole, 4)])


def test_totals_must_tie_and_be_those_of_the_position():
    history = two_accounts().transfer("a", "b", "40.00").history
    total = {"currency": "USD", "accounts": 2, "balance": 200, "held": 0, "deposited": 200, "withdrawn": 0}
    query_checks.check_totals(history, [total], 4, START, START)
    for wrong in ({"balance": 160}, {"deposited": 240}, {"held": 1}, {"accounts": 3}):
        with pytest.raises(AssertionError):
            query_checks.check_totals(history, [total | wrong], 4, START, START)
    with pytest.raises(AssertionError, match="half an append"):
        query_checks.check_totals(history, [total], 3, START, START)


@pytest.mark.parametrize("problem, is_true", [
    ({"type": "/problems/insufficient-funds", "requested": 95, "available": 90, "shortfall": 5}, True),
    # After the hold has expired.
    ({"type": "/problems/insufficient-funds", "requested": 95, "available": 100, "shortfall": -5}, False),
    ({"type": "/problems/insufficient-funds", "requested": 95, "available": 80, "shortfall": 15}, False),
    ({"type": "/problems/account-frozen", "direction": "all", "reason": "r"}, False),
    ({"type": "/problems/account-not-found"}, True),
    ({"type": "/problems/hold-resolved", "as": "captured", "version": 9}, False),
])  # fmt: skip
def test_refusals_without_a_reason_are_found(problem, is_true):
    log = two_accounts().hold("a", "h", "10.00", expires=1)
    order = Order(99, "Withdraw", "a", 9500, None, "none", 0)
    outcome = Outcome(order, {"type": "Withdraw", "amount": "95.00", "hold": "h"}, None, 0, sent_at=START)
    outcome.answered_at = START + SECOND // 2
    outcome.kind, outcome.answer = "refused", Answer(problem)
    if is_true:
        return refusal_checks.i6_refusals_are_true(log.history, [outcome])
    with pytest.raises(AssertionError):
        refusal_checks.i6_refusals_are_true(log.history, [outcome])


def test_every_kind_of_command_comes_and_names_what_it_needs():
    made = {}
    for order in islice(orders(1, 0, 4, 2), 3000):
        if order.kind not in READS:
            made.setdefault(order.kind, []).append(command_of(order, 7, [("h", 1_00), ("k", 5_00)], START))
    assert set(made) == set(ledger_checks.RECORDED_AS)
    assert all(1 <= command["version"] <= 7 or command["version"] > 100_000 for command in made["Reverse"])
    assert {command.get("to") is None for command in made["CaptureHold"]} == {True, False}
    assert any("expires_at" in command for command in made["PlaceHold"])
    assert all(set(command) & {"overdraft", "maximum_balance"} for command in made["SetLimits"])
