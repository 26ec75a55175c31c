"""The clients of the fault bench: each carries out its orders and keeps an exact account of every answer."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal

from client import Client, NoAnswer
from plan import OPENING

# Beyond every deadline of the system together, and the longest freeze: who waits longer hangs.
PATIENCE = 8.0


@dataclass
class Outcome:
    """What became of a command."""

    order: object
    # acknowledged, refused, condition failed (which binds no key), nothing recorded, unknown, in progress
    kind: str = "unknown"
    answer: object = None
    if_match: int | None = None
    # Every answer of the domain that its key has given, the first included.
    settled: list = field(default_factory=list)


@dataclass(frozen=True)
class Sight:
    """What a query showed, and what it had to show at least."""

    order: object
    status: int
    version: int
    balance: int
    position: int
    least_version: int
    least_position: int


class Clients:
    """All clients of a plan, each in a thread."""

    def __init__(self, plan, gateways, query):
        self.plan = plan
        self.gateways = gateways
        self.query = query
        self.outcomes, self.sights, self.hangs, self.failures = [], [], [], []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(orders,)) for orders in plan.clients]

    def start(self):
        for thread in self._threads:
            thread.start()

    def finish(self):
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _run(self, orders):
        one = _OneClient(self)
        try:
            for order in orders:
                if self._ended.is_set():
                    return
                one.carry_out(order)
        except BaseException as error:
            self.failures.append(error)
            raise
        finally:
            one.close()

    def settle(self, outcome, if_match=None, deadline=20.0):
        """Repeats a command by its key, on its own condition or another, until its outcome is known."""
        client = Client(self.gateways[outcome.order.gateway].port)
        try:
            end = time.monotonic() + deadline
            while True:
                kind, answer = send(client, outcome.order, if_match or outcome.if_match)
                if kind in ("acknowledged", "refused"):
                    outcome.settled.append(answer)
                if kind in ("acknowledged", "refused", "condition failed"):
                    if outcome.kind not in ("acknowledged", "refused"):
                        outcome.kind, outcome.answer = kind, answer
                    return kind
                assert time.monotonic() < end, f"the outcome of {outcome.order} cannot be had: {answer}"
                time.sleep(0.01)
        finally:
            client.close()


class _OneClient:
    """What one client does, and what it has seen so far."""

    def __init__(self, clients):
        self.clients = clients
        self.connections = [Client(gateway.port) for gateway in clients.gateways]
        self.query = Client(clients.query.port)
        # By account: the newest version and position that each gateway has told this client of.
        self.seen = [{} for _ in clients.gateways]

    def close(self):
        for connection in [*self.connections, self.query]:
            connection.close()

    def carry_out(self, order):
        if order.kind in ("read", "query"):
            return self.look(order)
        newest = max((seen.get(order.account, (0, 0))[0] for seen in self.seen), default=0)
        condition = None
        if order.kind != "OpenAccount" and order.condition != "none" and newest > 1:
            condition = newest if order.condition == "newest" else newest - 1
        outcome = Outcome(order, if_match=condition)
        self.clients.outcomes.append(outcome)
        if order.copies > 1:
            with ThreadPoolExecutor(order.copies) as pool:
                answers = list(pool.map(lambda _: self.send_alone(outcome), range(order.copies)))
            settled = [answer for kind, answer in answers if kind in ("acknowledged", "refused")]
            outcome.settled += settled
            rank = ["acknowledged", "refused", "unknown", "in progress", "nothing recorded", "condition failed"]
            outcome.kind, outcome.answer = min(answers, key=lambda one: rank.index(one[0]))
        else:
            outcome.kind, outcome.answer = self.send(self.connections[order.gateway], outcome)
            if outcome.kind in ("acknowledged", "refused"):
                outcome.settled.append(outcome.answer)
        if outcome.kind == "acknowledged":
            account = outcome.answer.json
            if "Daybook-Position" in outcome.answer.headers:
                self.see(order.gateway, order.account, account["version"], outcome.answer.position)
        elif outcome.kind not in ("refused", "condition failed"):
            # What is down is not back at once.
            time.sleep(0.005)

    def send_alone(self, outcome):
        client = Client(self.clients.gateways[outcome.order.gateway].port)
        try:
            return self.send(client, outcome)
        finally:
            client.close()

    def send(self, client, outcome):
        begun = time.monotonic()
        kind, answer = send(client, outcome.order, outcome.if_match)
        self.notice_hang(outcome.order, begun)
        return kind, answer

    def notice_hang(self, order, begun):
        if time.monotonic() - begun >= PATIENCE:
            self.clients.hangs.append(order)

    def see(self, gateway, account, version, position):
        known = self.seen[gateway].get(account, (0, 0))
        self.seen[gateway][account] = (max(version, known[0]), max(position, known[1]))

    def look(self, order):
        version, position = self.seen[order.gateway].get(order.account, (0, 0))
        headers = {}
        if order.kind == "query":
            client, headers = self.query, {"Daybook-Min-Position": str(position)}
        else:
            client = self.connections[order.gateway]
        begun = time.monotonic()
        try:
            answer = client.get(f"/accounts/{order.account}", headers, timeout=PATIENCE)
        except NoAnswer:
            self.notice_hang(order, begun)
            return
        assert answer.status in (200, 404, 503), f"a query was answered with {answer}"
        if answer.status == 503:
            return
        found = answer.json if answer.status == 200 else {"version": 0, "balance": Decimal(0)}
        sight = Sight(
            order, answer.status, found["version"], int(found["balance"].scaleb(2)), answer.position, version, position
        )
        self.clients.sights.append(sight)


def send(client, order, if_match):
    """Sends a command; gives what kind of answer it is, and the answer."""
    command = {"type": order.kind}
    amount = str(Decimal(order.cents).scaleb(-2))
    if order.kind == "OpenAccount":
        command |= {"owner": f"owner {order.number}", "initial_balance": str(Decimal(OPENING + order.cents).scaleb(-2))}
    else:
        command |= {"amount": amount}
    headers = {}
    if order.key:
        headers["Idempotency-Key"] = order.key
    if if_match is not None:
        headers["If-Match"] = f'"{if_match}"'
    try:
        answer = client.post(order.account, command, timeout=PATIENCE, headers=headers)
    except NoAnswer as error:
        refused = isinstance(error.__cause__, ConnectionRefusedError)
        return ("nothing recorded" if refused else "unknown"), None
    match answer.status:
        case 200 | 201:
            return "acknowledged", answer
        case 400 | 404:
            return "refused", answer
        case 412:
            return "condition failed", answer
        case 409 if answer.json["type"] == "/problems/account-already-open":
            return "refused", answer
        case 409:
            return "in progress", answer
        case 503:
            return "nothing recorded", answer
        case 504:
            return "unknown", answer
    raise AssertionError(f"{order} was answered with {answer}")
