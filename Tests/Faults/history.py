"""The log's file as a model of accounts in whole cents: what must be true of every answer."""

import json
from collections import defaultdict, namedtuple

import store
from plan import OPENING

# One event of an account, and the balance after it.
Event = namedtuple("Event", "position version type cents balance owner")

RECORDED_AS = {"OpenAccount": "AccountOpened", "Deposit": "MoneyDeposited", "Withdraw": "MoneyWithdrawn"}


def cents_of(order):
    """The amount that a command names."""
    return order.cents + (OPENING if order.kind == "OpenAccount" else 0)


class History:
    """All accounts, version by version, folded here from the records, with nothing of the system's own code."""

    def __init__(self, path):
        self.log_id, self.records = store.read(path)
        self.accounts = {}
        # In the order of the log.
        self.events = []
        self._by_amount = defaultdict(list)
        for record in self.records:
            self._add(record)

    def _add(self, record):
        data = json.loads(record.data)
        account, kind = record.stream.decode(), record.type.decode()
        events = self.accounts.setdefault(account, [])
        if kind == "AccountOpened":
            assert not events, f"I6: a second opening at position {record.position}"
            cents, owner = _cents(data["initial_balance"]), data["owner"]
            balance = cents
        else:
            assert events, f"I6: a movement on an account that was not opened, at position {record.position}"
            cents, owner = _cents(data["amount"]), events[0].owner
            balance = events[-1].balance + (cents if kind == "MoneyDeposited" else -cents)
        assert balance >= 0, f"I6: {account} is below zero at position {record.position}"
        event = Event(record.position, record.version, kind, cents, balance, owner)
        events.append(event)
        self.events.append(event)
        self._by_amount[account, kind, cents].append(event)

    def at(self, account, version):
        """The event that made a version; None for a version that there is not."""
        events = self.accounts.get(account, [])
        return events[version - 1] if 1 <= version <= len(events) else None

    def of(self, order):
        """The events that an order can have recorded: amounts come only once in a run."""
        return self._by_amount.get((order.account, RECORDED_AS[order.kind], cents_of(order)), [])


def _cents(text):
    whole, _, fraction = text.partition(".")
    assert len(fraction) == 2, f"I6: an amount without its digits: {text}"
    return int(whole) * 100 + int(fraction)
