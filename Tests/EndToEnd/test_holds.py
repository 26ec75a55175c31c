"""Holds: money that is set aside, and resolved once."""

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from commands import (
    at_once, bulk, capture, close, deposit, freeze, keyed, obeyed, place_hold, release, set_limits, transfer, withdraw,
)  # fmt: skip
from problems import assert_problem
from services import wait_until

NUMBERS = itertools.count(1)


@pytest.fixture
def account(daybook):
    """An account of 100.00 with a name of the test's own."""
    name = f"hold-{next(NUMBERS)}"
    daybook.gateway.open(name, "100.00")
    return name


def figures(daybook, account):
    found = daybook.gateway.account(account)
    return found["balance"], found["held"], found["available"]


def types(daybook, account):
    return [event["type"] for event in daybook.gateway.events(account)]


def test_a_hold_sets_money_aside_until_it_is_captured_or_released(daybook, account):
    gateway = daybook.gateway
    answer = obeyed(gateway.post(account, place_hold("h-1", "30.50", reference="order-7")))
    assert (answer["balance"], answer["held"], answer["available"], answer["version"]) == (100, Decimal("30.50"), Decimal("69.50"), 2)
    assert answer["holds"] == [{"hold": "h-1", "amount": Decimal("30.50")}]
    assert gateway.account(account) == answer
    problem = assert_problem(gateway.post(account, withdraw("69.51")), 400, "insufficient-funds")
    assert (problem["available"], problem["shortfall"]) == (Decimal("69.50"), Decimal("0.01"))
    assert_problem(gateway.post(account, place_hold("h-2", 70)), 400, "insufficient-funds")
    answer = obeyed(gateway.post(account, capture("h-1")))
    assert (answer["balance"], answer["held"], answer["available"]) == (Decimal("69.50"), 0, Decimal("69.50"))
    assert "holds" not in answer
    obeyed(gateway.post(account, place_hold("h-2", "69.50")))
    answer = obeyed(gateway.post(account, release("h-2")))
    assert (answer["balance"], answer["held"], answer["available"]) == (Decimal("69.50"), 0, Decimal("69.50"))
    events = gateway.events(account)
    assert [event["type"] for event in events] == ["AccountOpened", "HoldPlaced", "HoldCaptured", "HoldPlaced", "HoldReleased"]
    assert [event.get("hold") for event in events] == [None, "h-1", "h-1", "h-2", "h-2"]
    assert events[1]["reference"] == "order-7"


def test_what_is_not_captured_is_free_again(daybook, account):
    obeyed(daybook.gateway.post(account, place_hold("h", 50)))
    answer = obeyed(daybook.gateway.post(account, capture("h", amount="19.99")))
    assert (answer["balance"], answer["held"], answer["available"]) == (Decimal("80.01"), 0, Decimal("80.01"))
    problem = assert_problem(daybook.gateway.post(account, capture("h", amount="19.99")), 409, "hold-resolved")
    assert (problem["as"], problem["version"]) == ("captured", 3)


def test_no_more_than_is_held_is_captured(daybook, account):
    obeyed(daybook.gateway.post(account, place_hold("h", 50)))
    for amount in ("50.01", 51, 100):
        answer = daybook.gateway.post(account, capture("h", amount=amount))
        assert answer.status == 400, answer
    assert figures(daybook, account) == (100, 50, 50)
    obeyed(daybook.gateway.post(account, capture("h", amount=50)))


def test_a_hold_never_draws_on_the_overdraft(daybook, account):
    answer = obeyed(daybook.gateway.post(account, set_limits(overdraft=1000)))
    assert answer["available"] == 1100
    problem = assert_problem(daybook.gateway.post(account, place_hold("h", "100.01")), 400, "insufficient-funds")
    assert (problem["available"], problem["requested"], problem["shortfall"]) == (100, Decimal("100.01"), Decimal("0.01"))
    obeyed(daybook.gateway.post(account, place_hold("h", 100)))
    # A withdrawal may: what is held stays set aside.
    assert obeyed(daybook.gateway.post(account, withdraw(1000)))["balance"] == -900
    answer = obeyed(daybook.gateway.post(account, capture("h")))
    assert (answer["balance"], answer["available"]) == (-1000, 0)


