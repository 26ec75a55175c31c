"""Transfers: both accounts or neither, under one id."""

import itertools
import random
from decimal import Decimal

import pytest

from commands import at_once, bulk, close, deposit, freeze, keyed, obeyed, set_limits, transfer, withdraw
from problems import assert_problem
from test_repeatable import second_gateway

NUMBERS = itertools.count(1)


@pytest.fixture
def pair(daybook):
    """Two accounts of 100.00 with names of the test's own."""
    name = f"transfer-{next(NUMBERS)}"
    names = (f"{name}-a", f"{name}-b")
    for account in names:
        daybook.gateway.open(account, "100.00")
    return names


def last(daybook, account):
    return daybook.gateway.events(account)[-1]


def test_both_accounts_change_in_one_append_under_one_id(daybook, pair):
    a, b = pair
    answer = daybook.gateway.post(a, transfer(b, "30.10", reference="inv-1", description="rent", effective_at="2026-01-31"))
    account = obeyed(answer)
    assert (account["id"], account["balance"], account["available"], account["version"]) == (a, Decimal("69.90"), Decimal("69.90"), 2)
    assert answer.headers["ETag"] == '"2"'
    sent, received = last(daybook, a), last(daybook, b)
    assert (sent["type"], sent["amount"], sent["to"]) == ("MoneySent", Decimal("30.10"), b)
    assert (received["type"], received["amount"], received["from"]) == ("MoneyReceived", Decimal("30.10"), a)
    assert sent["transfer"] == received["transfer"] == account["transfer"]
    assert {sent["position"], received["position"]} == {answer.position - 1, answer.position}
    assert sent["time"] == received["time"] == account["updated_at"]
    for event in (sent, received):
        assert (event["reference"], event["description"], event["effective_at"]) == ("inv-1", "rent", "2026-01-31")
    assert daybook.gateway.account(b)["balance"] == Decimal("130.10")
    # What only the answer to the command tells.
    assert "transfer" not in daybook.gateway.account(a)
    assert account == daybook.gateway.account(a) | {"transfer": account["transfer"]}


def test_the_whole_of_what_is_available_can_be_sent_and_not_a_cent_more(daybook, pair):
    a, b = pair
    problem = assert_problem(daybook.gateway.post(a, transfer(b, "100.01")), 400, "insufficient-funds")
    assert (problem["available"], problem["requested"], problem["shortfall"]) == (100, Decimal("100.01"), Decimal("0.01"))
    assert obeyed(daybook.gateway.post(a, transfer(b, 100)))["balance"] == 0
    assert daybook.gateway.account(b)["balance"] == 200


def test_a_refused_transfer_changes_neither_account(daybook, pair):
    a, b = pair
    gateway = daybook.gateway
    gateway.open(f"{a}-yen", 100, currency="JPY")
    gateway.open(f"{a}-closed")
    obeyed(gateway.post(f"{a}-closed", close()))
    gateway.open(f"{a}-frozen")
    obeyed(gateway.post(f"{a}-frozen", freeze("credits", "asked for by its owner")))
    gateway.open(f"{a}-full", 90)
    obeyed(gateway.post(f"{a}-full", set_limits(maximum_balance=100)))
    head = daybook.event_log.figures()["position"]

    def refused(sender, to, status, name, amount=11):
        return assert_problem(gateway.post(sender, transfer(to, amount)), status, name)

    assert refused(a, f"{a}-nobody", 404, "account-not-found")["account"] == f"{a}-nobody"
    assert refused(f"{a}-nobody", a, 404, "account-not-found")["account"] == f"{a}-nobody"
    refused(a, a, 400, "same-account")
    refused(a, f"{a}-yen", 400, "currency-mismatch")
    assert refused(a, f"{a}-closed", 409, "account-closed")["account"] == f"{a}-closed"
    problem = refused(a, f"{a}-frozen", 409, "account-frozen")
    assert (problem["account"], problem["direction"], problem["reason"]) == (f"{a}-frozen", "credits", "asked for by its owner")
    problem = refused(a, f"{a}-full", 400, "limit-exceeded")
    assert (problem["account"], problem["maximum"], problem["balance"], problem["requested"]) == (f"{a}-full", 100, 90, 11)
    refused(a, b, 400, "insufficient-funds", amount=101)
    assert daybook.event_log.figures()["position"] == head
    assert gateway.account(a)["version"] == 1


