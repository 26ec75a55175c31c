"""Runs a plan of the fault bench against real processes, and checks what came of it."""

import random
import shutil
import threading
import time
from collections import Counter
from dataclasses import dataclass

import checks
import ledger_checks
import query_checks
import refusal_checks
import secured
import zmq
from clients import BINDING_NOTHING, OF_THE_DOMAIN, PATIENCE, Clients, Outcome, now
from account_commands import command_of
from daybook_subscriber import Subscriber
from disk import FaultyDisk
from history import History
from postgresql import Database
from proxy import BACK, TOWARDS, Proxy
from server_faults import FaultyServer
from services import STOP_DEADLINE, Daybook, Ports, Service, wait_until

# After the last fault everything must be ready again within this time, without help.
RECOVERY = 15.0


@dataclass(frozen=True)
class Limits:
    """How long, in seconds, everything may take until it is ready again, a client may wait for an answer, and a service may
    take to its end in order."""

    recovery: float
    answer: float
    stop: float


# Those that are asserted, on a machine that does nothing else; and those of one that runs other tests, too.
STRICT = Limits(RECOVERY, PATIENCE, STOP_DEADLINE)
AMONG_OTHERS = Limits(60.0, 60.0, 60.0)
# A delayed link keeps everything for so long.
DELAY = 0.02
# Holds that expire within so many microseconds are waited for at the end.
SOON = 5_000_000


