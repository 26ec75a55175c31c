"""Whether refusals had the reason that they give, on a state that the command can have been decided on."""

from ledger_checks import reversed_event
from model import Resolution, cents, microseconds


def i6_refusals_are_true(history, outcomes):
    for outcome in outcomes:
        if outcome.kind == "condition failed":
            problem = outcome.answer.json
            assert problem["expected"] == outcome.if_match != problem["actual"], f"I6: no reason to refuse: {outcome}"
            assert problem["actual"] >= outcome.least_version, f"I7: refused on an older state: {outcome}"
        elif outcome.kind == "malformed":
            # The only thing about these commands that time can make wrong.
            expires_at = outcome.command.get("expires_at")
            is_past = expires_at and microseconds(expires_at) <= outcome.told_at
            assert is_past, f"I6: nothing is wrong with it: {outcome}"
        elif outcome.kind == "refused":
            check = _CHECKS.get(outcome.problem)
            assert check, f"I6: nobody asked for {outcome.problem}: {outcome}"
            assert check(_Refusal(history, outcome)), f"I6: no reason to refuse: {outcome}"


class _Refusal:
    """A refusal, and the states that its account can have had when the command was decided."""

    def __init__(self, history, outcome):
        self.history, self.outcome = history, outcome
        self.order, self.command, self.problem = outcome.order, outcome.command, outcome.answer.json
        # Which of two accounts it is about.
        self.account = self.problem.get("account", self.order.account)
        if self.account == self.order.account:
            self.least_version = outcome.least_version
        else:
            self.least_version = outcome.least_other if self.account == self.order.to else 0
        self.states = history.states_since(self.account, self.least_version, outcome.answered_at)

    @property
    def events(self):
        """The account's own history, by version."""
        return self.history.accounts.get(self.order.account)

    def any(self, condition):
        return any(condition(state) for state in self.states)

    def requested(self):
        """What the command would have moved."""
        if self.order.kind == "Reverse":
            return reversed_event(self.history, self.outcome).cents
        if self.order.kind == "CaptureHold" and "amount" not in self.command:
            return self.held()
        return cents(self.command["amount"])

    def held(self):
        """What the hold of the command holds, or held."""
        return self.events.events[self.events.placed[self.command["hold"]] - 1].cents


def _has_too_little(refusal):
    problem = refusal.problem
    requested, available = cents(problem["requested"]), cents(problem["available"])
    assert requested == refusal.requested() > available, f"I6: enough is available: {refusal.outcome}"
    assert cents(problem["shortfall"]) == requested - available, f"I6: wrong figures: {refusal.outcome}"
    if refusal.order.kind == "CaptureHold":
        return available == refusal.held()
    overdraft = 0 if refusal.order.kind == "PlaceHold" else 1
    return refusal.any(lambda state: available in [
        state.balance - state.held(time) + state.overdraft * overdraft
        for time in state.moments(refusal.outcome.sent_at, refusal.outcome.answered_at)
    ])  # fmt: skip


def _is_beyond_its_limit(refusal):
    problem = refusal.problem
    maximum, balance, requested = (cents(problem[name]) for name in ("maximum", "balance", "requested"))
    assert requested == refusal.requested() and balance + requested > maximum, f"I6: wrong figures: {refusal.outcome}"
    return refusal.any(lambda state: (state.maximum, state.balance) == (maximum, balance))


def _is_frozen(refusal):
    frozen = (refusal.problem["direction"], refusal.problem["reason"])
    return refusal.any(lambda state: state.frozen == frozen)


def _is_of_another_currency(refusal):
    accounts = [refusal.history.accounts.get(name) for name in (refusal.order.account, refusal.command["to"])]
    return all(accounts) and accounts[0].newest.currency != accounts[1].newest.currency


def _exists(refusal):
    return refusal.command["hold"] in refusal.events.placed


def _was_not_placed(refusal):
    placed = refusal.events.placed.get(refusal.command["hold"])
    return placed is None or placed > refusal.least_version


def _was_resolved(refusal):
    account, name = refusal.events, refusal.command["hold"]
    how, version = refusal.problem["as"], refusal.problem.get("version")
    if how == "expired":
        placed = account.events[account.placed[name] - 1].data.get("expires_at")
        assert placed and microseconds(placed) <= refusal.outcome.answered_at, f"I6: not yet due: {refusal.outcome}"
        # What is due is expired, also if no command has recorded it yet.
        if version is None:
            return True
    return account.resolved.get(name) == Resolution(how, version)


def _was_reversed(refusal):
    return refusal.events.reversed.get(refusal.command["version"]) == refusal.problem["version"]


def _cannot_be_reversed(refusal):
    return not reversed_event(refusal.history, refusal.outcome).is_reversible


def _is_no_event(refusal):
    return refusal.command["version"] > refusal.least_version


_CHECKS = {
    "insufficient-funds": _has_too_little,
    "limit-exceeded": _is_beyond_its_limit,
    "account-not-found": lambda refusal: refusal.least_version == 0,
    "account-already-open": lambda refusal: refusal.account in refusal.history.accounts,
    "account-frozen": _is_frozen,
    "not-frozen": lambda refusal: refusal.any(lambda state: state.frozen is None),
    "currency-mismatch": _is_of_another_currency,
    "same-account": lambda refusal: refusal.command["to"] == refusal.order.account,
    "hold-exists": _exists,
    "hold-not-found": _was_not_placed,
    "hold-resolved": _was_resolved,
    "already-reversed": _was_reversed,
    "not-reversible": _cannot_be_reversed,
    "event-not-found": _is_no_event,
}
