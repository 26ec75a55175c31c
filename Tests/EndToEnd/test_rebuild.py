"""Projections built anew: beside the one that serves, without a failed or a stale query; and the log that is not what
it was, which makes every projection begin again."""

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

import store
from client import Client
from daybook_frames import Write
from load import Load
from problems import assert_problem
from services import wait_until
from test_event_feed import Feed, event, has_come_to, record_past_the_gateway
from test_projections import metrics
from test_time_travel import History, spelled

REBUILD = "/projections/accounts/rebuild"


def rebuild(daybook):
    return daybook.queries.request("POST", REBUILD, timeout=200)


def projection(daybook, name="accounts"):
    answer = daybook.queries.get("/projections")
    assert answer.status == 200, answer
    (found,) = [one for one in answer.json if one["name"] == name]
    return found


def fill(daybook, accounts, events):
    """Many accounts with so many events each, appended at once, so that a rebuild takes its time."""
    opened = b'{"owner":"Many","initial_balance":"0.00","currency":"USD"}'
    writes = []
    for number in range(accounts):
        deposits = [event("MoneyDeposited", b'{"amount":"0.01"}') for _ in range(events - 1)]
        writes.append(Write(f"account/many-{number:02}", 0, [event("AccountOpened", opened), *deposits]))
    record_past_the_gateway(daybook, *writes)


class Readers:
    """Clients that write, and read at once what they wrote: by a position that they demand, and through the gateway.
    What was failed or stale is in `faults`. Used as a context they begin and end with it."""

    def __init__(self, daybook, count=3):
        self.daybook = daybook
        self.queries, self.faults = 0, []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(f"reader-{number}",)) for number in range(count)]
        for number in range(count):
            daybook.gateway.open(f"reader-{number}", 0, owner="Reader")

    def _run(self, account):
        gateway, query = Client(self.daybook.command.port), Client(self.daybook.query.port)
        try:
            self._read(account, gateway, query)
        except BaseException as error:
            self.faults.append(error)
        finally:
            gateway.close()
            query.close()

    def _read(self, account, gateway, query):
        highest = 0
        while not self._ended.is_set():
            written = gateway.deposit(account, "0.01")
            assert written.status == 200, written
            fresh = f"min_position={written.position}&wait=60s"
            answers = [
                query.get(f"/accounts/{account}?{fresh}"),
                gateway.get(f"/accounts/{account}?wait=60s"),
                query.get(f"/accounts?owner=Reader&{fresh}"),
                query.get(f"/accounts/{account}/events?after_version={written.json['version'] - 1}&{fresh}"),
            ]
            self.queries += len(answers)
            if any(answer.status != 200 or answer.headers["Daybook-Stale"] for answer in answers):
                self.faults.append((written, answers))
                continue
            own = [answers[0].json, answers[1].json, *[one for one in answers[2].json if one["id"] == account]]
            if (
                own != [written.json] * 3
                or [one["version"] for one in answers[3].json] != [written.json["version"]]
                or any(answer.position < written.position for answer in answers)
                # Of one service's answers, each reflects what the one before did.
                or answers[0].position < highest
            ):
                self.faults.append((written, answers))
            highest = answers[0].position

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join()


def test_I7_no_query_fails_or_is_stale_while_a_projection_is_built_anew_under_load(start_daybook):
    daybook = start_daybook()
    fill(daybook, accounts=10, events=3000)
    daybook.wait_until_caught_up()
    reports, were_rebuilding = [], 0
    with Load(daybook, threads=2) as load, Readers(daybook) as readers:
        for _ in range(4):
            load.wait_for("acknowledged", 30)
            before, queries = daybook.event_log.figures()["position"], readers.queries
            with ThreadPoolExecutor(1) as pool:
                rebuilding = pool.submit(rebuild, daybook)
                while not rebuilding.done():
                    were_rebuilding += "rebuilt_position" in projection(daybook)
                answer = rebuilding.result()
            assert answer.status == 200, answer
            assert answer.json["projection"] == "accounts" and answer.json["position"] >= before
            assert answer.json["digest"] == answer.json["replaced_digest"]
            reports.append((answer.json["position"], answer.json["digest"], readers.queries - queries))
    assert not readers.faults, readers.faults[0]
    assert were_rebuilding >= 4, "hardly seen while it was being rebuilt"
    assert sum(queries for _, _, queries in reports) > 20, "hardly a query met a rebuild"
    assert len({digest for _, digest, _ in reports}) == 4, "accounts changed, and their digest did not"
    load.check()
    # Where nothing comes in between, what is built is the same again.
    daybook.wait_until_caught_up()
    first, second = rebuild(daybook).json, rebuild(daybook).json
    assert first == second and first["position"] == daybook.event_log.figures()["position"]
    assert {account: daybook.queries.account(account) for account in History(daybook).accounts} == {
        account: states[-1] for account, states in History(daybook).states.items()
    }


