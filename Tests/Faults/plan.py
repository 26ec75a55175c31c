"""From a seed to everything that a run of the fault bench does: what each client sends, and what breaks when.

Pure: the same seed gives the same plan, on every machine and in every year.
"""

import random
from dataclasses import dataclass

# Accounts that all clients fight for; beside them each client has one of its own.
SHARED = ["hot", "warm"]
OPENING = 5_000_00

SERVICES = ["event-log", "command", "query"]
LINKS = ["append", "gateway-read", "events", "query-read", "gateway-query", "subscriber-events", "subscriber-read"]


@dataclass(frozen=True)
class Order:
    """One thing that a client does. `cents` is an amount that comes only once in the whole run."""

    number: int
    kind: str  # OpenAccount, Deposit, Withdraw, read (through the gateway), query (at the query service)
    account: str
    cents: int
    key: str | None
    # "none", "newest": the version that the client saw last, "stale": one before that.
    condition: str
    gateway: int
    # How often a command with a key is sent at the same time.
    copies: int = 1


@dataclass(frozen=True)
class Fault:
    """Something that breaks, after a pause, for a while."""

    pause: float
    kind: str  # kill, kill all, restart, freeze, cut, stall, refuse, cut within a message
    target: str
    seconds: float
    # Which of the unflushed writes a loss of power takes: all of them, or any.
    torn: bool = False


@dataclass(frozen=True)
class Plan:
    seed: int
    gateways: int
    clients: list[list[Order]]
    faults: list[Fault]
    # Whether everything is killed once more at the end, so that only what is on disk can answer.
    ends_with_a_kill: bool

    def __str__(self):
        lines = [f"plan of seed {self.seed}: {self.gateways} gateways, {len(self.clients)} clients"]
        for fault in self.faults:
            torn = ", torn writes" if fault.torn else ""
            lines.append(f"  after {fault.pause:.2f} s {fault.kind} {fault.target} for {fault.seconds:.2f} s{torn}")
        if self.ends_with_a_kill:
            lines.append("  at the end kill all")
        return "\n".join(lines)


def make(seed, faults=7, orders=2000):
    chance = random.Random(seed)
    gateways = chance.choice([1, 2])
    numbers = iter(range(1, 10**9))
    clients = [
        [_order(chance, next(numbers), f"own-{client}", gateways) for _ in range(orders)]
        for client in range(chance.randint(3, 6))
    ]
    return Plan(seed, gateways, clients, [_fault(chance) for _ in range(faults)], chance.random() < 0.5)


def _order(chance, number, own, gateways):
    account = chance.choice(SHARED + [own])
    kind = chance.choices(["OpenAccount", "Deposit", "Withdraw", "read", "query"], [1, 8, 8, 4, 3])[0]
    # A few withdrawals of what nobody has, so that they are refused.
    cents = number + (10**13 if kind == "Withdraw" and chance.random() < 0.1 else 0)
    key = f"key-{number}" if chance.random() < 0.6 else None
    return Order(
        number=number, kind=kind, account=account, cents=cents, key=key,
        condition=chance.choices(["none", "newest", "stale"], [8, 3, 1])[0], gateway=chance.randrange(gateways),
        copies=chance.choices([1, 3, 16], [60, 4, 1])[0] if key else 1,
    )  # fmt: skip


def _fault(chance):
    kind = chance.choices(
        ["kill", "kill all", "restart", "freeze", "cut", "stall", "refuse", "cut within a message"],
        [6, 2, 2, 4, 3, 2, 1, 3],
    )[0]
    if kind in ("kill", "restart", "freeze"):
        # The log is what everything stands on.
        target = chance.choices(SERVICES, [3, 2, 1])[0]
    else:
        target = "all" if kind == "kill all" else chance.choice(LINKS)
    return Fault(
        pause=chance.uniform(0.02, 0.3), kind=kind, target=target, seconds=chance.choice([0, 0.05, 0.2, 0.6]),
        torn=chance.random() < 0.5,
    )  # fmt: skip