@pytest.mark.parametrize("command, pointer", [
    ({"type": "Transfer", "amount": 1}, "/to"),
    ({"type": "Transfer", "to": "b"}, "/amount"),
    ({"type": "Transfer", "to": 7, "amount": 1}, "/to"),
    ({"type": "Transfer", "to": "a b", "amount": 1}, "/to"),
    ({"type": "Transfer", "to": "..", "amount": 1}, "/to"),
    ({"type": "Transfer", "to": "", "amount": 1}, "/to"),
    ({"type": "Transfer", "to": "b", "amount": 0}, "/amount"),
    ({"type": "Transfer", "to": "b", "amount": -1}, "/amount"),
    ({"type": "Transfer", "to": "b", "amount": "1.001"}, "/amount"),
    ({"type": "Transfer", "to": "b", "amount": 1, "from": "a"}, "/from"),
    ({"type": "Transfer", "to": "b", "amount": 1, "hold": "h"}, "/hold"),
    ({"type": "Transfer", "to": "b", "amount": 1, "reference": ""}, "/reference"),
    ({"type": "Transfer", "to": "b", "amount": 1, "reference": "x" * 129}, "/reference"),
    ({"type": "Transfer", "to": "b", "amount": 1, "description": "x" * 513}, "/description"),
    ({"type": "Transfer", "to": "b", "amount": 1, "effective_at": "2026-02-30"}, "/effective_at"),
    ({"type": "Transfer", "to": "b", "amount": 1, "effective_at": "2026-01-31T00:00:00Z"}, "/effective_at"),
])  # fmt: skip
def test_a_malformed_transfer_is_refused_with_its_pointer(daybook, pair, command, pointer):
    if command.get("to") == "b":
        command = command | {"to": pair[1]}
    assert_problem(daybook.gateway.post(pair[0], command), 400, "invalid-command", pointers=[pointer])


def test_a_replay_has_the_transfer_id_of_the_first(daybook, pair):
    a, b = pair
    first = daybook.gateway.post(a, transfer(b, 1), headers=keyed("k"))
    id = obeyed(first)["transfer"]
    obeyed(daybook.gateway.post(a, transfer(b, 2)))
    obeyed(daybook.gateway.post(b, transfer(a, 50)))
    for restarted in (False, True):
        if restarted:
            daybook.command.kill()
            daybook.command.start()
        again = daybook.gateway.post(a, transfer(b, "1.00"), headers=keyed("k"))
        assert (again.status, again.body, again.headers["ETag"]) == (200, first.body, '"2"')
        assert again.headers["Idempotent-Replayed"] == "true" and again.position == first.position
        assert again.json["transfer"] == id
    assert sum(event.get("transfer") == id for event in daybook.gateway.events(a)) == 1
    # Another receiver, another amount or another reference is another command.
    for other in (transfer(a + "-x", 1), transfer(b, 2), transfer(b, 1, reference="r")):
        assert_problem(daybook.gateway.post(a, other, headers=keyed("k")), 422, "idempotency-key-reused")
    # The key is the sender's: the receiver may have the same one.
    assert daybook.gateway.post(b, transfer(a, 1), headers=keyed("k")).headers["Idempotent-Replayed"] is None


def test_a_refusal_under_a_key_stays_whatever_comes(daybook, pair):
    a, b = pair
    new = f"{a}-new"
    first = daybook.gateway.post(a, transfer(new, 1), headers=keyed("to nobody".replace(" ", "-")))
    assert_problem(first, 404, "account-not-found")
    short = daybook.gateway.post(a, transfer(b, 500), headers=keyed("short"))
    assert_problem(short, 400, "insufficient-funds")
    daybook.gateway.open(new)
    daybook.gateway.deposit(a, 1000)
    for command, key, answer in ((transfer(new, 1), "to-nobody", first), (transfer(b, 500), "short", short)):
        again = daybook.gateway.post(a, command, headers=keyed(key))
        assert (again.status, again.body) == (answer.status, answer.body)
        assert again.headers["Idempotent-Replayed"] == "true"
    assert daybook.gateway.account(new)["balance"] == 0


