"""Reversals: the opposite movement, linked to what it reverses, once."""

import itertools

import pytest

from commands import (
    at_once, bulk, capture, close, deposit, freeze, keyed, obeyed, place_hold, reverse, set_limits, transfer, unfreeze, withdraw,
)  # fmt: skip
from problems import assert_problem
from test_repeatable import second_gateway

NUMBERS = itertools.count(1)


@pytest.fixture
def pair(daybook):
    """Two accounts of 100.00 with names of the test's own."""
    name = f"reversal-{next(NUMBERS)}"
    names = (f"{name}-a", f"{name}-b")
    for account in names:
        daybook.gateway.open(account, "100.00")
    return names


def last(daybook, account):
    return daybook.gateway.events(account)[-1]


def balances(daybook, pair):
    return tuple(daybook.gateway.account(account)["balance"] for account in pair)


@pytest.mark.parametrize("movement, direction, balance", [(deposit(30), "debit", 130), (withdraw(30), "credit", 70)])
def test_a_reversal_gives_the_opposite_movement_and_names_what_it_reverses(daybook, pair, movement, direction, balance):
    a, _ = pair
    assert obeyed(daybook.gateway.post(a, movement))["balance"] == balance
    answer = obeyed(daybook.gateway.post(a, reverse(2, "booked twice", reference="r-1", description="d", effective_at="2026-02-01")))
    assert (answer["balance"], answer["version"]) == (100, 3)
    event = last(daybook, a)
    assert (event["type"], event["amount"], event["reverses"], event["direction"], event["reason"]) == (
        "MovementReversed", 30, 2, direction, "booked twice",
    )  # fmt: skip
    assert (event["reference"], event["description"], event["effective_at"]) == ("r-1", "d", "2026-02-01")
    problem = assert_problem(daybook.gateway.post(a, reverse(2)), 409, "already-reversed")
    assert problem["version"] == 3


@pytest.mark.parametrize("side", ["the sender's", "the receiver's"])
def test_a_transfer_is_reversed_on_both_accounts_from_either_side(daybook, pair, side):
    a, b = pair
    daybook.gateway.deposit(b, 7)
    obeyed(daybook.gateway.post(a, transfer(b, 40)))
    assert balances(daybook, pair) == (60, 147)
    account, version = (a, 2) if side == "the sender's" else (b, 3)
    answer = daybook.gateway.post(account, reverse(version))
    reversed = obeyed(answer)
    assert reversed["id"] == account
    assert balances(daybook, pair) == (100, 107)
    credit, debit = last(daybook, a), last(daybook, b)
    assert (credit["type"], credit["direction"], credit["reverses"], credit["from"]) == ("MovementReversed", "credit", 2, b)
    assert (debit["type"], debit["direction"], debit["reverses"], debit["to"]) == ("MovementReversed", "debit", 3, a)
    assert credit["transfer"] == debit["transfer"] != daybook.gateway.events(a)[1]["transfer"]
    assert {credit["position"], debit["position"]} == {answer.position - 1, answer.position}
    # Once, from whichever side.
    for account, version, by in ((a, 2, 3), (b, 3, 4)):
        problem = assert_problem(daybook.gateway.post(account, reverse(version)), 409, "already-reversed")
        assert problem["version"] == by


def test_64_reversals_at_once_from_both_sides_reverse_once(daybook, pair):
    a, b = pair
    obeyed(daybook.gateway.post(a, transfer(b, 40)))
    answers = at_once(
        [lambda n=n: daybook.gateway.post(pair[n % 2], reverse(2), timeout=60) for n in range(64)]
    )
    assert sorted(answer.status for answer in answers) == [200] + [409] * 63
    for answer in answers:
        if answer.status == 409:
            assert assert_problem(answer, 409, "already-reversed")["version"] == 3
    assert balances(daybook, pair) == (100, 100)


def test_a_reversal_through_a_gateway_that_knows_both_accounts_as_they_were_before(daybook, pair):
    a, b = pair
    with second_gateway(daybook) as other:
        for account in pair:
            obeyed(other.post(account, deposit(1)))
        obeyed(daybook.gateway.post(a, transfer(b, 40)))
        assert obeyed(other.post(a, reverse(3)))["balance"] == 101
        # Also if only the other account is known as it was before.
        obeyed(daybook.gateway.post(b, transfer(a, 40)))
        obeyed(other.post(a, deposit(1)))
        assert obeyed(other.post(a, reverse(5)))["balance"] == 102
        assert assert_problem(daybook.gateway.post(b, reverse(5)), 409, "already-reversed")["version"] == 6
    assert balances(daybook, pair) == (102, 101)


