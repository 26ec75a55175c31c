"""`POST /commands`: many commands at once."""

import json
import random
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from client import TIMEOUT, Client, connect, http_connection
from services import wait_until

NDJSON = {"Content-Type": "application/x-ndjson"}


def bulk(daybook, *commands, timeout=200):
    """Sends commands, dictionaries or lines as they are; gives the answers' lines."""
    lines = [command if isinstance(command, str) else json.dumps(command) for command in commands]
    answer = daybook.gateway.request("POST", "/commands", "".join(f"{line}\n" for line in lines).encode(), NDJSON, timeout)
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    answers = [json.loads(line, parse_float=Decimal) for line in answer.body.splitlines()]
    assert [answer["line"] for answer in answers] == list(range(1, len(lines) + 1))
    return answers


def opening(account, balance="0"):
    return {"account": account, "type": "OpenAccount", "owner": "A", "initial_balance": balance}


def deposit(account, amount, **fields):
    return {"account": account, "type": "Deposit", "amount": amount} | fields


def withdraw(account, amount, **fields):
    return {"account": account, "type": "Withdraw", "amount": amount} | fields


def test_every_line_has_its_answer_in_its_order(daybook):
    answers = bulk(
        daybook,
        opening("b-1", "10.00"), deposit("b-1", 5), withdraw("b-1", "20"), withdraw("b-1", 15), deposit("b-2", 1),
        opening("b-2"), deposit("b-2", "1.005"),
    )  # fmt: skip
    assert [answer["status"] for answer in answers] == [201, 200, 400, 200, 404, 201, 400]
    assert [answer["account"]["version"] for answer in answers if "account" in answer] == [1, 2, 3, 1]
    assert answers[2]["problem"]["type"] == "/problems/insufficient-funds"
    assert (answers[2]["problem"]["available"], answers[2]["problem"]["shortfall"]) == (15, 5)
    assert answers[4]["problem"]["type"] == "/problems/account-not-found"
    assert answers[6]["problem"]["errors"][0]["pointer"] == "/amount"
    positions = [answer["position"] for answer in answers if "account" in answer]
    assert sorted(positions) == list(range(min(positions), min(positions) + 4))
    assert daybook.gateway.account("b-1")["balance"] == 0


@pytest.mark.parametrize("line, status, name", [
    ("{", 400, "malformed-json"),
    ("nonsense", 400, "malformed-json"),
    ("[]", 400, "invalid-command"),
    ('{"type":"Deposit","amount":1}', 400, "invalid-command"),
    ('{"account":"x y","type":"Deposit","amount":1}', 400, "invalid-account-id"),
    ('{"account":7,"type":"Deposit","amount":1}', 400, "invalid-command"),
    ('{"account":"a","account":"b","type":"Deposit","amount":1}', 400, "invalid-command"),
    ('{"account":"a","type":"Deposit","amount":1,"amonut":2}', 400, "invalid-command"),
    ('{"account":"a","type":"Deposit","amount":1,"if_match":"1"}', 400, "invalid-command"),
    ('{"account":"a","type":"Deposit","amount":1,"idempotency_key":""}', 400, "invalid-parameter"),
    ('{"account":"a","type":"Deposit","amount":1e20}', 400, "amount-out-of-range"),
    ('{"account":"a","type":"Deposit","amount":1,"x":"' + "y" * 70_000 + '"}', 413, "payload-too-large"),
])  # fmt: skip
def test_a_broken_line_is_that_lines_error_alone(daybook, line, status, name):
    account = f"alone-{abs(hash(line))}"
    answers = bulk(daybook, opening(account), line, deposit(account, 1))
    assert [answer["status"] for answer in answers] == [201, status, 200]
    assert answers[1]["problem"]["type"] == f"/problems/{name}", answers[1]


def test_empty_lines_count_and_are_not_answered(daybook):
    answer = daybook.gateway.request(
        "POST", "/commands", (json.dumps(opening("b-3")) + "\r\n\n \n" + json.dumps(deposit("b-3", 1))).encode(), NDJSON
    )
    assert [(line["line"], line["status"]) for line in map(json.loads, answer.body.splitlines())] == [(1, 201), (4, 200)]


