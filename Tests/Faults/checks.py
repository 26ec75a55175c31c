"""What must be true after a run, by invariant. Each check fails with an AssertionError that begins with its number."""

import random
from collections import Counter
from decimal import Decimal

import store
from history import cents_of


def cents(amount):
    return int(Decimal(amount).scaleb(2))


# ---- the log itself


def i3_i10_positions_versions_and_chain(history):
    try:
        store.check_order(history.records)
        store.check_chain(history.log_id, history.records)
    except AssertionError as error:
        raise AssertionError(f"I3, I10: the log is not whole: {error}") from error


def i6_money_is_conserved_at_every_position(history, outcomes):
    """What the accounts hold is what the clients paid in, less what they took out, after each event."""
    paid = {
        event.position: -cents_of(outcome.order) if outcome.order.kind == "Withdraw" else cents_of(outcome.order)
        for outcome in outcomes
        for event in history.of(outcome.order)
    }
    held = Counter()
    account_of = {event.position: name for name, events in history.accounts.items() for event in events}
    flowed = 0
    for event in history.events:
        flowed += paid[event.position]
        held[account_of[event.position]] = event.balance
        assert held.total() == flowed, f"I6: {flowed} cents flowed, {held.total()} are held, at {event.position}"


# ---- commands


def i8_every_wait_ended(hangs):
    assert not hangs, f"I8: no answer within every deadline together: {hangs}"


def i1_i8_acknowledged_commands_are_there_once(history, outcomes):
    for outcome in outcomes:
        if outcome.kind == "acknowledged":
            found = history.of(outcome.order)
            assert found, f"I1: lost, though it was acknowledged: {outcome}"
            assert len(found) == 1, f"I8: recorded {len(found)} times: {outcome}"


def i5_answers_tell_what_was_recorded(history, outcomes):
    for outcome in outcomes:
        if outcome.kind != "acknowledged":
            continue
        (event,) = history.of(outcome.order)
        for answer in outcome.settled:
            account = answer.json
            told = (account["version"], cents(account["balance"]), answer.position, answer.headers["ETag"])
            true = (event.version, event.balance, event.position, f'"{event.version}"')
            assert told == true, f"I5: told {told}, in truth {true}: {outcome}"
        assert event.version > outcome.least_version, f"I5: obeyed on an older state than the client knew: {outcome}"
        if outcome.if_match is not None:
            assert event.version == outcome.if_match + 1, f"I5: If-Match was obeyed at another version: {outcome}"


def i6_what_was_refused_had_no_effect(history, outcomes):
    for outcome in outcomes:
        never_recorded = set(outcome.told) <= {"nothing recorded", "condition failed"}
        if outcome.kind in ("refused", "condition failed") or never_recorded:
            found = history.of(outcome.order)
            assert not found, f"I6: recorded, though the answers said that it was not: {outcome}, {found}"


def i6_unavailable_means_not_recorded(outcomes):
    """A first outcome that is a replay was bound by an attempt whose answer did not rule that out."""
    for outcome in outcomes:
        replayed = [answer.headers["Idempotent-Replayed"] == "true" for answer in outcome.settled]
        if replayed and all(replayed):
            assert "unknown" in outcome.told, f"I6: bound, though every answer before said that it was not: {outcome}"


def i6_refusals_are_true(history, outcomes):
    for outcome in outcomes:
        order = outcome.order
        if outcome.kind == "condition failed":
            problem = outcome.answer.json
            assert problem["expected"] == outcome.if_match != problem["actual"], f"I6: no reason to refuse: {outcome}"
            assert problem["actual"] >= outcome.least_version, f"I7: refused on an older state: {outcome}"
            continue
        if outcome.kind != "refused":
            continue
        problem = outcome.answer.json
        match problem["type"]:
            case "/problems/insufficient-funds":
                requested, available = cents(problem["requested"]), cents(problem["available"])
                assert requested == order.cents > available, f"I6: no reason to refuse: {outcome}"
                assert cents(problem["shortfall"]) == requested - available, f"I6: wrong figures: {outcome}"
                versions = history.accounts.get(order.account, [])[max(outcome.least_version, 1) - 1 :]
                assert available in [event.balance for event in versions], (
                    f"I5: no balance since the version that the client knew of: {outcome}"
                )
            case "/problems/account-not-found":
                assert outcome.least_version == 0, f"I7: the client knew that it is open: {outcome}"
            case "/problems/account-already-open":
                assert order.account in history.accounts, f"I6: it never was opened: {outcome}"
            case other:
                raise AssertionError(f"I6: nobody asked for {other}: {outcome}")


