"""The log's file, read raw: its appends, and the accounts that they make by the model."""

from collections import Counter, defaultdict

import store
from model import Account, Event


class History:
    """All appends of a log in their order, all accounts version by version, and the sums after each append."""

    def __init__(self, log_id, records):
        self.log_id, self.records = log_id, records
        events = [Event.of(record, record.continues) for record in records]
        self._take(appends_of(events))

    @classmethod
    def read(cls, place):
        """That of the store that `store.read` reads."""
        return cls(*store.read(place))

    @classmethod
    def made_of(cls, appends):
        """One of appends that a test makes up."""
        history = cls.__new__(cls)
        history._take(appends)
        return history

    def _take(self, appends):
        self.appends, self.accounts = appends, {}
        # By position: what all accounts of a currency hold after the append that ends there.
        self.sums = {0: {}}
        self._by_order = defaultdict(list)
        held = Counter()
        for append in appends:
            for event in append:
                account = self.accounts.setdefault(event.account, Account(event.account))
                account.add(event)
                held[account.newest.currency] += event.change
            self.sums[append[-1].position] = dict(held)
            self._by_order[append[0].correlation].append(append)

    @property
    def events(self):
        return [event for append in self.appends for event in append]

    def appends_of(self, correlation):
        """The appends that have the correlation id of a command."""
        return self._by_order.get(correlation, [])

    def of(self, order):
        """The appends that an order has recorded."""
        return self.appends_of(order.correlation)

    def state(self, account, version):
        """The state of an account at a version; None if there is none."""
        found = self.accounts.get(account)
        return found.at(version) if found else None

    def state_at(self, account, position):
        """The state of an account at a position of the log; None before its opening."""
        found = self.accounts.get(account)
        return found.at_position(position) if found else None

    def states_since(self, account, version, until):
        """The states of an account from a version on that were recorded by a time: those that a decision may have met
        that knew of the version."""
        found = self.accounts.get(account)
        states = found.states[max(version, 1) - 1 :] if found else []
        return [state for state in states if state.event.recorded_at <= until]

    def cut(self, time):
        """The position of the last append that was recorded at or before a time."""
        return max((append[-1].position for append in self.appends if append[-1].recorded_at <= time), default=0)


def appends_of(events):
    """Splits events into appends, by what each says of the next one."""
    appends, append = [], []
    for event in events:
        append.append(event)
        if not event.continues:
            appends.append(append)
            append = []
    assert not append, f"I6: the log ends amid an append: {append}"
    return appends
