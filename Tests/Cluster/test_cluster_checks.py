"""The checks of a pair of logs catch what they are there for, on observations that are made up."""

from types import SimpleNamespace

import pytest

import cluster_checks
import cluster_plan
from watch import Status

ONE, TWO, OTHER = b"1" * 32, b"2" * 32, b"3" * 32
HISTORY = SimpleNamespace(
    log_id=b"l" * 16, records=[SimpleNamespace(position=1, hash=ONE), SimpleNamespace(position=2, hash=TWO)]
)


def status(asked_at, position, epoch=1, log="log-1"):
    return Status(log, asked_at, asked_at + 0.5, position, TWO, epoch)


def said(**hashes):
    return {int(position[1:]): {digest: {("log-1", "published")}} for position, digest in hashes.items()}


def test_what_the_history_has_may_be_said():
    cluster_checks.p1_no_position_has_two_hashes(HISTORY, said(p1=ONE, p2=TWO))


@pytest.mark.parametrize("observed", [said(p2=OTHER), said(p3=OTHER)])
def test_P1_a_position_of_another_history_is_caught(observed):
    with pytest.raises(AssertionError, match="P1"):
        cluster_checks.p1_no_position_has_two_hashes(HISTORY, observed)


def test_P3_a_status_that_was_asked_for_before_an_acknowledgement_need_not_know_of_it():
    cluster_checks.p3_no_status_is_stale([status(1.0, position=1)], [(1.2, 2)])


def test_P3_a_status_older_than_what_was_acknowledged_is_caught():
    with pytest.raises(AssertionError, match="P3"):
        cluster_checks.p3_no_status_is_stale([status(1.0, position=1)], [(0.9, 2)])


def test_P3_a_command_must_know_of_what_other_clients_were_told():
    def outcome(sent_at, answered_at, append):
        return SimpleNamespace(
            order=SimpleNamespace(account="a", to=None, append=append), kind="acknowledged", sent_at=sent_at,
            answered_at=answered_at, least_version=0, least_other=0,
        )  # fmt: skip

    history = SimpleNamespace(of=lambda order: [[SimpleNamespace(account="a", version=order.append)]])
    first, same_time, later = outcome(1, 3, 1), outcome(2, 4, 2), outcome(5, 6, 3)
    cluster_checks.p3_answers_know_what_others_were_told(history, [first, same_time, later])
    assert (first.least_version, same_time.least_version, later.least_version) == (0, 0, 2)


@pytest.mark.parametrize("statuses", [
    # One epoch, two logs.
    [status(1.0, 1), status(2.0, 2, log="log-2")],
    # Back to an earlier epoch, and to an earlier position.
    [status(1.0, 1, epoch=2, log="log-2"), status(2.0, 2, epoch=1)],
    [status(1.0, 2), status(2.0, 1)],
])  # fmt: skip
def test_P4_a_lead_that_goes_back_is_caught(statuses):
    with pytest.raises(AssertionError, match="P4"):
        cluster_checks.p4_epochs_go_forward(statuses, [])


def test_P4_leads_that_follow_each_other_are_well():
    statuses = [status(1.0, 1), status(1.2, 1), status(2.0, 2, epoch=2, log="log-2")]
    cluster_checks.p4_epochs_go_forward(statuses, [(2.1, "log-2", 2, 2)])


def test_a_seed_gives_the_same_plan():
    assert cluster_plan.make(17) == cluster_plan.make(17) != cluster_plan.make(18)


@pytest.mark.parametrize("seed", range(20))
def test_an_act_breaks_one_host_at_most(seed):
    for act in cluster_plan.make(seed).acts:
        assert sum(cluster_plan.is_of_host(fault) for fault in act) <= 1
