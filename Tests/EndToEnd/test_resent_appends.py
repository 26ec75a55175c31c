"""A gateway that does not know what became of an append with a key sends it to the next log (section 8.4 of the specification),
which may know it already. To the client, who sent the command once, that is no repetition: the answer is the first one.

Here two links lead to one log, so that it does not take a change of the lead to lose an answer: one is closed while the answer
is on its way."""

from contextlib import contextmanager

import pytest

from commands import bulk, deposit, keyed, open_account, transfer, withdraw
from gateways import second_gateway
from log_link import APPEND, APPEND_REPLY, LogLink
from services import PATIENT, Daybook, Ports, wait_until
from test_order import Background


@contextmanager
def two_ways():
    """Three services whose gateway knows the log at two places, and the links to its append socket."""
    with Daybook(start=False, **PATIENT) as daybook:
        daybook.gateway.catches_up = True
        appends = [LogLink(daybook.append_port) for _ in range(2)]
        reads = [LogLink(daybook.read_port) for _ in range(2)]
        daybook.command.settings = daybook.settings | {
            "EVENT_LOG_APPEND_ENDPOINT": ",".join(link.endpoint for link in appends),
            "EVENT_LOG_READ_ENDPOINT": ",".join(link.endpoint for link in reads),
            "EVENT_LOG_EVENTS_ENDPOINT": ",".join(f"tcp://127.0.0.1:{port}" for port in (daybook.events_port, Ports.take())),
        }
        try:
            daybook.start()
            daybook.gateway.open("a", 100)
            daybook.gateway.open("b", 0)
            yield daybook, appends
        finally:
            daybook.kill()
            for link in {*appends, *reads}:
                link.close()


def lose_the_answer(appends, call, meanwhile=lambda: None):
    """Calls, and loses the connection that the log's answer to an append is on, so that the append is sent again; gives what
    was called for."""
    for link in appends:
        link.hold(replies=[APPEND_REPLY])
    sent = sum(link.count(APPEND) for link in appends)
    call = Background(call)
    wait_until(lambda: any(link.replies for link in appends), "the log has answered")
    first = next(link for link in appends if link.replies)
    (other,) = (link for link in appends if link is not first)
    meanwhile()
    other.pass_on()
    first.close()
    answer = call.answer()
    assert sum(link.count(APPEND) for link in appends) == sent + 2, "it was sent again"
    return answer


COMMANDS = {
    "executed": ("a", deposit("5.00"), 200),
    "opening": ("c", open_account(), 201),
    "refused": ("a", withdraw("5000.00"), 400),
    "transfer": ("a", transfer("b", "5.00"), 200),
    "no such account": ("d", deposit("5.00"), 404),
}


@pytest.mark.parametrize("account, command, status", COMMANDS.values(), ids=COMMANDS)
def test_a_command_that_was_sent_once_is_no_repetition(account, command, status):
    with two_ways() as (daybook, appends):
        answer = lose_the_answer(appends, lambda: daybook.gateway.post(account, command, headers=keyed("k")))
        assert (answer.status, answer.headers["Idempotent-Replayed"]) == (status, None), answer
        again = daybook.gateway.post(account, command, headers=keyed("k"))
        assert again.headers["Idempotent-Replayed"] == "true", again
        for name in ("Daybook-Position", "ETag", "Location", "Content-Type"):
            assert again.headers[name] == answer.headers[name], (answer, again)
        assert (again.status, again.body) == (answer.status, answer.body)
        changes = 1 if status == 200 else 0
        assert daybook.gateway.account("a")["version"] == 1 + (changes if account == "a" else 0)


@pytest.mark.parametrize("command, status", [(deposit("5.00"), 200), (withdraw("5000.00"), 400)], ids=["executed", "refused"])
def test_a_line_that_was_sent_once_is_no_repetition(command, status):
    with two_ways() as (daybook, appends):
        line = ("a", command | {"idempotency_key": "k"})
        (answer,) = lose_the_answer(appends, lambda: bulk(daybook.gateway, line))
        assert (answer["status"], answer.get("replayed")) == (status, None), answer
        (again,) = bulk(daybook.gateway, line)
        assert again == answer | {"replayed": True}


@pytest.mark.parametrize("command, status", [(deposit("5.00"), 200), (withdraw("5000.00"), 400)], ids=["executed", "refused"])
def test_of_two_gateways_that_got_a_command_one_was_the_first(command, status):
    with two_ways() as (daybook, appends), second_gateway(daybook) as other:
        answers = []

        def repeat():
            answers.append(other.post("a", command, headers=keyed("k")))

        first = lose_the_answer(
            appends, lambda: daybook.gateway.post("a", command, headers=keyed("k")), meanwhile=repeat)
        (second,) = answers
        assert (first.status, first.headers["Idempotent-Replayed"]) == (status, None), first
        assert (second.status, second.headers["Idempotent-Replayed"]) == (status, "true"), second
        assert (first.body, first.position) == (second.body, second.position)


@pytest.mark.parametrize("command, status", [(deposit("5.00"), 200), (withdraw("5000.00"), 400)], ids=["executed", "refused"])
def test_a_repetition_whose_answer_is_lost_stays_one(command, status):
    with two_ways() as (daybook, appends), second_gateway(daybook) as other:
        first = other.post("a", command, headers=keyed("k"))
        assert (first.status, first.headers["Idempotent-Replayed"]) == (status, None), first
        second = lose_the_answer(appends, lambda: daybook.gateway.post("a", command, headers=keyed("k")))
        assert (second.status, second.body, second.position) == (first.status, first.body, first.position)
        assert second.headers["Idempotent-Replayed"] == "true", second


def test_without_a_key_nothing_is_sent_again():
    with two_ways() as (daybook, appends):
        for link in appends:
            link.hold(replies=[APPEND_REPLY])
        call = Background(lambda: daybook.gateway.deposit("a", "5.00"))
        wait_until(lambda: any(link.replies for link in appends), "the log has answered")
        sent = sum(link.count(APPEND) for link in appends)
        next(link for link in appends if link.replies).close()
        answer = call.answer()
        assert (answer.status, answer.json["type"]) == (504, "/problems/outcome-unknown"), answer
        assert sum(link.count(APPEND) for link in appends) == sent
