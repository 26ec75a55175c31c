"""What went wrong with refunds and reversals elsewhere does not go wrong here. Each test names the public report that
it comes of."""

import pytest
from bank import Bank, done, refused
from gateways import at_once, second_gateway


@pytest.fixture
def bank(daybook):
    return Bank(daybook.gateway)


def test_a_movement_is_reversed_once(bank):
    """formancehq/ledger, error code ALREADY_REVERT: a transaction that was reverted must not be reverted again."""
    account = bank.account("100.00")
    done(bank.deposit(account, "40.00"))
    done(bank.reverse(account, 2))
    refused(bank.reverse(account, 2), 409, "already-reversed", version=3)
    refused(bank.reverse(account, 2, reason="another reason"), 409, "already-reversed", version=3)
    event = bank.gateway.events(account)[-1]
    assert (event["type"], event["reverses"], event["amount"], event["version"]) == ("MovementReversed", 2, 40, 3)
    assert bank.figures(account)[0] == 100


def test_a_reversal_under_other_keys_is_no_other_reversal(bank, daybook):
    """blnkfinance/blnk#152: the same refund was successful every time, and the balance changed every time."""
    account = bank.account("100.00")
    done(bank.withdraw(account, "40.00"))
    with second_gateway(daybook) as other:
        banks = [bank, Bank(other)] * 12
        answers = at_once([lambda b=b, n=n: b.reverse(account, 2, key=f"k-{n}") for n, b in enumerate(banks)])
    assert sorted(answer.status for answer in answers) == [200] + [409] * 23
    daybook.wait_until_caught_up(60)
    assert bank.figures(account)[0] == 100


def test_a_refused_reversal_moves_nothing(bank):
    """blnkfinance/blnk#374: the second refund was answered with 409, and took the first one back."""
    sender, receiver = bank.account("500.00"), bank.account("0.00")
    done(bank.transfer(sender, receiver, "1.00"))
    done(bank.reverse(sender, 2))
    for _ in range(2):
        refused(bank.reverse(sender, 2), 409, "already-reversed")
        assert (bank.figures(sender)[0], bank.figures(receiver)[0]) == (500, 0)


@pytest.mark.parametrize("by", ["sender", "receiver"])
def test_both_sides_of_a_transfer_are_reversed(bank, by):
    """apache/fineract FINERACT-2615 (pull 6144): undoing a transfer has to undo both sides, and only once."""
    sender, receiver = bank.account("100.00"), bank.account("0.00")
    original = done(bank.transfer(sender, receiver, "40.00"))["transfer"]
    account, other = (sender, receiver) if by == "sender" else (receiver, sender)
    done(bank.reverse(account, 2))
    own, peer = bank.gateway.events(account)[-1], bank.gateway.events(other)[-1]
    assert own["transfer"] == peer["transfer"] != original
    assert (own["reverses"], peer["reverses"]) == (2, 2)
    assert own["position"] + 1 == peer["position"]
    # From neither side a second time.
    for one in (sender, receiver):
        refused(bank.reverse(one, 2), 409, "already-reversed", version=3)
    assert (bank.figures(sender)[0], bank.figures(receiver)[0]) == (100, 0)


def test_both_sides_reversed_at_once_are_reversed_once(bank):
    """formancehq/ledger pull 441 mends how transactions are reverted; here sender and receiver reverse at once."""
    sender, receiver = bank.account("100.00"), bank.account("50.00")
    done(bank.transfer(sender, receiver, "40.00"))
    answers = at_once([lambda one=one: bank.reverse(one, 2) for one in (sender, receiver) * 8])
    assert sorted(answer.status for answer in answers) == [200] + [409] * 15
    assert (bank.figures(sender)[0], bank.figures(receiver)[0]) == (100, 50)


def test_money_that_is_spent_is_not_reversed(bank):
    """formancehq/stack pull 829: a revert fails if the account lacks the money, unless forced; none is forced here."""
    sender, receiver, third = bank.account("100.00"), bank.account("0.00"), bank.account("0.00")
    done(bank.transfer(sender, receiver, "40.00"))
    done(bank.transfer(receiver, third, "30.00"))
    figures = {"available": 10, "requested": 40, "shortfall": 30}
    refused(bank.reverse(sender, 2), 400, "insufficient-funds", account=receiver, **figures)
    refused(bank.reverse(receiver, 2), 400, "insufficient-funds", **figures)
    assert [bank.figures(one)[0] for one in (sender, receiver, third)] == [60, 10, 30]
    # It was no reversal, so it may be asked for again.
    done(bank.deposit(receiver, "30.00"))
    done(bank.reverse(sender, 2))
    assert [bank.figures(one)[0] for one in (sender, receiver)] == [100, 0]


def test_a_reversal_corrects_the_balance(bank):
    """apache/fineract FINERACT-1634 (pull 2353): after the correction of a withdrawal the balance was wrong."""
    account = bank.account("100.00")
    done(bank.withdraw(account, "30.00"))
    done(bank.deposit(account, "5.00"))
    assert done(bank.reverse(account, 2))["balance"] == 105
    assert done(bank.reverse(account, 3))["balance"] == 100
    assert [row["balance"] for row in bank.statement(account)["entries"]] == [100, 70, 75, 105, 100]


def test_a_reversal_has_an_effective_date_of_its_own(bank):
    """GaloyMoney/cala pull 744: voiding a backdated transaction was always dated today, and distorted both periods."""
    account = bank.account("100.00")
    done(bank.deposit(account, "5.00", effective_at="2026-01-31"))
    done(bank.reverse(account, 2, effective_at="2026-01-31", reference="correction 1"))
    rows = bank.statement(account)["entries"][1:]
    assert [(row["amount"], row["effective_at"]) for row in rows] == [(5, "2026-01-31"), (-5, "2026-01-31")]
    assert rows[1]["reference"] == "correction 1"


def test_only_movements_are_reversed(bank):
    """tigerbeetle/tigerbeetle pull 2234: voiding what had closed an account opened it again."""
    account, other = bank.account("100.00"), bank.account("0.00")
    done(bank.hold(account, "h", "10.00"))
    done(bank.capture(account, "h", to=other))
    done(bank.freeze(account))
    done(bank.unfreeze(account))
    done(bank.set_limits(account, overdraft="1.00"))
    done(bank.deposit(account, "1.00"))
    done(bank.reverse(account, 7))
    for version in (1, 2, 3, 4, 5, 6, 8):
        refused(bank.reverse(account, version), 409, "not-reversible")
    # What a capture paid, neither.
    refused(bank.reverse(other, 2), 409, "not-reversible")
    refused(bank.reverse(account, 9), 404, "event-not-found")
    assert bank.gateway.account(account)["version"] == 8
