"""What must be true of every answer to a query: during the run, and after it."""

import random
import time

from ledger_checks import main_event
from model import cents, microseconds, rfc3339
from views import difference

# ---- during the run


def i5_i7_queries_showed_what_was_and_not_less_than_they_had_to(history, sights):
    for sight in sights:
        if sight.order.kind != "read":
            assert sight.position >= sight.least_position, f"I7: below the position that was asked for: {sight}"
        # The log has no state at a position amid an append.
        assert sight.position in history.sums, f"I6: shows half an append: {sight}"
        match sight.order.kind:
            case "list":
                _check_list(history, sight)
            case "totals":
                check_totals(history, sight.body, sight.position, sight.asked_at, sight.answered_at)
            case _:
                _check_account(history, sight)


def _check_account(history, sight):
    assert sight.version >= sight.least_version, f"I7: older than what this client had seen: {sight}"
    state = history.state_at(sight.order.account, sight.position)
    newest = state.version if state else 0
    assert sight.version == newest, f"I7: at its position the account was at version {newest}: {sight}"
    if state:
        differs = difference(sight.body, state, state.moments(sight.asked_at, sight.answered_at))
        assert not differs, f"I5: not the fold of the events: {differs}: {sight}, {state}"


def _check_list(history, sight):
    """All accounts at one cut of the log, so what they hold is what the log has there: never half a transfer."""
    listed = {body["id"]: body for body in sight.body}
    states = states_at(history, sight.position)
    assert set(listed) == set(states), f"I5: other accounts than the log has: {sight}"
    for name, state in states.items():
        differs = difference(listed[name], state, state.moments(sight.asked_at, sight.answered_at))
        assert not differs, f"I5: not the fold of the events: {name}, {differs}: {sight}, {state}"
    sums = {}
    for body in sight.body:
        sums[body["currency"]] = sums.get(body["currency"], 0) + cents(body["balance"])
    assert sums == history.sums[sight.position], f"I6: the list does not hold what the log has: {sums}: {sight}"


def states_at(history, position):
    states = {name: history.state_at(name, position) for name in history.accounts}
    return {name: state for name, state in states.items() if state}


def check_totals(history, totals, position, begin, end):
    """Totals at a position, seen at some time between two."""
    assert position in history.sums, f"I6: totals of half an append, at {position}: {totals}"
    states = list(states_at(history, position).values())
    told = {total["currency"]: total for total in totals}
    assert set(told) == {state.currency for state in states}, f"I5: totals of other currencies: {totals}"
    for currency, total in told.items():
        of_currency = [state for state in states if state.currency == currency]
        assert total["accounts"] == len(of_currency), f"I5: another number of accounts, at {position}: {total}"
        balance = cents(total["balance"])
        assert balance == history.sums[position][currency], f"I6: not what the log has at {position}: {total}"
        assert cents(total["deposited"]) - cents(total["withdrawn"]) == balance, f"I6: does not tie: {total}"
        least, greatest = (sum(state.held(time) for state in of_currency) for time in (end, begin))
        assert least <= cents(total["held"]) <= greatest, f"I5: {least} to {greatest} was held, at {position}: {total}"


# ---- after the run


def i5_projections_are_the_fold_of_the_log(history, daybook, now):
    answer = daybook.queries.get("/accounts?limit=1000")
    listed = {account["id"]: account for account in answer.json}
    assert set(listed) == set(history.accounts), "I5: the query service shows other accounts than the log has"
    for name, account in history.accounts.items():
        asked_at = now()
        for body in (daybook.queries.account(name), daybook.gateway.account(name)):
            differs = difference(body, account.newest, account.newest.moments(asked_at, now()))
            assert not differs, f"I5: not the fold of the events: {name}, {differs}: {body}, {account.newest}"
        shown = [_shown_event(event) for event in daybook.gateway.events(name)]
        assert shown == [_expected_event(event) for event in account.events], (
            f"I5: the history of {name} is shown otherwise than it is"
        )


def _shown_event(event):
    amount = event.get("amount", event.get("initial_balance"))
    return (
        event["version"], event["position"], event["type"], None if amount is None else cents(amount),
        microseconds(event["time"]), event.get("correlation_id"),
        *(event.get(name) for name in ("hold", "transfer", "to", "from", "reference", "reverses")),
    )  # fmt: skip


def _expected_event(event):
    return (
        event.version, event.position, event.type, event.cents, event.recorded_at, event.correlation,
        *(event.data.get(name) for name in ("hold", "transfer", "to", "from", "reference", "reverses")),
    )  # fmt: skip


def i5_every_way_to_a_version_leads_to_the_same_state(history, daybook, seed, most=6):
    """Looks back at some versions of each account, which the service reaches from snapshots or by folding."""
    chance = random.Random(seed)
    for name, account in history.accounts.items():
        for state in chance.sample(account.states, min(most, len(account.states))):
            body = _past(daybook, f"/accounts/{name}?version={state.version}").json
            # A version is seen at the time of its event.
            differs = difference(body, state, [state.event.recorded_at])
            assert not differs, f"I5: version {state.version} of {name}: {differs}: {body}, {state}"


