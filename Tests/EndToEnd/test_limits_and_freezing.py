"""Limits, freezing and closing: what an account refuses from then on, and what time travel shows of it."""

import itertools

import pytest

from commands import (
    bulk, capture, close, deposit, freeze, keyed, obeyed, place_hold, release, reverse, set_limits, transfer, unfreeze,
    withdraw,
)  # fmt: skip
from problems import assert_problem

NUMBERS = itertools.count(1)


@pytest.fixture
def account(daybook):
    """An account of 100.00 with a name of the test's own."""
    name = f"limits-{next(NUMBERS)}"
    daybook.gateway.open(name, "100.00")
    return name


def last(daybook, account):
    return daybook.gateway.events(account)[-1]


# ---- limits


def test_limits_may_be_given_with_the_opening(daybook, account):
    name = f"{account}-opened"
    opened = daybook.gateway.open(name, 5, overdraft="20.00", maximum_balance=1000).json
    assert (opened["overdraft"], opened["maximum_balance"], opened["available"], opened["held"]) == (20, 1000, 25, 0)
    assert daybook.gateway.account(name) == opened
    event = last(daybook, name)
    assert (event["overdraft"], event["maximum_balance"]) == (20, 1000)
    assert obeyed(daybook.gateway.post(name, withdraw(25)))["balance"] == -20
    plain = daybook.gateway.account(account)
    assert "overdraft" not in plain and "maximum_balance" not in plain and (plain["available"], plain["held"]) == (100, 0)
    refused = daybook.gateway.post(f"{account}-full", {"type": "OpenAccount", "owner": "A", "initial_balance": 2, "maximum_balance": 1})
    assert refused.status == 400, refused


def test_an_overdraft_is_available_and_can_be_taken_away(daybook, account):
    gateway = daybook.gateway
    answer = obeyed(gateway.post(account, set_limits(overdraft=50)))
    assert (answer["balance"], answer["overdraft"], answer["available"], answer["version"]) == (100, 50, 150, 2)
    problem = assert_problem(gateway.post(account, withdraw(151)), 400, "insufficient-funds")
    assert (problem["available"], problem["shortfall"]) == (150, 1)
    answer = obeyed(gateway.post(account, withdraw(150)))
    assert (answer["balance"], answer["available"]) == (-50, 0)
    # A lowered limit refuses new movements, never old ones.
    answer = obeyed(gateway.post(account, set_limits(overdraft=None)))
    assert answer["balance"] == -50 and "overdraft" not in answer
    assert_problem(gateway.post(account, withdraw("0.01")), 400, "insufficient-funds")
    assert obeyed(gateway.post(account, deposit(60)))["available"] == 10


def test_a_maximum_balance_is_a_limit_for_what_comes(daybook, account):
    gateway = daybook.gateway
    obeyed(gateway.post(account, set_limits(maximum_balance="120.00")))
    problem = assert_problem(gateway.post(account, deposit("20.01")), 400, "limit-exceeded")
    assert (str(problem["maximum"]), str(problem["balance"]), str(problem["requested"])) == ("120.00", "100.00", "20.01")
    obeyed(gateway.post(account, deposit(20)))
    answer = obeyed(gateway.post(account, set_limits(maximum_balance=1)))
    assert (answer["balance"], answer["maximum_balance"]) == (120, 1)
    assert_problem(gateway.post(account, deposit("0.01")), 400, "limit-exceeded")
    obeyed(gateway.post(account, withdraw(100)))
    assert_problem(gateway.post(account, deposit("0.01")), 400, "limit-exceeded")
    answer = obeyed(gateway.post(account, set_limits(maximum_balance=None, overdraft=5)))
    assert "maximum_balance" not in answer and answer["overdraft"] == 5
    obeyed(gateway.post(account, deposit(1000)))
    event = [event for event in gateway.events(account) if event["type"] == "LimitsSet"][-1]
    assert (event["overdraft"], event["maximum_balance"]) == (5, None)


def test_amounts_of_limits_and_refusals_may_be_strings(daybook, account):
    strings = {"Accept": "application/json;amounts=string"}
    answer = daybook.gateway.post(account, set_limits(overdraft=50, maximum_balance=120), headers=strings)
    assert [answer.json[name] for name in ("balance", "available", "held", "overdraft", "maximum_balance")] == [
        "100.00", "150.00", "0.00", "50.00", "120.00",
    ]  # fmt: skip
    problem = daybook.gateway.post(account, deposit(21), headers=strings).json
    assert [problem[name] for name in ("maximum", "balance", "requested")] == ["120.00", "100.00", "21.00"]


