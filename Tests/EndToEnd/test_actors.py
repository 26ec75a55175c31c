"""Who may send which command to which account, and under whose name it is recorded."""

import hashlib
import itertools
import json
import os
import random
import secrets
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

import store
from client import exchange, http_connection
from commands import (
    NDJSON, capture, close, deposit, freeze, keyed, open_account, place_hold, release, reverse, set_limits, transfer,
    unfreeze, withdraw,
)  # fmt: skip
from problems import assert_problem
from services import wait_until

pytestmark = pytest.mark.open_only("its callers have tokens of its own")

NUMBERS = itertools.count(1)
# Names by which the accounts of the tests begin, in and beyond the reach of some.
TILLS, VAULTS = "till-", "vault-"
ROLES = {
    "ann": {"role": "manager"},
    "bob": {"role": "teller"},
    "cay": {"role": "manager", "accounts": f"{TILLS}*"},
    "dan": {"role": "teller", "accounts": f"{TILLS}*"},
    "eve": {"role": "auditor"},
    "fay": {"role": "teller", "accounts": "till-one"},
}


class Tokens:
    """A file of tokens, one of each name, which may be revoked."""

    def __init__(self, path):
        self.path = path
        self._tokens = {name: secrets.token_urlsafe(32) for name in ROLES}
        self.write()

    def write(self, *without):
        lines = [
            {"name": name, "sha256": hashlib.sha256(token.encode()).hexdigest()} | ROLES[name]
            for name, token in self._tokens.items() if name not in without
        ]  # fmt: skip
        # Whole or not at all.
        new = self.path.with_suffix(".new")
        with open(os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines))
        new.replace(self.path)

    def headers(self, name):
        return {"Authorization": f"Bearer {self._tokens[name]}"}


class Person:
    """Somebody with a token."""

    def __init__(self, daybook, tokens, name):
        self.name = name
        self._daybook = daybook
        self.headers = tokens.headers(name)

    def post(self, account, command, **headers):
        headers = {field.replace("_", "-"): value for field, value in headers.items()}
        return self._daybook.gateway.post(account, command, headers=self.headers | headers)

    def keyed(self, account, command, key, **headers):
        return self.post(account, command, **keyed(key), **headers)

    def obeyed(self, account, command, **headers):
        answer = self.post(account, command, **headers)
        assert answer.status in (200, 201), answer
        return answer.json

    def open(self, account, balance="100.00", **fields):
        self.obeyed(account, open_account(initial_balance=balance, **fields))
        return account

    def bulk(self, *lines, headers={}):
        body = "".join(json.dumps(line if isinstance(line, dict) else {"account": line[0]} | line[1]) + "\n" for line in lines)
        answer = self._daybook.gateway.request("POST", "/commands", body.encode(), self.headers | NDJSON | headers, 60)
        assert answer.status == 200, answer
        return [json.loads(line, parse_float=Decimal) for line in answer.body.splitlines()]

    def get(self, path):
        return self._daybook.gateway.request("GET", path, None, self.headers)

    def account(self, account):
        answer = self.get(f"/accounts/{account}")
        assert answer.status == 200, answer
        return answer.json

    def events(self, account):
        answer = self.get(f"/accounts/{account}/events?limit=10000")
        assert answer.status == 200, answer
        return answer.json


class Bank:
    def __init__(self, daybook, tokens):
        self.daybook = daybook
        self.tokens = tokens
        for name in ROLES:
            setattr(self, name, Person(daybook, tokens, name))

    def till(self, balance="100.00", **fields):
        return self.ann.open(f"{TILLS}{next(NUMBERS)}", balance, **fields)

    def vault(self, balance="100.00", **fields):
        return self.ann.open(f"{VAULTS}{next(NUMBERS)}", balance, **fields)

    def kept(self, account):
        """What the log keeps under the keys of an account: keys, and outcomes."""
        return [(kept.key, kept.outcome) for kept in store.keys(self.daybook.database, f"account/{account}")]


def make_bank(starter, tmp_path, **settings):
    tokens = Tokens(tmp_path / "tokens.jsonl")
    return Bank(starter(ACCESS_TOKENS=tokens.path, **settings), tokens)


@pytest.fixture(scope="module")
def bank(module_services, tmp_path_factory):
    return make_bank(module_services, tmp_path_factory.mktemp("actors"))


