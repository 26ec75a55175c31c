"""What went wrong with limits, freezing and closing elsewhere does not go wrong here. Each test names the public report
that it comes of."""

from decimal import Decimal

import pytest
from bank import Bank, done, refused
from gateways import at_once


@pytest.fixture
def bank(daybook):
    return Bank(daybook.gateway)


# ---- limits


def test_an_overdraft_is_granted_to_the_cent(bank):
    """formancehq/ledger#379: a script that allowed an overdraft was refused for insufficient balance all the same."""
    account, other = bank.account("10.00", overdraft="50.00"), bank.account("0.00")
    refused(bank.withdraw(account, "60.01"), 400, "insufficient-funds", available=60, shortfall=Decimal("0.01"))
    done(bank.transfer(account, other, "35.00"))
    after = done(bank.withdraw(account, "25.00"))
    assert (after["balance"], after["available"], after["overdraft"]) == (-50, 0, 50)
    refused(bank.transfer(account, other, "0.01"), 400, "insufficient-funds")


def test_an_overdrawn_account_takes_deposits(bank):
    """apache/fineract FINERACT-1931 (pull 3433): nothing could be deposited once a balance had become negative."""
    account = bank.account("0.00", overdraft="50.00")
    done(bank.withdraw(account, "50.00"))
    assert done(bank.deposit(account, "20.00"))["balance"] == -30
    assert bank.figures(account) == (-30, 0, 20)


def test_a_lowered_limit_refuses_new_movements_but_no_old_ones(bank):
    """ConsumerDataStandardsAustralia/standards-maintenance#177: an overdraft is taken away while it is in use, and what
    is available becomes negative."""
    account = bank.account("100.00", overdraft="50.00")
    done(bank.withdraw(account, "130.00"))
    after = done(bank.set_limits(account, overdraft=None))
    assert (after["balance"], after["available"]) == (-30, -30)
    refused(bank.withdraw(account, "0.01"), 400, "insufficient-funds")
    assert bank.statement(account)["closing_balance"] == -30
    done(bank.deposit(account, "30.01"))
    done(bank.withdraw(account, "0.01"))


@pytest.mark.parametrize("lowest", [0, 40])
def test_a_limit_that_changes_under_way_holds_for_what_comes_after(bank, lowest):
    """tigerbeetle/tigerbeetle#2955: limits kept outside the ledger were stale when debits came at the same time."""
    account = bank.account("0.00", overdraft="100.00")
    calls = [lambda: bank.withdraw(account, "5.00") for _ in range(24)]
    calls.insert(8, lambda: bank.set_limits(account, overdraft=lowest))
    answers = at_once(calls)
    assert answers[8].status == 200
    limit, balance = 100, 0
    for event in bank.gateway.events(account)[1:]:
        if event["type"] == "LimitsSet":
            limit = event["overdraft"]
            continue
        balance -= event["amount"]
        assert balance >= -limit, "withdrawn beyond the limit that held at that version"
    assert balance == bank.figures(account)[0] == -5 * sum(answer.status == 200 for answer in answers[:8] + answers[9:])


def test_what_is_available_says_how_much_of_it_is_overdraft(bank):
    """openbankingspace/tpp-issues#23: the available balance included an overdraft whose amount was told nowhere."""
    account = bank.account("10.00", overdraft="50.00", maximum_balance="500.00")
    for state in (bank.gateway.account(account), done(bank.deposit(account, "1.00"))):
        assert (state["overdraft"], state["maximum_balance"]) == (50, 500)
        assert state["available"] == state["balance"] - state["held"] + state["overdraft"]
    plain = bank.gateway.account(bank.account("10.00"))
    assert (plain["available"], plain["held"]) == (10, 0)


def test_a_maximum_holds_for_deposits_and_for_what_others_send(bank):
    """blnkfinance/blnk pull 105: what exceeds a limit has to be rejected also by those who process it later."""
    account, other = bank.account("90.00", maximum_balance="100.00"), bank.account("500.00")
    figures = {"maximum": 100, "balance": 90, "requested": 11}
    refused(bank.deposit(account, "11.00"), 400, "limit-exceeded", **figures)
    refused(bank.transfer(other, account, "11.00"), 400, "limit-exceeded", account=account, **figures)
    answers = at_once([lambda: bank.transfer(other, account, "2.00") for _ in range(16)])
    assert sorted(answer.status for answer in answers) == [200] * 5 + [400] * 11
    assert (bank.figures(account)[0], bank.figures(other)[0]) == (100, 490)


# ---- freezing


