"""Accounts that everybody uses at once, through two gateways: every command is answered, and no money comes or goes."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from bank import Bank, done
from gateways import at_once, second_gateway

# Far beyond what a loaded machine needs: who waits longer is starved.
PATIENCE = 240
CLIENTS = 64


@pytest.fixture
def banks(daybook):
    with second_gateway(daybook) as other:
        yield [Bank(daybook.gateway), Bank(other)]


def in_both_directions(bank, accounts, number, count):
    """Transfers of one client, one after the other; gives the answers' statuses."""
    pair = accounts if number % 2 else accounts[::-1]
    return [bank.transfer(*pair, "1.00", reference=f"{number}-{n}").status for n in range(count)]


def in_bulk(bank, accounts, number, count):
    """The same in one request."""
    sender, receiver = accounts if number % 2 else accounts[::-1]
    lines = ({"account": sender, "type": "Transfer", "to": receiver, "amount": 1} for _ in range(count))
    return [line["status"] for line in bank.bulk(*lines, timeout=PATIENCE)]


@pytest.mark.parametrize("ways", [[in_both_directions], [in_bulk], [in_both_directions, in_bulk]])
def test_two_accounts_that_send_to_each_other_starve_nobody(daybook, banks, ways):
    accounts = [banks[0].account("100000.00"), banks[0].account("100000.00")]
    count = 6
    with ThreadPoolExecutor(2 * CLIENTS) as pool:
        # Of each gateway as many clients send in one direction as in the other.
        futures = [
            pool.submit(ways[number // 2 % len(ways)], bank, accounts, number, count)
            for bank in banks
            for number in range(CLIENTS)
        ]
        told = [future.result(PATIENCE) for future in futures]
    assert told == [[200] * count] * (2 * CLIENTS), Counter(status for one in told for status in one)
    # What the other gateway answered is seen through this one a little later.
    daybook.wait_until_caught_up(PATIENCE)
    check_both_ends(banks[0], accounts, 2 * CLIENTS * count)


def check_both_ends(bank, accounts, transfers):
    """As many transfers as there were, whole, with one id for both sides, and all the money."""
    assert [bank.gateway.account(account)["version"] for account in accounts] == [1 + transfers] * 2
    histories = [bank.gateway.events(account)[1:] for account in accounts]
    for history in histories:
        assert Counter(event["type"] for event in history) == {
            "MoneySent": transfers // 2, "MoneyReceived": transfers // 2
        }  # fmt: skip
    ids = [Counter((event["transfer"], event["type"]) for event in history) for history in histories]
    opposite = {"MoneySent": "MoneyReceived", "MoneyReceived": "MoneySent"}
    assert ids[0] == Counter((transfer, opposite[type]) for transfer, type in ids[1].elements())
    assert len({transfer for transfer, _ in ids[0]}) == transfers
    assert [bank.gateway.account(account)["balance"] for account in accounts] == [100000, 100000]


def test_two_accounts_that_are_nearly_empty_are_refused_truly(daybook, banks):
    """What one has, the other lacks: refusals race with the transfers that would have made them wrong."""
    accounts = [banks[0].account("3.00"), banks[0].account("0.00")]

    def send(bank, number):
        pair = accounts if number % 2 else accounts[::-1]
        answers = [bank.transfer(*pair, "1.00") for _ in range(6)]
        for answer in answers:
            assert answer.status in (200, 400), answer
            if answer.status == 400:
                assert (answer.json["type"], answer.json["available"]) == ("/problems/insufficient-funds", 0), answer
        return Counter(answer.status for answer in answers)

    calls = [lambda b=b, n=n: send(b, n) for b in banks for n in range(CLIENTS // 2)]
    told = sum(at_once(calls), Counter())
    assert told.total() == 6 * CLIENTS
    daybook.wait_until_caught_up(PATIENCE)
    histories = [banks[0].gateway.events(account)[1:] for account in accounts]
    assert sum(event["type"] == "MoneySent" for history in histories for event in history) == told[200]
    balances = [3, 0]
    for event in sorted((e | {"on": n} for n, history in enumerate(histories) for e in history), key=position):
        balances[event["on"]] += event["amount"] * (1 if event["type"] == "MoneyReceived" else -1)
        assert balances[event["on"]] >= 0, event
    assert balances == [banks[0].gateway.account(account)["balance"] for account in accounts]
    assert sum(balances) == 3


def position(event):
    return event["position"]


@pytest.mark.parametrize("is_bulk", [False, True], ids=["one by one", "in bulk"])
def test_one_account_is_credited_a_thousand_times_at_once(daybook, banks, is_bulk):
    """eventflow/EventFlow#555: an account that was credited a thousand times met concurrency exceptions."""
    account = banks[0].account("0.00")
    if is_bulk:
        lines = [{"account": account, "type": "Deposit", "amount": "0.01"}] * 500
        told = at_once([lambda b=b: [one["status"] for one in b.bulk(*lines, timeout=PATIENCE)] for b in banks])
        assert told == [[200] * 500] * 2
        count = 1000
    else:
        each = 1000 // (2 * CLIENTS) + 1

        def credit(bank):
            for _ in range(each):
                done(bank.deposit(account, "0.01"))

        at_once([lambda b=b: credit(b) for b in banks * CLIENTS])
        count = each * 2 * CLIENTS
    daybook.wait_until_caught_up(PATIENCE)
    state = banks[0].gateway.account(account)
    assert (state["version"], state["balance"] * 100) == (1 + count, count)
    assert len(banks[0].gateway.events(account)) == state["version"]


def test_many_accounts_pay_into_one_and_out_of_it(daybook, banks):
    """A receiver that all senders share, which pays back at the same time, single and in bulk."""
    hub = banks[0].account("10000.00")
    others = [banks[0].account("100.00") for _ in range(CLIENTS)]

    def pay_in(bank, account):
        return [bank.transfer(account, hub, "2.00").status for _ in range(4)]

    def pay_out(bank):
        lines = ({"account": hub, "type": "Transfer", "to": account, "amount": 1} for account in others)
        return [line["status"] for line in bank.bulk(*lines, timeout=PATIENCE)]

    calls = [lambda a=a, n=n: pay_in(banks[n % 2], a) for n, a in enumerate(others)]
    calls += [lambda b=b: pay_out(b) for b in banks * 2]
    statuses = [status for told in at_once(calls) for status in told]
    assert Counter(statuses) == {200: 4 * CLIENTS + 4 * CLIENTS}
    daybook.wait_until_caught_up(PATIENCE)
    assert banks[0].gateway.account(hub)["balance"] == 10000 + 8 * CLIENTS - 4 * CLIENTS
    assert {banks[0].gateway.account(account)["balance"] for account in others} == {100 - 8 + 4}
