"""Values that nobody honest writes, by every way that leads in: none ends a process, and none is taken for another."""

import hashlib
import json
import os
import re
import struct
from contextlib import contextmanager
from decimal import Decimal
from uuid import uuid4

import pytest
import zmq

import secured
import store
from daybook_frames import Command, Event, Write, sized, stream_bytes
from daybook_subscriber import append
from signed_snapshots import SCHEMA, seal, secret_of
from daybook_tool import Tool
from problems import assert_problem
from raw_log import requester_of
from services import wait_until
from test_projections import checkpoint_of

KEEP_SNAPSHOT = 0x11
MOST_NEGATIVE, LARGEST = -(2**63), 2**64 - 1
# Of those that a store can be made to hold.
TIMES_THAT_ARE_NONE = [
    pytest.param(MOST_NEGATIVE, marks=pytest.mark.sqlite_only("the times of PostgreSQL begin with the year 4714 BC")),
    -62_167_219_200_000_001, 2**63 - 1,
]  # fmt: skip


@contextmanager
def appender(daybook, patience=10.0):
    requester = requester_of(daybook, patience)
    try:
        yield requester
    finally:
        requester.close()


def record(daybook, account, *events, expected=None):
    """Appends past the gateway, as any peer may."""
    events = [Event(uuid4(), type, data.encode(), schema_version=schema) for type, schema, data in events]
    with appender(daybook) as requester:
        return append(requester, Write(f"account/{account}", expected, events))


def restart(service):
    assert service.stop() == 0
    service.start()


def assert_all_run(daybook):
    for service in daybook.services:
        assert service.is_running, service.output[-3000:]
        assert service.health("/livez") == 200


# ---- amounts of schema version 1

AMOUNTS = [
    "1e-9223372036854775808", "1e9223372036854775807", "-1e-9223372036854775808", "1e-9223372036854775809",
    "0e-9223372036854775808", "1e401", "1e-401", "1E+400", "9" * 5000, "0." + "0" * 5000 + "1",
]  # fmt: skip


@pytest.mark.parametrize("amount", AMOUNTS, ids=lambda amount: amount[:24])
def test_an_amount_with_any_exponent_is_refused_or_read_and_ends_nobody(start_daybook, amount):
    daybook = start_daybook()
    daybook.gateway.open("sound", 1)
    assert record(daybook, "victim", ("AccountOpened", 1, '{"owner":"v","initial_balance":5}')).result == "committed"
    assert record(daybook, "victim", ("MoneyDeposited", 1, f'{{"amount":{amount}}}')).result == "committed"
    # The account's history cannot be folded any more, if not by chance the amount is one; nothing else suffers.
    status = daybook.gateway.deposit("victim", 1).status
    assert status == 200 or status >= 500
    assert daybook.gateway.deposit("sound", 1).status == 200
    # What the query service projects stops before the event, and the process does not.
    assert daybook.query.stop() == 0
    daybook.query.start(wait=False)
    wait_until(lambda: daybook.query.health("/livez") == 200, "the query service is back")
    wait_until(lambda: daybook.queries.get("/accounts/sound").status == 200, "it answers from before the event")
    restart(daybook.command)
    assert daybook.gateway.deposit("sound", 1).status == 200
    assert_all_run(daybook)


def test_an_import_names_the_lines_whose_amounts_are_none(daybook):
    lines = ['{"account":"a","type":"AccountOpened","owner":"o","initial_balance":1}']
    lines += [f'{{"account":"a{n}","type":"AccountOpened","owner":"o","initial_balance":{a}}}'
              for n, a in enumerate(AMOUNTS)]  # fmt: skip
    result = Tool(daybook).run("import", "--dry-run", "--json", "-", input="\n".join(lines) + "\n")
    assert result.returncode == 65, result
    # Zero is zero, whatever its exponent says; a negative one and those that are too large or too fine are none.
    broken = json.loads(result.stdout)["broken_lines"]
    assert set(broken) >= set(range(2, len(lines) + 1)) - {2 + AMOUNTS.index("0e-9223372036854775808")}
    assert 1 not in broken


# ---- times


