"""The gateway's own answers about accounts and events tell the log and its position too, refusals included."""

from uuid import UUID

import pytest

import store
from log_link import STATUS, LogLink
from problems import assert_problem
from services import wait_until

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def three(module_services):
    """A log of three events."""
    daybook = module_services()
    daybook.gateway.open("a", 0)
    for _ in range(2):
        daybook.gateway.deposit("a", 1)
    daybook.wait_until_caught_up()
    return daybook


def assert_log(answer, daybook, position):
    assert answer.headers["Daybook-Log-Id"] == str(UUID(bytes=store.read(daybook.database)[0])), answer
    assert answer.position == position, answer


@pytest.mark.parametrize(
    "path, headers, name",
    [
        ("/accounts/a%201", {}, "invalid-account-id"), ("/accounts/a%201/events", {}, "invalid-account-id"),
        ("/accounts/a", {"Daybook-Min-Position": "x"}, "invalid-parameter"),
        ("/accounts", {"Daybook-Min-Position": "-1"}, "invalid-parameter"),
        ("/events", {"Daybook-Min-Position": "1.5"}, "invalid-parameter"),
    ],
)  # fmt: skip
def test_a_query_that_the_gateway_refuses_is_told_the_log(three, path, headers, name):
    for client in (three.queries, three.gateway):
        answer = client.get(path, headers)
        assert_problem(answer, 400, name)
        if client is three.gateway:
            assert_log(answer, three, 3)


@pytest.mark.parametrize(
    "path, body, headers, status, name",
    [
        ("/accounts/a%201", "{}", JSON, 400, "invalid-account-id"), ("/accounts/a", "{", JSON, 400, "malformed-json"),
        ("/accounts/a", '{"type":"Nothing"}', JSON, 400, "invalid-command"),
        ("/accounts/a", '{"type":"Deposit","amount":1}', JSON | {"Idempotency-Key": ""}, 400, "invalid-parameter"),
        ("/accounts/a", '{"type":"Deposit","amount":1}', JSON | {"If-Match": "x"}, 400, "invalid-parameter"),
        ("/accounts/a", "x", {"Content-Type": "text/plain"}, 415, "unsupported-media-type"),
        ("/commands", "{}", JSON, 415, "unsupported-media-type"),
        ("/accounts/a", " " * (65 << 10), JSON, 413, "payload-too-large"),
    ],
)  # fmt: skip
def test_a_command_that_is_refused_before_it_is_obeyed_is_told_the_log(three, path, body, headers, status, name):
    answer = three.gateway.request("POST", path, body.encode(), headers)
    assert_problem(answer, status, name)
    assert_log(answer, three, 3)


def test_a_query_without_a_query_service_is_told_the_log(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    daybook.wait_until_caught_up()
    assert daybook.query.stop() == 0
    for path in ("/accounts/a", "/accounts", "/events", "/accounts/a/events"):
        answer = daybook.gateway.get(path, catches_up=False)
        assert_problem(answer, 503, "not-caught-up")
        assert_log(answer, daybook, 1)


def test_a_command_is_told_its_position_though_the_log_does_not_tell_its_id(start_daybook):
    """A log that is killed after it has acknowledged the first command of a new gateway, and before it is asked."""
    # For so long the gateway waits for the id, with each answer.
    daybook = start_daybook(start=False, EVENT_LOG_TIMEOUT="5s")
    link = LogLink(daybook.read_port)
    try:
        link.hold(requests=[STATUS])
        daybook.command.settings = daybook.settings | {"EVENT_LOG_READ_ENDPOINT": link.endpoint}
        daybook.event_log.start()
        daybook.command.start(wait=False)
        wait_until(lambda: daybook.command.health("/livez") == 200, "the gateway lives", 60)
        for position in (1, 2):
            answer = daybook.gateway.open(f"early-{position}", 5)
            assert (answer.position, answer.headers["Daybook-Log-Id"]) == (position, None), answer
        refused = daybook.gateway.withdraw("early-1", 6)
        assert_problem(refused, 400, "insufficient-funds")
        assert refused.position == 2
    finally:
        link.close()