def i5_every_time_shows_one_cut(history, daybook, seed, most=6):
    """Times of events, those just before, and those at which holds expire: an account, all accounts, and the totals."""
    chance = random.Random(seed)
    events = history.events
    expiries = [
        hold.expires_at for account in history.accounts.values() for hold in account.newest.holds if hold.expires_at
    ] + [event.recorded_at for event in events if event.type == "HoldExpired"]
    last = events[-1].recorded_at
    expiries = [time for time in expiries if time <= last]
    times = [event.recorded_at for event in chance.sample(events, min(most, len(events)))]
    times += [time - 1 for time in times] + chance.sample(expiries, min(most, len(expiries)))
    for time in times:
        position = history.cut(time)
        states = states_at(history, position)
        listed = {body["id"]: body for body in _past(daybook, f"/accounts?limit=1000&at={rfc3339(time)}").json}
        assert set(listed) == set(states), f"I5: other accounts than the log had at {rfc3339(time)}"
        for name, state in states.items():
            for body in (listed[name], _past(daybook, f"/accounts/{name}?at={rfc3339(time)}").json):
                differs = difference(body, state, [time])
                assert not differs, f"I5: {name} at {rfc3339(time)}, {position}: {differs}: {body}, {state}"
        check_totals(history, _past(daybook, f"/totals?at={rfc3339(time)}").json, position, time, time)


def i6_statements_tie(history, daybook, seed, most=3):
    """The whole statement of each account, and some between two times: the rows are the movements, and it ties."""
    chance = random.Random(seed)
    for name, account in history.accounts.items():
        times = [event.recorded_at for event in account.events]
        spans = [sorted(chance.choices(times, k=2)) for _ in range(most)] + [(None, None)]
        for begin, end in spans:
            _check_statement(daybook, account, begin, end)


def _check_statement(daybook, account, begin, end):
    query = "" if begin is None else f"?from={rfc3339(begin)}&to={rfc3339(end)}"
    statement = _past(daybook, f"/accounts/{account.name}/statement{query}").json
    opening, closing, credits, debits = (
        cents(statement[name]) for name in ("opening_balance", "closing_balance", "credits", "debits")
    )
    assert opening + credits - debits == closing, f"I6: does not tie: {statement}"
    before = [s for s in account.states if begin is not None and s.event.recorded_at < begin]
    within = [
        state for state in account.states[len(before) :]
        if state.event.change and (end is None or state.event.recorded_at < end)
    ]  # fmt: skip
    rows = [
        (state.version, state.position, state.event.type, state.event.change, state.balance,
         state.event.data.get("reference"), state.event.data.get("to", state.event.data.get("from")))
        for state in within
    ]  # fmt: skip
    shown = [
        (row["version"], row["position"], row["type"], cents(row["amount"]), cents(row["balance"]),
         row.get("reference"), row.get("counterparty"))
        for row in statement["entries"]
    ]  # fmt: skip
    assert shown == rows, f"I6: other rows than the movements of {account.name}, {query}: {shown}, {rows}"
    changes = [state.event.change for state in within]
    told = (opening, credits, debits)
    true = (
        before[-1].balance if before else 0,
        sum(change for change in changes if change > 0),
        -sum(change for change in changes if change < 0),
    )
    assert told == true, f"I6: {told}, in truth {true}: {account.name}, {query}"


def i5_events_are_found_by_what_clients_gave_them(history, outcomes, daybook, seed, most=5):
    """By the correlation id of a command, and by the reference of a movement."""
    chance = random.Random(seed)
    recorded = [outcome for outcome in outcomes if history.of(outcome.order)]
    for outcome in chance.sample(recorded, min(most, len(recorded))):
        (append,) = history.of(outcome.order)
        found = _past(daybook, f"/events?correlation_id={outcome.correlation}&limit=1000").json
        positions = [event["position"] for event in found]
        assert positions == [event.position for event in append], f"I5: found {positions}: {append}"
        if "reference" in outcome.command:
            account, reference = outcome.order.account, outcome.command["reference"]
            found = _past(daybook, f"/accounts/{account}/events?reference={reference}").json
            versions = [event["version"] for event in found]
            assert versions == [main_event(append, account).version], f"I5: found {versions}: {append}"


def _past(daybook, path):
    """What is read from the log, which every service has said to be ready for.

    `recovery`, if the daybook has it, is within how many seconds a cluster comes back whose primary changes though no fault of
    the plan is at work: that of a host without processor does.
    """
    end = time.monotonic() + getattr(daybook, "recovery", 0)
    while (answer := daybook.queries.get(path)).status == 503 and time.monotonic() < end:
        time.sleep(float(answer.headers["Retry-After"]))
    assert answer.status != 503, f"I8: ready, but the past cannot be read: {path}: {answer}"
    assert answer.status == 200, f"I5: {path}: {answer}"
    return answer