def snapshot_body(daybook, account, created, updated, version=1):
    (event,) = daybook.gateway.events(account)[version - 1 : version]
    fingerprint = SCHEMA
    state = b'{"owner":"Alice","currency":"USD","balance":"5.00","events":1}'
    return (
        stream_bytes(f"account/{account}") + struct.pack(">Q", version) + bytes.fromhex(event["id"].replace("-", ""))
        + struct.pack(">qq", created, updated) + fingerprint + sized(4, state)
    )  # fmt: skip


@pytest.mark.parametrize("time", [MOST_NEGATIVE, 2**63 - 1, -62_167_219_200_000_001, 253_402_300_800_000_000])
def test_a_snapshot_with_a_time_that_is_none_is_not_kept(start_daybook, time):
    daybook = start_daybook()
    daybook.gateway.open("victim", 5)
    daybook.wait_until_caught_up()
    malformed = daybook.event_log.figures()["malformed_frames"]
    send(daybook, KEEP_SNAPSHOT, snapshot_body(daybook, "victim", time, time))
    wait_until(lambda: daybook.event_log.figures()["malformed_frames"] > malformed, "the frame is counted")
    check_versions(daybook, "victim")


def send(daybook, kind, body):
    """Sends a request without waiting for an answer: to what breaks the grammar there is none."""
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 5000
    secured.connect_socket(socket, f"tcp://127.0.0.1:{daybook.append_port}")
    socket.send(struct.pack(">4sBBHQ", b"DBK1", kind, 0, 0, 1) + body)
    socket.close()


def check_versions(daybook, account):
    """Loads the account from its snapshots and its events, in all ways in which it is loaded."""
    for _ in range(2):
        assert daybook.gateway.deposit(account, 1).status == 200
    daybook.wait_until_caught_up()
    for version in (1, 2, 3):
        assert daybook.queries.get(f"/accounts/{account}?version={version}").json["version"] == version
    restart(daybook.command)
    answer = daybook.gateway.deposit(account, 1)
    assert (answer.status, answer.json["balance"]) == (200, Decimal("8.00"))
    assert re.fullmatch(r"20\d\d-.*Z", answer.json["opened_at"])
    assert_all_run(daybook)


@pytest.mark.parametrize("time", TIMES_THAT_ARE_NONE)
def test_a_snapshot_in_the_file_with_a_time_that_is_none_is_as_good_as_none(start_daybook, time):
    daybook = start_daybook(COMMAND_SNAPSHOT_EVENTS=1)
    daybook.gateway.open("victim", 5)
    wait_until(lambda: len(store.snapshots(daybook.database)) == 1, "there is a snapshot")
    for service in reversed(daybook.services):
        assert service.stop() == 0
    store.change_snapshots(
        daybook.database, "victim", lambda snapshot: snapshot._replace(created_at=time, updated_at=time)
    )
    daybook.start()
    check_versions(daybook, "victim")


@pytest.mark.parametrize("time", TIMES_THAT_ARE_NONE)
def test_a_record_with_a_time_that_is_none_is_damage_that_is_named(start_daybook, time):
    daybook = start_daybook()
    # The last two are looked at by every start, which the log then refuses.
    for number in range(5):
        daybook.gateway.open(f"acc-{number}", 5)
    for service in reversed(daybook.services):
        assert service.stop() == 0
    store.change_event(daybook.database, 2, recorded_at=time)
    code, found = Tool(daybook).verify()
    assert code == 1 and "position 2" in json.dumps(found), found
    daybook.event_log.start()
    daybook.command.start(wait=False)
    wait_until(lambda: daybook.command.health("/livez") == 200, "the gateway is there")
    assert daybook.gateway.deposit("acc-1", 1).status >= 500
    assert daybook.event_log.is_running and daybook.command.is_running


