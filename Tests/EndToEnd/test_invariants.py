"""The invariants of the architecture that can be seen from outside, by their numbers."""

import json
import random
import re
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

import store
from client import Client, NoAnswer, exchange, responses
from load import Load
from services import BY_DEFAULT, STOP_DEADLINE, wait_until
from timing import within

# ---- I1: an event is acknowledged only when it is durable


class FlushTrace:
    """Watches, through strace, the flushes of some processes while the context lasts; then `flushes` has, of each that
    succeeded, the path, and the times of its beginning and its end."""

    BEGINNING = re.compile(r"^(\d+) +([\d.]+) f(?:data)?sync\(\d+<([^>]*)>(.*)$")
    RESUMED = re.compile(r"^(\d+) +([\d.]+) <\.\.\. f(?:data)?sync resumed>(.*)$")
    SUCCESS = re.compile(r"\) += 0 <([\d.]+)>$")

    def __init__(self, pids, folder):
        self.pids = pids
        self.file = folder / "strace"

    def __enter__(self):
        self.process = subprocess.Popen(
            ["strace", "-f", "-y", "-ttt", "-T", "-e", "trace=fsync,fdatasync", "-o", self.file,
             *(f"--attach={pid}" for pid in self.pids)],
            stderr=subprocess.PIPE,
        )  # fmt: skip

        def is_watching():
            assert self.process.poll() is None, self.process.stderr.read().decode()
            status = subprocess.run(
                ["grep", "-h", "^TracerPid", "-r", *(f"/proc/{pid}/task" for pid in self.pids), "--include=status"],
                capture_output=True, text=True, check=False,
            ).stdout.split("\n")  # fmt: skip
            return all(line.split()[1] != "0" for line in status if line)

        wait_until(is_watching, "strace watches every thread of the processes")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
        self.process.stderr.close()
        self.flushes, begun = [], {}
        for line in self.file.read_text().splitlines():
            if found := self.BEGINNING.match(line):
                thread, start, path, rest = found.groups()
                begun[thread] = (path, float(start))
            elif found := self.RESUMED.match(line):
                thread, _, rest = found.groups()
            else:
                continue
            if success := self.SUCCESS.search(rest):
                path, start = begun.pop(thread)
                self.flushes.append((path, start, start + float(success.group(1))))


def test_i1_every_command_is_flushed_before_it_is_answered(daybook, tmp_path):
    daybook.gateway.open("i1", 0)
    times = []
    if store.is_database(daybook.database):
        # Who flushes is the server: the process that the log is connected with, or another on its behalf.
        pids, where = daybook.database.server.children, "/pg_wal/"
    else:
        pids, where = [daybook.event_log.pid], str(daybook.database)
    with FlushTrace(pids, tmp_path) as trace:
        for _ in range(100):
            sent = time.time()
            assert daybook.gateway.deposit("i1", "0.01").status == 200
            times.append((sent, time.time()))
    flushes = [flush for flush in trace.flushes if where in flush[0]]
    print(f"{len(times)} commands one after another, {len(flushes)} flushes of the store's files")
    assert len(flushes) >= len(times)
    for sent, answered in times:
        assert any(sent <= start and end <= answered for _, start, end in flushes), (
            "a command was answered without a flush between its sending and its answer"
        )


def test_i1_commands_that_come_at_once_share_flushes(daybook):
    clients, each = 64, 50
    for number in range(clients):
        daybook.gateway.open(f"i1-{number}", 0)
    body = b'{"type":"Deposit","amount":1}'

    def run(number):
        # All at once, so that every connection has its next command ready as soon as one is answered, and the test
        # itself is not what limits how many wait for a flush.
        head = b"POST /accounts/i1-%d HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" % number
        head += b"Content-Length: %d\r\n" % len(body)
        request = head + b"\r\n" + body
        last = head + b"Connection: close\r\n\r\n" + body
        return responses(exchange(daybook.command.port, request * (each - 1) + last))

    before = daybook.event_log.figures()
    with ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(run, range(clients)))
    after = daybook.event_log.figures()
    for answered in answers:
        assert [answer.json["version"] for answer in answered] == list(range(2, each + 2))
    requests, batches = (after[name] - before[name] for name in ("requests", "batches"))
    print(f"{clients} clients at once: {requests} commands in {batches} flushes, {requests / batches:.1f} a flush")
    assert requests == clients * each
    assert requests / batches > 4, "64 clients wait at once, and yet hardly any share a flush"


# ---- I2, I3: positions and versions


