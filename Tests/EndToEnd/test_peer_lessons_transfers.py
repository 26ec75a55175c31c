"""What went wrong with transfers, keys and bulk requests elsewhere does not go wrong here. Each test names the public
report that it comes of."""

import pytest
from bank import Bank, done, refused
from gateways import at_once, second_gateway


@pytest.fixture
def bank(daybook):
    return Bank(daybook.gateway)


def movements(bank, account):
    """What changed the balance after the opening: signed."""
    signs = {"MoneySent": -1, "MoneyWithdrawn": -1, "MoneyReceived": 1, "MoneyDeposited": 1}
    return [signs[event["type"]] * event["amount"] for event in bank.gateway.events(account)[1:]]


# ---- both or neither


def test_the_receiver_has_the_money_when_the_sender_is_told(bank):
    """mojaloop/project#4232: a transfer was registered as successful, but the beneficiary was not credited."""
    sender, receiver = bank.account("100.00"), bank.account("0.00")
    answer = bank.transfer(sender, receiver, "40.00", reference="invoice 7")
    after = done(answer)
    sent, received = bank.gateway.events(sender)[-1], bank.gateway.events(receiver)[-1]
    assert after["transfer"] == sent["transfer"] == received["transfer"]
    assert (sent["type"], sent["to"], received["type"], received["from"]) == (
        "MoneySent", receiver, "MoneyReceived", sender
    )  # fmt: skip
    assert sent["reference"] == received["reference"] == "invoice 7"
    assert sent["time"] == received["time"]
    # One append: side by side in the log, and the answer's position is that of the last.
    assert (sent["position"] + 1, answer.position) == (received["position"], received["position"])


def test_one_account_goes_down_as_the_other_goes_up(bank):
    """mvarnagiris/financius#190: after transfers, both accounts had increased."""
    sender, receiver = bank.account("100.00"), bank.account("0.00")
    before = bank.totals()["USD"]["balance"]
    done(bank.transfer(sender, receiver, "40.00"))
    assert (bank.figures(sender)[0], bank.figures(receiver)[0]) == (60, 40)
    assert bank.totals()["USD"]["balance"] == before


def test_nobody_sends_to_the_same_account(bank):
    """uniqys/UniqysKit#16: a transfer from an account to itself increased its balance."""
    account = bank.account("100.00")
    refused(bank.transfer(account, account, "40.00"), 400, "same-account")
    state = bank.gateway.account(account)
    assert (state["balance"], state["version"]) == (100, 1)


def test_a_transfer_between_two_currencies_is_refused(bank):
    """blnkfinance/blnk#55: a hold between two currencies moved balances, but no transaction was recorded."""
    sender, receiver = bank.account("100.00"), bank.account("0.00", currency="EUR")
    refused(bank.transfer(sender, receiver, "40.00"), 400, "currency-mismatch")
    done(bank.hold(sender, "h", "40.00"))
    refused(bank.capture(sender, "h", to=receiver), 400, "currency-mismatch")
    assert (bank.figures(sender), bank.figures(receiver)) == ((100, 40, 60), (0, 0, 0))


def test_a_transfer_to_nobody_moves_nothing(bank):
    """twg/qa-entaxy#1025: money was debited from the sender, but not credited to the beneficiary."""
    sender = bank.account("100.00")
    refused(bank.transfer(sender, "nobody-at-all", "40.00"), 404, "account-not-found", account="nobody-at-all")
    refused(bank.transfer("nobody-at-all", sender, "40.00"), 404, "account-not-found", account="nobody-at-all")
    state = bank.gateway.account(sender)
    assert (state["balance"], state["version"]) == (100, 1)


def test_the_answer_shows_the_balance_after_the_transfer(bank):
    """tigerbeetle/tigerbeetle#27: who sends a transfer wants to be told the balance after it."""
    sender, receiver = bank.account("100.00", overdraft="5.00"), bank.account("0.00")
    done(bank.hold(sender, "h", "10.00"))
    after = done(bank.transfer(sender, receiver, "40.00"))
    assert (after["id"], after["balance"], after["held"], after["available"]) == (sender, 60, 10, 55)


