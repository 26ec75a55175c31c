"""What must be true after a run, by invariant. Each check fails with an AssertionError that begins with its number."""

from decimal import Decimal

import store


def cents(amount):
    return int(Decimal(amount).scaleb(2))


def i3_i10_positions_versions_and_chain(history):
    try:
        store.check_order(history.records)
        store.check_chain(history.log_id, history.records)
    except AssertionError as error:
        raise AssertionError(f"I3, I10: the log is not whole: {error}") from error


def i1_i8_acknowledged_commands_are_there_once(history, outcomes):
    for outcome in outcomes:
        if outcome.kind != "acknowledged":
            continue
        found = history.of(outcome.order)
        assert found, f"I1: lost, though it was acknowledged: {outcome}"
        assert len(found) == 1, f"I8: recorded {len(found)} times: {outcome}"
        (event,) = found
        for answer in [outcome.answer, *outcome.settled]:
            account = answer.json
            assert account["version"] == event.version, f"I5: the answer tells another version: {outcome}, {event}"
            assert cents(account["balance"]) == event.balance, f"I5: the answer tells another balance: {outcome}, {event}"
            assert answer.position == event.position, f"I5: the answer tells another position: {outcome}, {event}"
        if outcome.if_match is not None:
            assert event.version == outcome.if_match + 1, f"If-Match was obeyed at another version: {outcome}, {event}"


def i6_what_was_refused_had_no_effect(history, outcomes):
    for outcome in outcomes:
        if outcome.kind in ("refused", "condition failed") or (outcome.kind == "nothing recorded" and not outcome.order.key):
            found = history.of(outcome.order)
            assert not found, f"I6: recorded, though the answer said that it was not: {outcome}, {found}"


def i8_unknown_outcomes_happened_at_most_once(history, outcomes):
    for outcome in outcomes:
        found = history.of(outcome.order)
        assert len(found) <= 1, f"I8: recorded {len(found)} times: {outcome}"


def i8_nothing_is_recorded_that_nobody_sent(history, outcomes):
    sent = {event.position for outcome in outcomes for event in history.of(outcome.order)}
    stray = [record.position for record in history.records if record.position not in sent]
    assert not stray, f"I8: recorded, though no client sent it: positions {stray}"


def i4_one_key_has_one_outcome(outcomes):
    for outcome in outcomes:
        if not outcome.order.key or not outcome.settled:
            continue
        told = {(answer.status, answer.body, answer.headers["Daybook-Position"]) for answer in outcome.settled}
        assert len(told) == 1, f"I4: the key has had several outcomes: {outcome.order}: {outcome.settled}"
        fresh = [answer for answer in outcome.settled if answer.headers["Idempotent-Replayed"] != "true"]
        assert len(fresh) <= 1, f"I4: obeyed {len(fresh)} times: {outcome}"


def i5_i7_queries_showed_what_was_and_not_less_than_they_had_to(history, sights):
    for sight in sights:
        assert sight.version >= sight.least_version, f"I7: older than what this client had seen: {sight}"
        if sight.order.kind == "query":
            assert sight.position >= sight.least_position, f"I7: below the position that was asked for: {sight}"
        if sight.version == 0:
            continue
        event = history.at(sight.order.account, sight.version)
        assert event is not None, f"I5: a version was shown that never was: {sight}"
        assert sight.balance == event.balance, f"I5: the balance is not the fold of the events: {sight}, {event}"


def i5_projections_are_the_fold_of_the_log(history, daybook):
    shown = {account["id"]: account for account in daybook.queries.get("/accounts?limit=1000").json}
    assert set(shown) == set(history.accounts), "I5: the query service shows other accounts than the log has"
    for name, events in history.accounts.items():
        account = shown[name]
        assert (account["version"], cents(account["balance"])) == (len(events), events[-1].balance), f"I5: {account}"
        listed = daybook.gateway.events(name)
        assert [(event["version"], event["position"], event["type"]) for event in listed] == [
            (event.version, event.position, event.type) for event in events
        ], f"I5: the history of {name} is shown otherwise than it is"


def i6_money_is_conserved(history):
    total = 0
    for event in sorted((event for events in history.accounts.values() for event in events), key=lambda e: e.position):
        total += -event.cents if event.type == "MoneyWithdrawn" else event.cents
    held = sum(events[-1].balance for events in history.accounts.values())
    assert total == held, f"I6: {total} cents went in, {held} are there"


def i2_i9_the_subscriber_received_exactly_the_log(history, received):
    expected = [(record.position, record.hash) for record in history.records]
    got = [(record.position, record.hash) for record in received]
    assert got == expected, (
        f"I9: the subscriber received {len(got)} records, the log has {len(expected)}; the first difference is at "
        f"{next((i for i, pair in enumerate(zip(got, expected)) if pair[0] != pair[1]), min(len(got), len(expected)))}"
    )


def every_wait_ended(hangs):
    assert not hangs, f"no answer within every deadline together: {hangs}"
