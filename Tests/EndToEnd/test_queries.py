"""What the query service shows, directly and through the gateway: pages, filters, histories, positions, digits."""

import re
import threading
import time
import unicodedata
from decimal import Decimal
from urllib.parse import quote

import pytest

from client import next_page
from problems import assert_problem
from services import wait_until
from timing import within

COMPOSED = unicodedata.normalize("NFC", "Zoë Müller")
DECOMPOSED = unicodedata.normalize("NFD", "Zoë Müller")
OWNERS = [COMPOSED, DECOMPOSED, "Alice", "alice", "Alice ", "A&B=C?/#%+", "株式会社"]


@pytest.fixture(scope="module")
def accounts(daybook):
    """250 accounts, opened in another order than that of their names, with owners in turn; their names in order."""
    names = [f"p-{number * 7 % 250:03}{'.-_~Aa'[number % 6]}" for number in range(250)]
    for number, name in enumerate(names):
        daybook.gateway.open(name, number, owner=OWNERS[number % len(OWNERS)])
    daybook.wait_until_caught_up()
    # By the bytes of the names, as clients in any language can do it.
    return sorted(names)


def pages(client, path):
    """The pages that begin at `path`, and the paths at which they were found."""
    found, paths = [], []
    while path:
        answer = client.get(path)
        assert answer.status == 200, answer
        paths.append(path)
        found.append(answer.json)
        path = next_page(answer)
    return found, paths


def ids(page):
    return [account["id"] for account in page]


@pytest.mark.parametrize("through", ["gateway", "queries"])
def test_all_accounts_page_by_page(daybook, accounts, through):
    client = getattr(daybook, through)
    found, paths = pages(client, "/accounts")
    assert [len(page) for page in found] == [100, 100, 50]
    assert sum(map(ids, found), []) == accounts
    assert paths[1] == f"/accounts?after={quote(accounts[99], safe='~')}&limit=100"
    found, _ = pages(client, "/accounts?limit=7")
    assert [len(page) for page in found] == [7] * 35 + [5]
    assert sum(map(ids, found), []) == accounts


def test_a_page_that_ends_with_the_last_account_has_no_next(daybook, accounts):
    answer = daybook.queries.get("/accounts?limit=250")
    assert (ids(answer.json), next_page(answer)) == (accounts, None)
    answer = daybook.queries.get("/accounts?limit=249")
    assert (ids(answer.json), ids(daybook.queries.get(next_page(answer)).json)) == (accounts[:249], accounts[249:])
    answer = daybook.queries.get("/accounts?limit=1000")
    assert (len(answer.json), next_page(answer)) == (250, None)


def test_a_page_begins_after_any_name_whether_there_is_such_an_account_or_not(daybook, accounts):
    for name in ("p-100", "p-100~~~~", "0", "~", "", "p-249z", accounts[17]):
        answer = daybook.queries.get(f"/accounts?limit=1000&after={quote(name)}")
        assert ids(answer.json) == [account for account in accounts if account > name]
        assert next_page(answer) is None


