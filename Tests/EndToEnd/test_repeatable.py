"""Conditional and repeatable commands: one key, one outcome, for ever; and a command only at the version it was meant for."""

import random

import pytest
from gateways import at_once, second_gateway
from problems import assert_problem
from services import PATIENT, Daybook


def keyed(key, **headers):
    return {"Idempotency-Key": key} | {name.replace("_", "-"): value for name, value in headers.items()}


DEPOSIT = {"type": "Deposit", "amount": "5.00"}


@pytest.fixture(scope="module")
def daybook():
    with Daybook(**PATIENT) as daybook:
        yield daybook


def test_I4_64_repeats_at_once_record_one_event_and_the_key_outlives_everything():
    with Daybook(**PATIENT) as daybook:
        daybook.gateway.open("a")
        answers = at_once([lambda: daybook.gateway.post("a", DEPOSIT, headers=keyed("k")) for _ in range(64)])
        assert {answer.status for answer in answers} <= {200, 409}, answers
        for answer in answers:
            if answer.status == 409:
                assert_problem(answer, 409, "command-in-progress")
                assert answer.headers["Retry-After"] == "1"
        first = next(answer for answer in answers if answer.headers["Idempotent-Replayed"] is None and answer.status == 200)
        assert len(daybook.gateway.events("a")) == 2

        for service in daybook.services:
            service.kill()
        daybook.start()
        again = daybook.gateway.post("a", DEPOSIT, headers=keyed("k"))
        assert (again.status, again.body) == (first.status, first.body)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.headers["ETag"] == first.headers["ETag"]
        assert again.position == first.position
        assert len(daybook.gateway.events("a")) == 2


def test_I4_through_two_gateways_a_key_is_obeyed_once(daybook):
    with second_gateway(daybook) as other:
        daybook.gateway.open("two")
        for round in range(20):
            gateways = [daybook.gateway, other] * 4
            answers = at_once([lambda g=g: g.post("two", DEPOSIT, headers=keyed(f"k-{round}")) for g in gateways])
            assert {answer.status for answer in answers} <= {200, 409}, answers
        # What the other gateway answered is seen through this one a little later.
        daybook.wait_until_caught_up(60)
        assert len(daybook.gateway.events("two")) == 21


def test_an_opening_is_repeated_with_201_and_its_first_state(daybook):
    command = {"type": "OpenAccount", "owner": "Alice", "initial_balance": 7}
    first = daybook.gateway.post("opened", command, headers=keyed("open"))
    daybook.gateway.deposit("opened", 1)
    again = daybook.gateway.post("opened", command, headers=keyed("open"))
    assert (again.status, again.body, again.headers["Location"]) == (201, first.body, "/accounts/opened")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert_problem(daybook.gateway.post("opened", command), 409, "account-already-open")


def test_a_refusal_under_a_key_stays_a_refusal(daybook):
    daybook.gateway.open("poor", 1)
    withdrawal = {"type": "Withdraw", "amount": 10}
    head = daybook.event_log.figures()["position"]
    first = daybook.gateway.post("poor", withdrawal, headers=keyed("w"))
    assert_problem(first, 400, "insufficient-funds")
    assert daybook.event_log.figures()["position"] == head
    daybook.gateway.deposit("poor", 100)
    again = daybook.gateway.post("poor", withdrawal, headers=keyed("w"))
    assert (again.status, again.body) == (400, first.body)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Content-Type"] == "application/problem+json"
    assert daybook.gateway.post("poor", withdrawal, headers=keyed("another")).status == 200


def test_a_key_is_bound_to_its_command_and_its_account(daybook):
    daybook.gateway.open("bound")
    daybook.gateway.open("other")
    assert daybook.gateway.post("bound", DEPOSIT, headers=keyed("k")).status == 200
    # The same command in other words, and the key in quotes.
    same = daybook.gateway.post("bound", '{"amount": 5e0, "type":"Deposit"}', headers=keyed('"k"'))
    assert (same.status, same.headers["Idempotent-Replayed"]) == (200, "true")
    for body in ({"type": "Deposit", "amount": "5.01"}, {"type": "Withdraw", "amount": "5.00"}):
        assert_problem(daybook.gateway.post("bound", body, headers=keyed("k")), 422, "idempotency-key-reused")
    assert daybook.gateway.post("other", DEPOSIT, headers=keyed("k")).headers["Idempotent-Replayed"] is None


def test_a_malformed_request_binds_nothing(daybook):
    daybook.gateway.open("unbound")
    assert daybook.gateway.post("unbound", "{", headers=keyed("k")).status == 400
    assert daybook.gateway.post("unbound", {"type": "Deposit", "amount": -1}, headers=keyed("k")).status == 400
    assert daybook.gateway.post("unbound", DEPOSIT, headers=keyed("k")).headers["Idempotent-Replayed"] is None