def test_keys_and_versions(daybook):
    first = bulk(
        daybook, opening("b-4"), deposit("b-4", 1, idempotency_key="k"), deposit("b-4", 1, if_match=2),
        deposit("b-4", 1, if_match=2), withdraw("b-4", 99, idempotency_key="refused"),
    )  # fmt: skip
    assert [answer["status"] for answer in first] == [201, 200, 200, 412, 400]
    assert (first[3]["problem"]["expected"], first[3]["problem"]["actual"]) == (2, 3)
    again = bulk(
        daybook, deposit("b-4", 1, idempotency_key="k", if_match=77), deposit("b-4", 2, idempotency_key="k"),
        withdraw("b-4", 99, idempotency_key="refused"),
    )  # fmt: skip
    assert [(answer["status"], answer.get("replayed")) for answer in again] == [(200, True), (422, None), (400, True)]
    assert again[0]["account"] == first[1]["account"] and again[0]["position"] == first[1]["position"]
    assert again[2]["problem"] == first[4]["problem"]
    # A key means the same wherever the command comes from.
    answer = daybook.gateway.post("b-4", {"type": "Deposit", "amount": 1}, headers={"Idempotency-Key": "k"})
    assert answer.headers["Idempotent-Replayed"] == "true"


def test_the_wrong_media_type_and_method(daybook):
    answer = daybook.gateway.request("POST", "/commands", b"{}\n", {"Content-Type": "application/json"})
    assert (answer.status, answer.json["type"]) == (415, "/problems/unsupported-media-type")
    answer = daybook.gateway.get("/commands")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    answer = daybook.gateway.request("POST", "/commands", b"", NDJSON)
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("seed", range(3))
def test_commands_for_one_account_are_obeyed_in_their_order_whoever_else_writes(start_daybook, seed):
    """Random commands on few accounts in one request, while others use the same accounts: every answer is what a model says
    that goes through them in their order, the others' events in between."""
    daybook = start_daybook(COMMAND_CACHE_ACCOUNTS="3")
    chance = random.Random(seed)
    accounts = [f"o-{number}" for number in range(4)]
    for account in accounts:
        daybook.gateway.open(account, "100.00")
    ended = threading.Event()

    def disturb():
        client = Client(daybook.command.port)
        mine = random.Random(seed + 100)
        while not ended.is_set():
            assert client.deposit(mine.choice(accounts), "1000").status == 200
        client.close()

    others = [threading.Thread(target=disturb) for _ in range(3)]
    for thread in others:
        thread.start()
    try:
        commands = []
        for _ in range(3000):
            account, cents = chance.choice(accounts), chance.randrange(1, 400_00)
            amount = str(Decimal(cents).scaleb(-2))
            commands.append(chance.choice([deposit, withdraw, withdraw])(account, amount))
        answers = bulk(daybook, *commands)
    finally:
        ended.set()
        for thread in others:
            thread.join()
    daybook.wait_until_caught_up()
    histories = {account: daybook.gateway.events(account) for account in accounts}
    at = {account: 1 for account in accounts}
    for command, answer in zip(commands, answers):
        account = command["account"]
        if answer["status"] == 200:
            version = answer["account"]["version"]
            assert version > at[account], f"{command} was obeyed before one that stands before it"
            event = histories[account][version - 1]
            assert event["amount"] == Decimal(command["amount"]) and event["position"] == answer["position"]
            at[account] = version
        else:
            assert answer["problem"]["type"] == "/problems/insufficient-funds", answer
            # Refused on a state that there was after everything before it in its request.
            balances, balance = [], Decimal(0)
            for event in histories[account]:
                sign = -1 if event["type"] == "MoneyWithdrawn" else 1
                balance += sign * (event.get("amount") or event.get("initial_balance"))
                balances.append(balance)
            assert answer["problem"]["available"] in balances[at[account] - 1 :], answer


def test_a_hot_account_and_many_accounts_in_one_long_body(daybook):
    openings = [opening(f"many-{number}") for number in range(500)] + [opening("hot-bulk")]
    bulk(daybook, *openings)
    commands = [deposit(f"many-{number % 500}", "0.01") if number % 2 else deposit("hot-bulk", "0.01") for number in range(10_000)]
    answers = bulk(daybook, *commands)
    assert {answer["status"] for answer in answers} == {200}
    hot = [answer["account"]["version"] for answer in answers[::2]]
    assert hot == list(range(2, 5002))


def test_many_requests_at_once_wait_for_each_other_instead_of_being_refused(start_daybook):
    daybook = start_daybook(COMMAND_MOST_IN_PROGRESS="64")
    count = 1000

    def send(number):
        account = f"many-{number}"
        answers = bulk(daybook, opening(account), *[deposit(account, 1)] * count)
        return [answer["status"] for answer in answers]

    with ThreadPoolExecutor(6) as pool:
        for statuses in pool.map(send, range(6)):
            assert statuses == [201] + [200] * count