def scoped(actor, key):
    name = actor.encode()
    return b"\x01" + hashlib.sha256(struct.pack(">I", len(name)) + name + key.encode()).digest()


def answer_of(outcome):
    """The actor, and what was answered, of an outcome that the log keeps."""
    if outcome[0] == 3:
        # The id of a decision that left no event.
        outcome = outcome[17:]
    assert outcome[0] == 2, outcome
    length = int.from_bytes(outcome[1:5], "big")
    return outcome[5 : 5 + length].decode(), outcome[5 + length :]


# ---- actors


def test_every_command_is_recorded_under_the_name_of_who_sent_it(bank):
    a, b = f"{TILLS}{next(NUMBERS)}", bank.vault()
    sent = [
        (bank.ann, open_account(initial_balance=100)), (bank.bob, deposit(50)), (bank.dan, withdraw(5)),
        (bank.dan, transfer(b, 10)), (bank.bob, place_hold("h", 5)), (bank.dan, capture("h", amount=2, to=b)),
        (bank.bob, place_hold("i", 5)), (bank.cay, release("i")), (bank.cay, set_limits(overdraft=10)),
        (bank.ann, freeze("credits")), (bank.cay, unfreeze()), (bank.cay, reverse(2)), (bank.ann, reverse(4)),
    ]  # fmt: skip
    for person, command in sent:
        person.obeyed(a, command)
    bank.bob.obeyed(a, withdraw(bank.ann.account(a)["balance"]))
    bank.cay.obeyed(a, close())
    events = bank.ann.events(a)
    assert [event["actor"] for event in events] == [person.name for person, _ in sent] + ["bob", "cay"]
    assert len({event["type"] for event in events}) == 12
    # On the other account too, whoever may see it.
    assert [event["actor"] for event in bank.ann.events(b)] == ["ann", "dan", "dan", "ann"]
    whole = bank.eve.get(f"/events?after=0&limit=10000").json
    assert {event.get("actor") for event in whole if event["account"] in (a, b)} == {"ann", "bob", "cay", "dan"}
    # In the log it stands first, and there is nothing else.
    _, records = store.read(bank.daybook.database)
    assert {record.metadata for record in records if record.stream == a.encode()} == {
        json.dumps({"actor": name}, separators=(",", ":")).encode() for name in ("ann", "bob", "cay", "dan")
    }


def test_an_expiry_is_recorded_under_the_name_of_whose_command_came_next(bank):
    a = bank.till()
    bank.ann.obeyed(a, place_hold("short", 5, expires_in="1s"))
    wait_until(lambda: Decimal(bank.ann.account(a)["held"]) == 0, "the hold has expired")
    bank.bob.obeyed(a, deposit(1))
    assert [(event["type"], event["actor"]) for event in bank.ann.events(a)[-2:]] == [
        ("HoldExpired", "bob"), ("MoneyDeposited", "bob"),
    ]  # fmt: skip


def test_nobody_sets_the_actor_itself(bank):
    a = bank.till()
    bank.bob.obeyed(a, deposit(1), Daybook_Actor="ann", actor="ann", Daybook_Correlation_Id="c")
    assert_problem(bank.bob.post(a, deposit(1, actor="ann")), 400, "invalid-command", pointers=["/actor"])
    (line,) = bank.bob.bulk((a, deposit(1, actor="ann")))
    assert (line["status"], line["problem"]["errors"][0]["pointer"]) == (400, "/actor")
    bank.bob.bulk((a, deposit(1)), (a, deposit(1, correlation_id="own")), headers={"Daybook-Correlation-Id": "all"})
    assert [(event["actor"], event.get("correlation_id")) for event in bank.ann.events(a)[1:]] == [
        ("bob", "c"), ("bob", "all"), ("bob", "own"),
    ]  # fmt: skip


# ---- keys