def test_a_replay_is_recognised_before_a_condition_is_judged(daybook):
    daybook.gateway.open("stale")
    first = daybook.gateway.post("stale", DEPOSIT, headers=keyed("k", If_Match='"1"'))
    assert first.status == 200
    daybook.gateway.deposit("stale", 1)
    again = daybook.gateway.post("stale", DEPOSIT, headers=keyed("k", If_Match='"1"'))
    assert (again.status, again.body) == (200, first.body)
    assert_problem(daybook.gateway.post("stale", DEPOSIT, headers=keyed("new", If_Match='"1"')), 412, "version-mismatch")


@pytest.mark.parametrize("key", ["", '""', "a b", "ä", "x" * 256, "tab\there"])
def test_other_keys_are_refused(daybook, key):
    if daybook.gateway.get("/accounts/keys").status == 404:
        daybook.gateway.open("keys")
    answer = daybook.gateway.post("keys", DEPOSIT, headers={"Idempotency-Key": key.encode("utf-8")})
    assert answer.status == 400, answer


def test_16_conditional_commands_on_one_version_through_two_gateways_one_wins(daybook):
    with second_gateway(daybook) as other:
        daybook.gateway.open("race")
        for version in range(1, 11):
            headers = {"If-Match": f'"{version}"'}
            answers = at_once(
                [lambda g=g: g.post("race", DEPOSIT, headers=headers) for g in [daybook.gateway, other] * 8]
            )
            assert sorted(answer.status for answer in answers) == [200] + [412] * 15
            for answer in answers:
                if answer.status == 412:
                    assert_problem(answer, 412, "version-mismatch")
                    assert answer.json["expected"] == version
                    assert answer.json["actual"] > version


@pytest.mark.parametrize(
    "headers, status",
    [
        ({"If-Match": '"1"'}, 200),
        ({"If-Match": '"2"'}, 412),
        ({"If-Match": '"7", "1"'}, 200),
        ({"If-Match": 'W/"1"'}, 412),
        ({"If-Match": '"nonsense"'}, 412),
        ({"If-Match": "*"}, 200),
        ({"If-Match": "1"}, 400),
        ({"If-None-Match": "*"}, 412),
        ({"If-None-Match": '"1"'}, 400),
    ],
)
def test_conditions_of_commands(daybook, headers, status):
    account = f"condition-{random.randrange(10**9)}"
    daybook.gateway.open(account)
    assert daybook.gateway.post(account, DEPOSIT, headers=headers).status == status


def test_an_account_is_opened_only_where_there_is_none(daybook):
    command = {"type": "OpenAccount", "owner": "Alice", "initial_balance": 0}
    assert daybook.gateway.post("once", command, headers={"If-None-Match": "*"}).status == 201
    assert_problem(daybook.gateway.post("once", command, headers={"If-None-Match": "*"}), 412, "version-mismatch")
    assert_problem(daybook.gateway.post("never", DEPOSIT, headers={"If-Match": "*"}), 412, "version-mismatch")


def test_a_query_for_what_is_known_is_answered_304(daybook):
    tag = daybook.gateway.open("known").headers["ETag"]
    for client in (daybook.gateway, daybook.queries):
        position = {"Daybook-Min-Position": str(daybook.event_log.figures()["position"])}
        answer = client.get("/accounts/known", headers=position | {"If-None-Match": tag})
        assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", tag)
        assert client.get("/accounts/known", headers={"If-None-Match": f'"9", W/{tag}'}).status == 304
        assert client.get("/accounts/known", headers={"If-None-Match": '"9"'}).status == 200
        assert client.get("/accounts/known", headers={"If-None-Match": "*"}).status == 304


def test_I6_clients_on_hot_accounts_through_two_gateways_agree_with_their_own_sums(daybook):
    with second_gateway(daybook) as other:
        accounts = ["hot-1", "hot-2", "hot-3"]
        for account in accounts:
            daybook.gateway.open(account, 50)

        def client(number):
            chance = random.Random(number)
            gateway = [daybook.gateway, other][number % 2]
            sums = dict.fromkeys(accounts, 0)
            for _ in range(40):
                account, amount = chance.choice(accounts), chance.randrange(1, 60)
                if chance.random() < 0.5:
                    assert gateway.deposit(account, amount).status == 200
                    sums[account] += amount
                else:
                    answer = gateway.withdraw(account, amount)
                    if answer.status == 200:
                        sums[account] -= amount
                    else:
                        assert_problem(answer, 400, "insufficient-funds")
            return sums

        sums = at_once([lambda n=n: client(n) for n in range(32)])
        daybook.wait_until_caught_up(60)
        for account in accounts:
            balance = 0
            for event in daybook.gateway.events(account):
                change = event.get("initial_balance", event.get("amount"))
                balance += -change if event["type"] == "MoneyWithdrawn" else change
                assert balance >= 0, event
            assert balance == 50 + sum(s[account] for s in sums) == daybook.gateway.account(account)["balance"]
