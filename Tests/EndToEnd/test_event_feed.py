"""`GET /events`: the whole log page by page, and as a live feed over server-sent events."""

import http.client
import itertools
import json
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest

import store
from client import Client, NoAnswer, http_connection, next_page
from daybook_frames import Event, Write
from daybook_subscriber import append
from load import Load
from problems import assert_problem
from raw_log import requester_of
from services import PATIENCE, STOP_DEADLINE, wait_until
from test_projections import metrics
from test_queries import pages
from test_time_travel import fill, spelled
from timing import within


def record_past_the_gateway(daybook, *writes):
    """Appends as a foreign program would: events that no gateway would record, or many at once."""
    requester = requester_of(daybook)
    try:
        for write in writes:
            reply = append(requester, write)
            assert reply.result == "committed", reply
    finally:
        requester.close()


def event(type, data, schema_version=2):
    return Event(uuid4(), type, data, schema_version=schema_version)


# ---- what must be told


def expected_event(record):
    """A record as `GET /events` must tell it."""
    category, stream, type = (text.decode() for text in (record.category, record.stream, record.type))
    data = json.loads(record.data, parse_float=Decimal)
    place = {
        "version": record.version, "position": record.position, "id": str(UUID(bytes=record.id)),
        "time": spelled(record.recorded_at),
    }  # fmt: skip
    told = known(type, record.schema_version, data) if category == "account" else None
    if told is None:
        # What this version of the program cannot read is told as it stands in the log.
        name = {"account": stream} if category == "account" else {"stream": f"{category}/{stream}"}
        told = name | {"schema_version": record.schema_version, "data": data}
    else:
        told = {"account": stream} | told
        # Who sent the command, if that was proved.
        metadata = json.loads(record.metadata or b"{}")
        told |= {name: metadata[name] for name in ("actor",) if name in metadata}
    return {"type": type} | told | place | ({"continues": True} if record.continues else {})


def known(type, schema_version, data):
    """The own fields of an event that the program can read; None of any other."""
    match type, schema_version, data:
        case "AccountOpened", 2, {"owner": owner, "initial_balance": str(balance), "currency": currency}:
            return {"owner": owner, "initial_balance": Decimal(balance), "currency": currency}
        case "MoneyDeposited" | "MoneyWithdrawn", 2, {"amount": str(amount)}:
            return {"amount": Decimal(amount)}
        case "MoneySent" | "MoneyReceived", 2, {"amount": str(amount)}:
            return data | {"amount": Decimal(amount)}
        case "MoneyDeposited", 1, {"amount": Decimal() as amount}:
            # Of the recipe's shape: a binary double, of which fifteen digits are meant.
            return {"amount": Decimal(f"{amount:.15g}")}
    return None


def is_told(found, type=None, account=None):
    return type in (None, found["type"]) and account in (None, found.get("account"))


@pytest.fixture(scope="module", params=["200000", "5"], ids=lambda events: f"{events} in memory")
def mixed(request, module_services):
    """A log with events of accounts, of other categories, and such as no program here can read; and what it holds."""
    daybook = module_services(QUERY_HISTORY_EVENTS=request.param)
    fill(daybook, seed=21)
    daybook.gateway.open("recipe", 1)
    record_past_the_gateway(
        daybook,
        Write("account/recipe", None, [event("MoneyDeposited", b'{"amount":0.30000000000000004}', schema_version=1)]),
        # Of another category, though its name is an account's, and its type one of theirs.
        Write("ledger/acc-0", None, [
            event("MoneyDeposited", b'{"amount":"1.00"}'), event("Booked", b'[1,{"a":null}]'),
        ]),
        Write("account/odd", None, [
            event("MoneyTeleported", b'{"to":"elsewhere"}'), event("MoneyDeposited", b'{"amount":true}'),
            event("MoneyDeposited", b'{"amount":"1.00"}', schema_version=3), event("AccountOpened", b'{}'),
        ]),
        # So many that a page of the default length does not hold all.
        Write("noise/n", None, [event("Noise", b'{"n":%d}' % number) for number in range(1100)]),
    )  # fmt: skip
    assert daybook.gateway.deposit("acc-1", 1).status == 200
    daybook.wait_until_caught_up()
    _, records = store.read(daybook.database)
    return daybook, [expected_event(record) for record in records]


