"""Commands for one account are obeyed in their order, in whatever order the log's answers come; and each is answered."""

import json
import struct
import threading
import time
from contextlib import contextmanager
from uuid import uuid4

import pytest

from client import Client
from daybook_frames import Event, Write
from daybook_subscriber import append
from log_link import (
    APPEND, APPEND_REPLY, LOAD, LOAD_REPLY, STATUS, STATUS_REPLY, LogLink, conflict, kind_of,
)  # fmt: skip
from problems import assert_problem
from raw_log import requester_of
from services import PATIENT, Daybook, Ports, Service, wait_until
from test_bulk import Conversation, bulk, deposit, opening, withdraw


@contextmanager
def linked(**settings):
    """Three services whose gateway reaches the log through links: for appends, and for reads."""
    with Daybook(start=False, **PATIENT) as daybook:
        daybook.gateway.catches_up = True
        appends, reads = LogLink(daybook.append_port), LogLink(daybook.read_port)
        daybook.command.settings = daybook.settings | settings | {
            "EVENT_LOG_APPEND_ENDPOINT": appends.endpoint, "EVENT_LOG_READ_ENDPOINT": reads.endpoint,
        }  # fmt: skip
        try:
            daybook.start()
            yield daybook, appends, reads
        finally:
            daybook.kill()
            appends.close()
            reads.close()


def wait_until_held_in_memory(daybook, account):
    """By a gateway that was started anew; nothing is recorded."""
    wait_until(lambda: daybook.gateway.withdraw(account, 10**6).status == 400, f"the gateway holds {account}")


def record_elsewhere(daybook, account, count, amount="0.01", filling=0):
    """Records deposits as another gateway would."""
    requester = requester_of(daybook)
    data = json.dumps({"amount": amount}).encode()[:-1] + b" " * filling + b"}"
    events = [Event(uuid4(), "MoneyDeposited", data, schema_version=2) for _ in range(count)]
    try:
        assert append(requester, Write(f"account/{account}", None, events)).result == "committed"
    finally:
        requester.close()


class Background(threading.Thread):
    """A call whose answer is taken later."""

    def __init__(self, call):
        super().__init__()
        self._call = call
        self._failure = None
        self.start()

    def run(self):
        try:
            self.result = self._call()
        except BaseException as failure:  # noqa: BLE001: told by whoever asks for the answer
            self._failure = failure

    def answer(self):
        self.join(120)
        assert not self.is_alive(), "there was no answer"
        if self._failure:
            raise self._failure
        return self.result


# In the second case so much was recorded elsewhere that the log does not tell all of it, and the account is loaded anew.
@pytest.mark.parametrize("elsewhere", [1, 150])
def test_B1_a_line_does_not_overtake_one_whose_decision_stood_on_a_command_that_was_refused(elsewhere):
    with linked() as (daybook, appends, reads):
        daybook.gateway.open("a", 0)
        conversation = Conversation(daybook.command.port)
        appends.hold(requests=[APPEND])
        # A single command, and a first line that is decided on the state after it; neither reaches the log yet.
        single = Background(lambda: Client(daybook.command.port).deposit("a", "1.00"))
        appends.wait_for_held(requests=1)
        conversation.send(deposit("a", "2.00"))
        appends.wait_for_held(requests=2)
        # Another gateway is faster. The log refuses both; of the second refusal the gateway does not hear yet.
        record_elsewhere(daybook, "a", elsewhere)
        passed = []

        def first_alone(frame):
            if kind_of(frame) != APPEND_REPLY:
                return frame
            passed.append(frame)
            return frame if len(passed) != 2 else None

        appends.pass_on(first_alone)
        assert single.answer().status == 200
        appends.wait_for_held(replies=1)
        # The second line comes while the first is neither recorded nor known to be refused.
        if elsewhere > 100:
            reads.hold(replies=[LOAD_REPLY])
        known = appends.count(APPEND)
        conversation.send(deposit("a", "3.00"))
        time.sleep(0.3)  # Nothing tells that nothing happens.
        overtaken = appends.count(APPEND) > known
        appends.pass_on()
        reads.pass_on()
        first, second = conversation.answers(2)
        conversation.close()
        assert (first["line"], first["status"], second["line"], second["status"]) == (1, 200, 2, 200)
        assert first["account"]["version"] < second["account"]["version"], (first, second)
        assert not overtaken, "the second line was sent before it was known what became of the first"


