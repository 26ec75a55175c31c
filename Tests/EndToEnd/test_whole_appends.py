"""No answer shows half an append, at whatever position, time or page it is asked for."""

import json
import random
import threading
from datetime import datetime, timedelta, timezone

import pytest

import store
from client import Client
from commands import obeyed, transfer
from services import wait_until
from signed_snapshots import seal, secret_of
from test_event_feed import Feed
from test_projections import checkpoint_of
from test_queries import pages
from test_time_travel import spelled

ACCOUNTS = [f"acc-{number:02}" for number in range(12)]
EACH = 100
TOTAL = EACH * len(ACCOUNTS)


def open_all(daybook):
    for account in ACCOUNTS:
        daybook.gateway.open(account, EACH, overdraft=10**6)


def move(daybook, seed, count=None, ended=None):
    """Sends money to and fro, and nothing in or out: what all accounts have together stays as it is. So many times, or until
    it is ended."""
    client, generator = Client(daybook.command.port), random.Random(seed)
    try:
        for _ in range(count) if count else iter(ended.is_set, True):
            sender, receiver = generator.sample(ACCOUNTS, 2)
            obeyed(client.post(sender, transfer(receiver, generator.randint(1, 50))))
    finally:
        client.close()


def ends(daybook):
    """The positions at which appends end."""
    return {0} | {record.position for record in store.read(daybook.database)[1] if not record.continues}


def balance(accounts):
    assert [account["id"] for account in accounts] == ACCOUNTS
    return sum(account["balance"] for account in accounts)


@pytest.fixture(scope="module")
def moved(module_services):
    """Accounts among which money was sent to and fro."""
    daybook = module_services(QUERY_HISTORY_EVENTS="50")
    open_all(daybook)
    move(daybook, 1, 60)
    daybook.wait_until_caught_up()
    return daybook, store.read(daybook.database)[1]


# ---- while money moves


def test_I6_lists_show_each_transfer_on_both_accounts_or_on_none(start_daybook):
    daybook = start_daybook(QUERY_CHECKPOINT_EVENTS="1")
    open_all(daybook)
    daybook.wait_until_caught_up()
    movers = [threading.Thread(target=move, args=(daybook, seed, 60)) for seed in range(4)]
    seen, is_over = set(), threading.Event()
    failures = []

    def look():
        client, generator = Client(daybook.query.port), random.Random(7)
        try:
            while not is_over.is_set():
                query = ""
                if generator.random() < 0.5:
                    # A moment ago, now, or at a time that is still to come.
                    time = datetime.now(timezone.utc) + timedelta(milliseconds=generator.randint(-500, 50))
                    query = f"?at={time.strftime('%Y-%m-%dT%H:%M:%S.%fZ')}"
                answer = client.get(f"/accounts{query}")
                assert answer.status == 200, answer
                if query and len(answer.json) < len(ACCOUNTS):
                    continue  # Not all were open then.
                assert balance(answer.json) == TOTAL, (query, answer)
                seen.add(answer.position)
        except BaseException as failure:
            failures.append(failure)
        finally:
            client.close()

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for thread in movers + lookers:
        thread.start()
    for thread in movers:
        thread.join()
    is_over.set()
    for thread in lookers:
        thread.join()
    assert not failures, failures
    assert len(seen) > 10
    assert seen <= ends(daybook), "a position that an answer stated is inside an append"
    daybook.wait_until_caught_up()
    assert balance(daybook.queries.get("/accounts").json) == TOTAL


def test_I8_killed_at_any_moment_it_goes_on_with_whole_appends(start_daybook):
    daybook = start_daybook(QUERY_CHECKPOINT_EVENTS="1")
    open_all(daybook)
    daybook.wait_until_caught_up()
    ended = threading.Event()
    mover = threading.Thread(target=move, args=(daybook, 5), kwargs={"ended": ended})
    mover.start()
    try:
        for _ in range(3):
            before = daybook.query.figures()["position"]
            wait_until(lambda: daybook.query.figures()["position"] > before + 10 or not mover.is_alive(), "it goes on")
            assert mover.is_alive(), "a transfer failed"
            daybook.query.kill()
            daybook.query.start()
            answer = daybook.queries.get("/accounts")
            assert balance(answer.json) == TOTAL
            assert answer.position in ends(daybook)
    finally:
        ended.set()
        mover.join()
    daybook.wait_until_caught_up()
    report = daybook.queries.request("POST", "/projections/accounts/rebuild", b"").json
    assert report["digest"] == report["replaced_digest"]
    assert report["position"] in ends(daybook)
    assert balance(daybook.queries.get("/accounts").json) == TOTAL