def both(daybook):
    return daybook.queries, daybook.gateway


# ---- page by page


def points(daybook):
    """By its position every record's point: the position with the beginning of the hash there."""
    records = store.read(daybook.database)[1]
    return {record.position: f"{record.position}-{record.hash.hex()[:16]}" for record in records}


@pytest.mark.parametrize("limit", [None, 7, 500, 10_000])
def test_the_whole_log_page_by_page(mixed, limit):
    daybook, whole = mixed
    head = whole[-1]["position"]
    point = points(daybook)
    for client in both(daybook):
        found, paths = pages(client, f"/events?min_position={head}" + (f"&limit={limit}" if limit else ""))
        assert sum(found, []) == whole
        size = limit or 1000
        rest = [len(whole) % size] if len(whole) % size else []
        assert [len(page) for page in found] == [size] * (len(whole) // size) + rest
        assert paths[1:] == [f"/events?after={point[end]}&limit={size}" for end in range(size, len(whole), size)]


def test_the_log_after_any_position(mixed):
    daybook, whole = mixed
    chance = random.Random(6)
    point = points(daybook)
    for after in [0, 1, len(whole) - 1, len(whole), *chance.sample(range(len(whole)), 20)]:
        limit = chance.choice([1, 3, 1000, 10_000])
        for client in both(daybook):
            answer = client.get(f"/events?after={after}&limit={limit}")
            assert (answer.status, answer.json) == (200, whole[after : after + limit]), answer
            has_more = after + limit < len(whole)
            following = f"/events?after={point[after + limit]}&limit={limit}" if has_more else None
            assert next_page(answer) == following
            assert answer.position == whole[-1]["position"]
    for after in [len(whole) + 1, 2**64 - 1]:
        for client in both(daybook):
            problem = assert_problem(client.get(f"/events?after={after}"), 400, "position-beyond-head")
            assert problem["head"] == len(whole)


FILTERS = [
    {"type": "MoneyDeposited"},
    {"type": "MoneyTeleported"},
    {"type": "Booked"},
    {"type": "moneydeposited"},
    {"account": "acc-0"},
    {"account": "odd"},
    {"account": "recipe"},
    {"account": "nobody"},
    {"account": "n"},
    {"type": "MoneyWithdrawn", "account": "acc-2"},
]


def query(**filters):
    return "".join(f"&{name}={quote(value)}" for name, value in filters.items())


@pytest.mark.parametrize("filters", FILTERS, ids=lambda filters: " ".join(filters.values()))
def test_the_log_filtered(mixed, filters):
    daybook, whole = mixed
    expected = [found for found in whole if is_told(found, **filters)]
    for client in both(daybook):
        assert client.get(f"/events?limit=10000{query(**filters)}").json == expected
        for limit in (1, 4):
            found, paths = pages(client, f"/events?limit={limit}{query(**filters)}")
            assert sum(found, []) == expected
            assert all(path.endswith(query(**filters)) for path in paths), "a link forgets a filter"
            assert all(len(page) <= limit for page in found)


@pytest.mark.parametrize(
    "parameters, name",
    [
        ("after=-1", "invalid-parameter"), ("after=", "invalid-parameter"), ("after=x", "invalid-parameter"),
        ("after=18446744073709551616", "invalid-parameter"), ("after=1&after=1", "invalid-parameter"),
        ("limit=0", "invalid-parameter"), ("limit=10001", "invalid-parameter"), ("limit=1.5", "invalid-parameter"),
        ("types=Noise", "invalid-parameter"), ("after_version=1", "invalid-parameter"), ("at=x", "invalid-parameter"),
        ("type=a&type=b", "invalid-parameter"), ("type=%FF", "invalid-parameter"),
        ("account=a%20b", "invalid-account-id"), ("account=", "invalid-account-id"), ("wait=soon", "invalid-parameter"),
    ],
)  # fmt: skip
def test_parameters_that_cannot_be_understood_are_400(mixed, parameters, name):
    daybook, _ = mixed
    for client in both(daybook):
        for headers in ({}, {"Accept": "text/event-stream"}):
            assert_problem(client.get(f"/events?{parameters}", headers), 400, name)


def test_a_last_event_id_that_is_no_position_is_400(mixed):
    daybook, _ = mixed
    for client in both(daybook):
        for text in ("-1", "x", "1.0", str(2**64)):
            headers = {"Accept": "text/event-stream", "Last-Event-ID": text}
            assert_problem(client.get("/events", headers), 400, "invalid-parameter")


def test_only_get_and_head(mixed):
    daybook, whole = mixed
    for client in both(daybook):
        assert_problem(client.request("POST", "/events", "{}"), 405, "method-not-allowed")
        head = client.request("HEAD", "/events?limit=3")
        assert (head.status, head.body) == (200, b"")
        assert head.headers["Link"] == f'</events?after={points(daybook)[3]}&limit=3>; rel="next"'


# ---- live


class Feed:
    """Reads one connection of the live feed, as the HTML standard's event sources do.

    `events` has what came: the position, the type and the data of each, and `ids` the ids. Nothing counts before the blank
    line at its end. `last_id` is what a resumption begins with.
    """

    def __init__(self, port, path="/events", last=None, timeout=PATIENCE, receive_buffer=None):
        headers = {"Accept": "text/event-stream"} | ({} if last is None else {"Last-Event-ID": str(last)})
        self.events, self.ids, self.comments, self.retry = [], [], [], None
        self.last_id = None
        self._rest = b""
        self.connection = None
        if "wait=" not in path:
            # Until the service has caught up: on a busy machine that may take longer than the 2 s of the contract.
            path += ("&" if "?" in path else "?") + "wait=60s"
        try:
            self.connection = http_connection(port, timeout, receive_buffer)
            self.connection.request("GET", path, headers=headers)
            self.response = self.connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NoAnswer(f"{path}: {error!r}") from error
        if self.response.status != 200:
            body = self.response.read()
            self.close()
            assert self.response.status == 503, (self.response.status, body)
            raise NoAnswer(f"{path}: {body!r}")
        assert self.response.headers["Content-Type"] == "text/event-stream"
        assert self.response.headers["Cache-Control"] == "no-cache"

    def read(self):
        """Takes in what comes next; False at the end of the connection, whether it was cut or ended in order."""
        try:
            part = self.response.read1(65536)
        except (http.client.HTTPException, ConnectionError):
            part = b""
        *blocks, self._rest = (self._rest + part).split(b"\n\n")
        for block in blocks:
            self._take(block.decode().split("\n"))
        return bool(part)

    def _take(self, lines):
        fields = {}
        for line in lines:
            name, separator, value = line.partition(": ")
            if line.startswith(":"):
                self.comments.append(line[1:].strip())
            elif name == "retry":
                self.retry = int(value)
            else:
                assert separator and name in ("id", "event", "data") and name not in fields, lines
                fields[name] = value
        if fields:
            self.last_id = fields["id"]
            # An id alone is no event; it tells one who begins with what comes where that is.
            if fields.keys() == {"id"}:
                return
            assert fields.keys() == {"id", "event", "data"}, lines
            data = json.loads(fields["data"], parse_float=Decimal)
            position, _, digits = fields["id"].partition("-")
            assert re.fullmatch("[0-9a-f]{16}", digits), lines
            self.ids.append(fields["id"])
            self.events.append((int(position), fields["event"], data))

    def read_until(self, condition):
        """Reads until the condition on the feed holds; fails at the end of the connection."""
        while not condition(self):
            assert self.read(), f"the feed ended after {self.events[-1:]}"

    def close(self):
        if self.connection:
            self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def as_told_live(found):
    return found["position"], found["type"], found


def has_come_to(position):
    return lambda feed: bool(feed.events) and feed.events[-1][0] >= position


def ports(daybook):
    return daybook.query.port, daybook.command.port


def test_the_feed_tells_the_log_and_goes_on(mixed):
    daybook, whole = mixed
    for port in ports(daybook):
        begin = len(whole) - 1150
        with Feed(port, f"/events?after={begin}") as feed:
            feed.read_until(has_come_to(len(whole)))
            assert feed.events == [as_told_live(found) for found in whole[begin:]]
            assert int(feed.response.headers["Daybook-Position"]) >= len(whole)
            assert feed.retry is not None
            written = daybook.gateway.deposit("acc-1", 1)
            feed.read_until(has_come_to(written.position))
            whole.append(expected_event(store.read(daybook.database)[1][-1]))
            assert feed.events[-1] == as_told_live(whole[-1]) and whole[-1]["position"] == written.position
        # What a client held last counts more than where it once began.
        with Feed(port, "/events?after=0", last=len(whole) - 2) as feed:
            feed.read_until(has_come_to(len(whole)))
            assert feed.events == [as_told_live(found) for found in whole[-2:]]


@pytest.mark.parametrize("filters", FILTERS, ids=lambda filters: " ".join(filters.values()))
def test_the_feed_filtered(mixed, filters):
    daybook, whole = mixed
    expected = [as_told_live(found) for found in whole if is_told(found, **filters)]
    for port in ports(daybook):
        with Feed(port, f"/events?after=0{query(**filters)}") as feed:
            if expected:
                feed.read_until(has_come_to(expected[-1][0]))
            else:
                # A filter lets nothing through: the comment at its beginning is all.
                feed.read_until(lambda feed: feed.comments)
            assert feed.events == expected


def test_a_feed_does_not_begin_beyond_the_head(mixed):
    daybook, whole = mixed
    for client in both(daybook):
        for headers in ({}, {"Last-Event-ID": str(len(whole) + 1)}):
            after = 0 if headers else len(whole) + 1
            answer = client.get(f"/events?after={after}", {"Accept": "text/event-stream"} | headers)
            assert_problem(answer, 400, "position-beyond-head")


def test_a_head_request_of_the_feed_ends_at_once_and_holds_nothing(mixed):
    daybook, _ = mixed
    headers = {"Accept": "text/event-stream"}
    for service in (daybook.query, daybook.command):
        for _ in range(50):
            answer = service.client.request("HEAD", "/events", headers=headers)
            assert (answer.status, answer.body) == (200, b"")
            assert answer.headers["Content-Type"] == "text/event-stream"
    # The gateway asks the query service for each; none of those feeds may stay.
    wait_until(lambda: len(connected(daybook.query)) < 50, "the feeds of the HEAD requests have ended")


def connected(service):
    """The ports of the clients with whom a service is connected, by proc_net_tcp(5): its own end, established."""
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in itertools.islice(table, 1, None)]
    return [int(row[2].split(":")[1], 16) for row in rows if row[1].endswith(f":{service.port:04X}") and row[3] == "01"]