def test_a_key_is_each_actors_own_also_after_a_restart_of_everything(bank):
    a = bank.till()
    first = {
        "ann": bank.ann.keyed(a, deposit(1), "k"), "bob": bank.bob.keyed(a, deposit(2), "k"),
        "dan": bank.dan.keyed(a, withdraw(5000), "k"),
    }  # fmt: skip
    assert [answer.status for answer in first.values()] == [200, 200, 400]
    assert [bank.ann.account(a)[name] for name in ("balance", "version")] == [Decimal("103.00"), 3]
    commands = {"ann": deposit(1), "bob": deposit(2), "dan": withdraw(5000)}

    def check():
        for name, command in commands.items():
            person = getattr(bank, name)
            again = person.keyed(a, command, "k")
            assert (again.status, again.body) == (first[name].status, first[name].body)
            assert again.headers["Idempotent-Replayed"] == "true" and again.position == first[name].position
            line = person.bulk({"account": a, "idempotency_key": "k"} | command)[0]
            assert line["replayed"] and line["position"] == first[name].position
            # Another command under it is refused to that actor alone.
            assert_problem(person.keyed(a, deposit(77), "k"), 422, "idempotency-key-reused")
        assert bank.ann.account(a)["version"] == 3

    check()
    for service in bank.daybook.services:
        service.kill()
    bank.daybook.start()
    check()
    assert [key for key, _ in bank.kept(a)] == [scoped(name, "k") for name in ("ann", "bob", "dan")]


def test_what_is_kept_with_a_key_names_the_actor_of_refusals_too(bank):
    a, b = bank.till(), bank.till()
    obeyed = bank.bob.keyed(a, transfer(b, 1), "obeyed")
    refused = bank.dan.keyed(a, withdraw(5000), "refused")
    bank.bob.bulk({"account": a, "idempotency_key": "line"} | withdraw(6000))
    (first, second, third) = (answer_of(outcome) for _, outcome in bank.kept(a))
    assert obeyed.status == 200 and first == ("bob", b"\x00")
    assert second == ("dan", b"\x01" + struct.pack(">H", 400) + refused.body)
    assert third[0] == "bob" and third[1].startswith(b"\x01" + struct.pack(">H", 400))
    assert "actor" not in refused.json


def test_a_replay_adds_no_actor_and_a_failed_condition_binds_nothing(bank):
    a = bank.till()
    assert_problem(bank.bob.keyed(a, deposit(1), "k", If_Match='"9"'), 412, "version-mismatch")
    assert bank.kept(a) == []
    assert bank.bob.keyed(a, deposit(1), "k").status == 200
    assert bank.bob.keyed(a, deposit(1), "k", If_Match='"9"').headers["Idempotent-Replayed"] == "true"
    assert [event["actor"] for event in bank.ann.events(a)] == ["ann", "bob"]


# ---- roles


MANAGING = [
    open_account(), set_limits(overdraft=1), freeze("all"), unfreeze(), close(), reverse(2),
]  # fmt: skip
MOVING = [deposit(1), withdraw(1), transfer("till-x", 1), place_hold("h", 1), capture("h"), release("h")]


@pytest.mark.parametrize("command", MANAGING, ids=lambda command: command["type"])
def test_a_teller_changes_no_account_and_binds_no_key(bank, command):
    a = f"{TILLS}{next(NUMBERS)}" if command["type"] == "OpenAccount" else bank.till()
    for person in (bank.bob, bank.dan):
        problem = assert_problem(person.keyed(a, command, "k"), 403, "forbidden")
        assert "manager" in problem["detail"]
        (line,) = person.bulk({"account": a, "idempotency_key": "k"} | command)
        assert (line["status"], line["problem"]["type"]) == (403, "/problems/forbidden")
        assert "manager" in line["problem"]["detail"]
    assert bank.kept(a) == []
    # What is no command at all is that for everybody.
    assert_problem(bank.bob.post(a, command | {"nonsense": 1}), 400, "invalid-command")


@pytest.mark.parametrize("command", MOVING + MANAGING, ids=lambda command: command["type"])
def test_an_auditor_sends_no_command(bank, command):
    a = bank.till()
    problem = assert_problem(bank.eve.post(a, command), 403, "forbidden")
    assert "teller" in problem["detail"]
    answer = bank.daybook.gateway.request("POST", "/commands", b"", bank.eve.headers | NDJSON)
    assert_problem(answer, 403, "forbidden")
    assert bank.ann.account(a)["version"] == 1


# ---- reach


