"""Projections: what they tell of themselves, records that they cannot apply, and their checkpoints."""

import re
from decimal import Decimal
from urllib.parse import quote
from uuid import uuid4

import pytest
import zmq

import daybook_frames as frames
from services import wait_until


def append(daybook, stream, version, event_type, data, schema_version=2):
    """Appends an event as a foreign program would: past the gateway and its rules."""
    event = frames.Event(uuid4(), event_type, data, schema_version=schema_version)
    body = frames.append_body([frames.Write(f"account/{stream}", version, [event])])
    with zmq.Context.instance().socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.connect(f"tcp://127.0.0.1:{daybook.append_port}")
        socket.send(frames.HEAD.pack(frames.MAGIC, frames.APPEND, 0, 0, 1) + body)
        assert socket.poll(10_000), "the log did not answer"
        reply = frames.Cursor(socket.recv()[frames.HEAD.size :])
        assert frames.read_append_reply(reply).result == "committed"


def metrics(service):
    """The samples of `/metrics`; fails where the text does not follow the format of Prometheus."""
    answer = service.client.get("/metrics")
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    samples, announced, current = {}, {}, None
    for line in answer.body.decode().splitlines():
        if found := re.fullmatch(r"# HELP (\w+) (.+)", line):
            assert found[1] not in announced, f"the samples of {found[1]} do not stand together"
            current = found[1]
            announced[current] = None
        elif found := re.fullmatch(r"# TYPE (\w+) (counter|gauge)", line):
            assert found[1] == current
            assert (found[2] == "counter") == current.endswith("_total")
        else:
            found = re.fullmatch(r'(\w+)(\{\w+="[^"]*"\})? (\d+)', line)
            assert found and found[1] == current, line
            samples[found[1] + (found[2] or "")] = int(found[3])
    return samples


def test_metrics_of_all_three_services(daybook):
    for number in range(3):
        daybook.gateway.open(f"measured-{number}")
    daybook.wait_until_caught_up()
    log, command, query = (metrics(service) for service in daybook.services)
    assert log["daybook_event_log_ready"] == command["daybook_command_ready"] == query["daybook_query_ready"] == 1
    assert log["daybook_event_log_position"] == log["daybook_event_log_events_total"] >= 3
    assert command["daybook_command_position"] == log["daybook_event_log_position"]
    assert command['daybook_command_http_answers_total{status="201"}'] >= 3
    assert command["daybook_command_commands_in_progress"] == 0
    for projection in ("accounts", "events"):
        label = f'{{projection="{projection}"}}'
        assert query[f"daybook_query_projection_position{label}"] == log["daybook_event_log_position"]
        assert query[f"daybook_query_projection_stopped{label}"] == 0
    assert all(1 << 20 < of[f"daybook_{name}_resident_memory_bytes"] < 1 << 32 for of, name in [
        (log, "event_log"), (command, "command"), (query, "query")])  # fmt: skip