class Follower:
    """Follows the feed through cuts of its own, and whatever happens to the services: every time it goes on after the
    last event that it has."""

    def __init__(self, port, seed, filters):
        self.port, self.filters = port, filters
        self.chance = random.Random(seed)
        self.events, self.cuts, self.ends = [], 0, 0
        self.last_id = None
        self.goal = None
        self.deadline = time.monotonic() + 200

    @property
    def last(self):
        return self.events[-1][0] if self.events else 0

    def run(self):
        while self.goal is None or self.last < self.goal:
            assert time.monotonic() < self.deadline, f"at {self.last} of {self.goal}, after {self.cuts} cuts"
            try:
                # Its buffer is small, so that a cut leaves a part of the feed on its way.
                feed = Feed(self.port, f"/events?after=0{query(**self.filters)}", self.last_id, 1.0, 16384)
            except NoAnswer:
                time.sleep(0.02)  # A service that is down is asked again, but not without a pause.
                continue
            with feed:
                self._take(feed, self.chance.choice([1, 2, 10, 100, 1000]))

    def _take(self, feed, most):
        try:
            while len(feed.events) < most and (self.goal is None or self.last < self.goal):
                if not feed.read():
                    self.ends += 1
                    break
            else:
                self.cuts += 1
        except TimeoutError:
            self.cuts += 1
        self.events += feed.events
        self.last_id = feed.last_id or self.last_id


