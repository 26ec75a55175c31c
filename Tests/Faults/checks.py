"""What must be true after a run, by invariant. Each check fails with an AssertionError that begins with its number.

Here: the log as such, and the answers to commands. `ledger_checks`: money, transfers and holds in the log.
`refusal_checks`: whether refusals were true. `query_checks`: what queries showed. `model`: the rules themselves, which
are applied while the log is read, so that an event that was not allowed fails there.

Faults that were planted to try the bench, and what is there to catch them:

- A transfer whose second stream has no expectation: `ledger_checks.i6_appends_hold_what_was_asked_for` ("decided on an
  older account": `counterparty_version` is not the version that the other side got), and the rules of `model.Account`
  (a limit, a freeze, or a reversal of the same movement that the decision had not seen).
- An expiry that forgets the snapshot, so that an account that is loaded from one has holds that never fall due, or has
  lost them: `ledger_checks.i6_no_command_meets_a_hold_that_is_due` and `i5_answers_tell_what_was_recorded` (what is
  held and available; the last commands come after a restart of everything in half of all runs), also
  `query_checks.i5_every_way_to_a_version_leads_to_the_same_state`; and the rules of `model.Account` for what it leads
  to (a hold resolved twice, or before its time).
- A projection that shows half an append: `query_checks.i5_i7_queries_showed_what_was_and_not_less_than_they_had_to`
  (a position amid an append; a list or totals that do not hold what the log has), and
  `query_checks.i5_every_time_shows_one_cut`. Both the follower of the log and the projection hold back what is not
  whole: only without either is it ever shown. For that the links trickle, and a client looks all the time.
"""

import store
from clients import BINDING_NOTHING
from ledger_checks import main_event

from views import difference

# ---- the log itself


def i3_i10_positions_versions_and_chain(history):
    try:
        store.check_order(history.records)
        store.check_chain(history.log_id, history.records)
    except AssertionError as error:
        raise AssertionError(f"I3, I10: the log is not whole: {error}") from error


def i3_an_append_is_recorded_at_one_time(history):
    for append in history.appends:
        times = {event.recorded_at for event in append}
        assert len(times) == 1, f"I3: recorded at several times: {times}: {append}"


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
        (append,) = history.of(outcome.order)
        event = main_event(append, outcome.order.account)
        state = history.state(event.account, event.version)
        for answer in outcome.settled:
            # The contract wants the id in the answer to a transfer; that of a reversal is in its events alone.
            transfer = None if event.type == "MovementReversed" else event.data.get("transfer")
            told = (answer.position, answer.headers["ETag"], answer.json.get("transfer"))
            true = (append[-1].position, f'"{event.version}"', transfer)
            assert told == true, f"I5: told {told}, in truth {true}: {outcome}"
            # An answer, also if it is repeated, shows the account at the time of its event.
            differs = difference(answer.json, state, [event.recorded_at])
            assert not differs, f"I5: told otherwise than it is: {differs}: {outcome}, {state}"
        assert event.version > outcome.least_version, f"I5: obeyed on an older state than the client knew: {outcome}"
        if outcome.if_match is not None:
            first = next(one for one in append if one.account == event.account)
            assert first.version == outcome.if_match + 1, f"I5: If-Match was obeyed at another version: {outcome}"


def i6_what_was_refused_had_no_effect(history, outcomes):
    for outcome in outcomes:
        never_recorded = set(outcome.told) <= {"nothing recorded", *BINDING_NOTHING}
        if outcome.kind in ("refused", *BINDING_NOTHING) or never_recorded:
            found = history.of(outcome.order)
            assert not found, f"I6: recorded, though the answers said that it was not: {outcome}, {found}"


def i6_unavailable_means_not_recorded(outcomes):
    """A first outcome that is a replay was bound by an attempt whose answer did not rule that out."""
    for outcome in outcomes:
        replayed = [answer.headers["Idempotent-Replayed"] == "true" for answer in outcome.settled]
        if replayed and all(replayed):
            assert "unknown" in outcome.told, f"I6: bound, though every answer before said that it was not: {outcome}"


def i8_unknown_outcomes_happened_at_most_once(history, outcomes):
    for outcome in outcomes:
        found = history.of(outcome.order)
        assert len(found) <= 1, f"I8: recorded {len(found)} times: {outcome}"


def i8_nothing_is_recorded_that_nobody_sent(history, outcomes):
    sent = {outcome.correlation for outcome in outcomes}
    for append in history.appends:
        by = {event.correlation for event in append}
        assert len(by) == 1 and by <= sent, f"I8: recorded, though no client may have it so: {by}, {append}"


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


# ---- subscribers


def i2_i9_the_subscriber_received_exactly_the_log(history, received):
    expected = [(record.position, record.hash) for record in history.records]
    got = [(record.position, record.hash) for record in received]
    assert got == expected, (
        f"I9: the subscriber received {len(got)} records, the log has {len(expected)}; the first difference is at "
        f"{next((i for i, pair in enumerate(zip(got, expected)) if pair[0] != pair[1]), min(len(got), len(expected)))}"
    )