def test_a_log_that_is_away_is_told_in_the_metrics_and_queries_are_answered(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a", 7)
    daybook.wait_until_caught_up()
    daybook.event_log.kill()
    wait_until(lambda: metrics(daybook.query)["daybook_query_log_live"] == 0, "the metrics tell of the lost log")
    assert metrics(daybook.query)["daybook_query_ready"] == 0
    assert daybook.queries.account("a")["balance"] == 7
    daybook.event_log.start()
    wait_until(lambda: metrics(daybook.query)["daybook_query_log_live"] == 1, "the metrics tell of the log's return")


@pytest.fixture
def poisoned(start_daybook):
    """Two accounts, and after them an event of one of them that no version of the program knows."""
    daybook = start_daybook()
    daybook.gateway.open("sound", 5)
    opened = daybook.gateway.open("poisoned", 5)
    daybook.wait_until_caught_up()
    append(daybook, "poisoned", 1, "MoneyTeleported", b'{"amount":"1.00"}')
    deposited = daybook.gateway.deposit("sound", 1)
    assert deposited.status == 200, deposited
    wait_until(lambda: daybook.query.health("/readyz") == 503, "the projection tells that it stopped")
    return daybook, opened.position + 1


def test_a_poison_event_stops_its_projection_and_no_other(poisoned):
    daybook, position = poisoned
    (missing,) = daybook.query.figures()["missing"]
    assert "accounts" in missing and f"position {position}" in missing and "MoneyTeleported" in missing
    samples = metrics(daybook.query)
    assert samples['daybook_query_projection_stopped{projection="accounts"}'] == 1
    assert samples['daybook_query_projection_position{projection="accounts"}'] == position - 1
    assert samples['daybook_query_projection_stopped{projection="events"}'] == 0
    wait_until(
        lambda: metrics(daybook.query)['daybook_query_projection_position{projection="events"}'] == position + 1,
        "the other projection goes on",
    )


def test_a_stopped_projection_answers_with_a_mark_and_never_older_than_asked_for(poisoned):
    daybook, position = poisoned
    for path in ("/accounts/sound", "/accounts", "/accounts/sound/events"):
        answer = daybook.queries.get(path)
        assert (answer.status, answer.headers["Daybook-Stale"], answer.position) == (200, "true", position - 1), answer
    assert daybook.queries.account("sound")["balance"] == 5
    answer = daybook.queries.get(f"/accounts/sound?min_position={position}&wait=200ms")
    assert (answer.status, answer.json["type"]) == (503, "/problems/not-caught-up"), answer


def test_a_stopped_projection_stops_again_at_the_same_record_after_a_restart(poisoned):
    daybook, position = poisoned
    daybook.query.kill()
    daybook.query.start(wait=False)
    wait_until(lambda: daybook.query.health("/livez") == 200, "the query service lives", 30)
    wait_until(
        lambda: any(f"position {position}" in text for text in daybook.query.figures()["missing"]),
        "the projection stops before the same position",
    )
    assert daybook.queries.get("/accounts/sound").headers["Daybook-Stale"] == "true"


def test_a_command_on_the_poisoned_account_fails_alone(poisoned):
    daybook, _ = poisoned
    assert daybook.gateway.deposit("poisoned", 1).status == 500
    assert daybook.gateway.deposit("sound", 1).status == 200


# ---- checkpoints


def checkpoint_of(daybook):
    return daybook.directory / "data" / "query" / "accounts.checkpoint"


def restart_query(daybook):
    assert daybook.query.stop() == 0
    daybook.query.start()
    return daybook.query.output


def fill(daybook):
    for number in range(20):
        daybook.gateway.open(f"acc-{number:02}", number, owner=f"Owner “{number % 3}” \\ é")
        daybook.gateway.deposit(f"acc-{number:02}", "0.25")
    daybook.wait_until_caught_up()
    return daybook.queries.get("/accounts").json


def test_I5_a_start_from_a_checkpoint_gives_the_same_accounts(start_daybook):
    daybook = start_daybook()
    before = fill(daybook)
    output = restart_query(daybook)
    assert "checkpoint read" in output
    assert daybook.queries.get("/accounts").json == before
    # What comes after the checkpoint is read from the log.
    assert daybook.query.stop() == 0
    daybook.gateway.deposit("acc-00", "0.50")
    daybook.query.start()
    assert daybook.gateway.account("acc-00")["balance"] == before[0]["balance"] + Decimal("0.50")
    owner = before[4]["owner"]
    by_owner = [account["id"] for account in before if account["owner"] == owner]
    assert [account["id"] for account in daybook.queries.get(f"/accounts?owner={quote(owner)}").json] == by_owner


@pytest.mark.parametrize("damage", ["a byte changed", "cut short", "a line gone", "empty", "of another log"])
def test_a_damaged_or_foreign_checkpoint_is_passed_over(start_daybook, damage):
    daybook = start_daybook()
    before = fill(daybook)
    assert daybook.query.stop() == 0
    path = checkpoint_of(daybook)
    content = path.read_bytes()
    if damage == "a byte changed":
        content = content.replace(b'"0.25"', b'"9.25"', 1)
    elif damage == "cut short":
        content = content[: len(content) // 2]
    elif damage == "a line gone":
        lines = content.splitlines(keepends=True)
        content = b"".join(lines[:3] + lines[4:])
    elif damage == "empty":
        content = b""
    else:
        content = checkpoint_of(start_other_log(start_daybook)).read_bytes()
    path.write_bytes(content)
    daybook.query.start()
    assert daybook.queries.get("/accounts").json == before
    expected = "the log is not the one" if damage == "of another log" else "a checkpoint is passed over"
    assert expected in daybook.query.output


def start_other_log(start_daybook):
    other = start_daybook()
    other.gateway.open("stranger", 1)
    other.wait_until_caught_up()
    assert other.query.stop() == 0
    return other
