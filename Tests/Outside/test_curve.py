"""Keys and roles of the log's peers, over CURVE, through real processes: what each may do, and strangers nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest
import zmq
from daybook_frames import APPEND, STATUS, stream_bytes
from daybook_services import PATIENCE, PROGRAMS, Services, at_once, free_port, wait_for
from keyed_log import ROLES, KeyedServices, append_one, one_event
from raw_peer import connect, greeting

# Found by way of daybook_frames, which therefore comes first.
from daybook_events import KeyRefused, Keys, LogUnreachable, Refused, Requester

KEEP_SNAPSHOT = 0x11
FORBIDDEN = 5


@pytest.fixture
def log() -> Iterator[KeyedServices]:
    """A log with a peer of each role, named as the role."""
    with KeyedServices(**{role: role for role in ROLES}) as services:
        services.start("event-log-service")
        yield services


def snapshot() -> bytes:
    """The body of a request to keep one."""
    version, event, times, fingerprint, state = (1).to_bytes(8), bytes(16), bytes(16), bytes(32), bytes(4)
    return stream_bytes("account/acc-001") + version + event + times + fingerprint + state


def shuts_out(requester: Requester, words: str, kind: int = STATUS, body: bytes = b"") -> None:
    """The log obeys nothing, and why is told in these words: not at once if the handshake has not failed yet."""
    requester.patience = 1.0

    def is_told() -> bool:
        with pytest.raises(LogUnreachable) as failure:
            requester.ask(kind, body)
        return words in str(failure.value)

    wait_for(f"the peer is told: {words}", is_told)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_what_the_contract_says(log: KeyedServices, role: str) -> None:
    with log.requester("read", role) as reader:
        assert reader.status().position == 0
    with log.requester("append", role) as appender:
        if role == "read":
            shuts_out(appender, "refuses this key", APPEND, one_event())
        else:
            assert append_one(appender) == 1
            if role == "append":
                appender.ask(KEEP_SNAPSHOT, snapshot())
            else:
                with pytest.raises(Refused, match="snapshots") as refusal:
                    appender.ask(KEEP_SNAPSHOT, snapshot())
                assert refusal.value.code == FORBIDDEN
                assert append_one(appender) == 2, "its connection stands"
    with log.requester("append", "append") as appender, log.subscription(role) as subscription:
        position = append_one(appender)
        assert [record.position for record in subscription.next_batch(wait=PATIENCE)][-1] == position


def test_an_unknown_key_gets_nothing_not_even_a_heartbeat(log: KeyedServices) -> None:
    log.make_key("stranger")
    context = zmq.Context.instance()
    for keys in (log.keys("stranger"), None):
        subscriber = context.socket(zmq.SUB)
        subscriber.linger = 0
        subscriber.subscribe(b"")
        if keys:
            keys.apply(subscriber)
        subscriber.connect(log.events)
        # A log that took it would greet it at once, and then again every 500 ms.
        assert not subscriber.poll(1500)
        subscriber.close()
        for socket in ("append", "read"):
            requester = Requester(context, {"append": log.append, "read": log.read}[socket], keys=keys)
            shuts_out(requester, "refuses this key" if keys else "CURVE")
            requester.close()
    assert log.figure("position") == 0
    assert log.figure("refused_peers") >= 3
    refused = [line for line in log.audit() if line["event"] == "peer-refused"]
    assert refused and all(line["address"] == "127.0.0.1" for line in refused)
    assert any(log.public["stranger"] in str(line["reason"]) for line in refused)
    secret = log.key_file("stranger").read_text().strip()
    assert secret not in log.output() and secret not in str(log.audit())


def test_who_expects_another_key_of_the_log_tells_it_nothing(log: KeyedServices) -> None:
    wrong = Keys.load(log.public["append"], str(log.key_file("append")))
    requester = Requester(zmq.Context.instance(), log.append, keys=wrong)
    shuts_out(requester, "another key than EVENT_LOG_PUBLIC_KEY", APPEND, one_event())
    requester.close()
    assert log.figure("position") == 0


@pytest.mark.timing
def test_a_revoked_peer_is_refused_at_once_and_its_subscription_ends(log: KeyedServices) -> None:
    with log.requester("append", "operate") as other, log.requester("append", "append") as revoked:
        assert append_one(other) == 1
        assert append_one(revoked) == 2
        with log.subscription("read", patience=None) as subscription, log.requester("read", "read") as reader:
            assert reader.status().position == 2
            wait_for("all is seen", lambda: subscription.next_batch(wait=0.1) or subscription.is_caught_up)
            changed_at = time.monotonic()
            del log.roles["append"], log.roles["read"]
            log.write_peers()
            wait_for("the log has taken the change in", lambda: "revoked=append, read" in log.output())
            assert time.monotonic() - changed_at < 10
            for requester, kind, body in ((revoked, APPEND, one_event()), (reader, STATUS, b"")):
                # Its connection stands until then: the request reaches the log, and is refused there.
                with pytest.raises(Refused, match="revoked") as refusal:
                    requester.ask(kind, body)
                assert refusal.value.code == FORBIDDEN
            assert log.figure("forbidden_requests") >= 2
            assert log.figure("position") == 2
            wait_for("its subscription ends",
                     lambda: subscription.next_batch(wait=0.1) or "refuses" in (subscription.rejection or ""))  # fmt: skip
            assert time.monotonic() - changed_at < 20
            # Others go on.
            assert append_one(other) == 3
            assert subscription.next_batch(wait=1) == []
            log.roles |= {"append": "append", "read": "read"}
            log.write_peers()
            assert [record.position for record in subscription.next_batch(wait=PATIENCE)] == [3]
    events = [line["event"] for line in log.audit()]
    assert events.count("peers-changed") == 2 and "peer-refused" in events


def test_a_revocation_under_load_refuses_every_later_request(log: KeyedServices) -> None:
    """Whatever is acknowledged to a revoked peer was asked for before the log took the revocation in."""
    ends: list[str] = []
    appended: list[int] = []

    def work() -> None:
        with log.requester("append", "append") as requester:
            try:
                while True:
                    appended.append(append_one(requester))
            except (Refused, LogUnreachable) as end:
                ends.append(str(end))

    with log.requester("append", "operate") as other:
        with at_once(*[work] * 4):
            wait_for("there is a load", lambda: len(appended) > 200)
            del log.roles["append"]
            log.write_peers()
        assert all("revoked" in end or "refuses" in end for end in ends) and len(ends) == 4, ends
        assert log.figure("position") == len(appended)
        assert append_one(other) == len(appended) + 1


def test_a_new_role_counts_for_a_connected_peer(log: KeyedServices) -> None:
    with log.requester("append", "append") as requester:
        assert append_one(requester) == 1
        log.roles["append"] = "operate"
        log.write_peers()
        wait_for("the change", lambda: "altered=append" in log.output())
        with pytest.raises(Refused, match="may not keep or drop snapshots"):
            requester.ask(KEEP_SNAPSHOT, snapshot())
        assert append_one(requester) == 2
        log.roles["append"] = "read"
        log.write_peers()
        with pytest.raises((Refused, LogUnreachable), match="does not reach|refuses this key"):
            for _ in range(10_000):
                append_one(requester)


def test_a_file_of_peers_that_is_broken_or_gone_changes_nothing(log: KeyedServices) -> None:
    with log.requester("append", "append") as requester:
        broken = (("{", "line 1"), ('\n{"name":"x"}\n', "line 2"), (None, "cannot read"))
        for number, (text, words) in enumerate(broken):
            if text is None:
                log.peers_file.unlink()
            else:
                log.write_peers(text)
            wait_for("a warning", lambda: any(words in warning for warning in log.readiness().get("warnings", ())))
            append_one(requester)
            log.make_key(f"stranger-{number}")
            stranger = Requester(zmq.Context.instance(), log.read, keys=log.keys(f"stranger-{number}"))
            shuts_out(stranger, "refuses")
            stranger.close()
        log.make_key("new")
        log.roles["new"] = "append"
        log.write_peers()
        wait_for("no warning", lambda: "warnings" not in log.readiness())
        with log.requester("append", "new") as new:
            append_one(new)
    assert [line["event"] for line in log.audit()].count("change-refused") == 3


def test_peers_are_read_again_on_sighup(log: KeyedServices) -> None:
    log.make_key("new")
    log.roles["new"] = "read"
    log.write_peers()
    log.process().send_signal(signal.SIGHUP)
    wait_for("the change", lambda: "allowed=new" in log.output())
    with log.requester("read", "new") as requester:
        requester.status()


def test_many_peers_are_allowed_at_once(log: KeyedServices) -> None:
    for number in range(200):
        log.make_key(f"p{number}")
        log.roles[f"p{number}"] = ROLES[number % 3]
    log.write_peers()
    with log.requester("read", "p199") as requester:
        requester.status()


# --- all programs


def test_all_services_the_tool_and_the_package_work_with_keys() -> None:
    with KeyedServices(cli="operate", analyst="read") as services:
        services.start()
        services.command("acc-001", type="OpenAccount", owner="Ann", initial_balance="5.00")
        services.command("acc-001", type="Deposit", amount="7.00")
        with services.subscription("analyst") as subscription:
            records = []
            while len(records) < 2:
                records += subscription.next_batch(wait=PATIENCE)
            assert [record.position for record in records] == [1, 2]
        exported = services.tool("export", peer="cli")
        assert exported.returncode == 0 and exported.stdout.count("\n") == 2, exported
        history = services.directory / "history.ndjson"
        history.write_text('{"account":"acc-2","type":"AccountOpened","owner":"Al","initial_balance":10.0}\n')
        imported = services.tool("import", str(history), peer="cli")
        assert imported.returncode == 0, imported
        refused = services.tool("export")
        assert refused.returncode == 69 and "demands CURVE" in refused.stderr and "EVENT_LOG_PUBLIC_KEY" in refused.stderr, refused
        # A gateway that is shut out says why it is not ready, and is back when it is let in again.
        role = services.roles.pop("gateway")
        services.write_peers()
        wait_for("the gateway knows", lambda: any(
            "refuses this peer's key" in missing for missing in services.readiness("command-service").get("missing", ())))  # fmt: skip
        services.roles["gateway"] = role
        services.write_peers()
        wait_for("the gateway is back", lambda: services.readiness("command-service")["status"] == "ready")
        services.command("acc-001", type="Deposit", amount="1.00")
        for name in ("log", "gateway", "query", "cli"):
            secret = services.key_file(name).read_text().strip()
            for process in services.processes.values():
                assert secret.encode() not in open(f"/proc/{process.pid}/cmdline", "rb").read()
                assert secret.encode() not in open(f"/proc/{process.pid}/environ", "rb").read()


# --- settings


def refusal(name: str, settings: dict[str, str], services: Services) -> tuple[int, str]:
    """The exit code and the words of a service that does not start."""
    ended = subprocess.run(
        [PROGRAMS / name], cwd=services.directory, env=services.environment(name) | settings, capture_output=True,
        text=True, timeout=PATIENCE, check=False)  # fmt: skip
    return ended.returncode, ended.stderr


def test_a_secret_file_that_others_can_read_is_refused() -> None:
    with KeyedServices() as services:
        for name, key in (("event-log-service", "log"), ("command-service", "gateway"), ("query-service", "query")):
            services.key_file(key).chmod(0o644)
            code, words = refusal(name, {}, services)
            assert code == 64 and words.count("\n") == 1 and "chmod 600" in words, (name, code, words)
            with pytest.raises(KeyRefused, match="chmod 600"):
                Keys.load(services.public["log"], str(services.key_file(key)))
            services.key_file(key).chmod(0o600)
            link = services.folder / f"{key}.link"
            link.symlink_to(services.key_file(key))
            setting = "EVENT_LOG_SECRET_KEY" if key == "log" else "PEER_SECRET_KEY"
            code, words = refusal(name, {setting: str(link)}, services)
            assert code == 64 and "symbolic link" in words, words
            with pytest.raises(KeyRefused):
                Keys.load(services.public["log"], str(link))
        services.key_file("gateway").chmod(0o640)
        tool = services.tool("export", peer="gateway")
        assert tool.returncode == 64 and "chmod 600" in tool.stderr, tool


@pytest.mark.parametrize("name, missing", [
    ("event-log-service", "EVENT_LOG_PEERS"), ("event-log-service", "EVENT_LOG_SECRET_KEY"),
    ("command-service", "PEER_SECRET_KEY"), ("command-service", "EVENT_LOG_PUBLIC_KEY"),
    ("query-service", "PEER_SECRET_KEY"), ("query-service", "EVENT_LOG_PUBLIC_KEY"),
])  # fmt: skip
def test_one_setting_of_a_pair_alone_is_refused(name: str, missing: str) -> None:
    with KeyedServices() as services:
        del services.own_settings[name][missing]
        code, words = refusal(name, {}, services)
        assert code == 64 and words.count("\n") == 1 and f"{missing} is not" in words, (code, words)


@pytest.mark.parametrize("setting, value", [
    ("EVENT_LOG_SECRET_KEY", "/nonexistent"), ("EVENT_LOG_PEERS", "/nonexistent"),
    ("EVENT_LOG_PEERS", "{directory}"), ("EVENT_LOG_SECRET_KEY", "{peers}"), ("EVENT_LOG_PEERS", "{key}"),
])  # fmt: skip
def test_files_that_are_none_are_refused(setting: str, value: str) -> None:
    with KeyedServices() as services:
        path = value.format(
            directory=services.folder, peers=services.peers_file, key=services.key_file("log"))  # fmt: skip
        code, words = refusal("event-log-service", {setting: path}, services)
        assert code == 64 and words.count("\n") == 1 and setting in words, (code, words)
        assert services.key_file("log").read_text().strip() not in words


@pytest.mark.parametrize("host", ["0.0.0.0", "*", "[::]"])
@pytest.mark.parametrize("setting", [
    "EVENT_LOG_APPEND_ENDPOINT", "EVENT_LOG_EVENTS_ENDPOINT", "EVENT_LOG_READ_ENDPOINT",
])  # fmt: skip
def test_a_log_that_others_can_reach_needs_keys(setting: str, host: str) -> None:
    with Services() as services:
        services.settings[setting] = f"tcp://{host}:{free_port()}"
        code, words = refusal("event-log-service", {}, services)
        assert code == 64 and words.count("\n") == 1, (code, words)
        assert setting in words and "EVENT_LOG_SECRET_KEY and EVENT_LOG_PEERS" in words, words


def test_a_log_that_others_can_reach_may_be_allowed_without_keys() -> None:
    with Services() as services:
        services.settings |= {"EVENT_LOG_READ_ENDPOINT": f"tcp://*:{free_port()}", "ALLOW_INSECURE": "yes"}
        services.start("event-log-service")
        assert "not protected" in services.output() and "EVENT_LOG_READ_ENDPOINT" in services.output()
        assert any("ALLOW_INSECURE" in warning for warning in services.readiness()["warnings"])
    with KeyedServices() as keyed:
        keyed.settings["EVENT_LOG_READ_ENDPOINT"] = f"tcp://*:{free_port()}"
        keyed.start("event-log-service")
        assert "not protected" not in keyed.output() and "warnings" not in keyed.readiness()


@pytest.mark.parametrize("host", ["127.0.0.2", "[::1]", "localhost"])
def test_loopback_needs_no_keys(host: str) -> None:
    with Services() as services:
        services.settings["EVENT_LOG_READ_ENDPOINT"] = f"tcp://{host}:{free_port()}"
        services.start("event-log-service")
        assert "warnings" not in services.readiness()


# --- what strangers cost


def test_a_handshake_that_stalls_is_ended(log: KeyedServices) -> None:
    """At each step of it: nothing said, the greeting alone, the greeting and a HELLO that never ends."""
    curve = greeting()[:12] + b"CURVE".ljust(20, b"\0") + bytes(32)
    stalled = []
    for sent in (b"", curve[:10], curve, curve + b"\x04\xc8\x05HELLO"):
        for endpoint in (log.append, log.events, log.read):
            made = connect(endpoint)
            made.sendall(sent)
            made.setblocking(False)
            stalled.append(made)

    def is_ended(made: object) -> bool:
        try:
            while made.recv(1 << 16):  # type: ignore[attr-defined]
                pass
            return True
        except BlockingIOError:
            return False
        except OSError:
            return True

    wait_for("all are ended", lambda: all(is_ended(made) for made in stalled))
    with log.requester("append", "append") as requester:
        append_one(requester)


def test_garbage_in_place_of_a_handshake_ends_its_connection_alone(log: KeyedServices) -> None:
    curve = greeting()[:12] + b"CURVE".ljust(20, b"\0") + bytes(32)
    with log.requester("append", "append") as requester:
        for garbage in (
            os.urandom(4096), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", greeting(), curve + os.urandom(2000),
            curve + b"\x04\xc8\x05HELLO" + os.urandom(194), curve + b"\x04\xc8\x05HELLO\x01\x00" + bytes(192),
        ):  # fmt: skip
            for endpoint in (log.append, log.events, log.read):
                made = connect(endpoint)
                made.sendall(garbage)
                wait_for("its end", lambda: is_closed(made))
                made.close()
            append_one(requester)


def is_closed(made: object) -> bool:
    try:
        return not made.recv(1 << 16)  # type: ignore[attr-defined]
    except OSError:
        return True


def test_descriptors_that_run_out_refuse_newcomers_and_end_nothing() -> None:
    """libzmq ends a process that has no descriptor left for it."""
    with KeyedServices(append="append") as services:
        services.open_files = 160
        services.start("event-log-service")
        with services.requester("append", "append") as requester, services.subscription("append") as subscription:
            assert append_one(requester) == 1
            assert len(subscription.next_batch(wait=PATIENCE)) == 1
            held = []
            for _ in range(400):
                for endpoint in (services.append, services.events, services.read):
                    try:
                        held.append(connect(endpoint))
                    except OSError:
                        pass
            # Who is there is served, and newcomers are once there is room again.
            assert append_one(requester) == 2
            assert len(subscription.next_batch(wait=PATIENCE)) == 1
            for made in held:
                made.close()
            with services.requester("append", "append") as newcomer:
                assert append_one(newcomer) == 3
        assert services.process().poll() is None
        assert services.readiness()["status"] == "ready"