def test_i2_i3_positions_and_versions_have_no_gaps_and_no_repeats(start_daybook):
    daybook = start_daybook()
    accounts = [f"i3-{number}" for number in range(12)]

    def run(seed):
        client = Client(daybook.command.port)
        chance = random.Random(seed)
        statuses = set()
        for _ in range(100):
            account = chance.choice(accounts)
            statuses.add(client.post(account, {"type": "OpenAccount", "owner": "A", "initial_balance": 5}).status)
            statuses.add(client.deposit(account, chance.randint(1, 9)).status)
            statuses.add(client.withdraw(account, chance.randint(1, 9)).status)
        client.close()
        return statuses

    with ThreadPoolExecutor(8) as pool:
        assert set().union(*pool.map(run, range(8))) <= {200, 201, 400, 409}

    log_id, records = store.read(daybook.database)
    store.check_order(records)
    assert len(records) == daybook.event_log.figures()["position"] > 800

    # What clients are shown is that very history.
    by_stream = {}
    for record in records:
        by_stream.setdefault(record.stream.decode(), []).append(record)
    assert set(by_stream) == set(accounts)
    for account in accounts:
        shown = daybook.gateway.events(account)
        assert [(event["position"], event["version"], event["type"]) for event in shown] == [
            (record.position, record.version, record.type.decode()) for record in by_stream[account]
        ]
    # Published in order and without losses, there was nothing for the query service to repair.
    figures = daybook.query.figures()
    assert (figures["gaps_repaired"], figures["malformed_messages"]) == (0, 0)


# ---- I5, I6: the state is the fold of the events; money is exact and conserved

DIGITS = {"USD": 2, "JPY": 0, "KWD": 3}
LARGEST = 10**15 - 1


def minor(amount, currency):
    """An amount as a whole number of the currency's smallest units; fails where it has more digits."""
    units = Decimal(amount).scaleb(DIGITS[currency])
    assert units == int(units)
    return int(units)


class Model:
    """What an account must do, in whole numbers and nothing else."""

    def __init__(self, chance):
        self.chance = chance
        self.currency = chance.choice(list(DIGITS))
        self.states = []  # The balance at each version.

    def amount(self, units):
        """The amount in any of the forms in which it may be written."""
        digits = DIGITS[self.currency]
        value = Decimal(units).scaleb(-digits)
        plain = f"{value:.{digits}f}"
        return self.chance.choice([plain, f'"{plain}"', f"{units}e-{digits}", f'"{units}E-{digits}"'])

    def next(self):
        """A command, and the status and the problem's name that must come back."""
        kind = self.chance.choices(["OpenAccount", "Deposit", "Withdraw"], [1, 6, 6])[0]
        balance = self.states[-1] if self.states else None
        if kind == "OpenAccount":
            units = self.chance.choice([0, 1, self.chance.randint(0, 10**6), LARGEST])
            body = (
                f'{{"type":"OpenAccount","owner":"A","currency":"{self.currency}",'
                f'"initial_balance":{self.amount(units)}}}'
            )
            if balance is not None:
                return body, 409, "account-already-open"
            self.states.append(units)
            return body, 201, None
        largest = max(balance or 0, 1)
        some = self.chance.randint(1, 10**6)
        units = self.chance.choice([1, some, self.chance.randint(1, largest), largest, largest + 1])
        body = f'{{"type":"{kind}","amount":{self.amount(units)}}}'
        if balance is None:
            # Whether the amount fits is for the account to say, and there is none.
            return (body, 404, "account-not-found") if units <= LARGEST else self.next()
        after = balance + (units if kind == "Deposit" else -units)
        if units > LARGEST or after > LARGEST:
            return body, 400, "amount-out-of-range"
        if after < 0:
            return body, 400, "insufficient-funds"
        self.states.append(after)
        return body, 200, None


def fold(events):
    """The balances at every version, from the events alone."""
    currency, balance, states = None, None, []
    for event in events:
        if event["type"] == "AccountOpened":
            assert currency is None
            currency = event["currency"]
            balance = minor(event["initial_balance"], currency)
        elif event["type"] == "MoneyDeposited":
            balance += minor(event["amount"], currency)
        else:
            assert event["type"] == "MoneyWithdrawn"
            balance -= minor(event["amount"], currency)
        states.append(balance)
    return states