def test_a_capture_into_another_account_is_a_transfer(daybook, account):
    gateway = daybook.gateway
    shop = f"{account}-shop"
    gateway.open(shop)
    obeyed(gateway.post(account, place_hold("h", 50)))
    answer = gateway.post(account, capture("h", amount=20, to=shop, reference="order-7"))
    captured = obeyed(answer)
    assert (captured["balance"], captured["held"]) == (80, 0)
    assert gateway.account(shop)["balance"] == 20
    sent, received = gateway.events(account)[-1], gateway.events(shop)[-1]
    assert (sent["type"], sent["amount"], sent["to"], sent["hold"]) == ("HoldCaptured", 20, shop, "h")
    assert (received["type"], received["amount"], received["from"], received["hold"]) == ("MoneyReceived", 20, account, "h")
    assert sent["transfer"] == received["transfer"] == captured["transfer"]
    assert sent["reference"] == received["reference"] == "order-7"
    assert {sent["position"], received["position"]} == {answer.position - 1, answer.position}


def test_a_capture_needs_the_other_account_to_take_it(daybook, account):
    gateway = daybook.gateway
    obeyed(gateway.post(account, place_hold("h", 50)))
    gateway.open(f"{account}-full", 90)
    obeyed(gateway.post(f"{account}-full", set_limits(maximum_balance=100)))
    gateway.open(f"{account}-frozen")
    obeyed(gateway.post(f"{account}-frozen", freeze("all")))
    gateway.open(f"{account}-closed")
    obeyed(gateway.post(f"{account}-closed", close()))
    gateway.open(f"{account}-yen", currency="JPY")
    for to, status, name in [
        (f"{account}-full", 400, "limit-exceeded"), (f"{account}-frozen", 409, "account-frozen"),
        (f"{account}-closed", 409, "account-closed"), (f"{account}-yen", 400, "currency-mismatch"),
        (f"{account}-nobody", 404, "account-not-found"), (account, 400, "same-account"),
    ]:  # fmt: skip
        problem = assert_problem(gateway.post(account, capture("h", to=to)), status, name)
        assert name in ("same-account", "currency-mismatch") or problem["account"] == to
    assert figures(daybook, account) == (100, 50, 50), "a refused capture resolved the hold"
    obeyed(gateway.post(account, capture("h", to=f"{account}-full", amount=10)))


def test_a_hold_is_resolved_whatever_was_frozen_or_lowered_since(daybook, account):
    gateway = daybook.gateway
    for hold in ("h-1", "h-2"):
        obeyed(gateway.post(account, place_hold(hold, 20)))
    obeyed(gateway.post(account, freeze("all")))
    obeyed(gateway.post(account, set_limits(maximum_balance=1)))
    assert_problem(gateway.post(account, withdraw(1)), 409, "account-frozen")
    assert_problem(gateway.post(account, place_hold("h-3", 1)), 409, "account-frozen")
    obeyed(gateway.post(account, capture("h-1")))
    obeyed(gateway.post(account, release("h-2")))
    assert figures(daybook, account) == (80, 0, 80)


def test_64_captures_at_once_resolve_a_hold_once(daybook, account):
    obeyed(daybook.gateway.post(account, place_hold("h", 30)))
    answers = at_once([lambda: daybook.gateway.post(account, capture("h"), timeout=60) for _ in range(64)])
    assert sorted(answer.status for answer in answers) == [200] + [409] * 63
    for answer in answers:
        if answer.status == 409:
            problem = assert_problem(answer, 409, "hold-resolved")
            assert (problem["as"], problem["version"]) == ("captured", 3)
    assert figures(daybook, account) == (70, 0, 70)
    assert types(daybook, account) == ["AccountOpened", "HoldPlaced", "HoldCaptured"]


@pytest.mark.parametrize("first, how", [(capture("h"), "captured"), (capture("h", amount=1), "captured"), (release("h"), "released")])
def test_a_second_resolution_says_how_the_first_one_ended(daybook, account, first, how):
    obeyed(daybook.gateway.post(account, place_hold("h", 30)))
    obeyed(daybook.gateway.post(account, first))
    daybook.gateway.deposit(account, 1)
    for again in (capture("h"), release("h")):
        problem = assert_problem(daybook.gateway.post(account, again), 409, "hold-resolved")
        assert (problem["as"], problem["version"]) == (how, 3)