def test_a_client_that_does_not_read_is_not_read_from_and_costs_bounded_memory(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("slow", 0)
    before = daybook.command.client.get("/metrics").body
    line = (json.dumps(deposit("slow", "0.01")) + "\n").encode()
    with connect(daybook.command.port, receive_buffer=4096) as connection:
        head = "POST /commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        chunk = line * 500
        chunk = f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n"
        connection.settimeout(1.0)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 200 << 20:
                sent += connection.send(chunk)
        assert sent < 100 << 20, "everything was read, though no answer was"
        assert daybook.gateway.deposit("slow", 1).status == 200, "others wait for the slow one"
        assert resident(daybook.command.client.get("/metrics").body) - resident(before) < 100 << 20
        # What it reads at last are the answers to its first lines, in their order.
        connection.settimeout(TIMEOUT)
        received = b""
        while len(received) < 1 << 20:
            received += connection.recv(1 << 16)
    found = re.findall(rb'\{"line":(\d+),"status":200,"account"', received.replace(b"\r\n", b""))
    assert [int(number) for number in found[:500]] == list(range(1, 501))
    # Gone in the middle of its body, it leaves nothing behind.
    wait_until(lambda: in_progress(daybook) == 0, "nothing of it is under way any more")
    assert daybook.gateway.deposit("slow", 1).status == 200


def test_clients_that_go_without_reading_leave_no_memory_behind(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("gone", 0)
    line = (json.dumps(deposit("gone", "0.01")) + "\n").encode()
    head = "POST /commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: 1000000000\r\n\r\n"

    def leave_some(count):
        for _ in range(count):
            with connect(daybook.command.port, receive_buffer=4096) as connection:
                connection.sendall(head.encode())
                connection.settimeout(0.3)
                with pytest.raises(TimeoutError):
                    while True:
                        connection.send(line * 1000)
        wait_until(lambda: in_progress(daybook) == 0, "nothing of them is under way any more")
        return resident(daybook.command.client.get("/metrics").body)

    before = leave_some(5)
    assert leave_some(20) - before < 12 << 20


def in_progress(daybook):
    return daybook.command.figures()["commands_in_progress"]


def resident(text):
    (line,) = [line for line in text.decode().splitlines() if line.startswith("daybook_command_resident_memory_bytes ")]
    return int(line.split()[1])


def test_each_line_is_answered_once_it_is_durable_while_the_body_still_comes(daybook):
    daybook.gateway.open("stream", 0)
    connection = http_connection(daybook.command.port)
    connection.putrequest("POST", "/commands")
    connection.putheader("Content-Type", "application/x-ndjson")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()

    def send(data):
        connection.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    send((json.dumps(deposit("stream", 1)) + "\n").encode())
    wait_until(lambda: daybook.gateway.account("stream")["version"] == 2, "the first line is obeyed")
    # Half a line, and the rest later.
    rest = (json.dumps(deposit("stream", 2)) + "\n").encode()
    send(rest[:10])
    send(rest[10:])
    wait_until(lambda: daybook.gateway.account("stream")["version"] == 3, "the second line is obeyed")
    connection.send(b"0\r\n\r\n")
    response = connection.getresponse()
    answers = [json.loads(line) for line in response.read().splitlines()]
    assert [(answer["line"], answer["account"]["balance"]) for answer in answers] == [(1, 1), (2, 3)]
    connection.close()


@pytest.mark.parametrize("seed", range(3))
def test_commands_for_one_account_keep_their_order_among_others_that_were_answered_before(daybook, seed):
    """A replay leaves nothing for the next command to stand on; those after it must wait until it is decided anew."""
    account, random_numbers = f"again-{seed}", random.Random(seed)
    keyed = [deposit(account, 1, idempotency_key=f"{account}-{number}") for number in range(200)]
    bulk(daybook, opening(account), *keyed)
    commands = []
    for command in keyed:
        commands.append(command)
        commands += [deposit(account, "0.01")] * random_numbers.randrange(4)
    answers = bulk(daybook, *commands)
    assert [answer.get("replayed", False) for answer in answers] == ["idempotency_key" in each for each in commands]
    fresh = [answer["account"]["version"] for answer in answers if not answer.get("replayed")]
    assert fresh == list(range(202, 202 + len(fresh)))


def test_I8_a_log_that_goes_during_a_bulk_request_leaves_no_line_without_its_answer(start_daybook):
    daybook = start_daybook()
    for number in range(4):
        daybook.gateway.open(f"g-{number}", 0)
    daybook.command.restart(EVENT_LOG_TIMEOUT="1s")

    def kill_in_the_middle():
        wait_until(lambda: daybook.event_log.figures()["position"] > 2000, "some commands are obeyed")
        daybook.event_log.kill()

    killer = threading.Thread(target=kill_in_the_middle)
    killer.start()
    commands = [deposit(f"g-{number % 4}", str(Decimal(number + 1).scaleb(-2))) for number in range(40_000)]
    answers = bulk(daybook, *commands)
    killer.join()
    assert len(answers) == len(commands)
    statuses = {answer["status"] for answer in answers}
    assert statuses <= {200, 503, 504} and statuses >= {200, 503}, statuses
    daybook.event_log.start()
    daybook.wait_until_caught_up()
    recorded = {
        int(event["amount"] * 100) for number in range(4) for event in daybook.gateway.events(f"g-{number}")[1:]
    }  # fmt: skip
    for number, answer in enumerate(answers):
        if answer["status"] == 200:
            assert number + 1 in recorded, "lost, though it was acknowledged"
        elif answer["status"] == 503:
            assert number + 1 not in recorded, "recorded, though the answer said that nothing was"


def test_I8_whatever_a_log_recorded_before_it_was_told_to_stop_is_acknowledged(start_daybook):
    daybook = start_daybook()
    for number in range(40):
        daybook.gateway.open(f"g-{number}", 0)

    def stop_in_the_middle():
        wait_until(lambda: daybook.event_log.figures()["position"] > 1500, "some commands are obeyed")
        assert daybook.event_log.stop() == 0

    stopper = threading.Thread(target=stop_in_the_middle)
    stopper.start()
    answers = bulk(daybook, *[deposit(f"g-{number % 40}", 1) for number in range(20_000)])
    stopper.join()
    statuses = [answer["status"] for answer in answers]
    assert 200 in statuses and 503 in statuses and set(statuses) <= {200, 503, 504}
    daybook.event_log.start()
    assert daybook.event_log.figures()["position"] == 40 + statuses.count(200)


class Conversation:
    """A request whose client reads the answer to each line before it sends the next."""

    def __init__(self, port):
        self.socket = connect(port)
        head = "POST /commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.socket.sendall(head.encode())
        self.received = b""

    def send(self, *commands):
        data = "".join(json.dumps(command) + "\n" for command in commands).encode()
        self.socket.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def answers(self, count):
        """The next answers; a TimeoutError where they do not come."""
        found = []
        while len(found) < count:
            while not (match := re.search(rb'\{"line":.*\}\n', self.received)):
                self.received += self.socket.recv(1 << 16)
            found.append(json.loads(match[0]))
            self.received = self.received[match.end() :]
        return found

    def close(self):
        self.socket.close()


def test_an_answer_comes_before_more_is_sent(daybook):
    daybook.gateway.open("talk", 0)
    conversation = Conversation(daybook.command.port)
    for version in range(2, 12):
        conversation.send(deposit("talk", 1))
        (answer,) = conversation.answers(1)
        assert (answer["line"], answer["account"]["version"]) == (version - 1, version)
    conversation.close()


def test_an_answer_does_not_wait_for_a_later_line_that_takes_long(start_daybook):
    """The first account is in memory; the second must be read from a log that stands still, until its deadline."""
    daybook = start_daybook(COMMAND_CACHE_ACCOUNTS="1")
    daybook.gateway.open("near", 0)
    daybook.command.restart(EVENT_LOG_TIMEOUT="10s")
    wait_until(lambda: daybook.gateway.withdraw("near", 1).status == 400, "it is in memory again")
    conversation = Conversation(daybook.command.port)
    daybook.event_log.freeze()
    conversation.send({"account": "near", "type": "Deposit"}, deposit("far", 1))
    (first,) = conversation.answers(1)
    assert (first["line"], first["status"]) == (1, 400)
    assert b'"line":2' not in conversation.received, "the first answer waited for the second"
    (second,) = conversation.answers(1)
    assert (second["line"], second["status"]) == (2, 503)
    daybook.event_log.thaw()
    conversation.close()
