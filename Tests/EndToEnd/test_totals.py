"""What all accounts of each currency come to, at one cut of the log."""

import random
import threading
from bisect import bisect_right
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from problems import assert_problem
from raw_log import Ledger
from services import wait_until
from test_time_travel import microseconds, spelled

DIGITS = {"USD": 2, "JPY": 0, "KWD": 3}


def both(daybook):
    return daybook.queries, daybook.gateway


class Model:
    """What a history comes to, counted event by event."""

    def __init__(self):
        self.totals = {}
        # Of each open hold: its currency, its amount, and when it expires in microseconds, or None.
        self.holds = {}
        self.currencies = {}

    def apply(self, account, event_type, data):
        if event_type == "AccountOpened":
            self.currencies[account] = data["currency"]
        totals = self.totals.setdefault(
            self.currencies[account], dict.fromkeys(("accounts", "balance", "deposited", "withdrawn"), Decimal(0))
        )
        amount = Decimal(data.get("amount", data.get("initial_balance", 0)))
        hold = (account, data.get("hold"))

        def move(balance, flow=None):
            totals["balance"] += balance
            if flow:
                totals[flow] += abs(balance)

        match event_type:
            case "AccountOpened":
                totals["accounts"] += 1
                move(amount, "deposited")
            case "MoneyDeposited":
                move(amount, "deposited")
            case "MoneyWithdrawn":
                move(-amount, "withdrawn")
            case "MoneySent":
                move(-amount)
            case "MoneyReceived":
                move(amount)
            case "HoldPlaced":
                expires_at = data.get("expires_at")
                self.holds[hold] = (self.currencies[account], amount, expires_at and microseconds(expires_at))
            case "HoldCaptured":
                del self.holds[hold]
                move(-amount, "withdrawn")
            case "HoldReleased":
                del self.holds[hold]
            case "MovementReversed":
                if data["direction"] == "credit":
                    move(amount, "deposited")
                else:
                    move(-amount, "withdrawn")

    def at(self, time):
        return {
            currency: totals
            | {
                "held": sum(
                    (amount for of, amount, end in self.holds.values() if of == currency and (end is None or end > time)),
                    Decimal(0),
                )
            }
            for currency, totals in sorted(self.totals.items())
        }


def shown(client, query=""):
    answer = client.get(f"/totals{query}")
    assert answer.status == 200, answer
    for totals in answer.json:
        assert totals["deposited"] - totals["withdrawn"] == totals["balance"]
        assert totals["held"] <= totals["balance"]
    return {totals.pop("currency"): totals for totals in answer.json}


def fill(ledger, seed, steps=120):
    """Random events of some accounts in three currencies; gives the model after each append, by its time."""
    chance = random.Random(seed)
    accounts = [(f"t-{number}", chance.choice(list(DIGITS))) for number in range(8)]
    balances, held, movements, models = {}, {}, [], []

    def text(units, currency):
        return str(Decimal(units).scaleb(-DIGITS[currency]))

    for account, currency in accounts:
        balances[account] = chance.randint(0, 5000)
        ledger.open(account, text(balances[account], currency), currency=currency)
    for number in range(steps):
        account, currency = chance.choice(accounts)
        free = balances[account] - sum(units for units, _ in held.get(account, {}).values())
        units = chance.randint(1, 900)
        others = [other for other, of in accounts if of == currency and other != account]
        kind = chance.choice(["deposit", "withdraw", "transfer", "transfer", "hold", "hold", "capture", "release", "reverse"])
        if kind == "deposit":
            time = ledger.deposit(account, text(units, currency))
            balances[account] += units
            movements.append((account, currency, ledger.versions[account], units))
        elif kind == "withdraw" and units <= free:
            ledger.withdraw(account, text(units, currency))
            balances[account] -= units
            movements.append((account, currency, ledger.versions[account], -units))
        elif kind == "transfer" and others and units <= free:
            other = chance.choice(others)
            ledger.transfer(account, other, text(units, currency))
            balances[account] -= units
            balances[other] += units
        elif kind == "hold" and units <= free:
            expires_at = chance.choice([None, number])
            # Some are over while the history goes on, some afterwards.
            details = {"expires_at": spelled(ledger.appends[-1][1] + chance.choice([5_000, 50_000, 10**12]))} if expires_at else {}
            ledger.hold(account, f"h-{number}", text(units, currency), **details)
            held.setdefault(account, {})[f"h-{number}"] = (units, details.get("expires_at"))
        elif kind in ("capture", "release") and held.get(account):
            hold, (amount, _) = chance.choice(list(held[account].items()))
            del held[account][hold]
            if kind == "release":
                ledger.release(account, hold, text(amount, currency))
            else:
                taken = chance.randint(1, amount)
                rest = {"released": text(amount - taken, currency)} if taken < amount else {}
                ledger.capture(account, hold, text(taken, currency), **rest)
                balances[account] -= taken
        elif kind == "reverse" and movements:
            account, currency, version, units = movements.pop(chance.randrange(len(movements)))
            free = balances[account] - sum(units for units, _ in held.get(account, {}).values())
            if units <= free:
                ledger.reverse(account, version, text(abs(units), currency), "debit" if units > 0 else "credit")
                balances[account] -= units