def test_an_account_beyond_reach_is_like_one_that_does_not_exist(bank):
    there, nowhere, missing = bank.vault(), f"{VAULTS}none", f"{TILLS}none"
    for person, commands in ((bank.dan, MOVING + [open_account()]), (bank.cay, MOVING + MANAGING)):
        for command in commands:
            answers = [person.keyed(account, command, "k") for account in (there, nowhere)]
            problems = [assert_problem(answer, 404, "account-not-found") for answer in answers]
            assert answers[0].body.replace(there.encode(), b"X") == answers[1].body.replace(nowhere.encode(), b"X")
            assert problems[0]["account"] == there
            lines = person.bulk(*({"account": account, "idempotency_key": "k"} | command for account in (there, nowhere)))
            assert [(line["status"], line["problem"]["type"]) for line in lines] == [(404, "/problems/account-not-found")] * 2
            assert [line["problem"] for line in lines] == problems
    # The same as what is said of one that the person would see.
    like = bank.dan.post(missing, deposit(1))
    for account in (there, nowhere):
        hidden = bank.dan.post(account, deposit(1))
        assert set(hidden.headers.keys()) == set(like.headers.keys())
        assert hidden.headers["Daybook-Log-Id"] == like.headers["Daybook-Log-Id"]
        assert hidden.body.replace(account.encode(), b"X") == like.body.replace(missing.encode(), b"X")
        line, other = bank.dan.bulk((account, deposit(1)), (missing, deposit(1)))
        assert line.keys() == other.keys() == {"line", "status", "problem", "position"}
    assert bank.kept(there) == [] and bank.kept(nowhere) == []
    assert bank.ann.account(there)["version"] == 1
    assert bank.ann.get(f"/accounts/{nowhere}").status == 404


def test_reach_may_be_one_account(bank):
    one, other = bank.ann.open("till-one"), bank.ann.open("till-one-more")
    bank.fay.obeyed(one, deposit(1))
    bank.fay.obeyed(one, transfer(other, 1))
    for account in (other, "till-on", "till-none"):
        assert_problem(bank.fay.post(account, deposit(1)), 404, "account-not-found")


def test_what_is_beyond_reach_is_refused_before_its_body_is_read(bank):
    token = bank.dan.headers["Authorization"].encode()
    head = b"\r\n".join([
        b"POST /accounts/vault-9999 HTTP/1.1", b"Host: localhost", b"Authorization: " + token, b"Content-Type: application/json",
        b"Content-Length: 1000", b"", b"",
    ])  # fmt: skip
    received = exchange(bank.daybook.command.port, head, until=lambda received: b"account-not-found" in received)
    assert received.startswith(b"HTTP/1.1 404"), received


def test_reach_is_asked_before_the_role(bank):
    # Who does not see an account does not learn what it would need there.
    assert_problem(bank.dan.post(f"{VAULTS}x", open_account()), 404, "account-not-found")
    assert_problem(bank.dan.post(f"{TILLS}x", open_account()), 403, "forbidden")
    assert_problem(bank.dan.post("no%20id!", open_account()), 400, "invalid-account-id")


def test_each_line_of_many_commands_is_judged_alone(bank):
    a, b, v = bank.till(), bank.till(), bank.vault()
    lines = bank.dan.bulk(
        (a, deposit(1)), (v, deposit(1)), (a, freeze("all")), (a, deposit(-1)), (a, transfer(v, 2)), (v, freeze("all")),
        ("no id!", deposit(1)), (b, withdraw(1)), {"account": b, "idempotency_key": "k"} | close(),
    )  # fmt: skip
    names = [line["problem"]["type"].rpartition("/")[2] if "problem" in line else "" for line in lines]
    assert [line["status"] for line in lines] == [200, 404, 403, 400, 200, 404, 400, 200, 403]
    assert names == [
        "", "account-not-found", "forbidden", "invalid-command", "", "account-not-found", "invalid-account-id", "", "forbidden",
    ]  # fmt: skip
    assert [bank.ann.account(account)["balance"] for account in (a, b, v)] == [Decimal(n) for n in ("99.00", "99.00", "102.00")]
    assert bank.kept(b) == []


