"""What is recorded about a command: correlation, causation, trace, reference, description, effective date."""

import itertools
import json

import pytest

import secured
import store
from commands import bulk, capture, deposit, keyed, obeyed, place_hold, reverse, transfer, withdraw
from daybook_tool import Tool
from problems import assert_problem

NUMBERS = itertools.count(1)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACED = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
TOLD = {"Daybook-Correlation-Id": "order-7", "Daybook-Causation-Id": "click-1"} | TRACED
RECORDED = {"correlation_id": "order-7", "causation_id": "click-1", "trace_id": TRACE}


@pytest.fixture
def pair(daybook):
    """Two accounts of 100.00 with names of the test's own."""
    name = f"metadata-{next(NUMBERS)}"
    names = (f"{name}-a", f"{name}-b")
    for account in names:
        daybook.gateway.open(account, "100.00")
    return names


def told(event):
    """What an event says of its command, but for the name of the harness's own token."""
    found = {name: value for name, value in event.items() if name in {*RECORDED, "actor"}}
    return {name: value for name, value in found.items() if secured.actor().get(name) != value}


def last(daybook, account):
    return daybook.gateway.events(account)[-1]


def test_what_the_header_says_stands_in_every_event_of_the_command(daybook, pair):
    a, b = pair
    gateway = daybook.gateway
    obeyed(gateway.post(a, transfer(b, 1), headers=TOLD))
    assert told(last(daybook, a)) == told(last(daybook, b)) == RECORDED
    opened = f"{a}-opened"
    answer = gateway.post(opened, {"type": "OpenAccount", "owner": "A", "initial_balance": 1}, headers=TOLD)
    assert answer.status == 201 and told(last(daybook, opened)) == RECORDED
    # The whole log shows it, too, and the log's own metadata is that and nothing else.
    whole = gateway.get(f"/events?after={answer.position - 1}&limit=1").json
    assert told(whole[0]) == RECORDED
    _, records = store.read(daybook.database)
    assert json.loads(next(record.metadata for record in records if record.position == answer.position)) == (
        RECORDED | secured.actor()
    )  # fmt: skip
    # An account shows nothing of it.
    assert told(answer.json) == {}


def test_without_any_there_is_no_metadata(daybook, pair):
    answer = daybook.gateway.post(pair[0], deposit(1))
    assert told(last(daybook, pair[0])) == {}
    _, records = store.read(daybook.database)
    metadata = next(record.metadata for record in records if record.position == answer.position)
    assert metadata == b"" if not secured.actor() else json.loads(metadata) == secured.actor()


@pytest.mark.parametrize("name", ["Daybook-Correlation-Id", "Daybook-Causation-Id"])
@pytest.mark.parametrize("value", ["", "a b", "ä", "x" * 129, "tab\there"])
def test_a_malformed_id_is_refused(daybook, pair, name, value):
    headers = {name: value.encode("utf-8")}
    problem = assert_problem(daybook.gateway.post(pair[0], deposit(1), headers=headers), 400, "invalid-parameter")
    assert name in problem["detail"]
    body = json.dumps({"account": pair[0]} | deposit(1)).encode()
    many = daybook.gateway.request("POST", "/commands", body, {"Content-Type": "application/x-ndjson"} | headers)
    assert_problem(many, 400, "invalid-parameter")
    assert daybook.gateway.account(pair[0])["version"] == 1


@pytest.mark.parametrize("id", ["x", "~" * 128, '"quoted"', "a,b;c=d", "!"])
def test_every_visible_character_is_kept(daybook, pair, id):
    obeyed(daybook.gateway.post(pair[0], deposit(1), headers={"Daybook-Correlation-Id": id}))
    assert told(last(daybook, pair[0])) == {"correlation_id": id}


@pytest.mark.parametrize("value", [
    "", "nonsense", f"00-{TRACE}-00f067aa0ba902b7", f"ff-{TRACE}-00f067aa0ba902b7-01", f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
    f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE}-00f067aa0ba902b7-01-more", "ä" * 60,
])  # fmt: skip
def test_a_trace_that_is_not_valid_is_ignored(daybook, pair, value):
    obeyed(daybook.gateway.post(pair[0], deposit(1), headers={"traceparent": value.encode("utf-8")}))
    assert told(last(daybook, pair[0])) == {}


def test_a_trace_of_a_later_version_is_read(daybook, pair):
    headers = {"traceparent": f"cc-{TRACE}-00f067aa0ba902b7-01-what-comes"}
    obeyed(daybook.gateway.post(pair[0], deposit(1), headers=headers))
    assert told(last(daybook, pair[0])) == {"trace_id": TRACE}