# ---- at the same time


def test_transfers_in_both_directions_at_once_all_end(bank, daybook):
    """interledger-deprecated/five-bells-ledger#323: two transfers at the same time ended in "deadlock detected"."""
    one, two = bank.account("1000.00"), bank.account("1000.00")
    with second_gateway(daybook) as other:
        banks = [bank, Bank(other)]
        calls = [
            lambda b=b, pair=pair: b.transfer(*pair, "3.00") for b in banks for pair in ((one, two), (two, one))
        ] * 8  # fmt: skip
        answers = at_once(calls)
    assert [answer.status for answer in answers] == [200] * 32, answers
    daybook.wait_until_caught_up(60)
    assert (bank.figures(one)[0], bank.figures(two)[0]) == (1000, 1000)
    assert len({answer.json["transfer"] for answer in answers}) == 32


def test_transfers_at_once_are_not_refused_for_lack_of_money_that_is_there(bank):
    """interledger-deprecated/five-bells-ledger#402: concurrent transfers failed with "insufficient funds" in spite of
    enough money."""
    receiver = bank.account("0.00")
    senders = [bank.account("10.00") for _ in range(24)]
    answers = at_once([lambda s=s: bank.transfer(s, receiver, "10.00") for s in senders])
    assert [answer.status for answer in answers] == [200] * 24, answers
    assert bank.figures(receiver)[0] == 240


def test_what_is_sent_at_once_never_exceeds_what_is_there(bank, daybook):
    """envato/double_entry#114: a balance that had to be positive became negative by concurrent calls."""
    sender, receiver = bank.account("50.00"), bank.account("0.00")
    with second_gateway(daybook) as other:
        banks = [bank, Bank(other)]
        answers = at_once([lambda b=b: b.transfer(sender, receiver, "7.00") for b in banks * 16])
    assert sorted(answer.status for answer in answers) == [200] * 7 + [400] * 25
    for answer in answers:
        if answer.status == 400:
            refused(answer, 400, "insufficient-funds", available=1, requested=7)
    daybook.wait_until_caught_up(60)
    assert (bank.figures(sender)[0], bank.figures(receiver)[0]) == (1, 49)


def test_two_commands_never_make_the_same_version(bank, daybook):
    """eventflow/EventFlow#598: of two concurrent commands both events were stored under the same sequence number."""
    one, two = bank.account("1000.00"), bank.account("1000.00")
    with second_gateway(daybook) as other:
        banks = [bank, Bank(other)]
        calls = [lambda b=b: b.transfer(one, two, "1.00") for b in banks * 6]
        calls += [lambda b=b: b.deposit(two, "1.00") for b in banks * 6]
        at_once(calls)
    daybook.wait_until_caught_up(60)
    for account, count in ((one, 13), (two, 25)):
        assert [event["version"] for event in bank.gateway.events(account)] == list(range(1, count + 1))


# ---- keys


def test_a_repeated_transfer_is_made_once(bank):
    """LerianStudio/midaz#1974: a client that repeated a transaction after a failure posted it twice."""
    sender, receiver = bank.account("100.00"), bank.account("0.00")
    first = bank.transfer(sender, receiver, "40.00", key="k")
    done(bank.transfer(receiver, sender, "1.00"))
    again = bank.transfer(sender, receiver, "40.00", key="k")
    assert (again.status, again.body, again.position) == (200, first.body, first.position)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (movements(bank, sender), movements(bank, receiver)) == ([-40, 1], [40, -1])


@pytest.mark.parametrize("report", ["apache/fineract FINERACT-2485", "formancehq/ledger pull 327"])
def test_a_key_of_one_account_serves_no_other(bank, report):
    """The two reports: a key that was used before, on another account or for another body, was taken for the same."""
    sender, other, receiver = bank.account("100.00"), bank.account("100.00"), bank.account("0.00")
    first = done(bank.transfer(sender, receiver, "40.00", key="k"))
    second = bank.transfer(other, receiver, "40.00", key="k")
    assert second.headers["Idempotent-Replayed"] is None
    assert done(second)["transfer"] != first["transfer"]
    # The same key and account, but another receiver or another amount.
    for to, amount in ((other, "40.00"), (receiver, "40.01")):
        refused(bank.transfer(sender, to, amount, key="k"), 422, "idempotency-key-reused")
    assert [bank.figures(account)[0] for account in (sender, other, receiver)] == [60, 60, 80]