def test_what_is_denied_is_in_the_audit_log(start_daybook, tmp_path):
    # Of its own: what is denied too often is counted, and not written.
    bank = make_bank(start_daybook, tmp_path)
    a, v, w = bank.till(), bank.vault(), bank.vault()
    bank.dan.post(v, deposit(1))
    bank.dan.post(a, close())
    bank.dan.bulk((a, deposit(1)), (w, deposit(1)), (a, unfreeze()))
    wanted = [
        {"method": "POST", "path": f"/accounts/{v}", "reason": f"{v} is beyond its reach"},
        {"method": "POST", "path": f"/accounts/{a}", "reason": "this needs the role manager"},
        {"method": "POST", "path": "/commands", "reason": f"line 2: {w} is beyond its reach"},
        {"method": "POST", "path": "/commands", "reason": "line 3: this needs the role manager"},
    ]
    log = bank.daybook.directory / "data" / "audit.jsonl"

    def found():
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        return [line for line in lines if line["event"] == "denied" and line["actor"] == "dan"]

    def is_there():
        return all(any(want.items() <= line.items() for line in found()) for want in wanted)

    wait_until(is_there, "all is written")
    assert {line["address"] for line in found()} == {"127.0.0.1"}
    assert bank.dan.headers["Authorization"].split()[1] not in log.read_text()


@pytest.mark.parametrize("seed", range(3))
def test_whatever_anybody_sends_nothing_beyond_its_reach_is_taken_from(bank, seed):
    chance = random.Random(seed)
    accounts = [bank.till() for _ in range(2)] + [bank.vault() for _ in range(2)] + [f"{TILLS}new-{seed}", f"{VAULTS}new-{seed}"]
    people = [bank.ann, bank.bob, bank.cay, bank.dan, bank.fay]
    senders, commands, answers = {}, [], []

    def command():
        other, amount, hold = chance.choice(accounts), chance.choice([1, 7, 60]), f"h{chance.randrange(4)}"
        return chance.choice([
            open_account(initial_balance=50), deposit(amount), withdraw(amount), transfer(other, amount),
            transfer(other, amount), place_hold(hold, amount), capture(hold, to=other), release(hold),
            set_limits(overdraft=amount), freeze("debits"), unfreeze(), reverse(chance.randrange(2, 12)),
            reverse(chance.randrange(2, 12)),
        ])  # fmt: skip

    for number in range(60):
        person, account = chance.choice(people), chance.choice(accounts)
        some = [
            {"account": account, "correlation_id": f"{seed}-{number}-{index}", "idempotency_key": f"k{chance.randrange(8)}"} | command()
            for index in range(chance.choice([1, 4]))
        ]  # fmt: skip
        for line, answer in zip(some, person.bulk(*some), strict=True):
            senders[line["correlation_id"]] = person
            commands.append((person, line))
            answers.append(answer)
    tellers = {"bob", "dan", "fay"}
    managing = {each["type"] for each in MANAGING}
    for (person, line), answer in zip(commands, answers, strict=True):
        if not sees(person, line["account"]):
            assert (answer["status"], answer["problem"]["account"]) == (404, line["account"]), (line, answer)
        else:
            is_denied = person.name in tellers and line["type"] in managing
            assert (answer["status"] == 403) == is_denied, (line, answer)
    for account in accounts:
        events = bank.ann.get(f"/accounts/{account}/events?limit=10000")
        for event in events.json if events.status == 200 else []:
            sender = senders.get(event.get("correlation_id"), bank.ann)
            assert event["actor"] == sender.name, event
            if not sees(sender, account):
                is_credit = event["type"] == "MovementReversed" and event["direction"] == "credit"
                assert is_credit or event["type"] in ("MoneyReceived", "HoldExpired"), event
        # Each key is that of the actor who is kept with it.
        names = {scoped(name, f"k{number}"): name for name in ROLES for number in range(8)}
        for key, outcome in bank.kept(account):
            assert answer_of(outcome)[0] == names[key]
            assert sees(getattr(bank, names[key]), account)


def sees(person, account):
    pattern = ROLES[person.name].get("accounts", "*")
    return account.startswith(pattern[:-1]) if pattern.endswith("*") else account == pattern


# ---- what is told of other accounts