def test_B1_it_is_asked_again_whose_turn_it_is_after_a_load():
    """Two lines wait for the same load; meanwhile the log refuses what an earlier line had sent."""
    with linked(COMMAND_SNAPSHOT_EVENTS="0") as (daybook, appends, reads):
        daybook.gateway.open("a", 0)
        conversation = Conversation(daybook.command.port)
        appends.hold(requests=[APPEND])
        conversation.send(deposit("a", "1.00"))
        appends.wait_for_held(requests=1)
        # So much that the log does not tell all of it with its refusal: the account has to be loaded anew.
        record_elsewhere(daybook, "a", 150)
        reads.hold(replies=[LOAD_REPLY])
        conversation.send(*[deposit("a", f"{number}.00") for number in range(2, 30)])
        appends.pass_on()
        reads.wait_for_held(replies=1)
        conversation.send(*[deposit("a", f"{number}.00") for number in range(30, 60)])
        reads.pass_on()
        answers = conversation.answers(59)
        conversation.close()
        assert {answer["status"] for answer in answers} == {200}
        versions = [answer["account"]["version"] for answer in answers]
        assert versions == sorted(versions)


def test_B1_through_two_gateways_and_beside_single_commands_lines_keep_their_order(start_daybook):
    daybook = start_daybook()
    port, folder = Ports.take(), daybook.directory / "second"
    folder.mkdir()
    second = Service("command-service", port, daybook.settings | {"COMMAND_HTTP_ADDRESS": f"127.0.0.1:{port}"}, folder)
    daybook.services.append(second)
    second.start()
    for run in range(3):
        account = f"x-{run}"
        daybook.gateway.open(account, 0)
        ended = threading.Event()

        def flood():
            client = Client(second.port)
            body = (json.dumps(deposit(account, 5000)) + "\n").encode() * 300
            while not ended.is_set():
                client.request("POST", "/commands", body, {"Content-Type": "application/x-ndjson"})
            client.close()

        def singles():
            client = Client(daybook.command.port)
            while not ended.is_set():
                assert client.deposit(account, 10_000).status == 200
            client.close()

        others = [Background(flood)] + [Background(singles) for _ in range(4)]
        time.sleep(0.2)  # So that they are at it; sooner or later makes no difference to what is asserted.
        try:
            answers = bulk(daybook, *[deposit(account, f"{n // 100}.{n % 100:02d}") for n in range(1, 1501)])
        finally:
            ended.set()
            for other in others:
                other.answer()
        assert {answer["status"] for answer in answers} == {200}
        versions = [answer["account"]["version"] for answer in answers]
        assert versions == sorted(versions)


# ---- B3


@pytest.mark.parametrize("distance", [0, 1, 100, 255, 256, 700])
def test_B3_the_same_keyed_command_twice_in_one_body_is_obeyed_once_and_replayed(daybook, distance):
    account = f"twice-{distance}"
    between = [deposit(account, "0.01") for _ in range(distance)]
    answers = bulk(
        daybook, opening(account), deposit(account, 5, idempotency_key="k"), *between,
        deposit(account, 5, idempotency_key="k"), deposit(account, 7, idempotency_key="k"),
        withdraw(account, 9999, idempotency_key="no"), withdraw(account, 9999, idempotency_key="no"),
    )  # fmt: skip
    first, again, other, refused, refused_again = answers[1], *answers[-4:]
    assert (first["status"], first.get("replayed")) == (200, None)
    assert (again["status"], again["replayed"], again["position"]) == (200, True, first["position"])
    assert again["account"] == first["account"]
    assert other["problem"]["type"] == "/problems/idempotency-key-reused"
    assert (refused["status"], refused.get("replayed")) == (400, None)
    assert (refused_again["status"], refused_again["replayed"]) == (400, True)
    assert refused_again["problem"] == refused["problem"]
    daybook.wait_until_caught_up()
    assert len(daybook.gateway.events(account)) == 2 + distance


def test_B3_many_repeats_of_some_keys_in_one_body_end_and_record_each_once(daybook):
    daybook.gateway.open("repeats", 0)
    lines = [deposit("repeats", 1 + number % 7, idempotency_key=f"k-{number % 7}") for number in range(1000)]
    answers = bulk(daybook, *lines)
    assert {answer["status"] for answer in answers} == {200}
    assert [answer.get("replayed", False) for answer in answers] == [False] * 7 + [True] * 993
    daybook.wait_until_caught_up()
    assert daybook.gateway.account("repeats")["balance"] == sum(range(1, 8))


def test_B3_a_single_command_whose_key_is_in_progress_is_still_told_so():
    with linked() as (daybook, appends, _):
        daybook.gateway.open("a", 0)
        appends.hold(requests=[APPEND])
        headers = {"Idempotency-Key": "k"}
        command = {"type": "Deposit", "amount": 1}
        first = Background(lambda: Client(daybook.command.port).post("a", command, headers=headers))
        appends.wait_for_held(requests=1)
        answer = daybook.gateway.post("a", command, headers=headers)
        assert_problem(answer, 409, "command-in-progress")
        assert answer.headers["Retry-After"] == "1"
        appends.pass_on()
        assert first.answer().status == 200


# ---- B8