@pytest.mark.parametrize("direction, is_out, is_in", [
    ("debits", False, True), ("credits", True, False), ("all", False, False),
])  # fmt: skip
def test_a_direction_is_frozen_by_itself(bank, direction, is_out, is_in):
    """apache/fineract FINERACT-482 (pull 392): credits could not be blocked while debits were, and vice versa."""
    account, other = bank.account("100.00"), bank.account("100.00")
    done(bank.freeze(account, direction, "court order"))
    for answer, is_allowed in (
        (bank.withdraw(account, "1.00"), is_out), (bank.transfer(account, other, "1.00"), is_out),
        (bank.hold(account, "h", "1.00"), is_out),
        (bank.deposit(account, "1.00"), is_in), (bank.transfer(other, account, "1.00"), is_in),
    ):  # fmt: skip
        if is_allowed:
            done(answer)
        else:
            refused(answer, 409, "account-frozen", direction=direction, reason="court order")
    done(bank.unfreeze(account))
    done(bank.withdraw(account, "1.00"))
    done(bank.deposit(account, "1.00"))


def test_a_second_freeze_replaces_the_first(bank):
    """apache/fineract pull 373: credits and debits of an account were blocked by commands of their own."""
    account = bank.account("100.00")
    done(bank.freeze(account, "debits", "first"))
    state = done(bank.freeze(account, "credits", "second"))
    assert state["frozen"] == {"direction": "credits", "reason": "second"}
    done(bank.withdraw(account, "1.00"))
    refused(bank.deposit(account, "1.00"), 409, "account-frozen", direction="credits", reason="second")


def test_a_frozen_account_says_so(bank):
    """apache/fineract-backoffice-ui pull 199: a blocked account kept the status `Active`, so that nobody saw the block;
    and what was not blocked could not be unblocked."""
    account = bank.account("100.00")
    assert bank.unfreeze(account).status == 409
    state = done(bank.freeze(account, "debits", "fraud"))
    for shown in (state, bank.gateway.account(account)):
        assert (shown["status"], shown["frozen"]) == ("frozen", {"direction": "debits", "reason": "fraud"})
    listed = bank.gateway.get("/accounts?limit=1000").json
    assert [one["status"] for one in listed if one["id"] == account] == ["frozen"]
    state = done(bank.unfreeze(account))
    assert (state["status"], "frozen" in state) == ("open", False)


def test_a_refusal_that_is_about_the_other_account_names_it(bank):
    """apache/fineract FINERACT-2615 (pull 6144): a transfer that could not be undone left both accounts affected."""
    account, other = bank.account("100.00"), bank.account("100.00")
    done(bank.freeze(other, "credits", "fraud"))
    refused(bank.transfer(account, other, "1.00"), 409, "account-frozen", account=other, direction="credits")
    assert (bank.figures(account)[0], bank.figures(other)[0]) == (100, 100)


# ---- closing


def test_an_account_with_holds_is_not_closed(bank):
    """tigerbeetle/tigerbeetle pull 3278: the balance of a closed account went on changing by what was pending on it."""
    account = bank.account("10.00")
    done(bank.hold(account, "h", "10.00"))
    refused(bank.close(account), 409, "account-not-empty", balance=10, held=10)
    done(bank.release(account, "h"))
    refused(bank.close(account), 409, "account-not-empty", balance=10, held=0)
    done(bank.withdraw(account, "10.00"))
    state = done(bank.close(account))
    assert (state["status"], state["balance"], state["held"]) == ("closed", 0, 0)
    assert bank.gateway.account(account)["closed_at"] == state["closed_at"] == state["updated_at"]


def test_an_expired_hold_does_not_keep_an_account_open(bank):
    """tigerbeetle/tigerbeetle#294: to be closed, an account must have nothing pending and nothing posted."""
    account = bank.account("10.00")
    done(bank.hold(account, "h", "4.00", expires_in="1s"))
    bank.wait_for_expiry(account, "h")
    done(bank.withdraw(account, "10.00"))
    assert done(bank.close(account))["status"] == "closed"


def test_a_closed_account_takes_no_command_and_is_still_read(bank):
    """ebursuc02/FinBank#45: a transfer must ask whether an account is closed, on either side."""
    account, other = bank.account("0.00"), bank.account("10.00")
    done(bank.close(account))
    for answer in (
        bank.deposit(account, "1.00"), bank.withdraw(account, "1.00"), bank.hold(account, "h", "1.00"),
        bank.transfer(account, other, "1.00"), bank.transfer(other, account, "1.00"), bank.freeze(account),
        bank.set_limits(account, overdraft="1.00"), bank.close(account), bank.reverse(account, 1),
    ):  # fmt: skip
        refused(answer, 409, "account-closed")
    assert bank.gateway.account(account)["version"] == 2
    assert [event["type"] for event in bank.gateway.events(account)] == ["AccountOpened", "AccountClosed"]
    assert bank.figures(other)[0] == 10