def test_a_rebuild_while_one_is_under_way_is_refused(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a", 5)
    daybook.wait_until_caught_up()
    # A log that does not answer holds the first one up.
    daybook.event_log.freeze()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(rebuild, daybook)
        wait_until(lambda: "rebuilt_position" in projection(daybook), "the rebuild is under way")
        assert metrics(daybook.query)['daybook_query_projection_rebuilding{projection="accounts"}'] == 1
        problem = assert_rebuild_failed(rebuild(daybook))
        assert "being rebuilt already" in problem["detail"]
        assert daybook.queries.account("a")["balance"] == 5
        daybook.event_log.thaw()
        assert first.result().status == 200
    assert "rebuilt_position" not in projection(daybook)
    assert metrics(daybook.query)['daybook_query_projection_rebuilding{projection="accounts"}'] == 0
    assert rebuild(daybook).status == 200


def wait_until_commands_flow(daybook):
    """Waits until the gateway has found a log that was away: to append and to read."""
    wait_until(
        lambda: daybook.command.health("/readyz") == 200 and daybook.gateway.deposit("nobody", 1).status == 404,
        "commands flow",
    )


def assert_rebuild_failed(answer):
    assert answer.status == 409, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json
    assert (problem["type"], problem["status"]) == ("/problems/rebuild-failed", 409)
    assert problem["title"] and "goes on as it was" in problem["detail"]
    return problem


def test_a_rebuild_leaves_out_an_account_with_a_poison_event_as_before(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a", 5)
    record_past_the_gateway(daybook, Write("account/odd", 0, [event("MoneyTeleported", b"{}")]))
    daybook.wait_until_caught_up()
    for _ in range(2):
        answer = rebuild(daybook)
        assert (answer.status, answer.json["digest"]) == (200, answer.json["replaced_digest"]), answer
        answer = daybook.queries.get("/accounts/odd")
        assert (answer.status, answer.json["type"]) == (503, "/problems/account-unreadable")
        answer = daybook.queries.get("/accounts/a")
        assert (answer.status, answer.json["balance"], answer.headers["Daybook-Stale"]) == (200, 5, None)
        assert "stopped" not in projection(daybook)


def test_a_rebuild_without_the_log_fails_and_the_old_one_goes_on(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("a", 5)
    daybook.query.restart(EVENT_LOG_TIMEOUT="500ms")
    daybook.wait_until_caught_up()
    daybook.event_log.kill()
    assert_rebuild_failed(rebuild(daybook))
    assert daybook.queries.account("a")["balance"] == 5
    daybook.event_log.start()
    wait_until(lambda: rebuild(daybook).status == 200, "the log is read again")
    assert daybook.gateway.insist("a", {"type": "Deposit", "amount": 1}).json == daybook.gateway.account("a")


def test_the_projections_and_what_can_be_done_with_them(daybook):
    daybook.gateway.open("listed", 1)
    daybook.wait_until_caught_up()
    head = daybook.event_log.figures()["position"]
    answer = daybook.queries.get("/projections")
    assert answer.json == [
        {"name": "accounts", "position": head, "head": head, "live": True, "can_be_rebuilt": True},
        {"name": "events", "position": head, "head": head, "live": True, "can_be_rebuilt": False},
    ]
    for name in ("events", "nobody", "Accounts"):
        answer = daybook.queries.request("POST", f"/projections/{name}/rebuild")
        assert_problem(answer, 404, "not-found")
    assert_problem(daybook.queries.get(REBUILD), 405, "method-not-allowed")
    assert_problem(daybook.queries.request("POST", "/projections"), 405, "method-not-allowed")


# ---- a log that is not what it was


def copy(daybook):
    """An older copy: of the store as it is while the log is stopped."""
    assert daybook.event_log.stop() == 0
    saved = store.save(daybook.database)
    daybook.event_log.start()
    return saved


def history_of(daybook, account, deposits):
    daybook.gateway.open(account, 0)
    for _ in range(deposits):
        assert daybook.gateway.deposit(account, 1).status == 200


@pytest.fixture(params=["it went back", "it is another one"])
def lost(request, start_daybook):
    """A log of which the end is lost, or the whole; and what of it is left."""
    daybook = start_daybook(QUERY_CHECKPOINT_EVENTS=1)
    history_of(daybook, "kept", 9)
    daybook.wait_until_caught_up()
    saved = None
    if request.param == "it went back":
        saved = copy(daybook)
        wait_until_commands_flow(daybook)
    assert daybook.gateway.deposit("kept", 100).json["version"] == 11
    history_of(daybook, "lost", 20)
    daybook.wait_until_caught_up()
    return daybook, request.param, saved


def lose(daybook, how, saved):
    """Gives the number of events that are left."""
    assert daybook.event_log.stop() == 0
    if how == "it went back":
        store.put_back(daybook.database, saved)
    else:
        store.erase(daybook.database)
    daybook.event_log.start()
    left = len(store.read(daybook.database)[1])
    assert left == {"it went back": 10, "it is another one": 0}[how]
    return left


def wait_until_noticed(daybook):
    def is_noticed():
        return metrics(daybook.query)["daybook_query_divergences_total"] == 1 and (
            "the log went back or is another one" in daybook.command.output
        )

    wait_until(is_noticed, "query service and gateway notice that the log is not what it was")
    daybook.wait_until_caught_up()
    wait_until_commands_flow(daybook)
    assert "the log is not the one" in daybook.query.output


def check_nothing_lost_is_shown(daybook):
    """All that can be asked for is what the log holds now."""
    history = History(daybook)
    now = {account: states[-1] for account, states in history.states.items()}
    for client in (daybook.queries, daybook.gateway):
        assert {account["id"]: account for account in client.get("/accounts").json} == now
        assert client.get(f"/accounts?at={spelled(2**51)}").json == list(now.values())
        answer = client.get("/events")
        assert [one["id"] for one in answer.json] == [one["id"] for name in now for one in client.events(name)]
        assert answer.position == len(history.records)
        assert ("lost" in now) == (client.get("/accounts/lost").status == 200)
        if "lost" not in now:
            for path in ("/accounts/lost", "/accounts/lost/events", "/accounts/lost?version=2"):
                assert_problem(client.get(path), 404, "account-not-found")
        for account, state in now.items():
            assert client.get(f"/accounts/{account}").json == state
            assert_problem(client.get(f"/accounts/{account}?version={state['version'] + 1}"), 404, "not-found")


def check_commands_flow(daybook, left):
    """On what is left, as if the lost had never been, and read after they are written."""
    if left == 0:
        assert_problem(daybook.gateway.deposit("kept", 1), 404, "account-not-found")
        opened = daybook.gateway.open("kept", 0)
    else:
        assert_problem(daybook.gateway.withdraw("kept", 50), 400, "insufficient-funds")
        opened = daybook.gateway.deposit("kept", "0.50")
    assert opened.position == left + 1
    assert daybook.gateway.account("kept") == opened.json
    assert_problem(daybook.gateway.deposit("lost", 1), 404, "account-not-found")
    assert daybook.gateway.open("lost", 7).json == daybook.gateway.account("lost")
    assert daybook.gateway.deposit("lost", 1).position == left + 3
    daybook.wait_until_caught_up()
    check_nothing_lost_is_shown(daybook)


def test_a_log_that_is_not_what_it_was_is_noticed_by_services_that_run(lost):
    daybook, how, saved = lost
    left = lose(daybook, how, saved)
    wait_until_noticed(daybook)
    check_nothing_lost_is_shown(daybook)
    check_commands_flow(daybook, left)
    assert rebuild(daybook).json["digest"] == rebuild(daybook).json["replaced_digest"]


def test_a_log_that_is_not_what_it_was_is_noticed_by_services_that_come_later(lost):
    """The query service has a checkpoint that goes beyond the log."""
    daybook, how, saved = lost
    assert (daybook.query.stop(), daybook.command.stop()) == (0, 0)
    left = lose(daybook, how, saved)
    daybook.start([daybook.query, daybook.command])
    check_nothing_lost_is_shown(daybook)
    check_commands_flow(daybook, left)


@pytest.mark.parametrize("lost", ["it went back"], indirect=True)
def test_a_log_that_went_back_and_has_grown_beyond_where_it_was_is_noticed(lost):
    """By services that were frozen meanwhile, so that they see a head that is higher than the last one they know."""
    daybook, how, saved = lost
    for service in (daybook.query, daybook.command):
        service.freeze()
    left = lose(daybook, how, saved)
    # The account has as many events as it had, the last of them another one.
    another = Write("account/kept", left, [event("MoneyDeposited", b'{"amount":"1.00"}')])
    record_past_the_gateway(daybook, another, Write("noise/n", 0, [event("Noise", b"{}") for _ in range(40)]))
    for service in (daybook.query, daybook.command):
        service.thaw()
    wait_until(lambda: metrics(daybook.query)["daybook_query_divergences_total"] == 1, "the query service notices it")
    daybook.wait_until_caught_up()
    assert daybook.queries.account("kept")["balance"] == 10
    wait_until_commands_flow(daybook)
    refused = assert_problem(daybook.gateway.withdraw("kept", 5000), 400, "insufficient-funds")
    assert refused["available"] == 10, "refused on a state of the lost history"
    assert daybook.gateway.deposit("kept", "0.50").json["balance"] == Decimal("10.50")
    assert_problem(daybook.gateway.deposit("lost", 1), 404, "account-not-found")


def test_a_feed_ends_where_its_log_is_no_more(lost):
    """Its reader cannot know that what follows does not follow on what it has; so it must not be told of more."""
    daybook, how, saved = lost
    head = daybook.event_log.figures()["position"]
    with Feed(daybook.query.port) as direct, Feed(daybook.command.port) as through:
        for feed in (direct, through):
            feed.read_until(has_come_to(head))
        lose(daybook, how, saved)
        wait_until_noticed(daybook)
        last = grown_beyond(daybook, head)
        for feed in (direct, through):
            while not has_come_to(last)(feed) and feed.read():
                pass
            assert [position for position, _, _ in feed.events] == list(range(1, head + 1)), "events of two histories"


def grown_beyond(daybook, position):
    """Makes the log longer than it was, and gives its head."""
    daybook.gateway.open("new", 0)
    while (written := daybook.gateway.deposit("new", 1)).position <= position + 3:
        assert written.status == 200, written
    return written.position
