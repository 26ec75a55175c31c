"""Runs a plan of the cluster's fault bench against real processes, and checks what came of it."""

import random
import signal
import time
from collections import Counter
from types import SimpleNamespace

import clients as client_module
import cluster_checks
import cluster_plan
import psycopg
import query_checks
from clients import Clients, now
from driver import Run, Subscription, await_condition
from history import History
from host import send
from services import wait_until
from watch import Watch

# In which commands flow again after the last fault: a new primary, its standby, and a host that is rewound.
RECOVERY = 60.0
# Between two commands of a client while nothing is done: an outage takes seconds here, and all that was tried meanwhile is
# to be settled after it.
client_module.PAUSE = 0.05
# How many commands show that they flow.
FLOW = 8
# Composed faults: how long what should not be answered could be.
TEMPTATION = 1.5


class ClusterRun(Run):
    """One seed on a cluster that is there already: its own database, its own services."""

    def __init__(self, plan, cluster):
        self.plan, self.cluster = plan, cluster
        self.counts = Counter()
        self.hosts = cluster.hosts
        self._restarted_patronis = self.hosts.restarted_patronis
        # Until when a host was silent: whoever waited for it then was not kept waiting by a service.
        self.silent_until = 0.0
        self._down = set()
        # Hosts that do not answer now: what is on them cannot end in order, nor be frozen once more.
        self._silent = set()
        # What mends a fault that is open, by the fault.
        self._open = {}

    @property
    def services(self):
        return self.cluster.services

    # ---- the whole run

    def start(self):
        """Starts the services."""
        self.cluster.start_services(f"seed_{self.plan.seed}", self.plan.seed % 2 == 1, EVENT_LOG_TIMEOUT="1s", COMMAND_DEADLINE="5s",
                                    COMMAND_SNAPSHOT_EVENTS="7", COMMAND_SNAPSHOT_AUDIT="3")  # fmt: skip
        self.sides = [
            SimpleNamespace(gateway=self.services[f"gateway-{number}"].client, queries=self.services[f"query-{number}"].client,
                            recovery=RECOVERY)
            for number in (1, 2)
        ]
        # By the names of the driver for one machine.
        self.daybook = self.sides[self.plan.seed % 2]
        settings = self.cluster.settings(self.cluster.database.name)
        self.endpoints = settings["EVENT_LOG_EVENTS_ENDPOINT"], settings["EVENT_LOG_READ_ENDPOINT"]
        names = [log.name for log in self.cluster.of_kind("log")]
        self.watch = Watch(dict(zip(names, zip(*(text.split(",") for text in self.endpoints)))))

    def start_all(self):
        for service in self.services.values():
            if not service.is_running:
                service.start(wait=False)
        self.await_ready("after a start of everything")

    def await_ready(self, when):
        try:
            self.cluster.wait_until_ready(RECOVERY)
        except AssertionError as error:
            raise AssertionError(f"I8: not ready {when}: {error}") from error

    def kill_all(self):
        for service in self.services.values():
            service.kill()

    def subscribe(self):
        return Subscription(*self.endpoints)

    def make_clients(self):
        gateways = [service.port for service in self.cluster.of_kind("gateway")]
        return _Clients(self, gateways, [service.port for service in self.cluster.of_kind("query")])

    def history(self):
        """What the log holds. The hosts may be about to choose who takes writes: they are asked until one does."""

        def read():
            try:
                return [History.read(self.cluster.database)]
            except psycopg.OperationalError:
                return None

        return wait_until(read, "a host that takes writes says what the log holds", RECOVERY)[0]

    def await_caught_up(self):
        head = len(self.history().records)
        for query in self.cluster.of_kind("query"):
            await_condition("I7", lambda: query.health("/readyz") == 200 and query.figures()["position"] >= head,
                            f"{query.name} has reached position {head}")  # fmt: skip

    def check(self, clients, subscription):
        history = self.history()
        cluster_checks.p3_answers_know_what_others_were_told(history, clients.outcomes)
        super().check(clients, subscription)
        other = self.sides[1 - self.plan.seed % 2]
        query_checks.i5_projections_are_the_fold_of_the_log(history, other, now)
        self.watch.finish()
        cluster_checks.p1_no_position_has_two_hashes(history, self.watch.said)
        cluster_checks.p3_no_status_is_stale(self.watch.statuses, clients.acknowledgements)
        cluster_checks.p4_epochs_go_forward(self.watch.statuses, self.watch.heartbeats)
        if self.hosts.restarted_patronis > self._restarted_patronis:
            self.counts["restart stale Patroni"] = self.hosts.restarted_patronis - self._restarted_patronis
        self.counts["statuses"] = len(self.watch.statuses)
        self.counts["epochs"] = len({status.epoch for status in self.watch.statuses if status.epoch})
        # What was compared with the history: answers, sights, and what logs said of positions.
        self.counts["checks"] = len(clients.sights) + len(self.watch.statuses) + len(self.watch.heartbeats) + sum(
            len(outcome.told) for outcome in clients.outcomes
        ) + sum(len(by) for hashes in self.watch.said.values() for by in hashes.values())

    def close(self):
        self.mend_everything()
        if hasattr(self, "watch"):
            self.watch._ended.set()
        self.cluster.stop_services()

    # ---- faults

    def break_and_mend(self, clients):
        """Plays act after act."""
        for number, act in enumerate(self.plan.acts, 1):
            if number > 1:
                self.hosts.wait_until_whole()
            self.await_flow(clients, f"before act {number}")
            begun = time.monotonic()
            steps = [(fault.begin, count, self.strike, fault) for count, fault in enumerate(act)]
            steps += [(fault.end, count, self.mend, fault) for count, fault in enumerate(act)]
            for due, _, step, fault in sorted(steps, key=lambda step: step[:2]):
                time.sleep(max(0.0, begun + due - time.monotonic()))
                if clients.failures:
                    return
                step(fault)
            self.mend_everything()
            self.await_flow(clients, f"after act {number}")

    def await_flow(self, clients, when):
        before = clients.acknowledged

        def flows():
            self.hosts.restart_stale_patronis()
            return clients.acknowledged > before + FLOW or clients.failures

        await_condition("I8", flows, f"commands flow {when}, without a restart", RECOVERY)

    def recover(self):
        self.mend_everything()
        self.await_ready("after the last fault")

    def mend_everything(self):
        for fault in list(self._open):
            self.mend(fault)

    def mend(self, fault):
        if mending := self._open.pop(fault, None):
            mending()

    def strike(self, fault):
        self.assert_none_ended_by_itself()
        self.counts["faults"] += 1
        self.counts[fault.kind] += 1
        mending = self._strike_host(fault) if cluster_plan.is_of_host(fault) else self._strike_services(fault)
        if mending:
            self._open[fault] = mending

    # ---- of services

    def _strike_services(self, fault):
        match fault.kind:
            case "cancel commits":
                return self._signal_writers("pg_cancel_backend", fault.seconds)
            case "terminate writers":
                return self._signal_writers("pg_terminate_backend", 0, only_waiting=False)
        services = [
            service for service in self._services(fault.target)
            if service.is_running and service not in self._down and service.host not in self._silent
        ]  # fmt: skip
        match fault.kind:
            case "kill" | "kill both":
                return self._kill(services)
            case "freeze" | "freeze log":
                for service in services:
                    service.freeze()
                return lambda: [service.thaw() for service in services if service.is_running]
            case "restart":
                for service in services:
                    await_condition("I8", lambda: service.health("/livez") == 200, f"{service.name} lives")
                    self._down.add(service)
                    code = service.stop()
                    assert code == 0, f"I8: {service.name} did not end with 0 but {code}:\n{service.output[-2000:]}"
                return lambda: self._start(services)

    def _services(self, target):
        if target in self.services:
            return [self.services[target]]
        match target:
            case "both logs":
                return self.cluster.of_kind("log")
            case "both gateways":
                return self.cluster.of_kind("gateway")
            case "both queries":
                return self.cluster.of_kind("query")
        leader = self.cluster.leader() or self.cluster.of_kind("log")[0]
        if target == "leading log":
            return [leader]
        return [log for log in self.cluster.of_kind("log") if log is not leader]

    def _kill(self, services):
        self._down |= set(services)
        for service in services:
            if service.is_running:
                service.send(signal.SIGKILL)
        for service in services:
            service.kill()
        return lambda: self._start(services)

    def _start(self, services):
        for service in services:
            if not service.is_running:
                service.start(wait=False)
            self._down.discard(service)

    def _signal_writers(self, function, seconds, only_waiting=True):
        """Does what an operator could do to the sessions of logs, again and again for some seconds."""
        waiting = "AND wait_event = 'SyncRep'" if only_waiting else ""
        end = time.monotonic() + seconds
        try:
            with self.hosts.connect() as connection:
                while True:
                    rows = connection.execute(
                        f"SELECT {function}(pid) FROM pg_stat_activity WHERE usename LIKE 'daybook_log%' {waiting}"
                    ).fetchall()
                    self.counts[function] += len(rows)
                    if time.monotonic() >= end:
                        return
        except psycopg.Error:
            # No host takes writes now.
            pass

    # ---- of hosts

    def _strike_host(self, fault):
        host = self._host(fault.target)
        others = [one for one in self.hosts.hosts if one is not host]
        match fault.kind:
            case "kill host":
                return self._lose(host, is_silent=False)
            case "take power from host":
                return self._lose(host)
            case "take power from all hosts":
                mendings = [self._lose(one) for one in self.hosts.hosts]
                return lambda: [mending() for mending in mendings]
            case "freeze host":
                services = [service for service in self.cluster.on(host) if service.is_running]
                self._silence(host)
                host.freeze()
                for service in services:
                    service.freeze()
                return lambda: self._thaw(host, services)
            case "cut host off from hosts":
                host.cut_off(*others)
                return host.connect
            case "cut leading log off with primary":
                host = self._bring_together()
                host.cut_off(*(one for one in self.hosts.hosts if one is not host))
                return host.connect
            case "cut host off":
                self._silence(host)
                host.cut_off()
                return lambda: self._connect(host)
            case "kill server":
                self._signal(host.pids_of("postgres"), signal.SIGKILL)
            case "kill Patroni":
                self._signal(host.pids_of("patroni"), signal.SIGKILL)
            case "kill etcd":
                self._signal(host.pids_of("etcd"), signal.SIGKILL)
            case "switch over":
                self.hosts.switch_over()
            case "fill disk":
                host.fill_disk()
                return host.free_disk
            case _:
                return self._tempt_and_lose(fault.kind, host, others)

    def _bring_together(self):
        """Lets the primary and the leading log be on one host; gives that."""
        # What is frozen cannot take the lead, and is not mended while this waits.
        self.mend_everything()
        if not self.cluster.on(self.hosts.primary()):
            # No log is there: another host has to lead.
            self.hosts.switch_over()
            wait_until(lambda: self.cluster.on(self.hosts.primary()), "a host with a log leads", RECOVERY)
        host = self.hosts.primary()
        leader = await_condition("I8", self.cluster.leader, "a log leads", RECOVERY)
        if leader.host is not host:
            start_again = self._kill([leader])
            await_condition("I8", self.cluster.leader, "the log on the primary's host leads", RECOVERY)
            start_again()
        return host

    def _host(self, target):
        roles = {"primary": "leader", "synchronous standby": "sync_standby", "other standby": "replica"}
        named = {member["role"]: name for name, member in self.hosts.members().items()}
        name = named.get(roles.get(target, "leader"))
        return self.hosts.host(name) if name else self.hosts.hosts[-1]

    def _lose(self, host, is_silent=True):
        """Kills everything on a host, services too; silently: nobody learns it from his connection."""
        self._silence(host)
        if is_silent:
            host.cut_off()
        services = self.cluster.on(host)
        start_services = self._kill([service for service in services if service not in self._down])
        host.kill()

        def mend():
            host.start()
            start_services()
            # What was sent before is in nobody's hands any more: only their own deadlines end their waiting.
            self._hear(host)

        return mend

    def _thaw(self, host, services):
        host.thaw()
        for service in services:
            if service.is_running:
                service.thaw()
        self._hear(host)

    def _connect(self, host):
        host.connect()
        # Retransmissions of what was lost come later and later.
        self._hear(host, after=15)

    def _silence(self, host):
        self._silent.add(host)
        self.silent_until = float("inf")

    def _hear(self, host, after=1):
        self._silent.discard(host)
        if not self._silent:
            self.silent_until = time.monotonic() + after

    @staticmethod
    def _signal(pids, number):
        for pid in pids:
            send(pid, number)

    def _tempt_and_lose(self, kind, primary, standbys):
        """Lets commits wait for standbys, which receive nothing more; ends the waiting in some wrong way; gives whoever
        takes that for success time to say so; and then loses the primary, and with it what no standby has."""
        receivers = [pid for host in standbys for pid in host.receivers()]
        try:
            with self.hosts.connect() as connection:
                self._signal(receivers, signal.SIGSTOP)
                ends = connection.execute("SELECT host(client_addr), client_port FROM pg_stat_replication").fetchall()
                primary.cut_connections(ends)
                waiting = "FROM pg_stat_activity WHERE usename LIKE 'daybook_log%' AND wait_event = 'SyncRep'"
                wait_until(lambda: connection.execute(f"SELECT pid {waiting}").fetchall(), "a commit waits", 5)
                match kind:
                    case "cancel commits and lose primary":
                        # The first may be a renewal of the lease.
                        end = time.monotonic() + TEMPTATION
                        while time.monotonic() < end:
                            rows = connection.execute(f"SELECT pg_cancel_backend(pid) {waiting}").fetchall()
                            self.counts["pg_cancel_backend"] += len(rows)
                    case "terminate writers and lose primary":
                        connection.execute(f"SELECT pg_terminate_backend(pid) {waiting}")
                    case "restart server in place and lose primary":
                        self._signal(primary.pids_of("postgres"), signal.SIGKILL)
                    case "kill logs and lose primary":
                        self._kill(self.cluster.of_kind("log"))()
                        connection.execute(f"SELECT pg_terminate_backend(pid) {waiting}")
                self.counts["tempted"] += 1
        except (psycopg.Error, AssertionError):
            # No primary now, or nothing waits.
            pass
        try:
            time.sleep(TEMPTATION)
            mend = self._lose(primary)
        finally:
            self._signal(receivers, signal.SIGCONT)
        try:
            wait_until(lambda: self._host("primary") is not primary, "another host leads", RECOVERY / 2)
        except AssertionError:
            # The primary had dropped its synchronous standby before it was lost: Patroni then lets nobody lead until it
            # is back, since no standby is known to have all.
            self.counts["nobody else could lead"] += 1
        return mend


class _Clients(Clients):
    """Clients that do not complain of having waited for a host that was silent."""

    def __init__(self, run, gateways, queries):
        super().__init__(run.plan, gateways, queries)
        self._of = run
        # (time, position) of every acknowledgement.
        self.acknowledgements = []

    def notice_hang(self, order, begun):
        if begun > self._of.silent_until:
            super().notice_hang(order, begun)

    def send(self, client, outcome, if_match=None):
        kind, answer = super().send(client, outcome, if_match)
        if kind == "acknowledged":
            self.acknowledgements.append((time.monotonic(), answer.position))
        return kind, answer