@pytest.mark.parametrize("where", ["category", "stream", "type"])
def test_a_record_with_a_name_that_no_frame_has_room_for_ends_nobody(start_daybook, where):
    """With a hash that is right, as whoever may write to the file can make it."""
    daybook = start_daybook()
    # The last two are looked at by every start.
    for number in range(5):
        daybook.gateway.open(f"acc-{number}", 5)
    for service in reversed(daybook.services):
        assert service.stop() == 0
    store.change_event(daybook.database, 1, **{where: "x" * 70_000})
    log_id, records = store.read(daybook.database)
    previous = hashlib.sha256(log_id).digest()
    for found in records:
        previous = store.hash_of(found, previous, log_id)
        store.change_event(daybook.database, found.position, hash=previous)
    checkpoint_of(daybook).unlink()
    if where != "type" and not store.is_database(daybook.database):
        # SQLite's store looks at what streams are called with every start.
        daybook.event_log.start(wait=False)
        assert daybook.event_log.wait_for_end() == 1
        last = daybook.event_log.output.splitlines()[-1]
        assert "position 1 is damaged" in last and len(last) < 1000
        return
    daybook.event_log.start()
    # It projects the log from its beginning.
    daybook.query.start(wait=False)
    wait_until(lambda: "is damaged" in daybook.event_log.output, "the log names the record when it is read")
    assert "position 1 " in daybook.event_log.output
    assert daybook.event_log.is_running and daybook.query.is_running


@pytest.mark.parametrize("at", ["0000-01-01T00:00:00%2B00:01", "9999-12-31T23:59:59-01:00", "9999-12-31T23:59:60-00:01"])
def test_a_time_beyond_the_years_that_can_be_written_is_no_time(daybook, at):
    daybook.gateway.open(f"acc-{uuid4()}", 1)
    daybook.wait_until_caught_up()
    for path in (f"/accounts?limit=1&at={at}", f"/accounts/acc-x?at={at}"):
        for client in (daybook.queries, daybook.gateway):
            assert_problem(client.get(path), 400, "invalid-parameter")
    assert_all_run(daybook)


def test_the_first_and_the_last_time_lead_through_pages_to_the_end(start_daybook):
    """More accounts than are looked at for one page, so that an empty page still leads on."""
    daybook = start_daybook()
    count = 10_050
    with appender(daybook, patience=60.0) as requester:
        opened = b'{"owner":"o","initial_balance":"1.00","currency":"USD"}'
        for start in range(0, count, 1000):
            writes = [
                Write(f"account/p-{number:06}", 0, [Event(uuid4(), "AccountOpened", opened, schema_version=2)])
                for number in range(start, min(count, start + 1000))
            ]
            assert append(requester, *writes).result == "committed"
    daybook.wait_until_caught_up(60)
    for at, limit, expected in [("0000-01-01T00:00:00Z", 1, 0), ("9999-12-31T23:59:59.999999Z", 1000, count)]:
        path, found, pages = f"/accounts?limit={limit}&at={at}", 0, 0
        while path:
            answer = daybook.queries.get(path)
            assert answer.status == 200, answer
            found, pages = found + len(answer.json), pages + 1
            link = re.match(r'<(.*)>; rel="next"', answer.headers.get("Link", ""))
            path = link and link[1]
            assert path is None or re.search(r"at=(0000|9999)-", path), path
        assert found == expected and pages > 1
    assert_all_run(daybook)


# ---- outcomes kept with a key

OUTCOMES = [
    b"\x01\xff\xff{}", b"\x01\x00\x00{}", b"\x01\x03\xe8{}", b"\x01\x00\xc8{}", b"\x01\x01\x90", b"\x01\x01\x90[]",
    b"\x01\x01\x90{\n}", b"\x01\x01\x90\xff\xff", b"\x01", b"\x02", b"", b"\x00\x00", b"\xff" * 100,
]  # fmt: skip


def test_an_outcome_that_no_gateway_keeps_is_a_fault_that_is_told_and_ends_nobody(start_daybook):
    daybook = start_daybook()
    daybook.gateway.open("victim", 5)
    fingerprint = hashlib.sha256(b'POST account/victim\n{"type":"Deposit","amount":"1"}').digest()
    with appender(daybook) as requester:
        for number, outcome in enumerate(OUTCOMES):
            command = Command(secured.stored_key(f"key-{number}".encode()), fingerprint, outcome)
            assert append(requester, Write("account/victim", None), command=command).result == "committed"
    for number, outcome in enumerate(OUTCOMES):
        key = f"key-{number}"
        answer = daybook.gateway.post("victim", {"type": "Deposit", "amount": 1}, headers={"Idempotency-Key": key})
        assert answer.status >= 500 and answer.json["type"].startswith("/problems/"), (outcome, answer)
        line = json.dumps({"account": "victim", "type": "Deposit", "amount": 1, "idempotency_key": key})
        bulk = daybook.gateway.request(
            "POST", "/commands", line.encode() + b"\n", {"Content-Type": "application/x-ndjson"}
        )
        (told,) = [json.loads(text) for text in bulk.body.splitlines()]
        assert told["status"] >= 500, (outcome, told)
    assert daybook.gateway.account("victim")["balance"] == 5
    assert_all_run(daybook)


