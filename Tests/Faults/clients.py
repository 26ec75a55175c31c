"""The clients of the fault bench: each carries out its orders and keeps an exact account of every answer."""

import itertools
import threading
import time
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal

from client import Client, NoAnswer
from account_commands import abuse_of, command_of, headers_of
from orders import READS, WATCHED

# Beyond every deadline of the system together, and the longest fault: who waits longer hangs.
PATIENCE = 8.0
# What is down is not back at once.
PAUSE = 0.005
# How often a client that persists repeats a command before it goes on, and leaves it to the end.
MOST_REPEATS = 200
# Among so many holds of an account that were sent last, clients choose the one that they resolve.
RECENT_HOLDS = 8

OF_THE_DOMAIN = ("acknowledged", "refused")
# Known outcomes that bind no key.
BINDING_NOTHING = ("condition failed", "malformed")
# What kinds of answers tell, the most telling first.
_TELLING = ["acknowledged", "refused", "unknown", "in progress", "nothing recorded", *BINDING_NOTHING]


@dataclass
class Outcome:
    """What became of a command."""

    order: object
    # Its body: the same ever after.
    command: dict
    if_match: int | None
    # The newest version of the account that this client knew of when it sent the command.
    least_version: int
    # The newest version of the other account that it knew of.
    least_other: int = 0
    # When it was sent first, and when the domain's first answer was there: it was decided in between. Microseconds.
    sent_at: int | None = None
    answered_at: int | None = None
    # When the last answer was there.
    told_at: int | None = None
    # acknowledged, refused, condition failed, malformed (a hold that is past), nothing recorded, in progress, unknown
    kind: str = "unknown"
    answer: object = None
    # The kinds of all answers.
    told: list = field(default_factory=list)
    # Every answer of the domain, the first included.
    settled: list = field(default_factory=list)
    # The answers to another command under its key.
    abuses: list = field(default_factory=list)

    def note(self, kind, answer):
        self.told.append(kind)
        self.told_at = now()
        if kind in OF_THE_DOMAIN:
            self.settled.append(answer)
            self.answered_at = self.answered_at or self.told_at

    @property
    def correlation(self):
        return self.order.correlation

    @property
    def problem(self):
        """The name of the problem that it was refused with."""
        return self.answer.json["type"].removeprefix("/problems/")

    def __str__(self):
        return (
            f"{self.order.number}: {self.command} of {self.order.account}, If-Match {self.if_match}, "
            f"client had seen version {self.least_version}, sent at {self.sent_at}, answered at {self.answered_at}: "
            f"{self.kind}, {self.answer}, told {self.told}"
        )


@dataclass(frozen=True)
class Sight:
    """What a query showed, when, and what it had to show at least."""

    order: object
    status: int
    # None if there was no such account.
    body: object
    position: int
    least_version: int
    least_position: int
    # The query service looked at its clock between the two. Microseconds.
    asked_at: int
    answered_at: int

    @property
    def version(self):
        return self.body["version"] if self.body else 0


class Clients:
    """All clients of a plan, each in a thread. They reach the gateways by `gateways` and query services by `queries`, of
    which each client has one: ports, or (host, port)."""

    def __init__(self, plan, gateways, queries, patience=None):
        """Who waits longer than `patience` hangs."""
        self.plan = plan
        self.patience = patience or PATIENCE
        self.gateways = gateways
        self.queries = queries
        self.outcomes, self.sights, self.hangs, self.failures = [], [], [], []
        # By account: name and cents of the holds that were sent last, by whomever.
        self.holds = defaultdict(lambda: deque(maxlen=RECENT_HOLDS))
        self.ended = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(client,)) for client in range(plan.clients)]
        self._threads.append(threading.Thread(target=self._watch))

    def start(self):
        for thread in self._threads:
            thread.start()

    def finish(self):
        self.ended.set()
        for thread in self._threads:
            thread.join()

    @property
    def acknowledged(self):
        """How many commands are acknowledged by now."""
        return sum(outcome.kind == "acknowledged" for outcome in list(self.outcomes))

    def _run(self, client):
        one = _OneClient(self, client)
        try:
            for order in self.plan.orders(client):
                if self.ended.is_set():
                    return
                one.carry_out(order)
        except BaseException as error:
            self.failures.append(error)
            raise
        finally:
            one.close()

    def _watch(self):
        """Looks at all accounts and at the totals again and again, so that nothing shows for long without being seen."""
        one = _OneClient(self)
        try:
            for order in itertools.cycle(WATCHED):
                if self.ended.wait(PAUSE):
                    return
                one.look(order)
        except BaseException as error:
            self.failures.append(error)
            raise
        finally:
            one.close()

    def settle(self, outcome, if_match=None, deadline=60.0):
        """Repeats a command by its key, on its own condition or another, until its outcome is known."""
        client = Client(self.gateways[outcome.order.gateway])
        try:
            end = time.monotonic() + deadline
            while True:
                kind, answer = self.send(client, outcome, if_match)
                if kind in OF_THE_DOMAIN or kind in BINDING_NOTHING:
                    if outcome.kind not in OF_THE_DOMAIN:
                        outcome.kind, outcome.answer = kind, answer
                    return kind
                assert time.monotonic() < end, f"I4: the outcome cannot be had: {outcome}: {kind}, {answer}"
                time.sleep(PAUSE)
        finally:
            client.close()

    def send(self, client, outcome, if_match=None):
        """Sends a command, on its own condition or another, and notes the answer."""
        begun = time.monotonic()
        outcome.sent_at = outcome.sent_at or now()
        kind, answer = send(client, outcome, if_match or outcome.if_match, patience=self.patience)
        self.notice_hang(outcome.order, begun)
        outcome.note(kind, answer)
        return kind, answer

    def notice_hang(self, order, begun):
        if time.monotonic() - begun >= self.patience:
            self.hangs.append(order)