@pytest.mark.parametrize("seed", [31])
def test_every_event_once_in_order_to_clients_that_are_cut_off_and_resume(start_daybook, seed):
    """Under load; through the gateway and directly; from memory and from the log; while both services are stopped,
    killed and started again."""
    daybook = start_daybook(QUERY_HISTORY_EVENTS=100)
    chance = random.Random(seed)
    with Load(daybook, threads=4) as load:
        followers = [
            Follower(port, f"{seed} {port == daybook.query.port} {number}", filters)
            for port in ports(daybook)
            for number, filters in enumerate([{}, {}, {"account": "load-1"}, {"type": "MoneyDeposited"}])
        ]
        with ThreadPoolExecutor(len(followers)) as pool:
            following = [pool.submit(follower.run) for follower in followers]
            try:
                for service in (daybook.query, daybook.command, daybook.query):
                    load.wait_for("acknowledged", 150)
                    if chance.random() < 0.5:
                        assert service.stop() == 0
                    else:
                        service.kill()
                    service.start()
                load.wait_for("acknowledged", 150)
            finally:
                # Every account has one more, so that each follower knows when it has all.
                goal = finish(daybook)
                for follower in followers:
                    follower.goal = goal
            for followed in following:
                followed.result()
    whole = [expected_event(record) for record in store.read(daybook.database)[1]]
    for follower in followers:
        expected = [as_told_live(found) for found in whole if is_told(found, **follower.filters)]
        told = [one for one in follower.events if one[0] <= expected[-1][0]]
        assert told == expected[: len(told)], f"a gap, a repeat or a false event, after {follower.cuts} cuts"
        assert follower.last >= goal
    assert sum(follower.cuts for follower in followers) >= 40, "the followers were hardly ever cut off"
    assert sum(follower.ends for follower in followers) >= 4, "restarts ended no feed"