def test_a_condition_is_about_the_senders_version(daybook, pair):
    a, b = pair
    obeyed(daybook.gateway.post(b, deposit(1)))
    obeyed(daybook.gateway.post(b, deposit(1)))
    problem = assert_problem(daybook.gateway.post(a, transfer(b, 1), headers={"If-Match": '"3"'}), 412, "version-mismatch")
    assert (problem["expected"], problem["actual"]) == (3, 1)
    obeyed(daybook.gateway.post(a, transfer(b, 1), headers={"If-Match": '"1"'}))
    # A condition that failed bound no key; one that held is judged before the replay is not.
    stale = daybook.gateway.post(a, transfer(b, 1), headers=keyed("k", If_Match='"1"'))
    assert_problem(stale, 412, "version-mismatch")
    obeyed(daybook.gateway.post(a, transfer(b, 1), headers=keyed("k", If_Match='"2"')))
    again = daybook.gateway.post(a, transfer(b, 1), headers=keyed("k", If_Match='"2"'))
    assert (again.status, again.headers["Idempotent-Replayed"]) == (200, "true")


def test_many_transfers_at_once_each_with_its_own_id(daybook, pair):
    a, b = pair
    lines = [(a, transfer(b, 1, idempotency_key=f"k{number}")) for number in range(20)]
    lines += [(b, transfer(a, 1)) for _ in range(20)] + [(a, transfer(b, 1000)), (a, transfer(f"{a}-nobody", 1))]
    answers = bulk(daybook.gateway, *lines)
    assert [answer["status"] for answer in answers] == [200] * 40 + [400, 404]
    ids = [answer["account"]["transfer"] for answer in answers[:40]]
    assert len(set(ids)) == 40
    events = {event["transfer"]: event for event in daybook.gateway.events(a) if "transfer" in event}
    assert events.keys() == set(ids)
    for answer in answers[:40]:
        event = events[answer["account"]["transfer"]]
        assert event["type"] == ("MoneySent" if answer["account"]["id"] == a else "MoneyReceived")
        assert answer["position"] - event["position"] in (0, 1)
    assert answers[41]["problem"]["account"] == f"{a}-nobody"
    again = bulk(daybook.gateway, *lines[:20])
    assert [(answer["status"], answer["replayed"], answer["account"]["transfer"]) for answer in again] == [
        (200, True, id) for id in ids[:20]
    ]
    assert daybook.gateway.account(a)["balance"] == daybook.gateway.account(b)["balance"] == 100


def test_a_line_that_spends_what_an_earlier_line_of_another_account_sent(daybook, pair):
    a, b = pair
    answers = bulk(daybook.gateway, (a, transfer(b, 100)), (b, withdraw(200)), (a, deposit(1)))
    assert [answer["status"] for answer in answers][::2] == [200, 200]
    # Commands of two accounts have no order between them: what had not come yet was not there.
    assert answers[1]["status"] in (200, 400)
    assert daybook.gateway.account(a)["balance"] == 1


def test_64_transfers_at_once_send_exactly_what_there_is(daybook, pair):
    a, b = pair
    answers = at_once([lambda: daybook.gateway.post(a, transfer(b, 10)) for _ in range(64)])
    assert sorted(answer.status for answer in answers) == [200] * 10 + [400] * 54
    assert (daybook.gateway.account(a)["balance"], daybook.gateway.account(b)["balance"]) == (0, 200)
    assert len({answer.json["transfer"] for answer in answers if answer.status == 200}) == 10


def test_opposite_transfers_of_two_hot_accounts_through_two_gateways(daybook, pair):
    a, b = pair
    with second_gateway(daybook) as other:

        def client(number):
            chance = random.Random(number)
            gateway = [daybook.gateway, other][number % 2]
            for _ in range(20):
                sender, to = (a, b) if chance.random() < 0.5 else (b, a)
                answer = gateway.post(sender, transfer(to, chance.randrange(1, 40)), timeout=60)
                if answer.status != 200:
                    assert_problem(answer, 400, "insufficient-funds")

        at_once([lambda n=n: client(n) for n in range(16)])
    # What the other gateway answered is seen through this one a little later.
    daybook.wait_until_caught_up(60)
    first, second = daybook.gateway.events(a), daybook.gateway.events(b)
    assert {event["transfer"] for event in first[1:]} == {event["transfer"] for event in second[1:]}
    balances = {a: 100, b: 100}
    for event in sorted(first[1:] + second[1:], key=lambda event: event["position"]):
        account = event["from"] if "from" in event else event["to"]
        own = b if account == a else a
        balances[own] += event["amount"] if event["type"] == "MoneyReceived" else -event["amount"]
    assert sum(balances.values()) == 200
    for account in (a, b):
        assert daybook.gateway.account(account)["balance"] == balances[account] >= 0
