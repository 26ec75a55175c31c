"""A gateway that was restarted shows nothing older than what was answered at its address before."""

import sys
import time
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "Faults"))

from client import Client
from problems import assert_problem
from proxy import Proxy
from services import wait_until
from test_order import Background


@pytest.fixture
def behind(start_daybook):
    """Three services whose query service hears nothing of the log any more, and 20 commands that it has not seen."""
    daybook = start_daybook(start=False)
    events, reads = Proxy(daybook.events_port), Proxy(daybook.read_port)
    daybook.query.settings = daybook.settings | {
        "EVENT_LOG_EVENTS_ENDPOINT": f"tcp://127.0.0.1:{events.port}",
        "EVENT_LOG_READ_ENDPOINT": f"tcp://127.0.0.1:{reads.port}",
    }
    daybook.start()
    daybook.gateway.open("a", 0)
    daybook.wait_until_caught_up()
    for link in (events, reads):
        link.stall(True)
    for _ in range(20):
        last = daybook.gateway.deposit("a", 1)
    assert daybook.queries.account("a")["version"] == 1
    yield daybook, last, (events, reads)
    for link in (events, reads):
        link.close()


def test_B2_a_query_is_held_until_the_log_has_told_its_head(behind):
    daybook, last, links = behind
    daybook.event_log.kill()
    daybook.command.kill()
    daybook.command.start(wait=False)
    wait_until(lambda: daybook.command.health("/livez") == 200, "the gateway is there")
    for path in ("/accounts/a", "/accounts", "/events", "/accounts/a/events", "/accounts/a?version=1"):
        begun = time.monotonic()
        answer = daybook.gateway.get(f"{path}{'&' if '?' in path else '?'}wait=300ms")
        assert_problem(answer, 503, "not-caught-up")
        assert answer.headers["Retry-After"] == "1"
        assert time.monotonic() - begun >= 0.25, "it was not waited for"
    # Those that are held when the log comes back are answered, with nothing older than what was acknowledged.
    paths = ("/accounts/a?wait=60s", "/accounts?wait=60s", "/events?wait=60s")
    held = [Background(lambda path=path: Client(daybook.command.port).get(path)) for path in paths]
    for link in links:
        link.stall(False)
    daybook.event_log.start()
    for query in held:
        answer = query.answer()
        assert (answer.status, answer.position) == (200, last.position), answer
    assert held[0].answer().json["version"] == last.json["version"]


def test_B2_a_log_that_is_there_is_asked_before_the_first_query_is_answered(behind):
    daybook, _, _ = behind
    for _ in range(3):
        daybook.command.kill()
        daybook.command.start(wait=False)
        wait_until(lambda: daybook.command.health("/livez") == 200, "the gateway is there")
        # The query service cannot show what the log holds, so nobody is shown less.
        assert_problem(daybook.gateway.get("/accounts/a?wait=1s"), 503, "not-caught-up")
