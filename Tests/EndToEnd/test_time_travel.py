"""I5 over HTTP: what an account was at a version or a time is the fold of its events up to there."""

import json
import random
import threading
from bisect import bisect_right
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import quote

import pytest

import store
from client import Client
from problems import assert_problem
from test_queries import ids, pages

OWNERS = ["Alice", "Bob", "Zoë & Söhne"]
DIGITS = {"USD": 2, "JPY": 0, "KWD": 3}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# ---- the fold, from the log's own file


def spelled(microseconds):
    """A time as answers spell it."""
    return (EPOCH + timedelta(microseconds=microseconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def folded(before, record):
    """An account after one more event, as clients see it."""
    data = json.loads(record.data)
    time = spelled(record.recorded_at)
    match record.type:
        case b"AccountOpened":
            assert before is None
            balance = Decimal(data["initial_balance"])
            return {
                "id": record.stream.decode(), "owner": data["owner"], "balance": balance, "version": 1,
                "currency": data["currency"], "status": "open", "opened_at": time, "updated_at": time,
                "available": balance, "held": 0,
            }  # fmt: skip
        case b"MoneyDeposited" | b"MoneyReceived":
            change = Decimal(data["amount"])
        case b"MoneyWithdrawn" | b"MoneySent":
            change = -Decimal(data["amount"])
        case other:
            raise AssertionError(f"these tests make no events of the type {other}")
    balance = before["balance"] + change
    assert balance >= 0 and before["version"] + 1 == record.version
    return before | {"balance": balance, "version": record.version, "updated_at": time, "available": balance}


class History:
    """What a log holds, and what must have been at any moment of it."""

    def __init__(self, daybook):
        _, self.records = store.read(daybook.database)
        # Of each account: its states in order, and the microsecond at which each began.
        self.states, self.times = {}, {}
        for record in self.records:
            account = record.stream.decode()
            states = self.states.setdefault(account, [])
            states.append(folded(states[-1] if states else None, record))
            self.times.setdefault(account, []).append(record.recorded_at)
        self.accounts = sorted(self.states)

    def at(self, account, microseconds):
        """The account after the last event recorded at the time or before it; None where it was not open yet."""
        count = bisect_right(self.times[account], microseconds)
        return self.states[account][count - 1] if count else None

    def all_at(self, microseconds, owner=None):
        found = [self.at(account, microseconds) for account in self.accounts]
        return [state for state in found if state and owner in (None, state["owner"])]

    def moments(self, account=None):
        """Every time at which an event was recorded, those just before and after, and those halfway to the next."""
        times = sorted({record.recorded_at for record in self.records if account in (None, record.stream.decode())})
        halfway = {(one + other) // 2 for one, other in zip(times, times[1:])}
        return sorted(halfway.union(*({time - 1, time, time + 1} for time in times)))


def fill(daybook, seed, accounts=6, commands=22):
    """Random commands on some accounts, each by a thread of its own, so that their events lie among each other."""
    chances = [random.Random(f"{seed} {number}") for number in range(accounts)]
    # Two have one currency at least, for transfers.
    currencies = [chance.choice(list(DIGITS)) for chance in chances[:-1]]
    currencies.append(currencies[0])

    def amount(number):
        return str(Decimal(chances[number].randint(1, 9_999)).scaleb(-DIGITS[currencies[number]]))

    for number, (chance, currency) in enumerate(zip(chances, currencies)):
        daybook.gateway.open(f"acc-{number}", amount(number), owner=chance.choice(OWNERS), currency=currency)

    def run(number):
        chance, client, account = chances[number], Client(daybook.command.port), f"acc-{number}"
        others = [f"acc-{other}" for other in range(accounts)
                  if other != number and currencies[other] == currencies[number]]  # fmt: skip
        statuses = set()
        for _ in range(commands):
            # Some withdrawals and transfers are not covered: they are no part of the history.
            command = chance.choice(["Deposit", "Withdraw", "Transfer"] if others else ["Deposit", "Withdraw"])
            to = {"to": chance.choice(others)} if command == "Transfer" else {}
            statuses.add(client.post(account, {"type": command, "amount": amount(number)} | to).status)
        assert statuses <= {200, 400}, statuses
        client.close()

    with ThreadPoolExecutor(accounts) as pool:
        list(pool.map(run, range(accounts)))
    daybook.wait_until_caught_up()


# ---- times as clients may spell them


def spellings(microseconds):
    """The same time in forms of RFC 3339, each with digits that it needs."""
    time = EPOCH + timedelta(microseconds=microseconds)

    def form(offset, fraction):
        there = time.astimezone(timezone(timedelta(minutes=offset)))
        return there.strftime("%Y-%m-%dT%H:%M:%S") + fraction

    fraction = f".{microseconds % 10**6:06}"
    shortest = fraction.rstrip("0").rstrip(".")
    return [
        form(0, fraction) + "Z",
        form(0, shortest) + "+00:00",
        form(0, fraction).replace("T", "t") + "z",
        # Digits beyond the microsecond are a part of one that has not ended.
        form(0, fraction + "999") + "-00:00",
        form(330, shortest) + "+05:30",
        form(-705, fraction) + "-11:45",
        form(14 * 60, fraction + "000") + "+14:00",
    ]


def account_path(account, microseconds, spelling=0):
    return f"/accounts/{account}?at={quote(spellings(microseconds)[spelling], safe='')}"


def assert_account(answer, state):
    """The answer is the account in this state; 404 where that is None."""
    if state is None:
        assert_problem(answer, 404, "account-not-found")
    else:
        assert (answer.status, answer.json) == (200, state), answer
        assert answer.headers["ETag"] == f'"{state["version"]}"'


# ---- the tests


@pytest.fixture(scope="module", params=[11, 12], ids=lambda seed: f"seed {seed}")
def daybook(request, module_services):
    """Few events in memory, so that the log must be asked for most, which has a snapshot at every third version."""
    daybook = module_services(COMMAND_SNAPSHOT_EVENTS=3, QUERY_HISTORY_EVENTS=5)
    fill(daybook, request.param)
    return daybook


@pytest.fixture(scope="module")
def history(daybook):
    return History(daybook)


def both(daybook):
    return daybook.queries, daybook.gateway


def check_versions(daybook, history, clients):
    for account in history.accounts:
        for state in history.states[account]:
            for client in clients:
                assert_account(client.get(f"/accounts/{account}?version={state['version']}"), state)


def test_I5_at_every_version(daybook, history):
    check_versions(daybook, history, both(daybook))


def test_I5_at_every_time_and_between(daybook, history):
    chance = random.Random(1)
    looked_at = set()
    for account in history.accounts:
        for moment in history.moments(account):
            state = history.at(account, moment)
            looked_at.add(state and state["version"])
            assert_account(chance.choice(both(daybook)).get(account_path(account, moment, chance.randrange(7))), state)
    assert None in looked_at and len(looked_at) > 10


def test_I5_all_accounts_at_one_cut_of_the_log(daybook, history):
    chance = random.Random(2)
    moments = history.moments()
    for moment in [moments[0], moments[-1], *chance.sample(moments, 24)]:
        time = quote(chance.choice(spellings(moment)), safe="")
        client = chance.choice(both(daybook))
        answer = client.get(f"/accounts?at={time}")
        assert (answer.status, answer.json, answer.headers["Link"]) == (200, history.all_at(moment), None)
        limit = chance.randint(1, 3)
        found, paths = pages(client, f"/accounts?at={time}&limit={limit}")
        assert sum(found, []) == history.all_at(moment), paths
        assert all(len(page) <= limit for page in found)
        owner = chance.choice(OWNERS)
        found, paths = pages(client, f"/accounts?owner={quote(owner)}&at={time}&limit={limit}")
        assert sum(found, []) == history.all_at(moment, owner), paths


def test_all_accounts_at_a_time_after_any_name(daybook, history):
    moment = history.moments()[-2]
    time = spelled(moment)
    for name in ("", "acc-2", "acc-2~", "zzz"):
        for client in both(daybook):
            answer = client.get(f"/accounts?after={name}&at={time}")
            assert answer.json == [state for state in history.all_at(moment) if state["id"] > name]


def test_every_spelling_of_a_time_is_the_same_time(daybook, history):
    account = history.accounts[0]
    for moment in history.moments(account)[:12]:
        for spelling in range(len(spellings(moment))):
            for client in both(daybook):
                assert_account(client.get(account_path(account, moment, spelling)), history.at(account, moment))


def test_what_never_was_is_404(daybook, history):
    account = history.accounts[5]
    last, opened = len(history.states[account]), history.times[account][0]
    for client in both(daybook):
        for version in (0, last + 1, 2**64 - 1):
            assert_problem(client.get(f"/accounts/{account}?version={version}"), 404, "not-found")
        for time in (spelled(opened - 1), "0000-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z"):
            assert_problem(client.get(f"/accounts/{account}?at={time}"), 404, "account-not-found")
        assert_account(client.get(f"/accounts/{account}?at=9999-12-31T23:59:60Z"), history.states[account][-1])
        assert client.get("/accounts?at=1970-01-01T00:00:00Z").json == []
        assert_problem(client.get("/accounts/nobody?version=1"), 404, "account-not-found")
        assert_problem(client.get(f"/accounts/nobody?at={spelled(opened)}"), 404, "account-not-found")


@pytest.mark.parametrize(
    "query",
    [
        "version=1&at=2026-01-02T03:04:05Z", "version=0&at=2026-01-02T03:04:05Z", "version=1&version=1", "version=",
        "version", "version=-1", "version=%2B1", "version=1.0", "version=1e0", "version=0x1", "version=%201",
        "version=18446744073709551616", "version=one", "version=%D9%A1", "versions=1", "at=", "at",
        "at=2026-01-02T03:04:05Z&at=2026-01-02T03:04:05Z", "at=now", "at=1767323045", "at=2026-01-02",
        "at=2026-01-02T03:04:05", "at=2026-01-02T03:04Z", "at=2026-01-02T03:04:05.Z", "at=2026-01-02T03:04:05,5Z",
        "at=2026-01-02T03:04:05%2B01", "at=2026-01-02T03:04:05%2B0100", "at=2026-01-02T03:04:05%2B24:00",
        # A + in a query is a space.
        "at=2026-01-02T03:04:05+01:00", "at=2026-1-2T03:04:05Z", "at=2026-13-01T00:00:00Z", "at=2026-02-29T00:00:00Z",
        "at=2026-01-02T24:00:00Z", "at=2026-01-02T03:60:00Z", "at=2026-01-02T03:04:61Z", "at=2026-01-02T03:04:05ZZ",
        "at=%202026-01-02T03:04:05Z", "at=-2026-01-02T03:04:05Z", "at=20260-01-02T03:04:05Z", "at=%D9%A2026-01-02T",
    ],
)  # fmt: skip
def test_a_moment_that_cannot_be_understood_is_400(daybook, query):
    for client in both(daybook):
        assert_problem(client.get(f"/accounts/acc-0?{query}"), 400, "invalid-parameter")
        # A version is of one account; all of them have none in common.
        assert_problem(client.get(f"/accounts?{query}"), 400, "invalid-parameter")


def test_I7_time_travel_is_as_fresh_as_it_is_asked_to_be(daybook):
    """Always of the newest event, so that an answer from before it would be 404 or another account."""
    daybook.gateway.open("fresh", 0)
    for version in range(2, 42):
        written = daybook.gateway.deposit("fresh", 1)
        minimum = f"min_position={written.position}"
        at = f"at={written.json['updated_at']}"
        for path in (f"version={version}&{minimum}", f"{at}&{minimum}"):
            answer = daybook.queries.get(f"/accounts/fresh?{path}")
            assert (answer.status, answer.json) == (200, written.json), answer
            assert answer.position >= written.position
        answer = daybook.queries.get(f"/accounts?{at}", {"Daybook-Min-Position": str(written.position)})
        assert written.json in answer.json
        for path in ("/accounts/fresh?" + at, f"/accounts/fresh?version={version}"):
            assert daybook.gateway.get(path).json == written.json, "stale through the gateway"
    beyond = daybook.event_log.figures()["position"] + 10**6
    for path in ("/accounts/fresh?version=1", f"/accounts/fresh?{at}", f"/accounts?{at}"):
        for client in both(daybook):
            answer = client.get(f"{path}&min_position={beyond}&wait=20ms")
            assert_problem(answer, 503, "not-caught-up")


def test_the_etag_of_a_moment_is_the_version_that_it_shows(daybook, history):
    account = history.accounts[2]
    times = history.times[account]
    # Two events that were flushed together have one time.
    version = next(index + 1 for index in range(4, len(times) - 1) if times[index] < times[index + 1])
    state, tag = history.states[account][version - 1], f'"{version}"'
    for path in (f"/accounts/{account}?version={version}", account_path(account, times[version - 1])):
        for client in both(daybook):
            for known in (tag, f"W/{tag}", f'"999", {tag}', "*"):
                answer = client.get(path, {"If-None-Match": known})
                assert (answer.status, answer.headers["ETag"], answer.body) == (304, tag, b"")
            for known in (f'"{version - 1}"', f'"{len(times)}"'):
                assert_account(client.get(path, {"If-None-Match": known}), state)
            head = client.request("HEAD", path)
            assert (head.status, head.headers["ETag"], head.body) == (200, tag, b"")


def test_I5_all_accounts_at_a_time_are_one_cut_while_commands_flow(daybook):
    """The cut lies just before an event that its reader knows of, so whatever it holds is recorded already."""
    accounts = [f"busy-{number}" for number in range(4)]
    for account in accounts:
        daybook.gateway.open(account, 0, owner="Busy")
    ended = threading.Event()
    cuts, failures = [], []

    def write(account):
        client = Client(daybook.command.port)
        while not ended.is_set():
            if (answer := client.deposit(account, "0.01")).status != 200:
                failures.append(answer)
        client.close()

    writers = [threading.Thread(target=write, args=(account,)) for account in accounts]
    for writer in writers:
        writer.start()
    try:
        for _ in range(25):
            written = daybook.gateway.deposit(accounts[0], 1)
            moment = microseconds(written.json["updated_at"]) - 1
            path = f"/accounts?owner=Busy&at={spelled(moment)}"
            at_once = daybook.queries.get(f"{path}&min_position={written.position}").json
            found, _ = pages(daybook.gateway, f"{path}&limit=1")
            cuts.append((moment, at_once, sum(found, [])))
    finally:
        ended.set()
        for writer in writers:
            writer.join()
    assert not failures, failures
    after = History(daybook)
    for moment, at_once, paged in cuts:
        assert at_once == paged == after.all_at(moment, "Busy")
    assert len({moment for moment, _, _ in cuts}) == len(cuts)


def microseconds(text):
    """A time as an answer spells it."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


# ---- the events of an account, both ways


def linked(answer):
    """Where the `Link` header leads, and its relation; None where there is none."""
    link = answer.headers["Link"]
    if link is None:
        return None
    target, relation = link.split("; ")
    assert target[0] + target[-1] == "<>"
    return target[1:-1], relation


def test_every_window_of_a_history_is_a_part_of_the_whole(daybook, history):
    account = history.accounts[3]
    path = f"/accounts/{account}/events"
    whole = daybook.gateway.events(account)
    last = len(whole)
    assert [event["version"] for event in whole] == [state["version"] for state in history.states[account]]
    chance = random.Random(3)
    for edge in [*range(last + 3), 2**64 - 1]:
        for limit in (1, 2, 5, last, 10_000):
            client = chance.choice(both(daybook))
            answer = client.get(f"{path}?after_version={edge}&limit={limit}")
            expected = whole[edge : edge + limit]
            more = bool(expected) and expected[-1] is not whole[-1]
            following = f"{path}?after_version={edge + limit}&limit={limit}", 'rel="next"'
            assert (answer.status, answer.json, linked(answer)) == (200, expected, following if more else None)

            answer = client.get(f"{path}?before_version={edge}&limit={limit}")
            expected = whole[: max(0, edge - 1)][-limit:]
            more = bool(expected) and expected[0] is not whole[0]
            previous = more and (f"{path}?before_version={expected[0]['version']}&limit={limit}", 'rel="prev"')
            assert (answer.status, answer.json, linked(answer)) == (200, expected, previous or None)


@pytest.mark.parametrize("limit", [1, 4, 7])
def test_a_history_backwards_page_by_page(daybook, history, limit):
    account = history.accounts[4]
    for client in both(daybook):
        path, relation, found = f"/accounts/{account}/events?before_version={2**64 - 1}&limit={limit}", 'rel="prev"', []
        while path:
            answer = client.get(path)
            assert answer.status == 200 and relation == 'rel="prev"', answer
            found = answer.json + found
            path, relation = linked(answer) or (None, relation)
        assert found == client.events(account)


@pytest.mark.parametrize(
    "query",
    [
        "after_version=1&before_version=3", "before_version=-1", "before_version=", "before_version=x",
        "before_version=18446744073709551616", "before_version=2&before_version=2", "limit=0&before_version=2",
        "limit=10001&before_version=2", "before=2", "version=2", "at=2026-01-02T03:04:05Z",
    ],
)  # fmt: skip
def test_a_window_that_cannot_be_understood_is_400(daybook, query):
    for client in both(daybook):
        assert_problem(client.get(f"/accounts/acc-0/events?{query}"), 400, "invalid-parameter")


# ---- restarts


@pytest.mark.parametrize("restarted", ["command and query", "all, killed", "query, without its checkpoint"])
def test_I5_after_restarts(daybook, restarted):
    if restarted == "command and query":
        services = [daybook.command, daybook.query]
        assert [service.stop() for service in services] == [0, 0]
    elif restarted == "all, killed":
        services = daybook.services
        daybook.kill()
    else:
        services = [daybook.query]
        daybook.query.kill()
        for file in (daybook.directory / "data" / "query").iterdir():
            file.unlink()
    for service in services:
        service.start(wait=False)
    for service in daybook.services:
        service.wait_until_ready()
    # The next event of each account stands on what the gateway has loaded anew.
    for account in ("acc-0", "acc-1"):
        assert daybook.gateway.insist(account, {"type": "Deposit", "amount": 1}).status == 200
    daybook.wait_until_caught_up()
    history = History(daybook)
    chance = random.Random(4)
    for account in history.accounts:
        states = history.states[account]
        for state in chance.sample(states, min(8, len(states))):
            path = f"/accounts/{account}?version={state['version']}"
            assert_account(chance.choice(both(daybook)).get(path), state)
        for moment in chance.sample(history.moments(account), 8):
            assert_account(chance.choice(both(daybook)).get(account_path(account, moment)), history.at(account, moment))
    for moment in chance.sample(history.moments(), 6):
        answer = daybook.gateway.get(f"/accounts?at={spelled(moment)}")
        assert answer.json == history.all_at(moment) and ids(answer.json) == sorted(ids(answer.json))