@pytest.mark.parametrize("owner", OWNERS + ["ALICE", "Ali", "Zoe Muller", ""])
def test_the_filter_by_owner_is_exact(daybook, accounts, owner):
    everybody = daybook.queries.get("/accounts?limit=1000").json
    expected = [account["id"] for account in everybody if account["owner"] == owner]
    assert (len(expected) > 30) == (owner in OWNERS)
    for client in (daybook.gateway, daybook.queries):
        found, paths = pages(client, f"/accounts?owner={quote(owner, safe='')}&limit=10")
        assert sum(map(ids, found), []) == expected
        assert len(paths) == max(1, -(-len(expected) // 10)), "a link leads to an empty page"


def test_composed_and_decomposed_spellings_are_different_owners(daybook, accounts):
    assert COMPOSED != DECOMPOSED
    found = {}
    for owner in (COMPOSED, DECOMPOSED):
        page = daybook.gateway.get(f"/accounts?limit=1000&owner={quote(owner)}").json
        assert {account["owner"] for account in page} == {owner}, "an owner comes back exactly as it was given"
        found[owner] = set(ids(page))
    assert found[COMPOSED] and found[DECOMPOSED] and not found[COMPOSED] & found[DECOMPOSED]


@pytest.mark.parametrize("text", ["%FF", "%zz", "%C3", "%"])
def test_an_owner_whose_encoding_is_broken_is_refused(daybook, text):
    # An empty list would tell that there is no such owner, of a text that was never understood.
    for client in (daybook.gateway, daybook.queries):
        assert_problem(client.get(f"/accounts?owner={text}"), 400, "invalid-parameter")


# ---- histories


@pytest.fixture(scope="module", params=["200000", "50", "0"])
def history(request, module_services):
    """Services that keep so many events in memory, and an account with 120 events among those of another one."""
    daybook = module_services(QUERY_HISTORY_EVENTS=request.param)
    daybook.gateway.open("h", "0.01", owner="Alice")
    daybook.gateway.open("other", "0")
    for number in range(2, 121):
        daybook.gateway.deposit("h", Decimal(number) / 100)
        if number % 3 == 0:
            daybook.gateway.deposit("other", 1)
    daybook.wait_until_caught_up()
    return daybook


def expected_amounts(after, limit):
    return [Decimal(version) / 100 for version in range(after + 1, min(120, after + limit) + 1)]


def amounts(events):
    return [event.get("amount", event.get("initial_balance")) for event in events]


@pytest.mark.parametrize("limit", [1, 7, 50, 119, 120, 121, 10_000])
def test_a_history_page_by_page(history, limit):
    for client in (history.gateway, history.queries):
        found, paths = pages(client, f"/accounts/h/events?limit={limit}")
        events = sum(found, [])
        assert [event["version"] for event in events] == list(range(1, 121))
        assert amounts(events) == expected_amounts(0, 120)
        assert [event["type"] for event in events] == ["AccountOpened"] + ["MoneyDeposited"] * 119
        assert sorted({event["position"] for event in events}) == [event["position"] for event in events]
        assert len({event["id"] for event in events}) == 120
        assert [len(page) for page in found] == [limit] * (120 // limit) + [120 % limit] * (120 % limit > 0)


@pytest.mark.parametrize("after", [0, 1, 69, 70, 71, 94, 95, 96, 118, 119, 120, 121, 1000, 2**64 - 1])
def test_a_history_after_a_version(history, after):
    for limit in (None, 1, 30, 10_000):
        query = f"after_version={after}" + (f"&limit={limit}" if limit else "")
        for client in (history.gateway, history.queries):
            answer = client.get(f"/accounts/h/events?{query}")
            assert amounts(answer.json) == expected_amounts(after, limit or 1000), (query, answer)
            end = after + (limit or 1000)
            following = f"/accounts/h/events?after_version={end}&limit={limit or 1000}"
            assert next_page(answer) == (following if end < 120 else None)


def test_a_history_states_the_position_that_it_reflects(history):
    position = history.event_log.figures()["position"]
    for path in ("/accounts/h/events", "/accounts/h/events?limit=1", "/accounts/h/events?after_version=120"):
        for client in (history.gateway, history.queries):
            assert client.get(path).position == position


def test_a_history_is_whole_while_it_grows(history):
    history.gateway.open("grows", 0)
    history.wait_until_caught_up()
    ended = threading.Event()

    def grow():
        while not ended.is_set():
            history.gateway.deposit("grows", "0.01")

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        for _ in range(50):
            answer = history.queries.get("/accounts/grows/events?limit=10000")
            versions = [event["version"] for event in answer.json]
            assert versions == list(range(1, len(versions) + 1))
            assert answer.json[-1]["position"] <= answer.position, "the answer shows more than it says"
            state = history.queries.get(f"/accounts/grows?min_position={answer.position}")
            assert state.json["version"] >= len(versions)
    finally:
        ended.set()
        writer.join()


def test_a_history_that_is_no_longer_in_memory_needs_the_log(start_daybook):
    daybook = start_daybook(QUERY_HISTORY_EVENTS=0)
    daybook.gateway.open("h", "1.00")
    assert len(daybook.gateway.events("h")) == 1
    daybook.query.restart(EVENT_LOG_TIMEOUT="1s")
    daybook.wait_until_caught_up()
    daybook.event_log.kill()
    for client in (daybook.queries, daybook.gateway):
        assert_problem(client.get("/accounts/h/events"), 503, "log-unavailable")
        assert client.get("/accounts/h").json["balance"] == 1
    daybook.event_log.start()
    for client in (daybook.queries, daybook.gateway):
        answer = wait_until(
            lambda: (answer := client.get("/accounts/h/events")).status == 200 and answer, "histories are read again"
        )
        assert len(answer.json) == 1


# ---- what stands beside every answer


def test_the_etag_is_the_version_and_the_same_everywhere(daybook):
    daybook.gateway.open("etag", 10)
    for version in range(2, 20):
        command = daybook.gateway.deposit("etag", 1)
        tags = {
            command.headers["ETag"],
            daybook.gateway.get("/accounts/etag").headers["ETag"],
            daybook.queries.get(f"/accounts/etag?min_position={command.position}").headers["ETag"],
            daybook.gateway.request("HEAD", "/accounts/etag").headers["ETag"],
        }
        assert tags == {f'"{version}"'}


def test_every_query_answer_states_its_position(daybook):
    daybook.gateway.open("stated", 10)
    position = daybook.event_log.figures()["position"]
    for path in (
        "/accounts/stated",
        "/accounts/stated/events",
        "/accounts/stated/events?limit=1",
        "/accounts/stated/events?after_version=99",
        "/accounts",
        "/accounts?limit=1",
        "/accounts?owner=Nobody",
        # That an account is not there is true at a position too, and of no use without it.
        "/accounts/stated-not",
        "/accounts/stated-not/events",
        f"/accounts/stated?wait=1ms&min_position={position + 1}",
    ):
        for client in (daybook.gateway, daybook.queries):
            answer = client.get(path)
            assert answer.headers["Daybook-Position"] == str(position), (path, answer)


def test_a_command_states_the_position_of_its_event(daybook):
    opened = daybook.gateway.open("position", 10)
    deposited = daybook.gateway.deposit("position", 1)
    assert deposited.position == opened.position + 1 == daybook.event_log.figures()["position"]
    assert [event["position"] for event in daybook.gateway.events("position")] == [opened.position, deposited.position]


# In any case before its own wait is over.
@within(15, 50)
@pytest.mark.parametrize("through", ["gateway", "queries"])
def test_a_query_waits_for_its_position_as_long_as_it_says(daybook, through, limit):
    """The time that a client gives is given to it whole, be it longer than any part of the system waits by itself."""
    client = getattr(daybook, through)
    account = f"patient-{through}-{limit}"
    daybook.gateway.open(account, 0)
    position = daybook.event_log.figures()["position"] + 1
    answers = []
    asker = threading.Thread(
        target=lambda: answers.append(
            client.get(f"/accounts/{account}?min_position={position}&wait=60s")
        )
    )
    begun = time.monotonic()
    asker.start()
    # Longer than any limit of five seconds, unless the answer comes too early.
    asker.join(6)
    assert not answers, f"the answer came after {time.monotonic() - begun:.1f} s of 60: {answers}"
    command = daybook.gateway.deposit(account, 1)
    asker.join(limit)
    (answer,) = answers
    assert (answer.status, answer.json) == (200, command.json)
    assert time.monotonic() - begun < limit, "the answer came long after its position was reached"


# ---- digits

NUMBER = r"(-?[0-9.eE+]+)"


@pytest.mark.parametrize(
    "currency, opening, deposit, balance",
    [
        ("JPY", "1000", "5e2", "1500"),
        ("JPY", "0.00", "1", "1"),
        ("KWD", "1", "0.5", "1.500"),
        ("KWD", "0", "0.001", "0.001"),
        ("USD", "1000", "0.1", "1000.10"),
        ("USD", "0", "0.05", "0.05"),
        ("CLF", "0", "0.0001", "0.0001"),
        ("EUR", "1e3", "1", "1001.00"),
    ],
)
def test_amounts_have_the_digits_of_their_currency(daybook, currency, opening, deposit, balance):
    name = f"digits-{currency}-{opening}"
    digits = {"JPY": 0, "KWD": 3, "CLF": 4}.get(currency, 2)
    daybook.gateway.open(name, opening, currency=currency)
    command = daybook.gateway.deposit(name, deposit)
    account = daybook.gateway.get(f"/accounts/{name}")
    events = daybook.gateway.get(f"/accounts/{name}/events")
    listed = daybook.gateway.get(f"/accounts?after={name[:-1]}&limit=1000")
    one = next(part for part in listed.body.split(b"},{") if f'"id":"{name}"'.encode() in part)

    def numbers(field, body):
        return re.findall(rf'"{field}":{NUMBER}[,}}]', body.decode())

    assert numbers("balance", command.body) == [balance]
    assert numbers("balance", account.body) == [balance]
    assert numbers("balance", one) == [balance]
    shown = numbers("initial_balance", events.body) + numbers("amount", events.body)
    assert [Decimal(text) for text in shown] == [Decimal(opening), Decimal(deposit)]
    assert [len(text.partition(".")[2]) for text in shown] == [digits, digits]
    assert all(("." in text) == (digits > 0) for text in shown), "a point without digits is no JSON"
    assert account.json["currency"] == currency