def test_B8_a_replay_whose_state_cannot_be_read_does_not_claim_that_nothing_was_recorded():
    with linked(COMMAND_CACHE_ACCOUNTS="1") as (daybook, _, reads):
        daybook.gateway.open("a", 0)
        command, headers = {"type": "Deposit", "amount": 1}, {"Idempotency-Key": "k"}
        assert daybook.gateway.post("a", command, headers=headers).status == 200
        # Two versions on, so that the answer has to be folded again.
        assert daybook.gateway.deposit("a", 1).status == daybook.gateway.deposit("a", 1).status == 200
        daybook.command.restart(EVENT_LOG_TIMEOUT="2s")
        wait_until_held_in_memory(daybook, "a")
        reads.hold(requests=[LOAD])
        answer = daybook.gateway.post("a", command, headers=headers)
        assert_problem(answer, 504, "outcome-unknown")
        assert "nothing was recorded" not in answer.json["detail"]
        (line,) = bulk(daybook, deposit("a", 1, idempotency_key="k"))
        assert (line["status"], line["problem"]["type"]) == (504, "/problems/outcome-unknown")
        reads.pass_on()
        again = wait_until(
            lambda: (answer := daybook.gateway.post("a", command, headers=headers)).status != 504 and answer, "it is read"
        )
        assert (again.status, again.headers["Idempotent-Replayed"], again.json["version"]) == (200, "true", 2)


def test_B8_a_head_that_is_told_late_is_not_taken_for_a_log_that_went_back():
    """A record can be read, and its acknowledgement come, just before the log's head is that record."""
    with linked() as (daybook, _, reads):
        daybook.gateway.open("a", 0)
        earlier, late = [], []

        def remember(frame):
            if kind_of(frame) == STATUS_REPLY and struct.unpack(">Q", frame[32:40]) == (1,):
                earlier.append(frame)
            return frame

        reads.on_reply = remember
        wait_until(lambda: earlier, "the gateway was told the head")

        def tell_late(frame):
            if kind_of(frame) != STATUS_REPLY or len(late) >= 3:
                return frame
            late.append(frame)
            return frame[:16] + earlier[0][16:]

        reads.on_reply = tell_late
        daybook.gateway.deposit("a", 1)
        wait_until(lambda: len(late) >= 3, "the gateway was told an old head")
        asked = reads.count(STATUS)
        wait_until(lambda: reads.count(STATUS) >= asked + 2, "the gateway goes on asking")
        assert "went back" not in daybook.command.output
        assert daybook.gateway.deposit("a", 1).json["version"] == 3


# ---- B9


@pytest.mark.parametrize("how", ["single", "keyed", "line"])
def test_B9_a_command_that_the_log_refuses_again_and_again_is_answered_by_its_deadline(how):
    """As two logs on one file do that never agree."""
    with linked() as (daybook, appends, _):
        daybook.gateway.open("a", 0)
        daybook.command.restart(EVENT_LOG_TIMEOUT="1s", COMMAND_DEADLINE="2s")
        wait_until_held_in_memory(daybook, "a")
        appends.on_request = lambda frame: ("answer", conflict(frame, 1)) if kind_of(frame) == APPEND else frame
        before, begun = appends.count(APPEND), time.monotonic()
        match how:
            case "line":
                (answer,) = bulk(daybook, deposit("a", 1))
                status, problem = answer["status"], answer["problem"]
            case _:
                headers = {"Idempotency-Key": "k"} if how == "keyed" else {}
                answer = daybook.gateway.post("a", {"type": "Deposit", "amount": 1}, headers=headers)
                status, problem = answer.status, answer.json
        assert (status, problem["type"]) == (503, "/problems/log-unavailable")
        # Generous: the machine may be busy. It was unanswered for ever.
        assert time.monotonic() - begun < 20
        assert appends.count(APPEND) - before < 200, "gateway and log spin"
        appends.pass_on()
        assert daybook.gateway.insist("a", {"type": "Deposit", "amount": 1}).json["version"] == 2


def test_B9_commands_that_wait_for_each_other_are_all_answered_by_their_deadline():
    """The log accepts requests and answers none of them."""
    with linked(COMMAND_CACHE_ACCOUNTS="1") as (daybook, appends, reads):
        daybook.gateway.open("a", 0)
        daybook.gateway.open("b", 0)
        daybook.command.restart(EVENT_LOG_TIMEOUT="1s", COMMAND_DEADLINE="2s")
        wait_until_held_in_memory(daybook, "b")
        appends.hold(requests=[APPEND])
        reads.hold(requests=[LOAD])
        begun = time.monotonic()
        cold = [Background(lambda: Client(daybook.command.port).deposit("a", 1)) for _ in range(20)]
        same = [deposit("b", 1, idempotency_key="k") for _ in range(20)]
        lines = bulk(daybook, *same, *[deposit("a", 1) for _ in range(20)])
        assert {line["status"] for line in lines} <= {503, 504}
        assert {command.answer().status for command in cold} <= {503, 504}
        assert time.monotonic() - begun < 25
        appends.pass_on()
        reads.pass_on()