@pytest.mark.parametrize("cache", ["200000", "1"], ids=["cached", "hardly cached"])
def test_i5_i6_random_commands_do_what_a_model_does(start_daybook, cache):
    # With room for one account in memory, nearly every command finds its account by reading the log.
    daybook = start_daybook(COMMAND_CACHE_ACCOUNTS=cache)
    seed = random.randrange(10**9)
    print(f"seed {seed}")

    def run(number):
        chance = random.Random(f"{seed}/{number}")
        client = Client(daybook.command.port)
        models = {f"i5-{number}-{index}": Model(chance) for index in range(3)}

        def assert_as_modelled(state, model):
            balance = minor(state["balance"], model.currency)
            assert (balance, state["version"]) == (model.states[-1], len(model.states))

        for _ in range(120):
            account = chance.choice(list(models))
            model = models[account]
            body, status, problem = model.next()
            answer = client.post(account, body)
            assert answer.status == status, (account, body, model.states[-3:], answer)
            if problem:
                assert answer.json["type"] == f"/problems/{problem}", (account, body, answer)
            else:
                assert_as_modelled(answer.json, model)
                assert answer.json["currency"] == model.currency
            if problem == "insufficient-funds":
                available, requested, shortfall = (
                    minor(answer.json[name], model.currency) for name in ("available", "requested", "shortfall")
                )
                assert available == model.states[-1]
                assert shortfall == requested - available > 0
            # A refused command, like an obeyed one, is followed by a query that shows exactly the model.
            if chance.random() < 0.2 and model.states:
                assert_as_modelled(client.account(account), model)
        client.close()
        return models

    with ThreadPoolExecutor(6) as pool:
        models = {account: model for found in pool.map(run, range(6)) for account, model in found.items()}

    def check():
        for account, model in models.items():
            if not model.states:
                assert daybook.gateway.get(f"/accounts/{account}").status == 404
                continue
            states = fold(daybook.gateway.events(account))
            assert states == model.states, account
            assert all(0 <= balance <= LARGEST for balance in states)
            state = daybook.gateway.account(account)
            assert (minor(state["balance"], model.currency), state["version"]) == (states[-1], len(states))
        head = daybook.event_log.figures()["position"]
        assert head == sum(len(model.states) for model in models.values()), "a refused command was recorded"

    check()
    # The same state, reached by replaying the log from its beginning.
    daybook.kill()
    daybook.start()
    check()
    # And the gateway, which holds nothing any more, decides on it too.
    for account, model in models.items():
        if model.states and model.states[-1] < LARGEST:
            too_much = model.amount(model.states[-1] + 1)
            answer = daybook.gateway.post(account, f'{{"type":"Withdraw","amount":{too_much}}}')
            assert minor(answer.json["available"], model.currency) == model.states[-1], answer
    check()


def test_i5_i6_money_is_conserved_where_many_use_the_same_accounts(start_daybook):
    daybook = start_daybook()
    accounts = [f"i6-{number}" for number in range(3)]
    for account in accounts:
        daybook.gateway.open(account, "10.00")

    def run(seed):
        client = Client(daybook.command.port)
        chance = random.Random(seed)
        answers = []
        for _ in range(120):
            account, cents = chance.choice(accounts), chance.randint(1, 1500)
            kind = chance.choice(["Deposit", "Withdraw", "Withdraw"])
            answer = client.post(account, {"type": kind, "amount": f"{cents // 100}.{cents % 100:02}"})
            answers.append((account, cents if kind == "Deposit" else -cents, answer))
        client.close()
        return answers

    with ThreadPoolExecutor(8) as pool:
        answers = sum(pool.map(run, range(8)), [])

    obeyed = [entry for entry in answers if entry[2].status == 200]
    refused = [entry for entry in answers if entry[2].status != 200]
    assert len(obeyed) > 100 and len(refused) > 100, "a test without obeyed and refused commands tests nothing"
    assert {answer.json["type"] for _, _, answer in refused} == {"/problems/insufficient-funds"}

    balances = {}
    for account in accounts:
        states = fold(daybook.gateway.events(account))
        assert min(states) >= 0
        for other, cents, answer in obeyed:
            if other == account:
                # Every answer shows the state at its own version, which is the one that the events make.
                version = answer.json["version"]
                assert minor(answer.json["balance"], "USD") == states[version - 1]
                assert cents == states[version - 1] - states[version - 2]
        # A refusal shows a balance that the account really had, and that was too small.
        for other, cents, answer in refused:
            if other == account:
                available = minor(answer.json["available"], "USD")
                assert available in states and available < -cents
        balances[account] = minor(daybook.gateway.account(account)["balance"], "USD")
        assert balances[account] == states[-1]

    assert sum(balances.values()) == 3 * 1000 + sum(cents for _, cents, _ in obeyed)
    head = daybook.event_log.figures()["position"]
    assert head == len(accounts) + len(obeyed), "a refused command was recorded"
    assert len({answer.position for _, _, answer in obeyed}) == len(obeyed), "two answers share a position"


