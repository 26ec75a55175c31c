"""What went wrong with holds elsewhere does not go wrong here. Each test names the public report that it comes of."""

import pytest
from bank import Bank, done, open_holds, refused
from gateways import at_once, second_gateway


@pytest.fixture
def bank(daybook):
    return Bank(daybook.gateway)


def test_a_hold_is_released_once(bank):
    """blnkfinance/blnk#41: an inflight transaction could be voided again and again, each time with a success."""
    account = bank.account("100.00")
    done(bank.hold(account, "h", "30.00"))
    released = done(bank.release(account, "h"))
    for _ in range(2):
        assert refused(bank.release(account, "h"), 409, "hold-resolved")["as"] == "released"
    assert bank.figures(account) == (100, 0, 100)
    assert bank.gateway.account(account)["version"] == released["version"]


def test_a_hold_that_was_refused_cannot_be_captured(bank):
    """blnkfinance/blnk#182: a hold that was rejected for lack of funds could be committed, and overdrew the account."""
    account = bank.account("10.00")
    refused(bank.hold(account, "h", "10.01"), 400, "insufficient-funds")
    refused(bank.capture(account, "h"), 404, "hold-not-found")
    refused(bank.release(account, "h"), 404, "hold-not-found")
    assert bank.figures(account) == (10, 0, 10)


def test_of_64_captures_at_once_one_succeeds(bank, daybook):
    """LerianStudio/midaz#1519: two commits of one pending transaction at the same time were both obeyed."""
    account = bank.account("100.00")
    done(bank.hold(account, "h", "30.00"))
    with second_gateway(daybook) as other:
        banks = [bank, Bank(other)] * 32
        answers = at_once([lambda b=b: b.capture(account, "h") for b in banks])
    assert sorted(answer.status for answer in answers) == [200] + [409] * 63
    for answer in answers:
        if answer.status == 409:
            assert refused(answer, 409, "hold-resolved")["as"] == "captured"
            assert answer.json["version"] == 3
    daybook.wait_until_caught_up(60)
    assert bank.figures(account) == (70, 0, 70)


@pytest.mark.parametrize("first, second, how", [
    ("capture", "release", "captured"), ("release", "capture", "released"),
    ("capture", "capture", "captured"), ("release", "release", "released"),
])  # fmt: skip
def test_a_second_resolution_says_how_the_first_one_ended(bank, first, second, how):
    """LerianStudio/midaz#991: commit and cancel are two ends of one hold, and it must have only one of them."""
    account = bank.account("100.00")
    done(bank.hold(account, "h", "30.00"))
    done(getattr(bank, first)(account, "h"))
    problem = refused(getattr(bank, second)(account, "h"), 409, "hold-resolved")
    assert (problem["as"], problem["version"]) == (how, 3)


@pytest.mark.parametrize("report", ["LerianStudio/midaz pull 2317", "LerianStudio/midaz pull 2437"])
def test_a_hold_never_draws_on_the_overdraft(bank, report):
    """The two reports: pending holds drew on the overdraft, and corrupted it; since then they stop at the balance."""
    account = bank.account("100.00", overdraft="50.00")
    refused(bank.hold(account, "h", "100.01"), 400, "insufficient-funds")
    done(bank.hold(account, "h", "100.00"))
    refused(bank.hold(account, "k", "0.01"), 400, "insufficient-funds")
    assert bank.figures(account) == (100, 100, 50)
    done(bank.withdraw(account, "50.00"))
    assert bank.figures(account) == (50, 100, 0)
    # What is held is paid, although the overdraft is in use by now.
    done(bank.capture(account, "h"))
    assert bank.figures(account) == (-50, 0, 0)


def test_holds_count_against_further_holds(bank):
    """blnkfinance/blnk#181: a balance of 5,000 took six holds of 1,000, for holds did not count against it."""
    account = bank.account("5000.00")
    for number in range(5):
        done(bank.hold(account, f"h-{number}", "1000.00"))
    problem = refused(bank.hold(account, "h-5", "1000.00"), 400, "insufficient-funds")
    assert (problem["available"], problem["shortfall"]) == (0, 1000)
    refused(bank.withdraw(account, "0.01"), 400, "insufficient-funds")


