"""What must be true of a pair of logs beside I1 to I10. Each check fails with an AssertionError that begins with P and a
number:

- P1 No position has two hashes: whatever anybody received of a position is what the history has there.
- P2 Nothing acknowledged is missing (with I1, after every failover).
- P3 Whoever answers knows of everything that was acknowledged before it was asked: no status, no refusal and no failed
     condition stands on a stale state, whichever gateway and whichever log answered.
- P4 An epoch is one log's, and nobody who was answered under one is answered under a smaller one later.
"""

import hashlib
from collections import defaultdict


def p1_no_position_has_two_hashes(history, said):
    true = {record.position: record.hash for record in history.records}
    true[0] = hashlib.sha256(history.log_id).digest()
    for position, hashes in sorted(said.items()):
        assert position in true, f"P1: the log has no position {position} any more: {_told(hashes)}"
        assert set(hashes) == {true[position]}, f"P1: {true[position].hex()} at position {position}: {_told(hashes)}"


def _told(hashes):
    return {digest.hex(): sorted(by) for digest, by in hashes.items()}


def p3_no_status_is_stale(statuses, acknowledged):
    """`acknowledged`: (time, position) of every acknowledgement, by the clock of the statuses."""
    known, newest = sorted(acknowledged), 0
    moments = [(time, 0, position) for time, position in known]
    moments += [(status.asked_at, 1, status) for status in statuses]
    for _, _, what in sorted(moments, key=lambda moment: moment[:2]):
        if isinstance(what, int):
            newest = max(newest, what)
        else:
            assert what.position >= newest, f"P3: position {newest} had been acknowledged before it was asked: {what}"


def p3_answers_know_what_others_were_told(history, outcomes):
    """Raises what a command had to know from what its own client had seen to what any client had been told of its
    accounts before it was sent; the checks of answers and refusals compare with that."""
    told = defaultdict(list)
    for outcome in outcomes:
        if outcome.kind == "acknowledged":
            for append in history.of(outcome.order):
                for event in append:
                    told[event.account].append((outcome.answered_at, event.version))
    for versions in told.values():
        versions.sort()

    def newest(account, until):
        return max((version for time, version in told.get(account, []) if time < until), default=0)

    for outcome in outcomes:
        if outcome.sent_at is None:
            continue
        outcome.least_version = max(outcome.least_version, newest(outcome.order.account, outcome.sent_at))
        if outcome.order.to:
            outcome.least_other = max(outcome.least_other, newest(outcome.order.to, outcome.sent_at))


def p4_epochs_go_forward(statuses, heartbeats):
    holders = defaultdict(set)
    for status in statuses:
        if status.epoch:
            holders[status.epoch].add(status.log)
    for _, log, epoch, _ in heartbeats:
        if epoch:
            holders[epoch].add(log)
    for epoch, logs in holders.items():
        assert len(logs) == 1, f"P4: {sorted(logs)} both lead in epoch {epoch}"
    counted = [status for status in statuses if status.epoch]
    answered = sorted(counted, key=lambda status: status.answered_at)
    count, newest = 0, None
    for status in sorted(counted, key=lambda status: status.asked_at):
        while count < len(answered) and answered[count].answered_at < status.asked_at:
            if newest is None or (answered[count].epoch, answered[count].position) > (newest.epoch, newest.position):
                newest = answered[count]
            count += 1
        assert newest is None or (status.epoch, status.position) >= (newest.epoch, newest.position), (
            f"P4: {newest} had been answered before it was asked: {status}"
        )