# ---- I8: stopping, crashing and starting, in any order, at any moment


# What deposits come to while a service is missing. That of queries is in nobody's way.
WITHOUT = {"event_log": ("nothing recorded", 5), "command": ("nothing recorded", 5), "query": ("acknowledged", 20)}


@pytest.mark.parametrize("victim", ["event_log", "command", "query"])
def test_i8_nothing_is_lost_where_one_service_is_killed(start_daybook, victim):
    daybook = start_daybook(**BY_DEFAULT)
    service = getattr(daybook, victim)
    with Load(daybook) as load:
        for _ in range(3):
            load.wait_for("acknowledged", 50)
            service.kill()
            load.wait_for(*WITHOUT[victim])
            service.start()
            load.wait_for("acknowledged", 50)
    daybook.wait_until_caught_up()
    load.check()
    log_id, records = store.read(daybook.database)
    store.check_order(records)
    store.check_chain(log_id, records)
    print(dict(load.counted()))


ORDERS = ["event_log command query", "event_log query command", "command event_log query",
          "command query event_log", "query event_log command", "query command event_log"]  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
def test_i8_nothing_is_lost_where_all_are_killed_and_started_in_this_order(start_daybook, order):
    daybook = start_daybook(**BY_DEFAULT)
    with Load(daybook) as load:
        for _ in range(2):
            load.wait_for("acknowledged", 100)
            daybook.kill()
            for name in order.split():
                # Each is up, as far as it can be without the others, before the next one starts.
                service = getattr(daybook, name)
                service.start(wait=False)
                wait_until(lambda: service.health("/livez") == 200, f"{name} lives")
            load.wait_for("acknowledged", 50)
        for service in daybook.services:
            service.wait_until_ready()
    daybook.wait_until_caught_up()
    load.check()
    log_id, records = store.read(daybook.database)
    store.check_order(records)
    store.check_chain(log_id, records)
    print(dict(load.counted()))


def check_stopped(service, code):
    assert code == 0, f"{service.program} ended with {code}:\n{service.output[-3000:]}"


@within(STOP_DEADLINE)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("victim", ["event_log", "command", "query"])
def test_i8_a_service_that_is_asked_to_stop_under_load_finishes_what_it_accepted(start_daybook, victim, number, limit):
    daybook = start_daybook()
    service = getattr(daybook, victim)
    with Load(daybook) as load:
        for _ in range(2):
            load.wait_for("acknowledged", 50)
            check_stopped(service, service.stop(number, limit))
            load.wait_for(*WITHOUT[victim])
            service.start()
            load.wait_for("acknowledged", 50)
    daybook.wait_until_caught_up()
    unanswered = load.check()
    # Other than one that is killed: what it had taken on, it also answered.
    assert not unanswered, f"recorded but not acknowledged: {unanswered}"


@within(STOP_DEADLINE)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_i8_all_services_stop_at_once_under_load(start_daybook, number, limit):
    daybook = start_daybook(**BY_DEFAULT)
    with Load(daybook) as load:
        load.wait_for("acknowledged", 100)
        # As a process runner does it: all at once, in no particular order.
        for service in daybook.services:
            service.send(number)
        begun = time.monotonic()
        for service in daybook.services:
            check_stopped(service, service.wait_for_end(max(0.01, begun + limit - time.monotonic())))
        daybook.start()
        load.wait_for("acknowledged", 50)
    daybook.wait_until_caught_up()
    load.check()