def test_a_checkpoint_inside_an_append_is_not_used(start_daybook):
    daybook = start_daybook()
    open_all(daybook)
    move(daybook, 2, 5)
    daybook.wait_until_caught_up()
    before = daybook.queries.get("/accounts").json
    assert daybook.query.stop() == 0
    records = store.read(daybook.database)[1]
    inside = records[-2]
    assert inside.continues
    path = checkpoint_of(daybook)
    first, *lines, _ = path.read_bytes().splitlines()
    head = json.loads(first)
    assert head["position"] == len(records)
    head |= {"position": inside.position, "hash": inside.hash.hex()}
    content = b"".join(line + b"\n" for line in [json.dumps(head).encode(), *lines])
    path.write_bytes(content + seal(content, secret_of(daybook)))
    daybook.query.start()
    assert f"position {inside.position}, where the checkpoint stands, is inside an append" in daybook.query.output
    answer = daybook.queries.get("/accounts")
    assert (answer.json, answer.position) == (before, len(records))


# ---- by position and time


def test_a_position_inside_an_append_is_answered_at_its_end(moved):
    daybook, records = moved
    for record in records:
        if record.continues:
            answer = daybook.queries.get(f"/accounts?min_position={record.position}")
            assert answer.status == 200 and answer.position > record.position
    mover = threading.Thread(target=move, args=(daybook, 3, 1))
    mover.start()
    # The first of the two events is enough to ask for; both are there.
    answer = daybook.queries.get(f"/accounts?min_position={len(records) + 1}&wait=20s", timeout=30)
    mover.join()
    assert answer.status == 200 and answer.position >= len(records) + 2
    assert balance(answer.json) == TOTAL


def test_I5_no_time_lies_between_the_two_sides_of_a_transfer(moved):
    daybook, records = moved
    opened = max(record.recorded_at for record in records if record.type == b"AccountOpened")
    times = sorted({record.recorded_at for record in records if record.recorded_at >= opened})
    assert len(times) > 30
    for time in times:
        for at in (time, time - 1, time + 1):
            if at < opened:
                continue
            found, _ = pages(daybook.queries, f"/accounts?limit=5&at={spelled(at)}")
            assert balance([account for page in found for account in page]) == TOTAL
    for time in random.Random(4).sample(times, 5):
        alone = [daybook.gateway.get(f"/accounts/{account}?at={spelled(time)}").json for account in ACCOUNTS]
        assert balance(alone) == TOTAL


# ---- the whole log


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_the_log_shows_where_appends_end(moved, limit):
    daybook, _ = moved
    records = store.read(daybook.database)[1]
    found, _ = pages(daybook.queries, f"/events?limit={limit}&min_position={len(records)}")
    events = [event for page in found for event in page]
    assert [event.get("continues", False) for event in events] == [bool(record.continues) for record in records]
    sides = [event for event in events if event["type"] in ("MoneySent", "MoneyReceived")]
    assert {event["transfer"] for event in sides[0::2]} == {event["transfer"] for event in sides[1::2]}
    for first, second in zip(sides[0::2], sides[1::2]):
        assert first["continues"] is True and "continues" not in second
        assert (first["transfer"], first["time"], first["position"] + 1) == (
            second["transfer"], second["time"], second["position"],
        )  # fmt: skip
    # The next event of an account is another one.
    for account in ACCOUNTS[:3]:
        assert not any("continues" in event for event in daybook.queries.events(account))


def test_a_feed_goes_on_strictly_after_an_event_inside_an_append(moved):
    daybook, _ = moved
    records = store.read(daybook.database)[1]
    last = records[-1].position
    for record in records[-20:-1]:
        point = f"{record.position}-{record.hash.hex()[:16]}"
        with Feed(daybook.query.port, last=point) as feed:
            feed.read_until(lambda feed: feed.events and feed.events[-1][0] == last)
            assert [position for position, _, _ in feed.events] == list(range(record.position + 1, last + 1))
            assert [event.get("continues", False) for _, _, event in feed.events] == [
                bool(record.continues) for record in records[record.position :]
            ]