def test_it_is_no_part_of_the_command_that_a_key_binds(daybook, pair):
    first = daybook.gateway.post(pair[0], deposit(1), headers=keyed("k") | TOLD)
    again = daybook.gateway.post(pair[0], deposit(1), headers=keyed("k") | {"Daybook-Correlation-Id": "another"})
    assert (again.status, again.body, again.headers["Idempotent-Replayed"]) == (200, first.body, "true")
    assert told(last(daybook, pair[0])) == RECORDED
    # What stands in the event itself is.
    other = daybook.gateway.post(pair[0], deposit(1, reference="r"), headers=keyed("k"))
    assert_problem(other, 422, "idempotency-key-reused")


def test_the_header_of_many_commands_is_of_all_and_a_line_may_have_its_own(daybook, pair):
    a, b = pair
    answers = bulk(
        daybook.gateway, (a, deposit(1)), (a, deposit(1, correlation_id="own")), (a, transfer(b, 1, causation_id="own")),
        headers=TOLD,
    )  # fmt: skip
    assert [answer["status"] for answer in answers] == [200] * 3
    found = [told(event) for event in daybook.gateway.events(a)[1:]]
    assert found == [RECORDED, RECORDED | {"correlation_id": "own"}, RECORDED | {"causation_id": "own"}]
    assert told(last(daybook, b)) == found[-1]
    answers = bulk(
        daybook.gateway, (a, deposit(1, correlation_id="a b")), (a, deposit(1, causation_id="")), (a, deposit(1, correlation_id=7)),
        (a, deposit(1, trace_id=TRACE)), (a, deposit(1, actor="me")), (a, deposit(1, correlation_id="only")),
    )  # fmt: skip
    assert [answer["status"] for answer in answers] == [400] * 5 + [200]
    assert told(last(daybook, a)) == {"correlation_id": "only"}
    # A command alone has them in its header.
    assert_problem(daybook.gateway.post(a, deposit(1, correlation_id="x")), 400, "invalid-command", pointers=["/correlation_id"])


def test_the_actor_is_never_the_clients_to_set(daybook, pair):
    for headers in ({"Daybook-Actor": "me"}, {"actor": "me"}):
        obeyed(daybook.gateway.post(pair[0], deposit(1), headers=headers))
    assert_problem(daybook.gateway.post(pair[0], deposit(1, actor="me")), 400, "invalid-command")
    assert all(event.get("actor") == secured.actor().get("actor") for event in daybook.gateway.events(pair[0]))


def test_reference_description_and_date_stand_in_the_events_of_every_movement(daybook, pair):
    a, b = pair
    own = {"reference": "R-17 ü", "description": "what for: «rent»", "effective_at": "2024-02-29"}
    for command in (
        deposit(10, **own), withdraw(1, **own), transfer(b, 1, **own), place_hold("h", 2, **own), capture("h", to=b, **own),
        reverse(2, **own),
    ):  # fmt: skip
        obeyed(daybook.gateway.post(a, command))
    events = daybook.gateway.events(a)[1:] + daybook.gateway.events(b)[1:]
    assert len(events) == 8
    for event in events:
        assert {name: event[name] for name in own} == own, event
    plain = daybook.gateway.events(a)[0]
    assert not own.keys() & plain.keys()
    # It changes no balance rule: money of the past or the future is there.
    obeyed(daybook.gateway.post(a, deposit(5, effective_at="9999-12-31")))
    obeyed(daybook.gateway.post(a, withdraw(5, effective_at="0001-01-01")))


def test_the_command_line_and_the_export_show_it(daybook, pair):
    a, b = pair
    tool = Tool(daybook)
    obeyed(daybook.gateway.post(a, transfer(b, 1, reference="R-1"), headers=TOLD))
    daybook.wait_until_caught_up()
    (shown,) = tool.json("show", b)
    assert told(shown["last_event"]) == RECORDED
    assert (shown["last_event"]["reference"], shown["last_event"]["from"]) == ("R-1", a)
    text = tool.run("show", a).stdout
    assert all(word in text for word in ("order-7", "click-1", TRACE, "R-1", shown["last_event"]["transfer"]))
    own = f"{a}-order"
    obeyed(daybook.gateway.post(a, transfer(b, 1), headers={"Daybook-Correlation-Id": own}))
    found = tool.json("events", "--correlation-id", own)
    assert [(event["type"], event["account"]) for event in found] == [("MoneySent", a), ("MoneyReceived", b)]
    obeyed(daybook.gateway.post(a, transfer(b, 1, reference="R-1"), headers=TOLD))
    exported = [json.loads(line) for line in tool.run("export").stdout.splitlines()]
    assert "order-7" in json.dumps(exported[-1]) and TRACE in json.dumps(exported[-1])
    fed = daybook.gateway.get(f"/events?after={daybook.event_log.figures()['position'] - 1}").json
    assert told(fed[-1]) == RECORDED