@within(STOP_DEADLINE)
def test_i8_services_that_have_nothing_to_do_stop_at_once(start_daybook, limit):
    daybook = start_daybook()
    # Connections that are open but idle, and one that waits for an answer that does not come, keep nobody.
    idle = [service.client.get("/livez") for service in daybook.services]
    waiting = threading.Thread(target=lambda: exchange(
        daybook.query.port, b"GET /accounts?min_position=99&wait=60s HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ))  # fmt: skip
    waiting.start()
    for service in (daybook.event_log, daybook.command, daybook.query):
        check_stopped(service, service.stop(deadline=limit))
    waiting.join(60)
    assert not waiting.is_alive() and len(idle) == 3


@within(STOP_DEADLINE)
def test_i8_services_that_wait_for_the_log_stop_as_well(start_daybook, limit):
    daybook = start_daybook(start=False)
    for service in (daybook.command, daybook.query):
        service.start(wait=False)
        wait_until(lambda: service.health("/livez") == 200, f"{service.program} lives")
    for service in (daybook.command, daybook.query):
        check_stopped(service, service.stop(deadline=limit))


@within(STOP_DEADLINE)
def test_i8_a_gateway_that_waits_for_a_frozen_log_stops_as_well(start_daybook, limit):
    daybook = start_daybook()
    daybook.gateway.open("i8", 0)
    daybook.event_log.freeze()
    answers = []

    def deposit():
        try:
            answers.append(Client(daybook.command.port).deposit("i8", 1))
        except NoAnswer as error:
            # A service that stops may break off what it cannot finish in time.
            answers.append(error)

    waiting = threading.Thread(target=deposit)
    waiting.start()
    wait_until(lambda: daybook.command.figures()["commands_in_progress"] == 1, "it is accepted")
    assert waiting.is_alive(), answers
    check_stopped(daybook.command, daybook.command.stop(deadline=limit))
    waiting.join(60)
    assert not waiting.is_alive()


# ---- I10: history never changes unseen


def test_i10_the_hash_chain_follows_from_the_records(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("i10", "1000.00", owner='Zoë "Z" \\ \n 🏦')
    with Load(daybook, threads=4) as load:
        load.wait_for("acknowledged", 200)
        # Read while it is written: neither is in the other's way.
        store.check_chain(*store.read(daybook.database))
        load.wait_for("acknowledged", 50)
    log_id, records = store.read(daybook.database)
    head = store.check_chain(log_id, records)
    figures = daybook.event_log.figures()
    assert (figures["hash"], figures["position"]) == (head.hex(), len(records))
    assert figures["log"].replace("-", "") == log_id.hex()
    for record in records:
        # Money is a decimal string with the currency's digits.
        data = json.loads(record.data)
        (amount,) = [data[name] for name in ("amount", "initial_balance") if name in data]
        assert re.fullmatch(r"\d+\.\d\d", amount), record
        assert (record.metadata == b"" or isinstance(json.loads(record.metadata), dict)) and record.schema_version >= 1

    # The chain is a proof only if every change breaks it.
    middle = len(records) // 2
    before, (one, other), after = records[:middle], records[middle : middle + 2], records[middle + 2 :]
    for altered in (
        before + [other] + after,
        before + [other, one] + after,
        before + [one, one, other] + after,
        before + [one._replace(data=b'{"amount":"9.99"}'), other] + after,
        before + [one._replace(recorded_at=one.recorded_at + 1), other] + after,
    ):
        with pytest.raises(AssertionError, match="the chain breaks"):
            store.check_chain(log_id, altered)


def test_i10_the_chain_goes_on_over_restarts(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("i10", 0)
    identity = daybook.event_log.figures()["log"]
    for number in range(3):
        assert daybook.gateway.insist("i10", {"type": "Deposit", "amount": 1}).status == 200
        daybook.event_log.kill() if number % 2 else daybook.event_log.stop()
        daybook.event_log.start()
        daybook.command.wait_until_ready()
        assert daybook.event_log.figures()["log"] == identity
    log_id, records = store.read(daybook.database)
    store.check_chain(log_id, records)
    store.check_order(records)
    assert len(records) == 4


@pytest.mark.sqlite_only("what PostgreSQL's own tool reads is in test_postgresql.py")
def test_i10_the_sqlite_tool_reads_the_history(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("i10", "0.10")
    daybook.gateway.deposit("i10", "500")
    found = subprocess.run(
        ["sqlite3", "-readonly", daybook.database,
         "SELECT stream, version, type, json_extract(data, '$.amount') FROM events WHERE type = 'MoneyDeposited'"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert found.stdout == "i10|2|MoneyDeposited|500.00\n"


def test_i10_a_log_whose_end_was_altered_is_not_opened(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("i10", "1.00")
    daybook.gateway.deposit("i10", "2.00")
    daybook.kill()
    store.change_event(daybook.database, 2, data='{"amount":"9.00"}')
    daybook.event_log.start(wait=False)
    assert daybook.event_log.wait_for_end() != 0
    last = daybook.event_log.output.strip().splitlines()[-1]
    assert last.startswith("event-log-service: ") and "2" in last and "hash" in last, last