def test_only_movements_of_money_can_be_reversed(daybook, pair):
    a, b = pair
    gateway = daybook.gateway
    for command in (
        place_hold("h", 5), capture("h", to=b), deposit(1), set_limits(overdraft=1), freeze("debits"), unfreeze(),
    ):  # fmt: skip
        obeyed(gateway.post(a, command))
    obeyed(gateway.post(a, reverse(4)))
    for version in (1, 2, 3, 5, 6, 7, 8):
        assert_problem(gateway.post(a, reverse(version)), 409, "not-reversible")
    # What came of a capture is a hold's event, too.
    assert last(daybook, b)["type"] == "MoneyReceived"
    assert_problem(gateway.post(b, reverse(2)), 409, "not-reversible")
    for version in (9, 1000, 2**63 - 1):
        assert_problem(gateway.post(a, reverse(version)), 404, "event-not-found")
    assert_problem(gateway.post(f"{a}-nobody", reverse(1)), 404, "account-not-found")


@pytest.mark.parametrize("command, pointer", [
    ({"version": 2}, "/reason"), ({"reason": "x"}, "/version"), ({"version": 0, "reason": "x"}, "/version"),
    ({"version": -1, "reason": "x"}, "/version"), ({"version": "x", "reason": "x"}, "/version"),
    ({"version": 1.5, "reason": "x"}, "/version"), ({"version": 2**63, "reason": "x"}, "/version"), ({"version": 2, "reason": "x", "amount": 1}, "/amount"),
])  # fmt: skip
def test_malformed_reversals_are_refused(daybook, pair, command, pointer):
    answer = daybook.gateway.post(pair[0], {"type": "Reverse"} | command)
    assert_problem(answer, 400, "invalid-command", pointers=[pointer])


def test_a_reversal_is_refused_if_the_money_is_no_longer_available(daybook, pair):
    a, b = pair
    gateway = daybook.gateway
    obeyed(gateway.post(a, deposit(30)))
    obeyed(gateway.post(a, withdraw(120)))
    problem = assert_problem(gateway.post(a, reverse(2)), 400, "insufficient-funds")
    assert (problem["available"], problem["requested"], problem["shortfall"]) == (10, 30, 20)
    obeyed(gateway.post(a, deposit(20)))
    obeyed(gateway.post(a, reverse(2)))
    # A transfer's receiver has spent it.
    gateway.deposit(a, 50)
    obeyed(gateway.post(a, transfer(b, 50)))
    obeyed(gateway.post(b, place_hold("h", 140)))
    problem = assert_problem(gateway.post(a, reverse(daybook.gateway.account(a)["version"])), 400, "insufficient-funds")
    assert (problem["available"], problem["account"]) == (10, b)
    # The overdraft is available, too.
    obeyed(gateway.post(b, set_limits(overdraft=40)))
    obeyed(gateway.post(a, reverse(daybook.gateway.account(a)["version"])))
    assert balances(daybook, pair) == (50, 100)


def test_a_reversal_needs_both_accounts_to_take_it(daybook, pair):
    a, b = pair
    gateway = daybook.gateway
    obeyed(gateway.post(a, transfer(b, 40)))
    obeyed(gateway.post(b, freeze("debits")))
    problem = assert_problem(gateway.post(a, reverse(2)), 409, "account-frozen")
    assert (problem["account"], problem["direction"]) == (b, "debits")
    obeyed(gateway.post(b, unfreeze()))
    obeyed(gateway.post(a, set_limits(maximum_balance=99)))
    problem = assert_problem(gateway.post(a, reverse(2)), 400, "limit-exceeded")
    assert (problem["maximum"], problem["balance"], problem["requested"]) == (99, 60, 40)
    obeyed(gateway.post(a, set_limits(maximum_balance=None)))
    obeyed(gateway.post(a, freeze("credits")))
    assert_problem(gateway.post(b, reverse(2)), 409, "account-frozen")
    obeyed(gateway.post(a, unfreeze()))
    obeyed(gateway.post(a, withdraw(60)))
    obeyed(gateway.post(a, close()))
    assert assert_problem(gateway.post(b, reverse(2)), 409, "account-closed")["account"] == a


def test_reversals_are_repeatable_and_go_in_bulk(daybook, pair):
    a, b = pair
    obeyed(daybook.gateway.post(a, transfer(b, 40)))
    first = daybook.gateway.post(a, reverse(2), headers=keyed("k", If_Match='"2"'))
    obeyed(first)
    again = daybook.gateway.post(a, reverse(2), headers=keyed("k", If_Match='"2"'))
    assert (again.status, again.body, again.headers["Idempotent-Replayed"]) == (200, first.body, "true")
    refused = daybook.gateway.post(b, reverse(2), headers=keyed("k"))
    again = daybook.gateway.post(b, reverse(2), headers=keyed("k"))
    assert (again.status, again.body, again.headers["Idempotent-Replayed"]) == (409, refused.body, "true")
    answers = bulk(
        daybook.gateway,
        (a, deposit(5)), (a, reverse(4)), (a, reverse(4)), (a, reverse(5)), (a, transfer(b, 1)), (a, reverse(6)), (b, reverse(1)),
    )  # fmt: skip
    assert [answer["status"] for answer in answers] == [200, 200, 409, 409, 200, 200, 409]
    assert "transfer" in answers[4]["account"] and not any("transfer" in answers[n]["account"] for n in (0, 1, 5))
    assert balances(daybook, pair) == (100, 100)
