"""What a request of many commands may hold and how long, and which refusals bind a key."""

import json
from pathlib import Path

import pytest

import client
from problems import assert_problem
from services import wait_until
from test_bulk import NDJSON, bulk, deposit, opening, resident


def with_many_problems(account):
    """A line of almost 64 KiB in which thousands of members are wrong."""
    return json.dumps(deposit(account, 1))[:-1] + ',"idempotency_key":1' * 3200 + "}"


def with_a_long_name(account):
    return json.dumps(deposit(account, 1))[:-1] + ',"' + "\\u0001" * 10_000 + '":1}'


@pytest.mark.parametrize("line", [with_many_problems, with_a_long_name])
def test_C6_the_answer_to_a_line_stays_small_however_much_is_wrong_with_it(daybook, line):
    answer = daybook.gateway.request("POST", "/commands", (line("c6") + "\n").encode(), NDJSON)
    (found,) = [json.loads(text) for text in answer.body.splitlines()]
    assert (found["status"], found["problem"]["type"]) == (400, "/problems/invalid-command")
    assert len(answer.body) < 40_000
    assert 1 <= len(found["problem"]["errors"]) <= 100


def connect(daybook, data):
    """Sends a request whose answer is not read."""
    connection = client.connect(daybook.command.port, receive_buffer=4096)
    head = f"POST /commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: {len(data)}\r\n\r\n"
    connection.settimeout(2)
    try:
        connection.sendall(head.encode() + data)
    except TimeoutError:
        pass  # It is not read from, as it does not read.
    return connection


def established(port):
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(1 for line in lines if line.split()[3] == "01" and int(line.split()[1].split(":")[1], 16) == port)


def test_C6_lines_with_many_problems_whose_answers_nobody_reads_cost_bounded_memory(start_daybook):
    daybook = start_daybook()
    line = (with_many_problems("a") + "\n").encode()
    before = resident(daybook.command.client.get("/metrics").body)
    connections = [connect(daybook, line * 1000) for _ in range(5)]
    assert resident(daybook.command.client.get("/metrics").body) - before < 100 << 20
    for connection in connections:
        connection.close()


@pytest.mark.timeout(300)
def test_C2_a_client_that_never_reads_its_answers_is_cut_off(start_daybook):
    daybook = start_daybook()
    # More than the system takes in for a connection.
    body = (with_many_problems("a") + "\n").encode() * 1200
    connections = [connect(daybook, body) for _ in range(3)]
    daybook.command.client.close()
    assert established(daybook.command.port) >= len(connections)
    wait_until(lambda: established(daybook.command.port) == 0, "its connections are gone", 120)
    for connection in connections:
        connection.close()
    assert daybook.gateway.open("b", 0).status == 201
    assert daybook.command.stop() == 0


# ---- D


def test_D_an_amount_that_is_none_in_the_currency_binds_no_key(daybook):
    headers = {"Idempotency-Key": "k"}
    for account, currency, wrong, right in (("usd", "USD", "1.001", "1.01"), ("jpy", "JPY", "1.5", "2")):
        daybook.gateway.open(account, 0, currency=currency)
        for _ in range(2):
            answer = daybook.gateway.post(account, {"type": "Deposit", "amount": wrong}, headers=headers)
            assert_problem(answer, 400, "invalid-command")
            assert answer.headers["Idempotent-Replayed"] is None
        lines = [deposit(account, wrong, idempotency_key="k")] * 2 + [deposit(account, right, idempotency_key="k")] * 2
        answers = bulk(daybook, *lines)
        assert [answer["status"] for answer in answers] == [400, 400, 200, 200]
        assert [answer.get("replayed") for answer in answers] == [None, None, None, True]
        # Now it is bound: the malformed command is another one.
        answer = daybook.gateway.post(account, {"type": "Deposit", "amount": wrong}, headers=headers)
        assert_problem(answer, 422, "idempotency-key-reused")


def test_D_a_replay_is_recognised_before_a_malformed_amount(daybook):
    """The account was not there when the command first came: that is its answer for ever."""
    command, headers = {"type": "Deposit", "amount": "1.001"}, {"Idempotency-Key": "k"}
    assert_problem(daybook.gateway.post("late", command, headers=headers), 404, "account-not-found")
    assert bulk(daybook, opening("late"))[0]["status"] == 201
    answer = daybook.gateway.post("late", command, headers=headers)
    assert_problem(answer, 404, "account-not-found")
    assert answer.headers["Idempotent-Replayed"] == "true"
