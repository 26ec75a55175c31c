"""Commands from many threads at once, with an exact account of what became of each."""

import itertools
import threading
from collections import Counter, namedtuple
from decimal import Decimal

from client import Client, NoAnswer
from services import PATIENCE, wait_until

# What became of a deposit. `kind` is "acknowledged", "nothing recorded" or "unknown"; without an answer, that is None.
Outcome = namedtuple("Outcome", "account cents kind answer")


class Load:
    """Deposits from several threads, each of an amount that comes only once, so that it can be recognised in the log.

    Used as a context it begins and ends with it.
    """

    ACCOUNTS = ["load-0", "load-1", "load-2", "load-3"]

    def __init__(self, daybook, threads=8):
        self.daybook = daybook
        self.outcomes = []
        self._amounts = itertools.count(1)
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(threads)]
        self._failures = []
        for account in self.ACCOUNTS:
            daybook.gateway.open(account, 0)

    def _run(self, number):
        # A connection of its own, and another account at every turn, so that each account is used by all threads.
        client = Client(self.daybook.command.port, self.daybook.secrets)
        accounts = itertools.cycle(self.ACCOUNTS[number % 4 :] + self.ACCOUNTS[: number % 4])
        try:
            while not self._ended.is_set():
                account, cents = next(accounts), next(self._amounts)
                outcome = self._deposit(client, account, cents)
                self.outcomes.append(outcome)
                if outcome.kind != "acknowledged":
                    # What is down is not back at once; to ask again without a pause would only slow its return.
                    self._ended.wait(0.005)
        except BaseException as error:
            self._failures.append(error)
        finally:
            client.close()

    def _deposit(self, client, account, cents):
        try:
            answer = client.deposit(account, str(Decimal(cents).scaleb(-2)))
        except NoAnswer as error:
            refused = isinstance(error.__cause__, ConnectionRefusedError)
            return Outcome(account, cents, "nothing recorded" if refused else "unknown", None)
        # The contract: 503 says that nothing was recorded, 504 that nobody knows.
        kind = {200: "acknowledged", 503: "nothing recorded", 504: "unknown"}.get(answer.status)
        assert kind, f"no service that stops or starts may answer with {answer}"
        return Outcome(account, cents, kind, answer)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join()
        assert not self._failures, self._failures

    def counted(self):
        return Counter(outcome.kind for outcome in list(self.outcomes))

    def wait_for(self, kind, more, deadline=PATIENCE):
        """Waits until so many more deposits than now have ended in this way."""
        goal = self.counted()[kind] + more

        def is_reached():
            assert not self._failures, self._failures
            return self.counted()[kind] >= goal

        wait_until(is_reached, f"{more} more deposits are {kind}; so far {dict(self.counted())}", deadline)

    def check(self):
        """Every acknowledged deposit is in the log exactly once, where its answer said; what nobody knows of at most
        once; what was refused not at all. Gives the outcomes that are unknown although they were recorded."""
        recorded = {}
        for account in self.ACCOUNTS:
            events = self.daybook.gateway.events(account)
            assert [event["version"] for event in events] == list(range(1, len(events) + 1)), "a version is missing"
            for event in events[1:]:
                recorded.setdefault(int(event["amount"].scaleb(2)), []).append((account, event))
            balance = sum(event["amount"] for event in events[1:])
            state = self.daybook.gateway.account(account)
            assert (state["balance"], state["version"]) == (balance, len(events))
        assert all(len(found) == 1 for found in recorded.values()), "a deposit was recorded twice"
        unknown_but_recorded = []
        for outcome in self.outcomes:
            (found,) = recorded.pop(outcome.cents, [None])
            if outcome.kind == "acknowledged":
                assert found, f"lost, though it was acknowledged: {outcome}"
                account, event = found
                assert account == outcome.account
                assert event["version"] == outcome.answer.json["version"]
                assert event["position"] == outcome.answer.position
            elif outcome.kind == "nothing recorded":
                assert not found, f"recorded, though the answer said that nothing was: {outcome}"
            elif found:
                unknown_but_recorded.append(outcome)
        assert not recorded, f"recorded, though nobody sent it: {recorded}"
        return unknown_but_recorded