class Run:
    """One run: processes, proxies between them, clients, a subscriber, and faults."""

    # A PostgreSQL server that belongs to the run.
    server = None
    limits = STRICT

    def __init__(self, plan, limits=STRICT):
        self.plan = plan
        self.limits = limits
        self.counts = Counter()
        # With a server, its disk is not made to fail but to be full.
        self.server = FaultyServer() if plan.has_server else None
        self.daybook = Daybook(
            start=False, database=self.server and self.server.database, EVENT_LOG_TIMEOUT="1s",
            COMMAND_SNAPSHOT_EVENTS="7", COMMAND_SNAPSHOT_AUDIT="3",
        )  # fmt: skip
        self.disk = None
        if not self.server:
            self.daybook.database.parent.mkdir()
            self.disk = FaultyDisk(self.daybook.event_log, self.daybook.database.parent)
        command_ports = [self.daybook.command.port]
        if plan.gateways == 2:
            command_ports.append(Ports.take())
        targets = {
            "append": self.daybook.append_port, "gateway-read": self.daybook.read_port,
            "events": self.daybook.events_port, "query-read": self.daybook.read_port,
            "gateway-query": self.daybook.query.port,
            "subscriber-events": self.daybook.events_port, "subscriber-read": self.daybook.read_port,
        } | {f"client-{number}": port for number, port in enumerate(command_ports, 1)}  # fmt: skip
        if self.server:
            targets["log-server"] = self.server.server.port
        self.links = {link: Proxy(targets[link]) for link in plan.links}
        self._connect_through_the_links(command_ports)
        # Services that are down because of a fault that is not mended yet.
        self._down = set()

    def _connect_through_the_links(self, command_ports):
        settings = self.daybook.settings
        to_gateway = settings | {
            "EVENT_LOG_APPEND_ENDPOINT": self._endpoint("append"),
            "EVENT_LOG_READ_ENDPOINT": self._endpoint("gateway-read"),
            "QUERY_HTTP_ADDRESS": f"127.0.0.1:{self.links['gateway-query'].port}",
        }
        if self.server:
            through_the_link = Database(self.server.server, self.server.database.name, self.links["log-server"].port)
            self.daybook.event_log.settings = settings | {"EVENT_STORE": through_the_link.url}
        self.daybook.command.settings = to_gateway
        self.daybook.query.settings = settings | {
            "EVENT_LOG_EVENTS_ENDPOINT": self._endpoint("events"),
            "EVENT_LOG_READ_ENDPOINT": self._endpoint("query-read"),
        }
        self.services = {
            "event-log": self.daybook.event_log, "command-1": self.daybook.command, "query": self.daybook.query,
        }  # fmt: skip
        for port in command_ports[1:]:
            folder = self.daybook.directory / "second"
            folder.mkdir()
            address = {"COMMAND_HTTP_ADDRESS": f"127.0.0.1:{port}"}
            self.services["command-2"] = Service("command-service", port, to_gateway | address, folder)
            self.daybook.services.append(self.services["command-2"])

    def _endpoint(self, link):
        return f"tcp://127.0.0.1:{self.links[link].port}"

    # ---- the whole run

    def run(self):
        """Carries the plan out. Fails with an AssertionError that names the invariant."""
        self.start_all()
        subscription = self.subscribe()
        clients = self.make_clients()
        clients.start()
        try:
            self.break_and_mend(clients)
            self.recover()
            before = clients.acknowledged
            await_condition(
                "I8", lambda: clients.acknowledged > before + 5 or clients.failures,
                "commands flow again after the last fault, without a restart", self.limits.recovery,
            )  # fmt: skip
        finally:
            clients.finish()
            self.count(clients)
        if clients.failures:
            raise clients.failures[0]
        self.settle(clients)
        if self.plan.ends_with_a_kill:
            self.assert_none_ended_by_itself()
            self.kill_all()
            self.counts["faults"] += 1
            self.start_all()
            # First, for a command that is repeated would be recorded again if it were lost.
            self.check_the_log(self.history(), clients.outcomes)
            self.repeat_keys(clients)
        self.let_holds_expire(clients)
        self.check(clients, subscription)
        self.count(clients)

    def subscribe(self):
        return Subscription(self._endpoint("subscriber-events"), self._endpoint("subscriber-read"))

    def make_clients(self):
        gateways = [self.links[f"client-{number}"].port for number in range(1, self.plan.gateways + 1)]
        return Clients(self.plan, gateways, [self.daybook.query.port], self.limits.answer)

    def history(self):
        """What the store holds now."""
        return History.read(self.daybook.database)

    def kill_all(self):
        self.daybook.kill()
        if self.server:
            self.server.kill()
            self.server.start()
        else:
            self.disk.lose_power(random.Random(self.plan.seed))

    def start_all(self):
        for service in self.daybook.services:
            service.start(wait=False)
        self.await_ready("after a start of everything")

    def await_ready(self, when):
        for name, service in self.services.items():
            try:
                service.wait_until_ready(self.limits.recovery)
            except AssertionError as error:
                raise AssertionError(f"I8: {name} is not ready {when}: {error}") from error

    def settle(self, clients):
        """Learns every unknown outcome by its key."""
        for outcome in clients.outcomes:
            if outcome.order.key and outcome.kind not in (*OF_THE_DOMAIN, *BINDING_NOTHING):
                clients.settle(outcome)

    def repeat_keys(self, clients, most=60):
        """Some keys once more, after everything was killed: only what is on disk can answer."""
        keyed = [outcome for outcome in clients.outcomes if outcome.order.key and outcome.settled]
        for outcome in random.Random(self.plan.seed).sample(keyed, min(most, len(keyed))):
            # A stale condition makes no difference to a replay.
            kind = clients.settle(outcome, if_match=None if outcome.order.kind == "OpenAccount" else 1)
            assert kind in OF_THE_DOMAIN, f"I4: forgotten by a restart: {outcome}"

    def let_holds_expire(self, clients):
        """Waits for the holds that expire soon: queries must show it at once, and the next command must record it."""
        history = self.history()
        due = [hold.expires_at for account in history.accounts.values() for hold in account.newest.holds
               if hold.expires_at and hold.expires_at < now() + SOON]  # fmt: skip
        time.sleep(max(0, max(due, default=0) - now()) / 1_000_000)
        self.await_caught_up()
        query_checks.i5_projections_are_the_fold_of_the_log(history, self.daybook, now)
        for order in self.plan.last_orders():
            outcome = Outcome(order, command_of(order, 0, [], now()), None, 0)
            clients.outcomes.append(outcome)
            clients.settle(outcome)

    def await_caught_up(self):
        try:
            self.daybook.wait_until_caught_up(self.limits.recovery)
        except AssertionError as error:
            raise AssertionError(f"I7: {error}") from error

    def check(self, clients, subscription):
        self.assert_none_ended_by_itself()
        checks.i8_every_wait_ended(clients.hangs)
        history, outcomes = self.history(), clients.outcomes
        self.check_the_log(history, outcomes)
        checks.i5_answers_tell_what_was_recorded(history, outcomes)
        checks.i6_what_was_refused_had_no_effect(history, outcomes)
        checks.i6_unavailable_means_not_recorded(outcomes)
        refusal_checks.i6_refusals_are_true(history, outcomes)
        checks.i4_one_key_has_one_outcome(outcomes)
        checks.i4_a_key_serves_no_other_command(outcomes)
        self.await_caught_up()
        query_checks.i5_i7_queries_showed_what_was_and_not_less_than_they_had_to(history, clients.sights)
        query_checks.i5_projections_are_the_fold_of_the_log(history, self.daybook, now)
        query_checks.i5_every_way_to_a_version_leads_to_the_same_state(history, self.daybook, self.plan.seed)
        query_checks.i5_every_time_shows_one_cut(history, self.daybook, self.plan.seed)
        query_checks.i6_statements_tie(history, self.daybook, self.plan.seed)
        query_checks.i5_events_are_found_by_what_clients_gave_them(history, outcomes, self.daybook, self.plan.seed)
        received = subscription.finish(len(history.records), self.limits.recovery)
        checks.i2_i9_the_subscriber_received_exactly_the_log(history, received)
        self.assert_none_ended_by_itself()

    def check_the_log(self, history, outcomes):
        checks.i3_i10_positions_versions_and_chain(history)
        checks.i1_i8_acknowledged_commands_are_there_once(history, outcomes)
        checks.i8_unknown_outcomes_happened_at_most_once(history, outcomes)
        checks.i8_nothing_is_recorded_that_nobody_sent(history, outcomes)
        checks.i3_an_append_is_recorded_at_one_time(history)
        ledger_checks.i6_appends_hold_what_was_asked_for(history, outcomes)
        ledger_checks.i6_money_is_conserved_after_every_append(history, outcomes)
        ledger_checks.i6_no_command_meets_a_hold_that_is_due(history, outcomes)

    def count(self, clients):
        self.counts["commands"] = len(clients.outcomes)
        self.counts["reads"] = len(clients.sights)
        for kind in ("acknowledged", "refused", "condition failed", "malformed"):
            self.counts[kind] = sum(outcome.kind == kind for outcome in clients.outcomes)
        for kind in ("Transfer", "CaptureHold", "Reverse"):
            self.counts[kind] = sum(
                outcome.kind == "acknowledged" and outcome.order.kind == kind for outcome in clients.outcomes
            )
        self.counts["resolved by their key"] = sum(
            bool(outcome.settled) and "unknown" in outcome.told for outcome in clients.outcomes
        )

    def keep(self, folder):
        """Copies what the run has left, for whoever must find out why it failed."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.daybook.directory, folder, ignore_dangling_symlinks=True)
        if self.server:
            (folder / "server.log").write_text(self.server.server.output)

    def close(self):
        for link in self.links.values():
            link.close()
        self.daybook.close()
        if self.server:
            self.server.close()

    # ---- faults

    def break_and_mend(self, clients):
        """Breaks and mends everything in the order of the plan's times."""
        # Of what is due at the same time, a later fault comes after the end of an earlier one.
        steps = []
        for number, fault in enumerate(self.plan.faults):
            steps += [(fault.begin, number, self.strike, fault), (fault.end, number, self.mend, fault)]
        begun = time.monotonic()
        for due, _, step, fault in sorted(steps, key=lambda step: step[:2]):
            time.sleep(max(0.0, begun + due - time.monotonic()))
            step(fault)

    def strike(self, fault):
        self.assert_none_ended_by_itself()
        self.counts["faults"] += 1
        services = [self.services[target] for target in fault.targets if target in self.services]
        link = self.links.get(fault.targets[0])
        if fault.targets == ("server",):
            self.server.strike(fault.kind)
            return
        match fault.kind:
            case "kill" | "kill several" | "kill all":
                self._down |= set(services)
                # All of them first, so that none sees another's end.
                for service in services:
                    service.process.kill()
                for service in services:
                    service.kill()
                if self.disk and self.daybook.event_log in services:
                    self.disk.lose_power(random.Random(fault.seed) if fault.torn else None)
            case "restart":
                (service,) = services
                # Before it lives it cannot know what a signal means.
                await_condition(
                    "I8", lambda: service.health("/livez") == 200, f"{service.program} lives", self.limits.recovery
                )
                self._down.add(service)
                try:
                    code = service.stop(deadline=self.limits.stop)
                except AssertionError as error:
                    raise AssertionError(f"I8: {error}") from error
                assert code == 0, f"I8: {service.program} did not end with 0 but {code}:\n{service.output[-2000:]}"
            case "freeze":
                services[0].freeze()
            case "cut":
                link.cut()
            case "cut within a message":
                link.cut_within_a_message(random.Random(fault.seed).randrange(1, 4000))
            case "refuse":
                link.refuse(True)
            case "delay":
                link.delay(DELAY)
            case "trickle":
                link.trickle(random.Random(fault.seed).randrange(60, 400))
            case "stall":
                link.stall(True)
            case "stall towards":
                link.stall(True, TOWARDS)
            case "stall back":
                link.stall(True, BACK)

    def mend(self, fault):
        if fault.targets[0] in self.links:
            # What is still to be cut within a message may wait for its message.
            if not fault.kind.startswith("cut"):
                self.links[fault.targets[0]].heal()
            return
        if fault.targets == ("server",):
            self.server.mend(fault.kind)
            return
        services = [self.services[target] for target in fault.targets if target in self.services]
        if fault.kind == "freeze":
            services[0].thaw()
            return
        for service in random.Random(fault.seed).sample(services, len(services)):
            service.start(wait=False)
            self._down.discard(service)

    def recover(self):
        for link in self.links.values():
            link.heal()
        self.await_ready("after the last fault")

    def assert_none_ended_by_itself(self):
        for name, service in self.services.items():
            assert service.is_running or service in self._down, (
                f"I8: {name} ended by itself with {service.process.returncode}:\n{service.output[-3000:]}"
            )


