"""I10: an event that was altered where it is stored is never taken for history, whoever reads it."""

import shutil
from decimal import Decimal

import store
from services import wait_until
from test_disk_faults import failures


def stopped_log(daybook):
    """Deposits of 1 to 59 cents into an account, the event log then stopped in order; gives the records."""
    daybook.start()
    daybook.gateway.open("a", 0)
    for cents in range(1, 60):
        assert daybook.gateway.deposit("a", f"0.{cents:02}").status == 200
    daybook.wait_until_caught_up()
    assert daybook.event_log.stop() == 0
    _, records = store.read(daybook.database)
    assert len(records) == 60
    return records


def alter(daybook, cents):
    """Makes another amount of a deposit of `cents`, of which the first digit is then odd or even instead."""
    first, second = divmod(cents, 10)
    store.change_event(daybook.database, 1 + cents, data=f'{{"amount":"0.{first ^ 1}{second}"}}')


def test_I10_an_altered_amount_in_the_last_record_is_found_at_the_start(make_daybook):
    daybook = make_daybook()
    records = stopped_log(daybook)
    alter(daybook, 59)
    daybook.event_log.start(wait=False)
    assert daybook.event_log.wait_for_end() == 1
    (line,) = failures(daybook.event_log)
    assert f"position {len(records)} is damaged" in line and "hash" in line and "restore a backup" in line, line


def test_I10_an_altered_amount_in_the_middle_is_never_projected(make_daybook):
    daybook = make_daybook()
    stopped_log(daybook)
    alter(daybook, 30)
    daybook.query.kill()
    shutil.rmtree(daybook.directory / "data" / "query", ignore_errors=True)
    daybook.event_log.start()
    daybook.query.start(wait=False)
    wait_until(lambda: "position 31 is damaged" in daybook.event_log.output, "the log names the damage")
    wait_until(
        lambda: "a read of the log failed" in daybook.query.missing(),
        "the query service says why it is not ready",
    )
    assert daybook.query.health("/readyz") == 503
    answer = daybook.queries.get("/accounts/a?wait=100ms")
    assert answer.status == 503, f"served from a damaged history: {answer}"


def test_I10_an_altered_amount_in_the_middle_is_never_decided_upon(make_daybook):
    daybook = make_daybook()
    stopped_log(daybook)
    alter(daybook, 30)
    # Anew, so that the account is folded from the log.
    daybook.command.kill()
    daybook.event_log.start()
    daybook.command.start()
    answer = daybook.gateway.deposit("a", 1)
    true_balance = Decimal(sum(range(1, 60)) + 100).scaleb(-2)
    assert answer.status == 503 or (answer.status == 200 and answer.json["balance"] == true_balance), (
        f"told from a damaged history, in truth it is {true_balance}: {answer}"
    )


def test_I10_an_altered_amount_in_the_middle_is_never_shown_in_an_old_page_of_the_history(make_daybook):
    daybook = make_daybook(QUERY_HISTORY_EVENTS="5")
    stopped_log(daybook)
    alter(daybook, 30)
    daybook.event_log.start()
    daybook.wait_until_caught_up()

    def page():
        answer = daybook.queries.get("/accounts/a/events?limit=40")
        return answer if answer.status == 200 or "damaged" in daybook.event_log.output else None

    answer = wait_until(page, "the log is read again, or the damage is told")
    if answer.status == 200:
        shown = [event["amount"] for event in answer.json[1:]]
        assert shown == [Decimal(cents).scaleb(-2) for cents in range(1, 40)], "shown from a damaged history"
    else:
        assert answer.status == 503, answer