def test_a_part_is_captured_and_the_rest_is_free_again(bank):
    """blnkfinance/blnk#62 asks to commit more than what is held; here a capture takes a part or all, never more."""
    account = bank.account("100.00")
    done(bank.hold(account, "h", "30.00"))
    refused_more = bank.capture(account, "h", amount="30.01")
    assert 400 <= refused_more.status < 500, refused_more
    assert bank.figures(account) == (100, 30, 70)
    after = done(bank.capture(account, "h", amount="12.00"))
    assert (after["balance"], after["held"], after["available"]) == (88, 0, 88)


def test_parts_captured_at_once_do_not_add_up(bank):
    """blnkfinance/blnk pull 171: concurrent partial commits read the same amount left and together took too much."""
    account = bank.account("100.00")
    done(bank.hold(account, "h", "30.00"))
    answers = at_once([lambda: bank.capture(account, "h", amount="20.00") for _ in range(16)])
    assert sorted(answer.status for answer in answers) == [200] + [409] * 15
    assert bank.figures(account) == (80, 0, 80)


def test_holds_of_a_bulk_request_are_resolved(bank):
    """blnkfinance/blnk#195: holds placed by a bulk request could not be committed: "no transaction to commit"."""
    account, other = bank.account("100.00"), bank.account("0.00")
    placed = bank.bulk(*({"account": account, "type": "PlaceHold", "hold": f"h-{n}", "amount": 10} for n in range(3)))
    assert [line["status"] for line in placed] == [200] * 3
    done(bank.capture(account, "h-0"))
    resolved = bank.bulk(
        {"account": account, "type": "CaptureHold", "hold": "h-1", "to": other},
        {"account": account, "type": "ReleaseHold", "hold": "h-2"},
    )
    assert [line["status"] for line in resolved] == [200] * 2
    assert (bank.figures(account), bank.figures(other)) == ((80, 0, 80), (10, 0, 10))


def test_each_line_of_a_bulk_release_has_its_own_outcome(bank):
    """blnkfinance/blnk#245: to void many holds took a call each; what is asked for are outcomes hold by hold."""
    account = bank.account("100.00")
    for number in range(3):
        done(bank.hold(account, f"h-{number}", "10.00"))
    done(bank.release(account, "h-1"))
    names = ["h-0", "h-1", "h-2", "unknown"]
    lines = bank.bulk(*({"account": account, "type": "ReleaseHold", "hold": name} for name in names))
    assert [line["status"] for line in lines] == [200, 409, 200, 404]
    assert lines[1]["problem"]["as"] == "released"
    assert bank.figures(account) == (100, 0, 100)


def test_a_hold_that_is_over_is_not_shown_as_open(bank):
    """blnkfinance/blnk#293: a committed or voided transaction went on reporting that it was inflight, for ever."""
    account = bank.account("100.00")
    for hold in ("captured", "released", "open"):
        done(bank.hold(account, hold, "10.00"))
    assert open_holds(bank.gateway.account(account)) == ["captured", "released", "open"]
    after = done(bank.capture(account, "captured"))
    assert open_holds(after) == ["released", "open"]
    after = done(bank.release(account, "released"))
    for shown in (after, bank.gateway.account(account)):
        assert (open_holds(shown), shown["held"]) == (["open"], 10)


def test_balance_and_holds_are_those_of_one_cut(bank):
    """tigerbeetle/tigerbeetle#2693: balances and pending transfers came of two calls, and did not belong together."""
    account = bank.account("1000.00")

    def change():
        for number in range(40):
            done(bank.hold(account, f"h-{number}", "7.00"))
            if number % 2:
                done(bank.capture(account, f"h-{number}", amount="3.00"))
            else:
                done(bank.release(account, f"h-{number}"))

    def look():
        for _ in range(60):
            state = bank.gateway.account(account)
            assert sum(hold["amount"] for hold in state.get("holds", [])) == state["held"], state
            assert state["balance"] - state["held"] == state["available"], state

    at_once([change, look, look])
    assert bank.figures(account) == (940, 0, 940)