# ---- checkpoints


def forge(daybook, change_line, head=False):
    """A checkpoint with other lines and the digest that belongs to them, under the services' own key."""
    path = checkpoint_of(daybook)
    lines = path.read_bytes().split(b"\n")[:-2]
    lines = [change_line(line) if (number == 0) == head else line for number, line in enumerate(lines)]
    content = b"".join(line + b"\n" for line in lines)
    path.write_bytes(content + seal(content, secret_of(daybook)))


FORGERIES = {
    "version-largest": (rb'"version":\d+', b'"version":%d' % LARGEST, False),
    "version-beyond-int64": (rb'"version":\d+', b'"version":%d' % 2**63, False),
    "version-zero": (rb'"version":\d+', b'"version":0', False),
    "times-smallest": (rb'_at":\d+', b'_at":%d' % MOST_NEGATIVE, False),
    "times-largest": (rb'_at":\d+', b'_at":%d' % (2**63 - 1), False),
    "updated-before-created": (rb'"updated_at":\d+', b'"updated_at":0', False),
    "position-largest": (rb'"position":\d+', b'"position":%d' % LARGEST, True),
    "position-beyond-int64": (rb'"position":\d+', b'"position":%d' % 2**63, True),
    "position-int64": (rb'"position":\d+', b'"position":%d' % (2**63 - 1), True),
    "line-too-long": (rb'"owner":"', b'"owner":"' + b"a" * (1 << 21), False),
}


def some_accounts(daybook):
    for number in range(3):
        daybook.gateway.open(f"acc-{number}", number)
    daybook.wait_until_caught_up()
    return daybook.queries.get("/accounts").json


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_checkpoint_with_values_that_cannot_be_is_passed_over(start_daybook, forgery):
    daybook = start_daybook()
    before = some_accounts(daybook)
    assert daybook.query.stop() == 0
    pattern, replacement, in_head = FORGERIES[forgery]
    forge(daybook, lambda line: re.sub(pattern, replacement, line), head=in_head)
    daybook.query.start()
    assert "a checkpoint is passed over" in daybook.query.output or "not the one" in daybook.query.output
    assert daybook.queries.get("/accounts").json == before
    assert daybook.gateway.deposit("acc-0", 1).status == 200
    assert daybook.gateway.account("acc-0")["balance"] == 1
    restart(daybook.query)
    assert_all_run(daybook)


@pytest.mark.parametrize("kind", ["fifo", "device", "directory"])
def test_a_checkpoint_that_is_no_file_holds_up_no_start(start_daybook, kind):
    daybook = start_daybook()
    before = some_accounts(daybook)
    assert daybook.query.stop() == 0
    path = checkpoint_of(daybook)
    path.unlink()
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    daybook.query.start()
    assert "is not a regular file" in daybook.query.output
    assert daybook.queries.get("/accounts").json == before


@pytest.mark.parametrize("kind", ["link", "dangling link", "fifo"])
def test_what_stands_where_a_checkpoint_is_written_is_neither_followed_nor_waited_for(start_daybook, kind):
    daybook = start_daybook()
    some_accounts(daybook)
    path, target = checkpoint_of(daybook), daybook.directory / "precious"
    beside = path.with_name(path.name + ".new")
    if kind == "fifo":
        os.mkfifo(beside)
    else:
        beside.symlink_to(target)
    if kind == "link":
        target.write_text("precious")
    # It writes one when it stops, in the time that it has.
    assert daybook.query.stop() == 0
    assert path.is_file() and not path.is_symlink() and path.stat().st_mode & 0o777 == 0o600
    assert not beside.is_symlink() and not beside.exists()
    assert target.read_text() == "precious" if kind == "link" else not target.exists()
    daybook.query.start()
    assert "checkpoint read" in daybook.query.output
