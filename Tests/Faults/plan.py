"""From a seed to everything that a run of the fault bench does: what each client sends, and what breaks when.

Pure: the same seed gives the same plan, on every machine and in every year.
"""

import random
from dataclasses import dataclass, replace

from orders import last_orders, orders

# Of faults, unless something else is asked for. After those of a server it takes longer until commands flow again, which
# they must do between two faults, or else the faults meet nothing.
SECONDS, SECONDS_WITH_A_SERVER = 2.5, 6.0
_LONGEST_PAUSE, _LONGEST_PAUSE_WITH_A_SERVER = 0.4, 1.2

# The log is what everything stands on.
_WEIGHTS_OF_SERVICES = {"event-log": 4, "command-1": 2, "command-2": 2, "query": 2}
_LINKS = ["append", "gateway-read", "events", "query-read", "gateway-query", "subscriber-events", "subscriber-read"]

_WEIGHTS_OF_FAULTS = {
    # Of services.
    "kill": 6, "kill several": 2, "kill all": 2, "restart": 2, "freeze": 4,
    # Of links.
    "cut": 3, "cut within a message": 3, "stall": 1, "stall towards": 1, "stall back": 1, "delay": 1, "refuse": 1,
    "trickle": 2,
}  # fmt: skip

# Of PostgreSQL's server, if the log is there: it is killed and started again, ends in order, or stands still; its sessions
# are ended, and what they do is cancelled, again and again; its tables find no space.
_WEIGHTS_OF_FAULTS_OF_THE_SERVER = {
    "kill server": 4, "restart server": 2, "freeze server": 3, "terminate sessions": 4, "cancel sessions": 4, "fill server": 3,
}  # fmt: skip
_LINK_OF_THE_SERVER = "log-server"


@dataclass(frozen=True)
class Fault:
    """Something that breaks at a time, and is mended after so many seconds. Several may be open at once."""

    begin: float
    seconds: float
    kind: str
    targets: tuple[str, ...]
    # For what the fault leaves open: which unflushed writes a loss of power takes, where a message is cut.
    seed: int
    # Whether a loss of power takes any part of what is not flushed; else all of it.
    torn: bool

    @property
    def end(self):
        return self.begin + self.seconds

    def __str__(self):
        torn = ", torn writes" if self.torn and "event-log" in self.targets and self.kind.startswith("kill") else ""
        return f"{self.begin:6.2f} s  {self.kind} {', '.join(self.targets)} for {self.seconds:.2f} s{torn}"


@dataclass(frozen=True)
class Plan:
    seed: int
    gateways: int
    clients: int
    faults: tuple[Fault, ...]
    # Whether everything is killed once more at the end, so that only what is on disk can answer.
    ends_with_a_kill: bool
    # Whether the log is in a PostgreSQL server of the run's own.
    has_server: bool = False

    @property
    def links(self):
        links = _LINKS + [f"client-{gateway}" for gateway in range(1, self.gateways + 1)]
        return links + [_LINK_OF_THE_SERVER] * self.has_server

    def orders(self, client):
        """What a client does, without end."""
        return orders(self.seed, client, self.clients, self.gateways)

    def last_orders(self):
        """One more command for each account, after everything."""
        return last_orders(self.clients)

    def __str__(self):
        lines = [f"plan of seed {self.seed}: {self.gateways} gateways, {self.clients} clients"]
        lines += [str(fault) for fault in self.faults]
        if self.ends_with_a_kill:
            lines.append("at the end  kill all")
        return "\n    ".join(lines)


def make(seed, seconds=None, has_server=False):
    """The plan of a seed, whose last fault begins before so many seconds have passed."""
    seconds = seconds or (SECONDS_WITH_A_SERVER if has_server else SECONDS)
    chance = random.Random(seed)
    gateways = chance.choice([1, 2])
    clients = chance.randint(3, 6)
    ends_with_a_kill = chance.random() < 0.5
    plan = Plan(seed, gateways, clients, (), ends_with_a_kill, has_server)
    return replace(plan, faults=tuple(_faults(chance, plan, seconds)))


def _faults(chance, plan, seconds):
    services = [f"command-{gateway}" for gateway in range(1, plan.gateways + 1)] + ["event-log", "query"]
    weights = _WEIGHTS_OF_FAULTS | (_WEIGHTS_OF_FAULTS_OF_THE_SERVER if plan.has_server else {})
    longest_pause = _LONGEST_PAUSE_WITH_A_SERVER if plan.has_server else _LONGEST_PAUSE
    # What is broken cannot break before it is mended.
    mended_at = dict.fromkeys([*services, *plan.links, "server"], 0.0)
    begin = 0.0
    while True:
        kind = chance.choices(list(weights), weights.values())[0]
        targets = _targets(chance, kind, services, plan)
        begin = max([begin + chance.uniform(0.02, longest_pause), *(mended_at[target] for target in targets)])
        if begin >= seconds:
            return
        lasts = 0 if kind.startswith("cut") else chance.choice([0, 0.05, 0.2, 0.6])
        for target in targets:
            mended_at[target] = begin + lasts
        yield Fault(begin, lasts, kind, targets, chance.randrange(10**9), chance.random() < 0.5)


def _targets(chance, kind, services, plan):
    if kind in _WEIGHTS_OF_FAULTS_OF_THE_SERVER:
        return ("server",)
    if kind == "kill all":
        return tuple(services)
    if kind == "kill several":
        return tuple(sorted(chance.sample(services, 2)))
    if kind == "trickle":
        # Where subscribers would see the records of one append apart.
        return (chance.choice(["events", "events", "query-read", "subscriber-events"]),)
    if kind in ("kill", "restart", "freeze"):
        return (chance.choices(services, [_WEIGHTS_OF_SERVICES[service] for service in services])[0],)
    return (chance.choice(plan.links),)