def test_an_expired_hold_frees_the_money_without_a_command(bank):
    """tigerbeetle/tigerbeetle#2118: seconds after a pending transfer had expired, the balance still lacked it."""
    account = bank.account("10.00")
    done(bank.hold(account, "h", "10.00", expires_in="5s"))
    refused(bank.withdraw(account, "10.00"), 400, "insufficient-funds")
    bank.wait_for_expiry(account, "h")
    state = bank.gateway.account(account)
    # Nothing had to happen: no event was recorded.
    assert (state["held"], state["available"], state["version"]) == (0, 10, 2)
    done(bank.withdraw(account, "10.00"))


@pytest.mark.parametrize("report", ["up-banking/api#166", "balanced/balanced-api#277"])
def test_the_end_of_an_expired_hold_is_an_event(bank, report):
    """The two reports: that a pending charge had expired could be seen nowhere in the API; a `hold.expired` event."""
    account = bank.account("10.00")
    done(bank.hold(account, "h", "4.00", expires_in="1s"))
    bank.wait_for_expiry(account, "h")
    deposited = bank.deposit(account, "1.00")
    done(deposited)
    events = bank.gateway.events(account)
    assert [event["type"] for event in events] == ["AccountOpened", "HoldPlaced", "HoldExpired", "MoneyDeposited"]
    assert (events[2]["hold"], events[2]["amount"]) == ("h", 4)
    feed = bank.gateway.get(f"/events?after={deposited.position - 2}&limit=2").json
    assert [event["type"] for event in feed] == ["HoldExpired", "MoneyDeposited"]


def test_an_expired_hold_cannot_be_resolved(bank):
    """blnkfinance/blnk#42: a late payment came for a hold that was over; what ended is not taken up again."""
    account = bank.account("10.00")
    done(bank.hold(account, "h", "4.00", expires_in="1s"))
    bank.wait_for_expiry(account, "h")
    for resolve in (bank.capture, bank.release):
        assert refused(resolve(account, "h"), 409, "hold-resolved")["as"] == "expired"
    done(bank.deposit(account, "1.00"))
    assert refused(bank.capture(account, "h"), 409, "hold-resolved", version=3)["as"] == "expired"
    assert bank.figures(account) == (11, 0, 11)


def test_the_name_of_a_hold_serves_only_once(bank):
    """Govcraft/beankeeper#1: a second posting under a taken reference was told to be done, and was not."""
    account = bank.account("100.00")
    done(bank.hold(account, "h", "10.00"))
    refused(bank.hold(account, "h", "10.00"), 409, "hold-exists")
    assert bank.figures(account) == (100, 10, 90)
    done(bank.release(account, "h"))
    assert bank.hold(account, "h", "10.00").status == 409
    assert bank.figures(account) == (100, 0, 100)


def test_a_capture_pays_into_another_account_or_not_at_all(bank):
    """LerianStudio/midaz pull 2437: committing a hold to a destination lost part of what it had to be paid."""
    account, other = bank.account("100.00"), bank.account("0.00", maximum_balance="20.00")
    done(bank.hold(account, "h", "30.00"))
    refused(bank.capture(account, "h", to=other), 400, "limit-exceeded", account=other)
    assert (bank.figures(account), bank.figures(other)) == ((100, 30, 70), (0, 0, 0))
    after = done(bank.capture(account, "h", amount="20.00", to=other))
    sent, received = bank.gateway.events(account)[-1], bank.gateway.events(other)[-1]
    assert after["transfer"] == sent["transfer"] == received["transfer"]
    assert (bank.figures(account), bank.figures(other)) == ((80, 0, 80), (20, 0, 20))


def test_a_hold_outlives_a_freeze_and_is_captured(bank):
    """tigerbeetle/tigerbeetle pull 2234: what is pending on a closed account can only be voided, not posted."""
    account = bank.account("100.00")
    done(bank.hold(account, "h", "30.00"))
    done(bank.hold(account, "k", "30.00"))
    done(bank.freeze(account, "all"))
    done(bank.set_limits(account, overdraft=None, maximum_balance="1.00"))
    done(bank.capture(account, "h"))
    done(bank.release(account, "k"))
    assert bank.figures(account) == (70, 0, 70)
