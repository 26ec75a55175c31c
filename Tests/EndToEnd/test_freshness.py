"""I7 under load, and a query service or an event log that stands still meanwhile."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from client import Client
from services import wait_until
from timing import within


def test_I7_600_reads_after_writes_are_never_stale(daybook):
    """By six clients at once: each writes, then reads through the gateway and at the query service."""

    def run(number):
        gateway, query = Client(daybook.command.port), Client(daybook.query.port)
        account = f"fresh-{number}"
        gateway.open(account, 0)
        for version in range(2, 102):
            written = gateway.deposit(account, "0.01")
            assert written.json["version"] == version
            through = gateway.get(f"/accounts/{account}?wait=60s")
            assert through.status == 200 and through.json["version"] == version, "stale through the gateway"
            assert through.position >= written.position
            by_header = query.get(f"/accounts/{account}?wait=60s", {"Daybook-Min-Position": str(written.position)})
            assert by_header.status == 200 and by_header.json["version"] == version, "stale at the query service"
            by_parameter = query.get(f"/accounts?min_position={written.position}&wait=60s&owner=Alice&limit=1000")
            (found,) = [one for one in by_parameter.json if one["id"] == account]
            assert found["version"] == version, "stale in the list"
        gateway.close()
        query.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(run, range(6)))


# Beyond the wait that was asked for.
@within(1.3)
@pytest.mark.parametrize("asked, seconds", [("200ms", 0.2), ("1s", 1.0), (None, 2.0)])
def test_I7_a_position_that_is_not_reached_gives_503_after_the_wait_that_was_asked_for(daybook, asked, seconds, limit):
    position = daybook.event_log.figures()["position"] + 10**6
    for client in (daybook.queries, daybook.gateway):
        begun = time.monotonic()
        wait = f"&wait={asked}" if asked else ""
        answer = client.get(f"/accounts?min_position={position}{wait}", catches_up=False)
        taken = time.monotonic() - begun
        assert (answer.status, answer.json["type"], answer.headers["Retry-After"]) == (503, "/problems/not-caught-up", "1")
        assert seconds <= taken < seconds + limit, f"it took {taken:.2f} s"


def test_I7_reads_through_the_gateway_see_what_was_answered_before_a_restart_of_the_query_service(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    for version in range(2, 12):
        assert daybook.gateway.deposit("a", 1).json["version"] == version
        daybook.query.kill()
        daybook.query.start(wait=False)
        answer = wait_until(lambda: _answered(daybook.gateway.get("/accounts/a", catches_up=False)), "a query is answered")
        assert answer.json["version"] == version


def _answered(answer):
    assert answer.status in (200, 503), answer
    return answer if answer.status == 200 else None


@within(2)
def test_a_query_service_frozen_during_4000_commands_is_soon_right(start_daybook, limit):
    daybook = start_daybook()
    accounts = [f"a-{number}" for number in range(8)]
    for account in accounts:
        daybook.gateway.open(account, 0)
    daybook.wait_until_caught_up()
    daybook.query.freeze()

    def run(account):
        client = Client(daybook.command.port)
        statuses = {client.deposit(account, "0.01").status for _ in range(500)}
        client.close()
        return statuses

    with ThreadPoolExecutor(8) as pool:
        assert set().union(*pool.map(run, accounts)) == {200}
    daybook.query.thaw()
    begun = time.monotonic()
    head = daybook.event_log.figures()["position"]
    answer = daybook.queries.get(f"/accounts?min_position={head}&wait=60s")
    taken = time.monotonic() - begun
    assert answer.status == 200, answer
    assert [(one["version"], one["balance"]) for one in answer.json] == [(501, Decimal("5.00"))] * 8
    print(f"right {taken:.2f} s after the thaw")
    assert taken < limit


@within(3)
def test_a_frozen_log_keeps_no_client_waiting_beyond_the_deadline(start_daybook, limit):
    daybook = start_daybook()
    for number in range(32):
        daybook.gateway.open(f"a-{number}", 0)
    # The deadline is that of the commands under load alone.
    daybook.command.kill()
    daybook.command.settings = daybook.settings | {"EVENT_LOG_TIMEOUT": "1s", "COMMAND_DEADLINE": "10s"}
    daybook.command.start()
    answers, ended = [], threading.Event()

    def run(number):
        client = Client(daybook.command.port)
        while not ended.is_set():
            begun = time.monotonic()
            status = client.deposit(f"a-{number}", 1).status
            answers.append((begun, status, time.monotonic() - begun))
            if status != 200:
                ended.wait(0.05)
        client.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: len(answers) > 200, "commands flow")
        daybook.event_log.freeze()
        frozen = time.monotonic()
        wait_until(
            lambda: sum(begun > frozen and status in (503, 504) for begun, status, _ in list(answers)) >= 64,
            "every client has its 503 or 504",
        )  # fmt: skip
        daybook.event_log.thaw()
        thawed = time.monotonic()
        wait_until(
            lambda: sum(begun > thawed and status == 200 for begun, status, _ in list(answers)) >= 64,
            "commands flow again, without a restart",
        )
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert {status for _, status, _ in answers} <= {200, 503, 504}
    assert max(taken for _, _, taken in answers) < limit, "a client waited long beyond the deadline of 1 s"