def vaults(bank):
    """Accounts that take nothing, each with the problem that says so, and what only who sees them may know."""
    limited = bank.vault("71.00", maximum_balance="72.34")
    frozen = bank.vault()
    bank.ann.obeyed(frozen, freeze("credits", reason="a grave suspicion"))
    closed = bank.vault("0")
    bank.ann.obeyed(closed, close(reason="a quiet end"))
    foreign = bank.vault("71.00", currency="EUR")
    full = bank.vault("9999999999999.99")
    return [
        (limited, 400, "limit-exceeded", ["72.34", "71.00", "maximum", "balance"]),
        (frozen, 409, "account-frozen", ["suspicion", "credits", "reason", "direction"]),
        (closed, 409, "account-closed", ["quiet"]),
        (foreign, 400, "currency-mismatch", ["EUR"]),
        (full, 400, "amount-out-of-range", ["errors", "9999"]),
        (f"{VAULTS}none", 404, "account-not-found", []),
    ]  # fmt: skip


def test_a_refusal_of_an_account_beyond_reach_tells_nothing_of_it(bank):
    a = bank.till()
    bank.ann.obeyed(a, place_hold("h", 5))
    for number, (other, status, name, hidden) in enumerate(vaults(bank)):
        for command in (transfer(other, 5), capture("h", to=other)):
            key = f"{command['type']}-{number}"
            whole = bank.ann.keyed(a, command, key)
            told = bank.dan.keyed(a, command, key)
            assert_problem(whole, status, name)
            problem = assert_problem(told, status, name)
            text = told.body.decode()
            assert not [word for word in hidden if word in text.replace(name, "")], text
            if hidden and name != "account-closed":
                assert any(word in whole.body.decode().replace(name, "") for word in hidden), whole
            if name != "currency-mismatch":
                assert problem["account"] == other
            # What is kept with the key is that and no more, and comes again.
            again = bank.dan.keyed(a, command, key)
            assert (again.status, again.body, again.headers["Idempotent-Replayed"]) == (status, told.body, "true")
            (line,) = bank.dan.bulk((a, command))
            assert line["problem"] == json.loads(told.body, parse_float=Decimal)
    kept = [answer_of(outcome) for _, outcome in bank.kept(a)]
    assert {actor for actor, _ in kept} == {"ann", "dan"}
    for _, answer in (entry for entry in kept if entry[0] == "dan"):
        assert not [word for word in (b"72.34", b"71.00", b"suspicion", b"EUR") if word in answer], answer
    assert bank.ann.account(a)["balance"] == Decimal("100.00")


def test_money_goes_beyond_reach_and_does_not_come_back_from_there(bank):
    a, v = bank.till(), bank.vault()
    sent = bank.dan.obeyed(a, transfer(v, 30))
    assert "transfer" in sent and sent["id"] == a
    bank.ann.obeyed(v, transfer(a, 10))
    bank.ann.obeyed(v, withdraw(120))
    # It would be taken from an account that the sender does not see, whether there is enough there or not, or any account.
    for key in (None, "k"):
        answer = bank.cay.keyed(a, reverse(2), key) if key else bank.cay.post(a, reverse(2))
        problem = assert_problem(answer, 404, "account-not-found")
        assert problem["account"] == v and problem.keys() == {"type", "title", "status", "detail", "account"}
    (line,) = bank.cay.bulk((a, reverse(2)))
    assert (line["status"], line["problem"]) == (404, json.loads(answer.body))
    assert bank.kept(a) == []
    assert_problem(bank.ann.post(a, reverse(2)), 400, "insufficient-funds")
    # What came from there goes back: it is taken from the account that the sender sees.
    bank.cay.obeyed(a, reverse(3))
    assert [bank.ann.account(account)["balance"] for account in (a, v)] == [Decimal("70.00"), Decimal("10.00")]
    bank.ann.obeyed(v, deposit(50))
    assert_problem(bank.cay.post(a, reverse(2)), 404, "account-not-found")
    bank.ann.obeyed(a, reverse(2))
    assert [bank.ann.account(account)["balance"] for account in (a, v)] == [Decimal("100.00"), Decimal("30.00")]
    # That it was reversed is the account's own.
    assert_problem(bank.cay.post(a, reverse(2)), 404, "account-not-found")
    assert [event["actor"] for event in bank.ann.events(v)] == ["ann", "dan", "ann", "ann", "cay", "ann", "ann"]


# ---- many commands