@pytest.fixture(scope="module", params=[1, 2], ids=lambda seed: f"seed {seed}")
def ledger(request, module_services):
    daybook = module_services(QUERY_HISTORY_EVENTS=5)
    ledger = Ledger(daybook)
    fill(ledger, request.param)
    daybook.wait_until_caught_up()
    return ledger


def model_of(ledger, time):
    model = Model()
    for _, recorded_at, events in ledger.appends:
        if recorded_at > time:
            break
        for account, event_type, data, *_ in events:
            model.apply(account, event_type, data)
    return model.at(time)


def test_at_every_cut_they_are_what_the_history_comes_to(ledger):
    chance = random.Random(3)
    times = [recorded_at for _, recorded_at, _ in ledger.appends]
    moments = sorted({moment for time in times for moment in (time - 1, time, time + 1)} | {times[-1] + 10**6})
    for moment in [moments[0], moments[-1], *chance.sample(moments, 40)]:
        client = chance.choice(both(ledger.daybook))
        assert shown(client, f"?at={spelled(moment)}") == model_of(ledger, moment)


def test_the_newest_ones(ledger):
    # None of the holds that are still open then expires before long.
    later = ledger.appends[-1][1] + 10**7
    wait_until(lambda: shown(ledger.daybook.queries) == model_of(ledger, later), "all short holds have expired", 60)
    assert shown(ledger.daybook.gateway) == model_of(ledger, later)


@pytest.mark.parametrize("ended", ["killed", "stopped"])
def test_after_a_restart_they_are_the_same(ledger, ended):
    query = ledger.daybook.query
    before = shown(ledger.daybook.queries)
    if ended == "killed":
        query.kill()
    else:
        assert query.stop() == 0
    query.start()
    assert shown(ledger.daybook.queries) == before
    rebuilt = ledger.daybook.queries.request("POST", "/projections/accounts/rebuild").json
    assert rebuilt["digest"] == rebuilt["replaced_digest"]
    assert shown(ledger.daybook.queries) == before


def test_before_the_first_account_there_are_none(ledger):
    assert shown(ledger.daybook.queries, "?at=1970-01-01T00:00:00Z") == {}


def test_amounts_as_strings(ledger):
    answer = ledger.daybook.gateway.get("/totals", {"Accept": "application/json;amounts=string"})
    assert all(isinstance(totals["balance"], str) for totals in answer.json)
    assert answer.headers["Content-Type"] == "application/json;amounts=string"


def test_what_cannot_be_understood_is_400(ledger):
    for client in both(ledger.daybook):
        for query in ("at=now", "currency=USD", "at=2026-01-02", "version=1"):
            assert_problem(client.get(f"/totals?{query}"), 400, "invalid-parameter")
        assert_problem(client.get(f"/totals?min_position={10**9}&wait=50ms"), 503, "not-caught-up")


def test_sums_may_have_more_digits_than_an_amount(start_daybook):
    daybook = start_daybook()
    for number in range(12):
        daybook.gateway.open(f"rich-{number}", "9999999999999.99")
    daybook.wait_until_caught_up()
    assert shown(daybook.gateway)["USD"]["balance"] == Decimal("119999999999999.88")


def test_they_never_show_half_a_transfer(start_daybook):
    daybook = start_daybook()
    ledger = Ledger(daybook)
    accounts = [f"m-{number}" for number in range(6)]
    for account in accounts:
        ledger.open(account, "1000.00")
    # They were appended past the gateway: the query service has them a moment later.
    daybook.wait_until_caught_up()
    expected = {
        "accounts": 6, "balance": Decimal("6000.00"), "held": 0, "deposited": Decimal("6000.00"), "withdrawn": 0,
    }  # fmt: skip
    chance = random.Random(4)

    has_looked = threading.Event()

    def write():
        transfers = 0
        while transfers < 400 or not has_looked.is_set():
            ledger.transfer(*chance.sample(accounts, 2), "0.01")
            transfers += 1

    looks = 0
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            while not writing.done():
                assert shown(daybook.queries) == {"USD": expected}
                looks += 1
                if looks > 10:
                    has_looked.set()
        finally:
            has_looked.set()
        writing.result()
    daybook.wait_until_caught_up()
    times = [recorded_at for _, recorded_at, _ in ledger.appends[6:]]
    for time in chance.sample(times, 10):
        assert bisect_right(times, time) > 0
        assert shown(daybook.queries, f"?at={spelled(time)}") == {"USD": expected}