def test_holds_that_are_not_there_and_holds_that_are(daybook, account):
    for command in (capture("nothing"), release("nothing")):
        assert_problem(daybook.gateway.post(account, command), 404, "hold-not-found")
        assert_problem(daybook.gateway.post(f"{account}-nobody", command), 404, "account-not-found")
    obeyed(daybook.gateway.post(account, place_hold("h", 1)))
    assert_problem(daybook.gateway.post(account, place_hold("h", 2)), 409, "hold-exists")
    obeyed(daybook.gateway.post(account, release("h")))
    # An id names one hold for ever.
    assert daybook.gateway.post(account, place_hold("h", 2)).status == 409


def test_a_refused_capture_leaves_the_hold_and_its_key_the_refusal(daybook, account):
    shop = f"{account}-shop"
    obeyed(daybook.gateway.post(account, place_hold("h", 30)))
    first = daybook.gateway.post(account, capture("h", to=shop), headers=keyed("k"))
    assert_problem(first, 404, "account-not-found")
    daybook.gateway.open(shop)
    again = daybook.gateway.post(account, capture("h", to=shop), headers=keyed("k"))
    assert (again.status, again.body, again.headers["Idempotent-Replayed"]) == (404, first.body, "true")
    done = daybook.gateway.post(account, capture("h", to=shop), headers=keyed("k-2"))
    id = obeyed(done)["transfer"]
    again = daybook.gateway.post(account, capture("h", to=shop), headers=keyed("k-2"))
    assert (again.status, again.body, again.headers["Idempotent-Replayed"]) == (200, done.body, "true")
    assert again.json["transfer"] == id
    assert daybook.gateway.account(shop)["balance"] == 30


# ---- expiry


def wait_until_expired(daybook, account, timeout=60):
    return wait_until(
        lambda: (found := daybook.gateway.account(account))["held"] == 0 and found, "the hold is expired", timeout
    )


def test_an_expiry_is_visible_without_any_command(daybook, account):
    gateway = daybook.gateway
    placed = obeyed(gateway.post(account, place_hold("h", 30, expires_in="2s")))
    expiry = datetime.fromisoformat(placed["holds"][0]["expires_at"])
    # Counted from when it was decided, just before it was recorded.
    assert expiry - datetime.fromisoformat(placed["updated_at"]) <= timedelta(seconds=2)
    found = wait_until_expired(daybook, account)
    assert datetime.now(UTC) >= expiry
    assert (found["balance"], found["available"], found["version"]) == (100, 100, 2)
    assert "holds" not in found
    (listed,) = [entry for entry in gateway.get("/accounts?limit=1000").json if entry["id"] == account]
    assert listed == found
    # Nothing was recorded, and what was is as it was.
    assert types(daybook, account) == ["AccountOpened", "HoldPlaced"]
    then = gateway.get(f"/accounts/{account}?version=2").json
    assert (then["held"], then["available"], then["holds"][0]["hold"]) == (30, 70, "h")
    # Before its own events, the next command records it.
    for command in (capture("h"), release("h")):
        problem = assert_problem(gateway.post(account, command), 409, "hold-resolved")
        assert problem["as"] == "expired" and "version" not in problem
    answer = obeyed(gateway.post(account, withdraw(100)))
    assert (answer["balance"], answer["version"]) == (0, 4)
    assert types(daybook, account) == ["AccountOpened", "HoldPlaced", "HoldExpired", "MoneyWithdrawn"]
    problem = assert_problem(gateway.post(account, capture("h")), 409, "hold-resolved")
    assert (problem["as"], problem["version"]) == ("expired", 3)