def finish(daybook):
    """A position after which each follower's filter lets another event through."""
    answer = wait_until(lambda: accepted(daybook.gateway.deposit("load-1", 1_000_000)), "a last deposit is taken")
    return answer.position


def accepted(answer):
    return answer if answer.status == 200 else None


def test_a_feed_outlives_the_absence_of_the_log(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a")
    with Feed(daybook.query.port) as direct, Feed(daybook.command.port) as through:
        for feed in (direct, through):
            feed.read_until(has_come_to(1))
        daybook.event_log.kill()
        wait_until(lambda: daybook.query.health("/readyz") == 503, "the query service misses the log")
        daybook.event_log.start()
        written = wait_until(lambda: accepted(daybook.gateway.deposit("a", 1)), "a deposit is taken")
        for feed in (direct, through):
            feed.read_until(has_come_to(written.position))
            assert [position for position, _, _ in feed.events] == list(range(1, written.position + 1))


def test_two_hundred_feeds_at_once(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a")
    feeds = []
    try:
        for _ in range(100):
            feeds += [Feed(port) for port in ports(daybook)]
        for number in range(20):
            written = daybook.gateway.deposit("a", 1)
            # Feeds take nothing from other queries.
            assert daybook.gateway.account("a")["balance"] == number + 1
        for feed in feeds:
            feed.read_until(has_come_to(written.position))
            assert [position for position, _, _ in feed.events] == list(range(1, 22))
    finally:
        for feed in feeds:
            feed.close()
    # The next events, or heartbeats, show it.
    for service in (daybook.query, daybook.command):
        wait_until(
            lambda: daybook.gateway.deposit("a", 1).status == 200 and len(connected(service)) < 50,
            f"{service.program} knows that the readers are gone",
        )


# ---- readers that take their time

KILOBYTES = b'{"text":"%s"}' % (b"x" * 2000)


def grow(daybook, megabytes):
    """Makes the log so much longer."""
    writes = [Write("noise/n", None, [event("Noise", KILOBYTES) for _ in range(500)]) for _ in range(megabytes)]
    record_past_the_gateway(daybook, *writes)


def memory(daybook):
    """The resident memory of the query service and of the gateway, in megabytes."""
    return [
        metrics(daybook.query)["daybook_query_resident_memory_bytes"] >> 20,
        metrics(daybook.command)["daybook_command_resident_memory_bytes"] >> 20,
    ]


def slow_feed(port):
    """A feed that takes no more than a few kilobytes while nobody reads it."""
    return Feed(port, "/events?after=0", receive_buffer=4096)


@within(STOP_DEADLINE)
def test_a_service_with_open_feeds_stops_in_time(start_daybook, limit):
    daybook = start_daybook()
    daybook.gateway.open("a")
    grow(daybook, megabytes=4)
    head = daybook.event_log.figures()["position"]
    for service in (daybook.command, daybook.query):
        quick = [Feed(service.port, f"/events?after={head - 1}") for _ in range(10)]
        slow = [slow_feed(service.port) for _ in range(5)]
        try:
            for feed in quick:
                feed.read_until(has_come_to(head))
            assert service.stop(deadline=limit) == 0
            for feed in quick:
                while feed.read():
                    pass
                assert [position for position, _, _ in feed.events] == [head]
        finally:
            for feed in quick + slow:
                feed.close()


class LongLived:
    """Feeds that are open for longer than a test should take: begun before all others, looked at after them."""

    SLOW = 20

    def __init__(self, daybook):
        self.daybook = daybook
        daybook.gateway.open("ticks", 0)
        grow(daybook, megabytes=8)
        daybook.wait_until_caught_up()
        self.memory = memory(daybook)
        self.begun = time.monotonic()
        self.slow = {port: [slow_feed(port) for _ in range(self.SLOW)] for port in ports(daybook)}
        # What they let through never comes: in a log that grows, and in one that rests.
        self.filtered = [Feed(port, "/events?after=0&account=nobody", timeout=PATIENCE) for port in ports(daybook)]
        self.idle = []
        self._pool = ThreadPoolExecutor(3)
        self.ticks = self._pool.submit(self._tick)
        self.silence = {
            feed.connection.port: self._pool.submit(self._silence, feed) for feed in self.filtered
        }

    def _tick(self):
        """Makes the log grow, slowly, for as long as a feed may be silent; then begins feeds that nothing comes to."""
        client = Client(self.daybook.command.port)
        end = time.monotonic() + 14
        while time.monotonic() < end:
            assert client.deposit("ticks", 1).status == 200
            time.sleep(0.2)  # Of no use for any condition: the pace of the events is what is tried.
        client.close()
        head = self.daybook.event_log.figures()["position"]
        self.idle = [Feed(port, f"/events?after={head}") for port in ports(self.daybook)]
        return self.idle

    def _silence(self, feed):
        """For how many seconds the feed says nothing after its beginning, as far as it is waited for."""
        feed.read_until(lambda feed: feed.comments)
        begun = time.monotonic()
        try:
            feed.read_until(lambda feed: len(feed.comments) > 1)
        except TimeoutError:
            return time.monotonic() - begun
        assert feed.events == []
        return time.monotonic() - begun

    def wait_until_seconds(self, seconds, condition, what):
        """Waits until so many seconds after the beginning, most of which are over when all other tests have run."""
        rest = self.begun + seconds - time.monotonic()
        wait_until(condition, f"{what}, {seconds} s after the beginning", max(0.1, rest))

    def close(self):
        self._pool.shutdown()
        for feed in itertools.chain(self.filtered, self.idle, *self.slow.values()):
            feed.close()


@pytest.fixture(scope="session")
def long_lived(session_services):
    long_lived = LongLived(session_services(QUERY_HISTORY_EVENTS=1000))
    yield long_lived
    long_lived.close()


@pytest.mark.runs_first
def test_readers_that_do_not_read_cost_little_and_disturb_nobody(long_lived):
    daybook = long_lived.daybook

    def grown():
        grow(daybook, megabytes=16)
        return daybook.gateway.deposit("ticks", 1)

    with Feed(daybook.query.port) as direct, Feed(daybook.command.port) as through, ThreadPoolExecutor(3) as pool:
        written = pool.submit(grown)

        def read(feed):
            """Takes what comes meanwhile: it is cut off if it takes nothing for 30 s. Comments come if no event does."""
            feed.read_until(lambda feed: written.done() and has_come_to(written.result().position)(feed))

        for reading in [pool.submit(read, feed) for feed in (direct, through)]:
            reading.result()
        written = written.result()
        for feed in (direct, through):
            assert [position for position, _, _ in feed.events] == list(range(1, feed.events[-1][0] + 1))
    assert daybook.gateway.account("ticks")["version"] >= written.json["version"]
    after = memory(daybook)
    print(f"{long_lived.SLOW} slow readers each of a log of 24 MB: from {long_lived.memory} to {after} MB resident")
    # What they have not taken are some hundreds of megabytes.
    assert all(now - before < 64 for before, now in zip(long_lived.memory, after, strict=True))


@pytest.mark.runs_last
def test_a_feed_says_that_it_lives_while_the_log_rests(long_lived):
    for feed in long_lived.ticks.result():
        feed.read_until(lambda feed: len(feed.comments) > 1)
        assert feed.events == []


# It is promised every ten seconds.
@within(13)
@pytest.mark.runs_last
@pytest.mark.parametrize("through", ["query", "command"])
def test_a_feed_says_that_it_lives_while_its_filter_lets_nothing_of_a_growing_log_through(long_lived, through, limit):
    silence = long_lived.silence[getattr(long_lived.daybook, through).port].result()
    assert silence < limit, f"{silence:.1f} s without a word"


# It is promised after 30 s.
@within(45, 240)
@pytest.mark.runs_last
@pytest.mark.parametrize("through", ["query", "command"])
def test_a_reader_that_takes_nothing_is_cut_off_and_resumes_without_a_gap(long_lived, through, limit):
    daybook = long_lived.daybook
    service = getattr(daybook, through)
    slow = long_lived.slow[service.port]
    own = {feed.connection.sock.getsockname()[1] for feed in slow}
    long_lived.wait_until_seconds(limit, lambda: not own & set(connected(service)), "every slow reader is cut off")
    assert "cut off" in service.output
    assert service.health("/livez") == 200
    head = daybook.event_log.figures()["position"]
    feed = slow[0]
    while feed.read():
        pass
    assert 0 < len(feed.events) < head
    with Feed(service.port, last=feed.last_id) as resumed:
        resumed.read_until(has_come_to(head))
        told = [position for position, _, _ in feed.events + resumed.events]
        assert told == list(range(1, told[-1] + 1))


@pytest.mark.parametrize("headers", [{}, {"Last-Event-ID": str(2**64 - 1)}, {"Last-Event-ID": f"{2**64 - 1}-{'f' * 16}"}])
def test_a_feed_after_the_last_position_that_can_be_is_refused_and_ends_nothing(start_daybook, headers):
    daybook = start_daybook()
    daybook.gateway.open("a", 1)
    daybook.wait_until_caught_up()
    for client in both(daybook):
        answer = client.get(f"/events?after={2**64 - 1}", {"Accept": "text/event-stream"} | headers)
        assert_problem(answer, 400, "position-beyond-head")
    assert daybook.queries.account("a")["version"] == 1, "the query service ended"
