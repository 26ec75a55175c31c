"""Runs a plan of the fault bench against real processes, and checks what came of it."""

import random
import threading
import time
from collections import Counter

import checks
import zmq
from clients import Clients
from daybook_subscriber import Subscriber
from disk import FaultyDisk
from history import History
from proxy import Proxy
from services import Daybook, Ports, Service, wait_until

# After the last fault everything must be ready again within this time, without help.
RECOVERY = 15.0


class Run:
    """One run: processes, proxies between them, clients, a subscriber, and faults."""

    def __init__(self, plan):
        self.plan = plan
        self.counts = Counter()
        self.chance = random.Random(plan.seed)
        self.daybook = Daybook(start=False, EVENT_LOG_TIMEOUT="1s", COMMAND_SNAPSHOT_EVENTS="7", COMMAND_SNAPSHOT_AUDIT="3")
        self.daybook.database.parent.mkdir()
        self.disk = FaultyDisk(self.daybook.event_log, self.daybook.database.parent)
        self.links = {
            "append": Proxy(self.daybook.append_port), "gateway-read": Proxy(self.daybook.read_port),
            "events": Proxy(self.daybook.events_port), "query-read": Proxy(self.daybook.read_port),
            "gateway-query": Proxy(self.daybook.query.port), "subscriber-events": Proxy(self.daybook.events_port),
            "subscriber-read": Proxy(self.daybook.read_port),
        }  # fmt: skip
        self._wire()

    def _wire(self):
        def through(**links):
            return self.daybook.settings | {
                name: (f"tcp://127.0.0.1:{self.links[link].port}" if name.startswith("EVENT") else f"127.0.0.1:{self.links[link].port}")
                for name, link in links.items()
            }

        to_gateway = through(
            EVENT_LOG_APPEND_ENDPOINT="append", EVENT_LOG_READ_ENDPOINT="gateway-read", QUERY_HTTP_ADDRESS="gateway-query"
        )
        self.daybook.command.settings = to_gateway
        self.daybook.query.settings = through(EVENT_LOG_EVENTS_ENDPOINT="events", EVENT_LOG_READ_ENDPOINT="query-read")
        self.gateways = [self.daybook.command]
        if self.plan.gateways == 2:
            folder = self.daybook.directory / "second"
            folder.mkdir()
            port = Ports.take()
            second = Service("command-service", port, to_gateway | {"COMMAND_HTTP_ADDRESS": f"127.0.0.1:{port}"}, folder)
            self.gateways.append(second)
            self.daybook.services.append(second)

    # ---- the whole run

    def run(self):
        self.daybook.start()
        subscriber = _Subscription(self)
        clients = Clients(self.plan, self.gateways, self.daybook.query)
        clients.start()
        try:
            for fault in self.plan.faults:
                time.sleep(fault.pause)
                self.strike(fault)
                self.counts["faults"] += 1
            self.recover()
            # Commands flow again without a restart of what was not killed.
            before = len([1 for outcome in list(clients.outcomes) if outcome.kind == "acknowledged"])
            wait_until(
                lambda: sum(outcome.kind == "acknowledged" for outcome in list(clients.outcomes)) > before + 5,
                "I8: commands flow again after the last fault", RECOVERY,
            )  # fmt: skip
        finally:
            clients.finish()
        assert not clients.failures, clients.failures
        self.settle(clients)
        if self.plan.ends_with_a_kill:
            self.daybook.kill()
            self.disk.lose_power(self.chance)
            self.counts["faults"] += 1
            self.daybook.start()
            self.repeat_keys(clients)
        self.check(clients, subscriber)
        self.count(clients)

    def settle(self, clients):
        """Learns every unknown outcome by its key."""
        for outcome in clients.outcomes:
            if outcome.order.key and outcome.kind not in ("acknowledged", "refused", "condition failed"):
                clients.settle(outcome)
                self.counts["resolved by their key"] += 1

    def repeat_keys(self, clients):
        """Some keys once more, after everything was killed: only what is on disk can answer."""
        keyed = [outcome for outcome in clients.outcomes if outcome.order.key and outcome.settled]
        for outcome in self.chance.sample(keyed, min(30, len(keyed))):
            # A stale condition makes no difference to a replay.
            kind = clients.settle(outcome, if_match=None if outcome.order.kind == "OpenAccount" else 1)
            assert kind in ("acknowledged", "refused"), f"I4: forgotten by a restart: {outcome}"

    def check(self, clients, subscriber):
        self.daybook.wait_until_caught_up()
        history = History(self.daybook.database)
        checks.every_wait_ended(clients.hangs)
        checks.i3_i10_positions_versions_and_chain(history)
        checks.i1_i8_acknowledged_commands_are_there_once(history, clients.outcomes)
        checks.i6_what_was_refused_had_no_effect(history, clients.outcomes)
        checks.i8_unknown_outcomes_happened_at_most_once(history, clients.outcomes)
        checks.i8_nothing_is_recorded_that_nobody_sent(history, clients.outcomes)
        checks.i4_one_key_has_one_outcome(clients.outcomes)
        checks.i5_i7_queries_showed_what_was_and_not_less_than_they_had_to(history, clients.sights)
        checks.i5_projections_are_the_fold_of_the_log(history, self.daybook)
        checks.i6_money_is_conserved(history)
        checks.i2_i9_the_subscriber_received_exactly_the_log(history, subscriber.finish(len(history.records)))

    def count(self, clients):
        self.counts["commands"] = len(clients.outcomes)
        self.counts["reads"] = len(clients.sights)
        for kind in ("acknowledged", "refused", "condition failed"):
            self.counts[kind] = sum(outcome.kind == kind for outcome in clients.outcomes)

    # ---- faults

    def service(self, name):
        if name == "command":
            return self.chance.choice(self.gateways)
        return {"event-log": self.daybook.event_log, "query": self.daybook.query}[name]

    def strike(self, fault):
        match fault.kind:
            case "kill":
                service = self.service(fault.target)
                self.kill([service], fault)
            case "kill all":
                self.kill(self.daybook.services, fault)
            case "restart":
                service = self.service(fault.target)
                # Before it lives it cannot know what a signal means.
                wait_until(lambda: service.health("/livez") == 200, f"{service.program} lives", RECOVERY)
                assert service.stop() == 0, f"{service.program} did not end with 0:\n{service.output[-2000:]}"
                time.sleep(fault.seconds)
                service.start(wait=False)
            case "freeze":
                service = self.service(fault.target)
                service.freeze()
                time.sleep(fault.seconds)
                service.thaw()
            case "cut":
                self.links[fault.target].cut()
            case "cut within a message":
                self.links[fault.target].cut_within_a_message(self.chance.randrange(1, 4000))
            case "stall" | "refuse":
                link = self.links[fault.target]
                getattr(link, fault.kind)(True)
                time.sleep(fault.seconds)
                getattr(link, fault.kind)(False)

    def kill(self, services, fault):
        for service in services:
            assert service.is_running, f"{service.program} ended by itself:\n{service.output[-3000:]}"
        for service in services:
            service.kill()
        if self.daybook.event_log in services:
            self.disk.lose_power(self.chance if fault.torn else None)
        time.sleep(fault.seconds)
        for service in self.chance.sample(services, len(services)):
            service.start(wait=False)

    def recover(self):
        for link in self.links.values():
            link.heal()
        for service in self.daybook.services:
            service.wait_until_ready(RECOVERY)

    def close(self):
        for link in self.links.values():
            link.close()
        self.daybook.close()


class _Subscription:
    """A subscriber that stays over all faults, in a thread."""

    def __init__(self, run):
        self._received = []
        self._failure = None
        self._goal = None
        self._endpoints = [
            f"tcp://127.0.0.1:{run.links[link].port}" for link in ("subscriber-events", "subscriber-read")
        ]  # fmt: skip
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        context = zmq.Context()
        try:
            subscriber = Subscriber(context, *self._endpoints, patience=60)
            for record in subscriber:
                self._received.append(record)
                if self._goal is not None and record.position >= self._goal:
                    break
            subscriber.close()
        except BaseException as error:
            self._failure = error
        finally:
            context.destroy(linger=0)

    def finish(self, goal):
        """Everything up to a position, which exists."""
        self._goal = goal
        wait_until(
            lambda: self._failure or len(self._received) >= goal, f"I9: the subscriber receives position {goal}", RECOVERY
        )
        assert self._failure is None, f"I9: the subscriber gave up: {self._failure!r}"
        return list(self._received)
