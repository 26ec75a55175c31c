"""What must be true of the log's appends: money, transfers, holds, and that each append is what a client asked for."""

from uuid import UUID

from model import cents

RECORDED_AS = {
    "OpenAccount": "AccountOpened", "Deposit": "MoneyDeposited", "Withdraw": "MoneyWithdrawn",
    "Transfer": "MoneySent", "PlaceHold": "HoldPlaced", "CaptureHold": "HoldCaptured", "ReleaseHold": "HoldReleased",
    "SetLimits": "LimitsSet", "Freeze": "AccountFrozen", "Unfreeze": "AccountUnfrozen", "Reverse": "MovementReversed",
}  # fmt: skip


def main_event(append, account):
    """The event that a command recorded on its own account: after those of holds that were due."""
    return [event for event in append if event.account == account][-1]


def reversed_event(history, outcome):
    """The event that a reversal refers to."""
    return history.state(outcome.order.account, outcome.command["version"]).event


def i6_money_is_conserved_after_every_append(history, outcomes):
    """What the accounts of a currency hold changes by what was paid in and out, and by nothing else."""
    by_correlation = {outcome.correlation: outcome for outcome in outcomes}
    before = {}
    for append in history.appends:
        outcome = by_correlation[append[0].correlation]
        currency = history.accounts[append[0].account].newest.currency
        flow = _flow(history, outcome, main_event(append, outcome.order.account))
        true = before | ({currency: before.get(currency, 0) + flow})
        after = history.sums[append[-1].position]
        assert after == true, f"I6: {flow} cents flowed, so that {true} must be held, not {after}: {outcome}, {append}"
        before = after


def _flow(history, outcome, event):
    """How much money a command brought in, by what the client asked for."""
    match outcome.order.kind:
        case "OpenAccount" | "Deposit":
            return outcome.order.cents
        case "Withdraw":
            return -outcome.order.cents
        case "CaptureHold" if "to" not in outcome.command:
            return -event.cents
        case "Reverse":
            of = reversed_event(history, outcome)
            return {"MoneyDeposited": -of.cents, "MoneyWithdrawn": of.cents}.get(of.type, 0)
    return 0


def i6_appends_hold_what_was_asked_for(history, outcomes):
    for outcome in outcomes:
        for append in history.of(outcome.order):
            own = [event for event in append if event.account == outcome.order.account]
            others = [event for event in append if event.account != outcome.order.account]
            assert append == own + others, f"I6: the command's own account does not come first: {append}"
            _check_own(history, outcome, own)
            other = _other_account(history, outcome)
            assert {event.account for event in others} == ({other} if other else set()), (
                f"I6: recorded on other accounts than {other}: {outcome}, {append}"
            )
            if other:
                _check_both_sides(outcome, own[-1], others)


def _check_own(history, outcome, own):
    *due, event = own
    assert all(one.type == "HoldExpired" for one in due), f"I6: more than what was asked for: {own}"
    command = outcome.command
    assert event.type == RECORDED_AS[command["type"]], f"I6: recorded as something else: {outcome}, {event}"
    amount = command.get("amount", command.get("initial_balance"))
    if amount is not None:
        assert event.cents == cents(amount), f"I6: another amount than asked for: {outcome}, {event}"
    for member in ("hold", "to", "reference", "effective_at", "direction"):
        if member in command:
            assert event.data[member] == command[member], f"I6: another {member} than asked for: {outcome}, {event}"
    if event.type == "MovementReversed":
        assert event.data["reverses"] == command["version"], f"I6: another event than asked for: {outcome}, {event}"


def _other_account(history, outcome):
    """The second account of an order that was acknowledged."""
    if outcome.order.kind == "Reverse":
        of = reversed_event(history, outcome)
        return of.data.get("to", of.data.get("from"))
    return outcome.command.get("to")


def _check_both_sides(outcome, own, others):
    """Two events of one transfer: the same id, amount and reference, and each knows the other."""
    *due, other = others
    assert all(one.type == "HoldExpired" for one in due), f"I6: more than what was asked for: {others}"
    assert (own.change, own.cents) == (-other.change, other.cents), f"I6: two sides of one transfer: {own}, {other}"
    assert own.data["transfer"] == other.data["transfer"] == str(UUID(own.id)), f"I6: one transfer: {own}, {other}"
    for one, peer in ((own, other), (other, own)):
        named = one.data["to"] if one.change < 0 else one.data["from"]
        assert named == peer.account, f"I6: names {named}, not {peer.account}: {one}"
        # That the other account was at this version is what the append expected of it.
        if "counterparty_version" in one.data:
            assert one.data["counterparty_version"] == peer.version, f"I6: decided on an older account: {one}, {peer}"
        assert one.data.get("reference") == outcome.command.get("reference"), f"I6: without the reference: {one}"
        assert one.recorded_at == peer.recorded_at, f"I6: one append, two times: {one}, {peer}"


def i6_no_command_meets_a_hold_that_is_due(history, outcomes):
    """The first thing that a command records is the expiry of what was due on the accounts that it writes to."""
    for outcome in outcomes:
        for append in history.of(outcome.order):
            for event in append:
                account = history.accounts[event.account]
                for hold in _due(account.at(event.version - 1), outcome.sent_at):
                    assert event.type == "HoldExpired", f"I6: {hold} was due at {outcome.sent_at}: {outcome}, {event}"
            for name in {event.account for event in append}:
                left = _due(history.state_at(name, append[-1].position), outcome.sent_at)
                assert not left, f"I6: due at {outcome.sent_at}, not recorded: {left}: {outcome}, {append}"


def _due(state, time):
    return [hold for hold in state.holds if hold.expires_at is not None and hold.expires_at <= time] if state else []
