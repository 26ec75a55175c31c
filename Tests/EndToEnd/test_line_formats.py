"""White space between the tokens of an event's data is legal JSON, and must not break what is written line by line."""

import json
import subprocess

import pytest

import store
from daybook_frames import Write
from daybook_tool import Tool, positions_shown
from services import PROGRAMS, environment, wait_until
from test_event_feed import Feed, event, has_come_to, ports, record_past_the_gateway

SPACED = [
    ("account/a", "MoneyDeposited", b'{\n "amount":\r\n\t"1.00"\n}'),
    ("other/x", "Thing", b'{\n\n"b" : [ 1 ,\r2 ]\t,"c":" two  words, \\n \\" } "}\n'),
    ("other/x", "Thing", b'\r\n [ ]\n'),
    ("account/odd", "MoneyTeleported", b'{"to":\n"elsewhere"}'),
]


@pytest.fixture(scope="module", params=["200000", "0"], ids=lambda events: f"{events} in memory")
def spaced(request, module_services):
    """A log of events whose data has white space between its tokens."""
    daybook = module_services(QUERY_HISTORY_EVENTS=request.param)
    daybook.gateway.open("a", 0)
    record_past_the_gateway(daybook, *(Write(stream, None, [event(type, data)]) for stream, type, data in SPACED))
    daybook.gateway.deposit("a", 7)
    return daybook


def data_of(daybook):
    return [json.loads(record.data) for record in store.read(daybook.database)[1]]


def test_export_writes_a_line_an_event(spaced):
    lines = Tool(spaced).run("export").stdout.splitlines()
    assert [json.loads(line)["data"] for line in lines] == data_of(spaced)


def test_the_feed_tells_each_event_in_one_line_of_data(spaced):
    for port in ports(spaced):
        with Feed(port) as feed:
            # The reader fails at a field that comes twice, or has no name.
            feed.read_until(has_come_to(6))
            assert [position for position, _, _ in feed.events] == [1, 2, 3, 4, 5, 6]
            told = {position: told for position, _, told in feed.events}
    for position in (3, 4, 5):
        assert told[position]["data"] == data_of(spaced)[position - 1]


def test_pages_hold_the_same_json(spaced):
    page = spaced.gateway.get("/events?min_position=6").json
    assert [found["data"] for found in page if "data" in found] == data_of(spaced)[2:5]


@pytest.mark.parametrize("lines", ["20", "0"])
def test_tail_goes_on_past_such_events(spaced, lines):
    output = spaced.directory / f"followed-{lines}"
    with open(output, "w") as file, subprocess.Popen(
        [PROGRAMS / "daybook", "tail", "-n", lines, "--follow", "--json"], stdout=file, stderr=subprocess.PIPE,
        cwd=spaced.directory, env=environment(spaced.settings), text=True,
    ) as process:  # fmt: skip
        def positions():
            return positions_shown(output)

        def is_followed():
            record_past_the_gateway(spaced, Write("other/x", None, [event("Thing", b'{\n"b":1}')]))
            return positions()

        first = wait_until(is_followed, "tail follows", 60)[0]
        head = spaced.event_log.figures()["position"]
        wait_until(lambda: head in positions()[-1:], f"tail shows {head}", 60)
        assert positions() == list(range(first, head + 1))
        process.kill()
        assert process.stderr.read() == ""