def test_lines_of_many_commands_count_in_the_rate_limit_by_waiting(start_daybook, tmp_path):
    bank = make_bank(start_daybook, tmp_path, HTTP_RATE_LIMIT="40/s")
    a, b = bank.till(), bank.till()
    # Its allowance is full again.
    wait_until(lambda: bank.bob.post(b, deposit(1)).status == 200, "the teller may ask again")
    begin = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(bank.bob.bulk, *[(a, deposit(1))] * 160)
        # Meanwhile all others go on, and the same actor has its own limit.
        others = 0
        while not sent.done():
            assert bank.dan.post(b, deposit(1)).status == 200
            others += 1
            time.sleep(0.1)
        lines = sent.result()
    taken = time.monotonic() - begin
    assert others >= 5
    assert [line["status"] for line in lines] == [200] * 160
    # 40 may come at once, and 40 in every second.
    assert taken >= 2.5, taken
    assert bank.ann.account(a)["version"] == 161


class Stream:
    """A request with many commands whose lines are sent one by one."""

    def __init__(self, bank, person):
        self._connection = http_connection(bank.daybook.command.port)
        self._connection.putrequest("POST", "/commands", skip_accept_encoding=True)
        for name, value in (person.headers | NDJSON | {"Transfer-Encoding": "chunked"}).items():
            self._connection.putheader(name, value)
        self._connection.endheaders()

    def send(self, line):
        body = json.dumps(line).encode() + b"\n"
        self._connection.send(b"%x\r\n%s\r\n" % (len(body), body))

    def answers(self):
        """The lines of the answer that came before the connection ended."""
        response = self._connection.getresponse()
        assert response.status == 200
        received = b""
        try:
            while part := response.read1(65536):
                received += part
        except Exception:
            # The connection was ended.
            pass
        return [json.loads(line) for line in received.split(b"\n")[:-1]]

    def close(self):
        self._connection.close()


def test_a_token_that_is_revoked_ends_its_commands_and_none_is_half_done(start_daybook, tmp_path):
    bank = make_bank(start_daybook, tmp_path)
    a, b = bank.till("0"), bank.till("0")
    bank.ann.obeyed(a, deposit(1_000_000))
    stream = Stream(bank, bank.dan)
    sent = 0

    def send():
        nonlocal sent
        try:
            stream.send({"account": a, "idempotency_key": f"k-{sent}"} | transfer(b, 1))
            sent += 1
            return False
        except OSError:
            return True

    for _ in range(50):
        assert not send()
    wait_until(lambda: bank.ann.account(b)["version"] >= 51, "the first are obeyed")
    bank.tokens.write("dan")
    end = time.monotonic() + 30
    while not send():
        assert time.monotonic() < end, "the connection goes on"
        time.sleep(0.01)
    answers = stream.answers()
    stream.close()
    assert answers and all(answer["status"] == 200 for answer in answers)
    assert bank.dan.post(a, deposit(1)).status == 401
    # What was begun is finished, on both accounts, in order, under one name, each once.
    versions = wait_until(lambda: settled(bank, a, b), "nothing more comes")
    events = bank.ann.events(b)[1:]
    assert len(events) == versions - 1 and len(answers) <= len(events) <= sent
    assert {event["actor"] for event in events} == {"dan"}
    assert [event["counterparty_version"] for event in events] == list(range(3, 3 + len(events)))
    assert bank.ann.account(a)["balance"] + bank.ann.account(b)["balance"] == 1_000_000
    # Given back, the token repeats the rest; what was obeyed is not obeyed again.
    bank.tokens.write()
    wait_until(lambda: bank.dan.post(a, deposit(0.5)).status == 200, "the token is taken again")
    lines = bank.dan.bulk(*({"account": a, "idempotency_key": f"k-{number}"} | transfer(b, 1) for number in range(sent)))
    assert [line["status"] for line in lines] == [200] * sent
    assert sum(line.get("replayed", False) for line in lines) == len(events)
    assert bank.ann.account(b)["balance"] == sent


def settled(bank, a, b):
    """The version of the second account, once nothing is under way any more."""
    before = (bank.ann.account(a)["version"], bank.ann.account(b)["version"])
    progress = bank.daybook.command.client.request("GET", "/readyz", None, bank.ann.headers).json
    after = (bank.ann.account(a)["version"], bank.ann.account(b)["version"])
    return after[1] if before == after and not progress.get("commands_in_progress") else None