def await_condition(invariant, condition, what, deadline=RECOVERY):
    """Waits for a condition and gives what it gave, but not longer than a recovery may take; a failure names the invariant
    first."""
    try:
        return wait_until(condition, what, deadline)
    except AssertionError as error:
        raise AssertionError(f"{invariant}: {error}") from error


class Subscription:
    """A subscriber that stays over all faults, in a thread."""

    def __init__(self, events, read):
        self._received = []
        self._failure = None
        self._goal = None
        self._thread = threading.Thread(target=self._run, args=(events, read), daemon=True)
        self._thread.start()

    def _run(self, events, read):
        context = zmq.Context()
        context.linger = 0
        try:
            subscriber = Subscriber(context, events, read, patience=60, keys=secured.keys("subscriber"))
            for record in subscriber:
                self._received.append(record)
                if self._goal is not None and record.position >= self._goal:
                    break
            subscriber.close()
        except BaseException as error:
            self._failure = error
        finally:
            context.destroy(linger=0)

    def finish(self, goal, deadline=RECOVERY):
        """Everything up to a position, which exists."""
        self._goal = goal
        await_condition(
            "I9", lambda: self._failure or len(self._received) >= goal, f"the subscriber receives position {goal}", deadline
        )
        assert self._failure is None, f"I9: the subscriber gave up: {self._failure!r}"
        return list(self._received)
