"""Positions alone do not tell one history of a log from another: a log that was restored from a backup goes back, and goes
on differently. So answers name the log, events their hash, and a resumption on another history is refused."""

import subprocess
from uuid import UUID

import pytest

import store
from client import NoAnswer, next_page
from daybook_frames import Write
from daybook_tool import Tool, positions_shown
from problems import assert_problem
from services import PROGRAMS, environment, wait_until
from test_event_feed import Feed, both, event, has_come_to, ports, record_past_the_gateway

FEED = {"Accept": "text/event-stream"}


def id_of(record):
    return f"{record.position}-{record.hash.hex()[:16]}"


def records(daybook):
    return store.read(daybook.database)[1]


def deposits(daybook, account, count):
    for _ in range(count):
        answer = daybook.gateway.deposit(account, 1)
        assert answer.status == 200, answer
    return answer.position


@pytest.fixture(scope="module", params=["200000", "3"], ids=lambda events: f"{events} in memory")
def seven(request, module_services):
    """A log of seven events."""
    daybook = module_services(QUERY_HISTORY_EVENTS=request.param)
    daybook.gateway.open("a", 0)
    deposits(daybook, "a", 6)
    daybook.wait_until_caught_up()
    return daybook


def test_every_query_answer_names_the_log_and_the_position_that_it_reflects(seven):
    log_id = str(UUID(bytes=store.read(seven.database)[0]))
    tag = seven.queries.get("/accounts/a").headers["ETag"]
    for path, headers, status in [
        ("/accounts/a", {}, 200), ("/accounts/a", {"If-None-Match": tag}, 304), ("/accounts", {}, 200),
        ("/accounts/a/events", {}, 200), ("/events", {}, 200), ("/accounts/nobody", {}, 404),
        ("/accounts/nobody/events", {}, 404), ("/accounts/a?version=99", {}, 404), ("/accounts?limit=0", {}, 400), ("/events?after=8", {}, 400), ("/events?after=x", {}, 400),
        ("/accounts/a?min_position=99&wait=1ms", {}, 503),
    ]:  # fmt: skip
        for client in both(seven):
            answer = client.get(path, headers)
            assert (answer.status, answer.headers["Daybook-Log-Id"]) == (status, log_id), answer
            assert answer.position == 7, answer
    for port in ports(seven):
        with Feed(port) as feed:
            assert feed.response.headers["Daybook-Log-Id"] == log_id


def test_an_event_is_told_with_its_position_and_the_beginning_of_its_hash(seven):
    for port in ports(seven):
        with Feed(port) as feed:
            feed.read_until(has_come_to(7))
            assert feed.ids == [id_of(record) for record in records(seven)]


@pytest.mark.parametrize("position", [1, 3, 4, 6, 7])
def test_a_feed_resumes_after_an_id_or_a_position_alone(seven, position):
    known = records(seven)[position - 1]
    for port in ports(seven):
        for path, last in [
            ("/events", id_of(known)), ("/events", position), ("/events?after=2", id_of(known)),
            (f"/events?after={id_of(known)}", None), (f"/events?after={position}", None),
            (f"/events?after={id_of(known).upper()}", None),
        ]:  # fmt: skip
            with Feed(port, path, last) as feed:
                feed.read_until((lambda feed: feed.comments) if position == 7 else has_come_to(7))
                assert feed.ids == [id_of(record) for record in records(seven)[position:]], (path, last)
    for client in both(seven):
        page = client.get(f"/events?after={id_of(known)}").json
        assert [found["position"] for found in page] == list(range(position + 1, 8))


@pytest.mark.parametrize("point", ["0-0123456789abcdef", "1-0123456789abcdef", "7-0123456789abcdef"])
def test_a_hash_that_is_not_the_logs_there_is_another_history(seven, point):
    for client in both(seven):
        for path, headers in [
            ("/events", FEED | {"Last-Event-ID": point}), (f"/events?after={point}", FEED), (f"/events?after={point}", {}),
        ]:  # fmt: skip
            problem = assert_problem(client.get(path, headers), 409, "another-history")
            assert point in problem["detail"]


@pytest.mark.parametrize("point", ["8", "8-0123456789abcdef", "100", str(2**63), str(2**64 - 1)])
def test_a_position_beyond_the_head_is_refused(seven, point):
    for client in both(seven):
        for path, headers in [
            ("/events", FEED | {"Last-Event-ID": point}), (f"/events?after={point}", FEED), (f"/events?after={point}", {}),
        ]:  # fmt: skip
            assert assert_problem(client.get(path, headers), 400, "position-beyond-head")["head"] == 7