@pytest.mark.parametrize("limits, pointer", [
    ({}, None), ({"overdraft": -1}, "/overdraft"), ({"overdraft": "none"}, "/overdraft"), ({"overdraft": "1.001"}, "/overdraft"),
    ({"maximum_balance": False}, "/maximum_balance"), ({"overdraft": 1, "minimum": 2}, "/minimum"),
])  # fmt: skip
def test_malformed_limits_are_refused(daybook, account, limits, pointer):
    pointers = None if pointer is None else [pointer]
    assert_problem(daybook.gateway.post(account, set_limits(**limits)), 400, "invalid-command", pointers=pointers)
    assert daybook.gateway.account(account)["version"] == 1


# ---- freezing


@pytest.mark.parametrize("direction", ["debits", "credits", "all"])
def test_a_frozen_direction_refuses_movements_of_that_direction(daybook, account, direction):
    gateway = daybook.gateway
    other = f"{account}-other"
    gateway.open(other, 100)
    obeyed(gateway.post(account, place_hold("before", 1)))
    answer = obeyed(gateway.post(account, freeze(direction, "a lost card")))
    assert (answer["status"], answer["frozen"]) == ("frozen", {"direction": direction, "reason": "a lost card"})
    assert gateway.account(account) == answer
    movements = {
        "debits": [(account, withdraw(1)), (account, transfer(other, 1)), (account, place_hold("h", 1))],
        "credits": [(account, deposit(1)), (other, transfer(account, 1))],
    }
    for moved, commands in movements.items():
        for sender, command in commands:
            answer = gateway.post(sender, command)
            if direction in (moved, "all"):
                problem = assert_problem(answer, 409, "account-frozen")
                assert (problem["direction"], problem["reason"]) == (direction, "a lost card")
                assert sender == account or problem["account"] == account
            else:
                assert answer.status == 200, answer
    obeyed(gateway.post(account, set_limits(overdraft=1)))
    obeyed(gateway.post(account, capture("before")))
    answer = obeyed(gateway.post(account, unfreeze()))
    assert answer["status"] == "open" and "frozen" not in answer
    obeyed(gateway.post(account, withdraw(1)))
    obeyed(gateway.post(account, deposit(1)))


def test_a_freeze_replaces_a_freeze_and_is_lifted_once(daybook, account):
    assert_problem(daybook.gateway.post(account, unfreeze()), 409, "not-frozen")
    obeyed(daybook.gateway.post(account, freeze("all", "first")))
    answer = obeyed(daybook.gateway.post(account, freeze("credits", "second")))
    assert answer["frozen"] == {"direction": "credits", "reason": "second"}
    obeyed(daybook.gateway.post(account, withdraw(1)))
    obeyed(daybook.gateway.post(account, unfreeze("third")))
    assert_problem(daybook.gateway.post(account, unfreeze()), 409, "not-frozen")
    events = daybook.gateway.events(account)
    frozen = [(event["type"], event.get("direction"), event["reason"]) for event in events if "reason" in event]
    assert frozen == [("AccountFrozen", "all", "first"), ("AccountFrozen", "credits", "second"), ("AccountUnfrozen", None, "third")]


@pytest.mark.parametrize("command, pointer", [
    ({"type": "Freeze", "direction": "debits"}, "/reason"), ({"type": "Freeze", "reason": "x"}, "/direction"),
    ({"type": "Freeze", "direction": "both", "reason": "x"}, "/direction"),
    ({"type": "Freeze", "direction": "all", "reason": ""}, "/reason"),
    ({"type": "Freeze", "direction": "all", "reason": "x" * 257}, "/reason"),
    ({"type": "Unfreeze"}, "/reason"), ({"type": "Close"}, "/reason"), ({"type": "Close", "reason": 7}, "/reason"),
    ({"type": "Unfreeze", "reason": "x", "direction": "all"}, "/direction"),
])  # fmt: skip
def test_malformed_freezes_and_closings_are_refused(daybook, account, command, pointer):
    assert_problem(daybook.gateway.post(account, command), 400, "invalid-command", pointers=[pointer])


