"""What a client of the fault bench does, order after order, from a seed alone."""

import itertools
import random
from dataclasses import dataclass, field

# Accounts that all clients use; beside them each client has one of its own.
SHARED = {"hot": "USD", "warm": "USD", "cold": "EUR", "cool": "EUR"}
NOBODYS = "nobody"
OPENING = 5_000_00
# More than all clients of a run can pay in, so that it is refused.
BEYOND_ALL = 10**13

_WEIGHTS = {
    "OpenAccount": 1, "Deposit": 8, "Withdraw": 8, "Transfer": 14,
    "PlaceHold": 10, "CaptureHold": 10, "ReleaseHold": 3,
    "Reverse": 9, "SetLimits": 2, "Freeze": 1, "Unfreeze": 3,
    "read": 5, "query": 5, "list": 2, "totals": 2,
}  # fmt: skip
READS = ("read", "query", "list", "totals")
# Commands whose event may carry the client's reference.
MOVEMENTS = ("Deposit", "Withdraw", "Transfer", "PlaceHold", "CaptureHold", "Reverse")


@dataclass(frozen=True)
class Order:
    """One thing that a client does. `number` comes only once in the whole run."""

    number: int
    # The type of a command, or `read` (an account through the gateway), `query` (at the query service), `list` and
    # `totals` (both at the query service).
    kind: str
    account: str
    cents: int
    key: str | None
    # "none", "newest": the version that the client saw last, "stale": one before that.
    condition: str
    gateway: int
    # How often a command with a key is sent at the same time.
    copies: int = 1
    # Whether a client that does not know the outcome repeats the command at once, until it does; else at the end.
    persists: bool = False
    # Whether the key is used once more for another command, which must be refused.
    abuses_key: bool = False
    # The other account of a transfer, and of a capture into another account.
    to: str | None = None
    # Chooses among what the client knows when it carries the order out: holds, or versions of movements. In [0, 1).
    pick: float = 0.0
    # How much of a hold is captured: "whole", "part", "over".
    portion: str = "whole"
    # None, ("in", text) or ("at", seconds after the command is made).
    expiry: tuple | None = None
    # Of a freeze.
    direction: str = "all"
    # The members of SetLimits, in cents; None takes a limit away.
    limits: dict = field(default_factory=dict)
    has_reference: bool = False

    @property
    def correlation(self):
        """The correlation id of the command: every event that it records must have it."""
        return f"order-{self.number}"


# What is looked at all the time, whatever the seed.
WATCHED = [Order(0, kind, next(iter(SHARED)), 0, None, "none", 0) for kind in ("list", "totals")]


def currency_of(account):
    """The currency in which all orders open an account."""
    if account in SHARED:
        return SHARED[account]
    return "USD" if int(account.removeprefix("own-")) % 2 == 0 else "EUR"


def orders(seed, client, clients, gateways):
    """The orders of a client, without end. The first ones open accounts, so that there is something to fight for."""
    chance = random.Random(f"{seed}, client {client}")
    own = f"own-{client}"
    openings = [own, list(SHARED)[client % len(SHARED)], list(SHARED)[(client + 1) % len(SHARED)]]
    for count in itertools.count():
        number = 1 + client + count * clients
        yield _order(chance, number, own, gateways, clients, openings[count] if count < len(openings) else None)


def last_orders(clients):
    """One command for each account that no rule of an open account refuses, so that it records what is due."""
    names = [*SHARED, *(f"own-{client}" for client in range(clients))]
    for number, name in enumerate(names, 10**8):
        yield Order(number, "SetLimits", name, 0, f"key-{number}", "none", 0, limits={"maximum_balance": None})


def _order(chance, number, own, gateways, clients, opening):
    account = opening or chance.choice([*SHARED, own])
    kind = "OpenAccount" if opening else chance.choices(list(_WEIGHTS), _WEIGHTS.values())[0]
    is_read = kind in READS
    # Without its accounts a run would try little else.
    has_key = not is_read and chance.random() < (1 if opening else 0.6)
    return Order(
        number=number, kind=kind, account=account, cents=_cents(chance, kind, number),
        key=f"key-{number}" if has_key else None, condition=chance.choices(["none", "newest", "stale"], [12, 2, 1])[0],
        gateway=chance.randrange(gateways),
        copies=chance.choices([1, 3, 16, 64], [600, 40, 8, 2])[0] if has_key else 1,
        persists=has_key and chance.random() < (1 if opening else 0.5), abuses_key=has_key and chance.random() < 0.05,
        to=_other(chance, kind, account, clients), pick=chance.random(),
        portion=chance.choices(["whole", "part", "over"], [5, 4, 1])[0], expiry=_expiry(chance),
        direction=chance.choice(["debits", "credits", "all"]), limits=_limits(chance),
        has_reference=kind in MOVEMENTS and chance.random() < 0.5,
    )  # fmt: skip


def _cents(chance, kind, number):
    if kind == "Withdraw" and chance.random() < 0.1:
        return number + BEYOND_ALL
    if kind == "OpenAccount":
        return number + OPENING
    # Large ones meet the limits and use an account up.
    return number + chance.choices([0, 900_00, 2_900_00], [14, 3, 1])[0]


def _other(chance, kind, account, clients):
    if kind == "CaptureHold" and chance.random() < 0.5:
        return None
    accounts = [*SHARED, *(f"own-{client}" for client in range(clients))]
    same = [name for name in accounts if name != account and currency_of(name) == currency_of(account)]
    other = [name for name in accounts if currency_of(name) != currency_of(account)]
    return chance.choices([chance.choice(same), chance.choice(other), account, NOBODYS], [45, 3, 1, 1])[0]


def _expiry(chance):
    return chance.choices(
        [None, ("in", "1s"), ("in", "2s"), ("at", 0.15), ("at", 0.4), ("at", 0.9), ("in", "7d")],
        [2, 2, 1, 3, 3, 2, 1],
    )[0]


def _limits(chance):
    overdraft = chance.choice([None, 0, 500_00, 5_000_00])
    maximum = chance.choice([None, None, 8_000_00, 20_000_00])
    given = chance.choice(["overdraft", "maximum_balance", "both"])
    limits = {"overdraft": overdraft, "maximum_balance": maximum}
    return limits if given == "both" else {given: limits[given]}
