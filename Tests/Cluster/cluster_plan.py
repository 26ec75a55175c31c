"""From a seed to everything that a run of the cluster's fault bench does: what clients send, and what breaks in which act.

Pure: the same seed gives the same plan. Whom a fault meets is a part that somebody plays then, such as the primary.
"""

import random
from dataclasses import dataclass

from orders import last_orders, orders

# Each with its weight, whom it may meet, and for how many seconds. A silent leader loses its lead after 8 s:
# what is back earlier goes on where it was.
_SHORT, _LONG = (0.3, 2.0), (0.3, 2.0, 9.0, 12.0)
_HOSTS = ("primary", "primary", "primary", "synchronous standby", "other standby")
_FAULTS_OF_HOSTS = {
    "kill host": (4, _HOSTS, _LONG),
    # The same without a word: nobody's connection is closed.
    "take power from host": (4, _HOSTS, _LONG),
    "freeze host": (4, _HOSTS, _LONG),
    # Clients reach it, other hosts do not.
    "cut host off from hosts": (5, _HOSTS, _LONG),
    # The log goes on with its database, and clients with both, while the other log leads on another host.
    "cut leading log off with primary": (3, ("primary",), (9.0, 12.0)),
    "cut host off": (3, _HOSTS, _LONG),
    "take power from all hosts": (1, ("all hosts",), _SHORT),
    "kill server": (2, _HOSTS, (0,)),
    "kill Patroni": (1, _HOSTS, (0,)),
    "kill etcd": (1, _HOSTS, (0,)),
    "switch over": (4, ("primary",), (0,)),
    "fill disk": (3, ("primary",), (1.0, 3.0)),
    # Standbys are frozen, so that commits wait; then this is done to the waiting commits, and the primary is lost.
    "cancel commits and lose primary": (3, ("primary",), (10.0,)),
    "terminate writers and lose primary": (3, ("primary",), (10.0,)),
    "restart server in place and lose primary": (2, ("primary",), (10.0,)),
    "kill logs and lose primary": (2, ("primary",), (10.0,)),
}
_FAULTS_OF_SERVICES = {
    "kill": (6, ("leading log", "leading log", "other log", "gateway-1", "gateway-2", "query-1", "query-2"), (0, 0.3, 1.0)),
    # 4 s are longer than a lease, 7 s than what a standby waits for that takes the lead without the lock.
    "freeze log": (6, ("leading log", "leading log", "other log"), (0.2, 1.0, 4.0, 7.0)),
    "freeze": (2, ("gateway-1", "query-2"), (0.2, 1.0)),
    "restart": (3, ("leading log", "other log", "gateway-2", "query-1"), (0, 0.3)),
    "kill both": (1, ("both logs", "both gateways", "both queries"), (0, 0.3)),
    "cancel commits": (3, ("writers",), (0.5,)),
    "terminate writers": (3, ("writers",), (0,)),
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """Something that breaks some seconds after its act has begun, and is mended after some."""

    begin: float
    seconds: float
    kind: str
    target: str

    @property
    def end(self):
        return self.begin + self.seconds

    def __str__(self):
        lasts = f" for {self.seconds:g} s" if self.seconds else ""
        return f"{self.begin:5.2f} s  {self.kind}: {self.target}{lasts}"


@dataclass(frozen=True)
class Plan:
    seed: int
    clients: int
    # Each begins once commands flow, and the next once they flow again and all hosts are whole.
    acts: tuple[tuple[Fault, ...], ...]
    # Whether all services are killed at the end, so that only what the database holds can answer.
    ends_with_a_kill: bool

    gateways = 2

    def orders(self, client):
        """What a client does, without end."""
        return orders(self.seed, client, self.clients, self.gateways)

    def last_orders(self):
        """One more command for each account, after everything."""
        return last_orders(self.clients)

    def __str__(self):
        lines = [f"plan of seed {self.seed}: {self.clients} clients"]
        for number, act in enumerate(self.acts, 1):
            lines += [f"act {number}", *(f"    {fault}" for fault in act)]
        if self.ends_with_a_kill:
            lines.append("at the end  kill all services")
        return "\n    ".join(lines)


def make(seed, only=None):
    """The plan of a seed; with `only`, of one act that has this fault beside others."""
    chance = random.Random(f"cluster, {seed}")
    clients = chance.randint(3, 5)
    acts = tuple(_act(chance, only) for _ in range(1 if only else chance.choice([1, 1, 1, 2])))
    return Plan(seed, clients, acts, chance.random() < 0.3)


def _act(chance, only):
    """One fault of a host or of none, and some of services beside it."""
    kinds = {only: (_FAULTS_OF_HOSTS | _FAULTS_OF_SERVICES)[only]} if only else _FAULTS_OF_HOSTS
    faults = [_fault(chance, kinds, chance.uniform(0, 1.5))] if only or chance.random() < 0.85 else []
    # A fault that takes its time leaves time for others.
    until = max([3.0, *(fault.end for fault in faults)])
    begin, mended_at = 0.0, {_kind_of(fault.target): fault.end for fault in faults}
    while True:
        begin += chance.uniform(0.3, 3.0)
        fault = _fault(chance, _FAULTS_OF_SERVICES, begin)
        if begin >= until or len(faults) >= 5:
            break
        # What is broken cannot break before it is mended.
        kind = _kind_of(fault.target)
        if begin >= mended_at.get(kind, 0.0):
            mended_at[kind] = fault.end
            faults.append(fault)
    return tuple(sorted(faults, key=lambda fault: fault.begin))


def _fault(chance, weighted, begin):
    kind = chance.choices(list(weighted), [weight for weight, _, _ in weighted.values()])[0]
    _, targets, seconds = weighted[kind]
    return Fault(begin, chance.choice(seconds), kind, chance.choice(targets))


def _kind_of(target):
    for kind in ("log", "gateway", "quer"):
        if kind in target:
            return kind
    return target


def kinds():
    """The names of all faults."""
    return [*_FAULTS_OF_HOSTS, *_FAULTS_OF_SERVICES]


def is_of_host(fault):
    """Whether it is a fault of hosts, not of services."""
    return fault.kind in _FAULTS_OF_HOSTS