@pytest.mark.parametrize(
    "point", ["", "-", "1-", "1-abc", "1-0123456789abcdefa", "1-0123456789abcdeg", "-0123456789abcdef", "1--123456789abcdef",
              "+1", "now-0123456789abcdef", "Now", "1-+123456789abcdef"],
)  # fmt: skip
def test_what_is_no_point_of_a_history_is_400(seven, point):
    for client in both(seven):
        for headers in (FEED, {}):
            assert_problem(client.get(f"/events?after={point.replace('+', '%2B')}", headers), 400, "invalid-parameter")
            if point:
                refused = client.get("/events", headers | {"Last-Event-ID": point})
                assert_problem(refused, 400, "invalid-parameter")


def test_a_feed_from_now_on_begins_with_what_comes_and_resumes_where_it_began(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    deposits(daybook, "a", 2)
    daybook.wait_until_caught_up()
    for port in ports(daybook):
        head = len(records(daybook))
        with Feed(port, "/events?after=now") as feed:
            feed.read_until(lambda feed: feed.last_id)
            assert (feed.events, feed.last_id) == ([], id_of(records(daybook)[-1]))
            begun = feed.last_id
            last = deposits(daybook, "a", 2)
            feed.read_until(has_come_to(last))
            assert [position for position, _, _ in feed.events] == [head + 1, head + 2]
        # One that was cut off before anything came begins where it was.
        with Feed(port, "/events?after=now", begun) as feed:
            feed.read_until(has_come_to(last))
            assert [position for position, _, _ in feed.events] == [head + 1, head + 2]
    for client in both(daybook):
        assert client.get("/events?after=now").json == []


# ---- a log that was restored and went on


def restore(daybook, position):
    """Puts the log back to a position, from a backup of it as it is."""
    tool = Tool(daybook)
    copy = daybook.directory / "copy.db"
    copy.unlink(missing_ok=True)
    assert tool.run("backup", copy).returncode == 0
    assert daybook.event_log.stop() == 0
    store.erase(daybook.database)
    assert tool.run("restore", copy, "--to-position", position).returncode == 0


def go_on(daybook, position):
    """Records other events than before, past the gateway, up to a position, and waits until everybody has noticed."""
    left = len(records(daybook))
    daybook.event_log.start()
    writes = [event("MoneyDeposited", b'{"amount":"5.00"}') for _ in range(position - left)]
    record_past_the_gateway(daybook, Write("account/a", None, writes))

    def is_noticed():
        answer = daybook.queries.get("/events?limit=10000")
        return answer.status == 200 and [found["id"] for found in answer.json] == [
            str(UUID(bytes=record.id)) for record in records(daybook)
        ]

    wait_until(is_noticed, "the query service follows the new history", 60)
    wait_until(lambda: daybook.gateway.get("/events").status == 200, "the gateway answers", 60)


@pytest.mark.parametrize("memory", ["200000", "3"])
def test_a_resumption_on_a_history_that_is_no_more_is_refused(start_daybook, memory):
    daybook = start_daybook(QUERY_HISTORY_EVENTS=memory)
    daybook.gateway.open("a", 0)
    deposits(daybook, "a", 6)
    before = records(daybook)
    restore(daybook, 2)
    go_on(daybook, 9)
    for client in both(daybook):
        for record in before[2:]:
            refused = client.get("/events", FEED | {"Last-Event-ID": id_of(record)})
            assert_problem(refused, 409, "another-history")
    for port in ports(daybook):
        # What both histories have can be resumed after.
        with Feed(port, last=id_of(before[1])) as feed:
            feed.read_until(has_come_to(9))
            assert feed.ids == [id_of(record) for record in records(daybook)[2:]]


def test_a_position_that_was_restored_away_is_beyond_the_head(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    deposits(daybook, "a", 6)
    restore(daybook, 2)
    go_on(daybook, 3)
    for client in both(daybook):
        for last in ("7", id_of(records(daybook)[2]).replace("3-", "7-")):
            assert_problem(client.get("/events", FEED | {"Last-Event-ID": last}), 400, "position-beyond-head")


@pytest.mark.parametrize("memory", ["200000", "3"])
def test_a_feed_that_is_live_while_the_log_goes_back_ends(start_daybook, memory):
    daybook = start_daybook(QUERY_HISTORY_EVENTS=memory)
    daybook.gateway.open("a", 0)
    deposits(daybook, "a", 6)
    before = records(daybook)
    feeds = [Feed(port, timeout=60) for port in ports(daybook)]
    try:
        for feed in feeds:
            feed.read_until(has_come_to(7))
        restore(daybook, 2)
        go_on(daybook, 12)
        for feed in feeds:
            while feed.read():
                pass
            assert feed.ids == [id_of(record) for record in before], "a feed told of two histories"
    finally:
        for feed in feeds:
            feed.close()


@pytest.mark.parametrize("memory", ["200000", "3"])
@pytest.mark.parametrize("filters", ["", "&type=MoneyDeposited"])
def test_the_next_page_after_the_log_was_restored_and_went_on_is_refused(start_daybook, memory, filters):
    daybook = start_daybook(QUERY_HISTORY_EVENTS=memory)
    daybook.gateway.open("a", 0)
    deposits(daybook, "a", 6)
    daybook.wait_until_caught_up()
    links = [next_page(client.get(f"/events?limit=5{filters}")) for client in both(daybook)]
    restore(daybook, 2)
    go_on(daybook, 9)
    for client, link in zip(both(daybook), links, strict=True):
        assert_problem(client.get(link), 409, "another-history")
        # Of what was kept, pages go on.
        kept = client.get(next_page(client.get("/events?limit=2")))
        assert [found["position"] for found in kept.json] == [3, 4]


class Tail:
    """`daybook tail --follow`, running."""

    def __init__(self, daybook, *arguments):
        self.file = daybook.directory / f"followed-{len(arguments)}"
        with open(self.file, "w") as output:
            self.process = subprocess.Popen(
                [PROGRAMS / "daybook", "tail", "--follow", "--json", *arguments], stdout=output, stderr=subprocess.PIPE,
                cwd=daybook.directory, env=environment(daybook.settings), text=True,
            )  # fmt: skip

    @property
    def positions(self):
        return positions_shown(self.file)

    def wait_for(self, position):
        wait_until(lambda: position in self.positions[-1:], f"tail shows position {position}", 60)

    def end(self):
        """Its exit code and its errors, once it has ended by itself."""
        return self.process.wait(60), self.process.stderr.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


@pytest.mark.parametrize("goal", [4, 12])
def test_tail_ends_once_what_it_showed_is_history_no_more(start_daybook, goal):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    deposits(daybook, "a", 6)
    daybook.wait_until_caught_up()
    with Tail(daybook) as tail:
        tail.wait_for(7)
        restore(daybook, 2)
        go_on(daybook, goal)
        code, errors = tail.end()
        assert code == 1 and ("another-history" in errors or "restored from a backup" in errors), errors
        assert tail.positions == list(range(1, 8))
    # Begun again it shows the new history.
    shown = Tool(daybook).json("tail", "-n", 100)
    assert [found["position"] for found in shown] == list(range(1, goal + 1))


def test_tail_ends_if_another_log_answers(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    daybook.wait_until_caught_up()
    with Tail(daybook, "-n", "0") as tail:
        # One event, so that the feed is known to be there.
        wait_until(lambda: deposits(daybook, "a", 1) and tail.positions, "tail follows", 60)
        assert daybook.event_log.stop() == 0
        store.erase(daybook.database)
        daybook.event_log.start()
        code, errors = tail.end()
    assert code == 1, errors


def test_tail_from_now_on_goes_on_over_restarts_of_every_service(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    daybook.wait_until_caught_up()
    with Tail(daybook, "-n", "0") as tail:
        first = wait_until(lambda: deposits(daybook, "a", 1) and tail.positions[:1], "tail follows", 60)[0]
        for service in (daybook.query, daybook.command, daybook.event_log):
            service.kill()
            service.start()
            for other in daybook.services:
                other.wait_until_ready()
            # What was ready need not have noticed yet that the log was away.
            head = [daybook.gateway.insist("a", {"type": "Deposit", "amount": 1}) for _ in range(3)][-1].position
            tail.wait_for(head)
        assert tail.positions == list(range(first, head + 1)), "an event was left out or shown twice"


def test_commands_of_the_tool_say_what_is_missing_while_the_log_is_away(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a", 0)
    daybook.wait_until_caught_up()
    tool = Tool(daybook)
    daybook.query.kill()
    for command in (["show", "a"], ["events"], ["tail"], ["accounts"]):
        result = tool.run(*command)
        assert (result.returncode, result.stdout) == (69, ""), result
    daybook.query.start()
    assert tool.json("show", "a")[0]["version"] == 1


def test_no_answer_mixes_two_histories_while_the_log_is_restored(start_daybook):
    """Pages that are asked for all the while are each of one history, or refused."""
    daybook = start_daybook(QUERY_HISTORY_EVENTS="3")
    daybook.gateway.open("a", 0)
    deposits(daybook, "a", 30)
    daybook.wait_until_caught_up()
    before = [str(UUID(bytes=record.id)) for record in records(daybook)]
    restore(daybook, 2)
    daybook.event_log.start()
    record_past_the_gateway(
        daybook, Write("account/a", None, [event("MoneyDeposited", b'{"amount":"5.00"}') for _ in range(40)])
    )
    after = [str(UUID(bytes=record.id)) for record in records(daybook)]
    told = set()

    def is_new():
        try:
            answer = daybook.queries.get("/events?limit=10000")
        except NoAnswer:
            return False
        if answer.status == 200:
            found = [one["id"] for one in answer.json]
            assert found in (before[: len(found)], after[: len(found)]), "a page of two histories"
            told.add(len(found))
            return found == after
        assert answer.status == 503, answer
        return False

    wait_until(is_new, "the new history is told", 60)