def test_time_travel_shows_an_expiry_at_its_time(daybook, account):
    gateway = daybook.gateway
    placed = obeyed(gateway.post(account, place_hold("h", 30, expires_in="1s")))
    expiry = placed["holds"][0]["expires_at"]
    wait_until_expired(daybook, account)

    def at(time):
        return gateway.get(f"/accounts/{account}?at={time}").json

    just_before = (datetime.fromisoformat(expiry) - timedelta(microseconds=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert (at(just_before)["held"], at(just_before)["available"]) == (30, 70)
    assert (at(expiry)["held"], at(expiry)["available"]) == (0, 100)
    daybook.gateway.deposit(account, 1)
    # Recorded or not, it is the same.
    assert (at(just_before)["held"], at(just_before)["available"]) == (30, 70)
    assert (at(expiry)["held"], at(expiry)["available"]) == (0, 100)


def test_the_receiving_account_of_a_transfer_records_its_expiries_too(daybook, account):
    other = f"{account}-other"
    daybook.gateway.open(other, 10)
    obeyed(daybook.gateway.post(other, place_hold("h", 10, expires_in="1s")))
    wait_until_expired(daybook, other)
    obeyed(daybook.gateway.post(account, transfer(other, 1)))
    assert types(daybook, other) == ["AccountOpened", "HoldPlaced", "HoldExpired", "MoneyReceived"]


def test_an_expired_hold_id_stays_used_and_its_money_is_free(daybook, account):
    obeyed(daybook.gateway.post(account, place_hold("h", 100, expires_in="5s")))
    assert_problem(daybook.gateway.post(account, place_hold("h-2", 1)), 400, "insufficient-funds")
    wait_until_expired(daybook, account)
    assert daybook.gateway.post(account, place_hold("h", 1)).status == 409
    obeyed(daybook.gateway.post(account, place_hold("h-2", 100)))


def test_an_expiry_may_be_given_as_a_time(daybook, account):
    later = (datetime.now(UTC) + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    placed = obeyed(daybook.gateway.post(account, place_hold("h", 1, expires_at=later)))
    assert placed["holds"][0]["expires_at"] == later


@pytest.mark.parametrize("fields, pointer", [
    ({"hold": ""}, "/hold"), ({"hold": "a b"}, "/hold"), ({"hold": "x" * 65}, "/hold"), ({"hold": 7}, "/hold"),
    ({"amount": 0}, "/amount"), ({"amount": "-1"}, "/amount"), ({"amount": "0.001"}, "/amount"),
    ({"expires_in": "7"}, "/expires_in"), ({"expires_in": "0s"}, "/expires_in"), ({"expires_in": "-1s"}, "/expires_in"),
    ({"expires_in": "1y"}, "/expires_in"), ({"expires_in": 7}, "/expires_in"), ({"expires_in": "99999999999999999999d"}, "/expires_in"),
    ({"expires_at": "tomorrow"}, "/expires_at"), ({"expires_at": "2026-01-01"}, "/expires_at"),
    ({"to": "b"}, "/to"),
])  # fmt: skip
def test_malformed_holds_are_refused_with_their_pointer(daybook, account, fields, pointer):
    command = place_hold("h", 1) | fields
    assert_problem(daybook.gateway.post(account, command), 400, "invalid-command", pointers=[pointer])


def test_an_expiry_is_given_once(daybook, account):
    command = place_hold("h", 1, expires_in="1s", expires_at="2030-01-01T00:00:00Z")
    assert daybook.gateway.post(account, command).status == 400


# ---- many at once


def test_holds_in_bulk(daybook, account):
    shop = f"{account}-shop"
    daybook.gateway.open(shop)
    answers = bulk(
        daybook.gateway,
        (account, place_hold("h-1", 60)), (account, place_hold("h-2", 60)), (account, capture("h-1", to=shop, idempotency_key="c")),
        (account, capture("h-1")), (account, release("h-9")), (account, place_hold("h-3", 40)), (account, release("h-3")),
    )  # fmt: skip
    assert [answer["status"] for answer in answers] == [200, 400, 200, 409, 404, 200, 200]
    assert (answers[3]["problem"]["as"], answers[3]["problem"]["version"]) == ("captured", 3)
    (again,) = bulk(daybook.gateway, (account, capture("h-1", to=shop, idempotency_key="c")))
    assert (again["replayed"], again["account"]) == (True, answers[2]["account"])
    assert figures(daybook, account) == (40, 0, 40)


def test_at_most_100_holds_are_shown_oldest_first(daybook, account):
    answers = bulk(daybook.gateway, *[(account, place_hold(f"h-{number}", "0.01")) for number in range(120)])
    assert {answer["status"] for answer in answers} == {200}
    found = daybook.gateway.account(account)
    assert found["held"] == Decimal("1.20")
    assert [hold["hold"] for hold in found["holds"]] == [f"h-{number}" for number in range(100)]