# ---- closing


def test_an_account_is_empty_when_it_is_closed_and_refuses_everything_afterwards(daybook, account):
    gateway = daybook.gateway
    other = f"{account}-other"
    gateway.open(other, 100)
    problem = assert_problem(gateway.post(account, close()), 409, "account-not-empty")
    assert (problem["balance"], problem["held"]) == (100, 0)
    obeyed(gateway.post(account, place_hold("h", 10)))
    obeyed(gateway.post(account, withdraw(90)))
    problem = assert_problem(gateway.post(account, close()), 409, "account-not-empty")
    assert (problem["balance"], problem["held"]) == (10, 10)
    obeyed(gateway.post(account, capture("h")))
    answer = obeyed(gateway.post(account, close("moved away")))
    assert (answer["status"], answer["balance"], answer["closed_at"]) == ("closed", 0, answer["updated_at"])
    assert gateway.account(account) == answer
    head = daybook.event_log.figures()["position"]
    for command in (
        deposit(1), withdraw(1), transfer(other, 1), place_hold("i", 1), capture("h"), release("h"), set_limits(overdraft=1),
        freeze("all"), unfreeze(), close(), reverse(3),
    ):  # fmt: skip
        assert_problem(gateway.post(account, command), 409, "account-closed")
    assert gateway.post(account, {"type": "OpenAccount", "owner": "A", "initial_balance": 0}).status == 409
    assert_problem(gateway.post(other, transfer(account, 1)), 409, "account-closed")
    assert daybook.event_log.figures()["position"] == head
    assert last(daybook, account)["reason"] == "moved away"


def test_a_frozen_account_is_closed_too_and_one_below_zero_is_not(daybook, account):
    obeyed(daybook.gateway.post(account, set_limits(overdraft=10)))
    obeyed(daybook.gateway.post(account, withdraw(110)))
    problem = assert_problem(daybook.gateway.post(account, close()), 409, "account-not-empty")
    assert problem["balance"] == -10
    obeyed(daybook.gateway.post(account, deposit(10)))
    obeyed(daybook.gateway.post(account, freeze("all")))
    assert obeyed(daybook.gateway.post(account, close()))["status"] == "closed"


# ---- histories, keys, bulk


def test_time_travel_shows_limits_and_status_as_they_were(daybook, account):
    gateway = daybook.gateway
    answers = [gateway.account(account)]
    for command in (
        set_limits(overdraft=5, maximum_balance=500), freeze("debits"), set_limits(overdraft=7), freeze("all"), unfreeze(),
        set_limits(overdraft=None, maximum_balance=None), withdraw(100), close(),
    ):  # fmt: skip
        answers.append(obeyed(gateway.post(account, command)))
    for version, answer in enumerate(answers, start=1):
        assert gateway.get(f"/accounts/{account}?version={version}").json == answer
        at = gateway.get(f"/accounts/{account}?at={answer['updated_at']}").json
        assert at == answer or at["version"] > version, "two events of one microsecond"


def test_they_are_repeatable_and_go_in_bulk(daybook, account):
    first = daybook.gateway.post(account, freeze("debits"), headers=keyed("k"))
    obeyed(daybook.gateway.post(account, unfreeze()))
    again = daybook.gateway.post(account, freeze("debits"), headers=keyed("k"))
    assert (again.status, again.body, again.headers["Idempotent-Replayed"]) == (200, first.body, "true")
    assert daybook.gateway.account(account)["status"] == "open"
    assert_problem(daybook.gateway.post(account, freeze("credits"), headers=keyed("k")), 422, "idempotency-key-reused")
    answers = bulk(
        daybook.gateway,
        (account, set_limits(maximum_balance=100)), (account, deposit(1)), (account, freeze("debits")), (account, withdraw(1)),
        (account, unfreeze()), (account, withdraw(100)), (account, close()), (account, deposit(1)),
    )  # fmt: skip
    assert [answer["status"] for answer in answers] == [200, 400, 200, 409, 200, 200, 200, 409]
    assert [answer["problem"]["type"] for answer in answers if "problem" in answer] == [
        "/problems/limit-exceeded", "/problems/account-frozen", "/problems/account-closed",
    ]  # fmt: skip
