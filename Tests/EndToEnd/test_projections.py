"""Projections: what they tell of themselves, and their checkpoints."""

import hashlib
import re
from decimal import Decimal
from urllib.parse import quote

import pytest

from services import wait_until
from signed_snapshots import seal


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
        # Of services that have the same key.
        key = daybook.directory / "data" / "snapshot.key"
        content = checkpoint_of(start_other_log(start_daybook, SNAPSHOT_KEY=key)).read_bytes()
    path.write_bytes(content)
    daybook.query.start()
    assert daybook.queries.get("/accounts").json == before
    expected = "the log is not the one" if damage == "of another log" else "a checkpoint is passed over"
    assert expected in daybook.query.output


@pytest.mark.parametrize("by", ["an older version", "another key", "a stranger"])
def test_a_checkpoint_that_was_not_written_with_the_key_is_not_believed(start_daybook, by):
    daybook = start_daybook()
    before = fill(daybook)
    path, key = checkpoint_of(daybook), daybook.directory / "data" / "snapshot.key"
    assert daybook.query.stop() == 0
    secret = key.read_bytes()
    lines = path.read_bytes().splitlines(keepends=True)[:-1]
    content = b"".join(lines)
    if by == "a stranger":
        content = content.replace(b'"0.25"', b'"9.25"', 1)
    # A checksum that anybody can make, and one under a key that anybody may have.
    plain = hashlib.sha256(content).hexdigest().encode() + b"\n"
    path.write_bytes(content + (seal(content, bytes(32)) if by == "another key" else plain))
    daybook.query.start()
    assert "a checkpoint is passed over" in daybook.query.output and "SNAPSHOT_KEY" in daybook.query.output
    assert daybook.queries.get("/accounts").json == before
    # Once: from then on there is one with the key.
    assert daybook.query.stop() == 0
    content, last = path.read_bytes()[:-77], path.read_bytes()[-77:]
    assert last == seal(content, secret)
    daybook.query.start()
    assert "checkpoint read" in daybook.query.output
    assert daybook.queries.get("/accounts").json == before


def test_without_a_key_a_checkpoint_has_a_checksum(start_daybook):
    daybook = start_daybook(SNAPSHOT_KEY="none")
    before = fill(daybook)
    assert "checkpoint read" in restart_query(daybook)
    content, last = checkpoint_of(daybook).read_bytes()[:-65], checkpoint_of(daybook).read_bytes()[-65:]
    assert last == hashlib.sha256(content).hexdigest().encode() + b"\n"
    assert daybook.queries.get("/accounts").json == before


def start_other_log(start_daybook, **settings):
    other = start_daybook(**settings)
    other.gateway.open("stranger", 1)
    other.wait_until_caught_up()
    assert other.query.stop() == 0
    return other