class _OneClient:
    """What one client does, and what it has seen so far."""

    def __init__(self, clients, number=0):
        self.clients = clients
        self.connections = [Client(port) for port in clients.gateways]
        self.query = Client(clients.queries[number % len(clients.queries)])
        # By account: the newest version and position that each gateway has told this client of, and the query service.
        self.seen = [{} for _ in clients.gateways]
        self.seen_at_query = {}

    def close(self):
        for connection in [*self.connections, self.query]:
            connection.close()

    def carry_out(self, order):
        if order.kind in READS:
            return self.look(order)
        newest = self.newest(order.account)[0]
        condition = None
        if order.kind != "OpenAccount" and order.condition != "none" and newest > 1:
            condition = newest if order.condition == "newest" else newest - 1
        command = command_of(order, newest, list(self.clients.holds[order.account]), now())
        if order.kind == "PlaceHold":
            self.clients.holds[order.account].append((command["hold"], order.cents))
        outcome = Outcome(order, command, condition, newest, self.newest(order.to)[0] if order.to else 0)
        self.clients.outcomes.append(outcome)
        if order.copies > 1:
            with ThreadPoolExecutor(order.copies) as pool:
                answers = list(pool.map(lambda _: self.send_alone(outcome), range(order.copies)))
            outcome.kind, outcome.answer = min(answers, key=lambda one: _TELLING.index(one[0]))
        else:
            outcome.kind, outcome.answer = self.send(outcome)
        if order.persists:
            self.persist(outcome)
        if outcome.kind == "acknowledged":
            self.see(self.seen[order.gateway], order.account, outcome.answer.json["version"], outcome.answer.position)
        if outcome.kind in OF_THE_DOMAIN:
            if order.abuses_key:
                self.abuse_key(outcome)
        elif outcome.kind not in BINDING_NOTHING:
            time.sleep(PAUSE)

    def persist(self, outcome):
        for _ in range(MOST_REPEATS):
            if outcome.kind in (*OF_THE_DOMAIN, *BINDING_NOTHING) or self.clients.ended.is_set():
                return
            time.sleep(PAUSE)
            outcome.kind, outcome.answer = self.send(outcome)

    def abuse_key(self, outcome):
        """Sends another command under a key whose outcome is known."""
        order = outcome.order
        begun = time.monotonic()
        connection = self.connections[order.gateway]
        outcome.abuses.append(send(connection, outcome, outcome.if_match, abuse_of(outcome), self.clients.patience))
        self.clients.notice_hang(order, begun)

    def send(self, outcome):
        return self.clients.send(self.connections[outcome.order.gateway], outcome)

    def send_alone(self, outcome):
        client = Client(self.clients.gateways[outcome.order.gateway])
        try:
            return self.clients.send(client, outcome)
        finally:
            client.close()

    def newest(self, account):
        """The newest version and position of an account that this client was told of, by whomever."""
        known = [seen.get(account, (0, 0)) for seen in [*self.seen, self.seen_at_query]]
        return max(version for version, _ in known), max(position for _, position in known)

    @staticmethod
    def see(seen, account, version, position):
        known = seen.get(account, (0, 0))
        seen[account] = (max(version, known[0]), max(position, known[1]))

    def look(self, order):
        headers, asks_one = {}, order.kind in ("read", "query")
        if order.kind == "read":
            # Of what the other gateway has answered this one need not know.
            version, position = self.seen[order.gateway].get(order.account, (0, 0))
            client = self.connections[order.gateway]
        else:
            version, position = self.newest(order.account)
            client, headers = self.query, {"Daybook-Min-Position": str(position)}
        path = {"list": "/accounts?limit=1000", "totals": "/totals"}.get(order.kind, f"/accounts/{order.account}")
        begun, asked_at = time.monotonic(), now()
        try:
            answer = client.get(path, headers, timeout=self.clients.patience)
        except NoAnswer:
            self.clients.notice_hang(order, begun)
            return
        assert answer.status in ((200, 404, 503) if asks_one else (200, 503)), f"I7: a query was answered with {answer}"
        if answer.status == 503:
            assert answer.json["type"] != "/problems/account-unreadable", f"I7: nothing was forged: {answer}"
            return
        sight = Sight(
            order, answer.status, answer.json if answer.status == 200 else None, answer.position,
            version, position, asked_at, now(),
        )  # fmt: skip
        self.clients.sights.append(sight)
        if order.kind == "query":
            self.see(self.seen_at_query, order.account, sight.version, answer.position)


def now():
    """Microseconds since 1970, by the clock that the services use, too."""
    return time.time_ns() // 1000


def send(client, outcome, if_match, abuse=None, patience=PATIENCE):
    """Sends a command, or another one under its key; gives what kind of answer it is, and the answer."""
    order, command = outcome.order, abuse or outcome.command
    headers = headers_of(order, if_match, is_abuse=abuse is not None)
    try:
        answer = client.post(order.account, command, timeout=patience, headers=headers)
    except NoAnswer as error:
        return "unknown", error
    match answer.status:
        case 200 | 201:
            return "acknowledged", answer
        case 400 if answer.json["type"] == "/problems/invalid-command":
            return "malformed", answer
        case 400 | 404:
            return "refused", answer
        case 412:
            return "condition failed", answer
        case 409 if answer.json["type"] == "/problems/command-in-progress":
            return "in progress", answer
        case 409:
            return "refused", answer
        case 422:
            return "other command", answer
        case 503 if answer.json["type"] != "/problems/account-unreadable":
            return "nothing recorded", answer
        case 504:
            return "unknown", answer
    raise AssertionError(f"{order} was answered with {answer}")