def i8_unknown_outcomes_happened_at_most_once(history, outcomes):
    for outcome in outcomes:
        found = history.of(outcome.order)
        assert len(found) <= 1, f"I8: recorded {len(found)} times: {outcome}"


def i8_nothing_is_recorded_that_nobody_sent(history, outcomes):
    sent = {event.position for outcome in outcomes for event in history.of(outcome.order)}
    stray = [record.position for record in history.records if record.position not in sent]
    assert not stray, f"I8: recorded, though no client may have it so: positions {stray}"


def i4_one_key_has_one_outcome(outcomes):
    for outcome in outcomes:
        assert "other command" not in outcome.told, f"I4: its own key was taken for that of another command: {outcome}"
        if not outcome.order.key or not outcome.settled:
            continue
        told = {(answer.status, answer.body, answer.headers["Daybook-Position"]) for answer in outcome.settled}
        assert len(told) == 1, f"I4: the key has had several outcomes: {outcome}: {outcome.settled}"
        fresh = [answer for answer in outcome.settled if answer.headers["Idempotent-Replayed"] != "true"]
        assert len(fresh) <= 1, f"I4: obeyed {len(fresh)} times: {outcome}"


def i4_a_key_serves_no_other_command(outcomes):
    for outcome in outcomes:
        for kind, answer in outcome.abuses:
            assert kind in ("other command", "nothing recorded", "unknown"), (
                f"I4: another command under the key was answered with {answer}: {outcome}"
            )


# ---- queries


def i5_i7_queries_showed_what_was_and_not_less_than_they_had_to(history, sights):
    for sight in sights:
        assert sight.version >= sight.least_version, f"I7: older than what this client had seen: {sight}"
        if sight.order.kind == "query":
            assert sight.position >= sight.least_position, f"I7: below the position that was asked for: {sight}"
        events = history.accounts.get(sight.order.account, [])
        newest = max((event.version for event in events if event.position <= sight.position), default=0)
        assert sight.version == newest, f"I7: at its position the account was at version {newest}: {sight}"
        if sight.version > 0:
            event = history.at(sight.order.account, sight.version)
            assert sight.balance == event.balance, f"I5: the balance is not the fold of the events: {sight}, {event}"


def i5_projections_are_the_fold_of_the_log(history, daybook):
    shown = {account["id"]: account for account in daybook.queries.get("/accounts?limit=1000").json}
    assert set(shown) == set(history.accounts), "I5: the query service shows other accounts than the log has"
    for name, events in history.accounts.items():
        newest = events[-1]
        for account in (shown[name], daybook.queries.account(name), daybook.gateway.account(name)):
            told = (account["version"], cents(account["balance"]), account["owner"])
            assert told == (newest.version, newest.balance, newest.owner), f"I5: shown {account}, in truth {newest}"
        listed = [
            (event["version"], event["position"], event["type"], cents(event.get("amount") or event["initial_balance"]))
            for event in daybook.gateway.events(name)
        ]
        assert listed == [(event.version, event.position, event.type, event.cents) for event in events], (
            f"I5: the history of {name} is shown otherwise than it is"
        )


def i5_every_way_to_a_version_leads_to_the_same_state(history, daybook, seed, most=5):
    """Looks back at some versions of each account, which the service reaches from snapshots or by folding."""
    chance = random.Random(seed)
    for name, events in history.accounts.items():
        for event in chance.sample(events, min(most, len(events))):
            answer = daybook.queries.get(f"/accounts/{name}?version={event.version}")
            # Every service has said that it is ready.
            assert answer.status != 503, f"I8: ready, but the past cannot be read: {name}, {event.version}: {answer}"
            assert answer.status == 200, f"I5: {name} at version {event.version}: {answer}"
            account = answer.json
            assert (account["version"], cents(account["balance"])) == (event.version, event.balance), (
                f"I5: shown {account}, in truth {event}"
            )


# ---- subscribers


def i2_i9_the_subscriber_received_exactly_the_log(history, received):
    expected = [(record.position, record.hash) for record in history.records]
    got = [(record.position, record.hash) for record in received]
    assert got == expected, (
        f"I9: the subscriber received {len(got)} records, the log has {len(expected)}; the first difference is at "
        f"{next((i for i, pair in enumerate(zip(got, expected)) if pair[0] != pair[1]), min(len(got), len(expected)))}"
    )