@pytest.mark.parametrize("report", ["alphagov/pay-connector pull 4460", "idempot-dev/idempot-js pull 186"])
def test_requests_that_race_under_one_key_do_not_fail(bank, daybook, report):
    """The two reports: of two requests that raced under one key, the second was answered with a server error."""
    sender, receiver = bank.account("100.00"), bank.account("0.00")
    with second_gateway(daybook) as other:
        banks = [bank, Bank(other)]
        answers = at_once([lambda b=b: b.transfer(sender, receiver, "40.00", key="k") for b in banks * 12])
    assert {answer.status for answer in answers} <= {200, 409}, answers
    assert len({answer.body for answer in answers if answer.status == 200}) == 1
    for answer in answers:
        if answer.status == 409:
            refused(answer, 409, "command-in-progress")
    daybook.wait_until_caught_up(60)
    assert (movements(bank, sender), movements(bank, receiver)) == ([-40], [40])


def test_a_refused_transfer_stays_refused_under_its_key(bank):
    """formancehq/stack#1464: one payment must not be applied twice, though its notification comes again."""
    sender, receiver = bank.account("10.00"), bank.account("0.00")
    first = bank.transfer(sender, receiver, "40.00", key="k")
    refused(first, 400, "insufficient-funds")
    done(bank.deposit(sender, "100.00"))
    again = bank.transfer(sender, receiver, "40.00", key="k")
    assert (again.status, again.body, again.headers["Idempotent-Replayed"]) == (400, first.body, "true")


# ---- bulk


def test_a_line_that_fails_does_not_undo_or_stop_the_others(bank):
    """formancehq/stack#1596: a bulk request stopped at the first action that failed; three were sent, two done."""
    one, two = bank.account("100.00"), bank.account("0.00")
    lines = bank.bulk(
        {"account": one, "type": "Transfer", "to": two, "amount": 10},
        {"account": one, "type": "Transfer", "to": two, "amount": 1000},
        {"account": two, "type": "Transfer", "to": one, "amount": 4},
    )
    assert [line["status"] for line in lines] == [200, 400, 200]
    assert (movements(bank, one), movements(bank, two)) == ([-10, 4], [10, -4])


def test_a_transfer_in_bulk_is_whole_or_not_at_all(bank):
    """blnkfinance/blnk#183: of an atomic bulk request that failed, one destination had been credited all the same."""
    one, two = bank.account("100.00"), bank.account("0.00", maximum_balance="50.00")
    lines = bank.bulk(
        {"account": one, "type": "Transfer", "to": two, "amount": 50},
        {"account": one, "type": "Transfer", "to": two, "amount": 1},
        {"account": one, "type": "Transfer", "to": "nobody-at-all", "amount": 1},
        {"account": one, "type": "Transfer", "to": one, "amount": 1},
    )
    assert [line["status"] for line in lines] == [200, 400, 404, 400]
    names = [line["problem"]["type"] for line in lines[1:]]
    assert names == ["/problems/limit-exceeded", "/problems/account-not-found", "/problems/same-account"]
    assert (movements(bank, one), movements(bank, two)) == ([-50], [50])


def test_lines_of_one_account_see_what_the_lines_before_them_sent(bank):
    """blnkfinance/blnk#90: what was queued for execution could not be seen in what an account may spend."""
    one, two, three = bank.account("100.00"), bank.account("0.00"), bank.account("0.00")
    lines = bank.bulk(
        {"account": one, "type": "Transfer", "to": two, "amount": 60},
        {"account": one, "type": "Transfer", "to": three, "amount": 60},
        {"account": one, "type": "Transfer", "to": three, "amount": 40},
    )
    assert [line["status"] for line in lines] == [200, 400, 200]
    assert lines[1]["problem"]["available"] == 40
    assert [bank.figures(account)[0] for account in (one, two, three)] == [0, 60, 40]
