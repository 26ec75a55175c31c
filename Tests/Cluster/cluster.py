"""The whole: database hosts, and on two of them an event log, a gateway and a query service each.

The logs are a pair: one leads, the other stands by.
"""

import os
import shutil
from pathlib import Path

import database_hosts
import postgresql
import services
from host import run
from services import Ports, Service, wait_until

MAKE_DATABASE = Path(__file__).resolve().parents[2] / "deploy" / "cluster" / "make-database"
PROGRAMS = {"log": "event-log-service", "gateway": "command-service", "query": "query-service"}
SIDES = (1, 2)
LOGS = SIDES
TEMPLATE = "daybook_template"
START_DEADLINE = 120.0


class Cluster:
    """Database hosts that stay, and services for one database after the other."""

    def __init__(self, folder, network, ports=database_hosts.Ports(), disk=database_hosts.DISK):
        self.folder, self.network, self.ports = Path(folder), network, ports
        self.hosts = database_hosts.DatabaseHosts(self.folder, network, ports, disk)
        # By name, such as `log-1`.
        self.services = {}
        self.database = None

    def start(self):
        """Starts the database hosts, and prepares the database that those of logs are copied from."""
        self.hosts.start()
        port = Ports.take()
        environment = {"DATABASE": TEMPLATE, "PORT": str(self.ports.postgresql), "PROGRAMS": str(services.PROGRAMS)}
        run(
            str(MAKE_DATABASE), str(self.hosts.secrets), *(host.address for host in self.hosts.hosts),
            environment=os.environ | environment | {"HTTP_ADDRESS": f"127.0.0.1:{port}"},
        )  # fmt: skip
        # Each log may have a role of its own: then neither can end the other's sessions, and the fence alone is left.
        self.hosts.add_appender("daybook_log_2", TEMPLATE)

    # ---- services

    def start_services(self, name, own_roles=False, **settings):
        """Starts all six with a new log in a database of this name, and waits until they can do their job. With
        `own_roles` each log has a role of its own."""
        self.hosts.run(f'CREATE DATABASE "{name}" TEMPLATE {TEMPLATE}')
        self.database = postgresql.Database(self.hosts, name)
        folder = self.folder / name
        folder.mkdir()
        settings = self.settings(name) | settings
        self.services = {
            f"{kind}-{number}": self._service(kind, number, folder, settings)
            for number in SIDES for kind in PROGRAMS if kind != "log" or number in LOGS
        }
        if own_roles:
            self.services["log-2"].settings["EVENT_STORE"] = self.hosts.address("daybook_log_2", name)
        for service in self.services.values():
            service.start(wait=False)
        self.wait_until_ready()

    def settings(self, name):
        """Those of all six."""
        def endpoints(port):
            return ",".join(f"tcp://{self.address(number)}:{port}" for number in LOGS)

        return {
            "EVENT_STORE": self.hosts.address("daybook_log", name),
            "EVENT_LOG_APPEND_ENDPOINT": endpoints(self.ports.append),
            "EVENT_LOG_EVENTS_ENDPOINT": endpoints(self.ports.events),
            "EVENT_LOG_READ_ENDPOINT": endpoints(self.ports.read),
            # One for all of them.
            "SNAPSHOT_KEY": self.folder / "snapshot.key",
        }

    def address(self, number):
        return self.hosts.hosts[number - 1].address

    def _service(self, kind, number, folder, settings):
        host = self.hosts.hosts[number - 1]
        own = {
            "EVENT_LOG_HTTP_ADDRESS": f"{host.address}:{self.ports.log}",
            "COMMAND_HTTP_ADDRESS": f"{host.address}:{self.ports.gateway}",
            # A gateway asks the query service beside it.
            "QUERY_HTTP_ADDRESS": f"{host.address}:{self.ports.query}",
            # The network is nobody else's.
            "ALLOW_INSECURE": "yes" if self.network.is_own else "no",
        }
        if kind == "log":
            # A log binds its own.
            own |= {
                "EVENT_LOG_APPEND_ENDPOINT": f"tcp://{host.address}:{self.ports.append}",
                "EVENT_LOG_EVENTS_ENDPOINT": f"tcp://{host.address}:{self.ports.events}",
                "EVENT_LOG_READ_ENDPOINT": f"tcp://{host.address}:{self.ports.read}",
            }
        place = folder / f"{kind}-{number}"
        place.mkdir()
        port = {"log": self.ports.log, "gateway": self.ports.gateway, "query": self.ports.query}[kind]
        service = Service(PROGRAMS[kind], (host.address, port), settings | own, place)
        service.name, service.host, service.prefix = f"{kind}-{number}", host, host.prefix
        return service

    def of_kind(self, kind):
        return [service for name, service in self.services.items() if name.startswith(kind)]

    def on(self, host):
        """The services of a host."""
        return [service for service in self.services.values() if service.host is host]

    def leader(self):
        """The log that leads, by its own word; None if none says so."""
        return next((log for log in self.of_kind("log") if log.is_running and log.health("/readyz", 1.0) == 200), None)

    def wait_until_ready(self, deadline=START_DEADLINE):
        """Waits until one log leads, the other stands by, and all others are ready."""
        for service in [*self.of_kind("gateway"), *self.of_kind("query")]:
            service.wait_until_ready(deadline)
        wait_until(self.leader, "a log leads", deadline)
        for log in self.of_kind("log"):
            wait_until(lambda: self._leads_or_stands_by(log), f"{log.name} leads or stands by", deadline)

    def _leads_or_stands_by(self, log):
        assert log.is_running, f"{log.name} ended with {log.process.returncode}:\n{log.output[-3000:]}"
        status = log.health("/readyz")
        return status == 200 or (status == 503 and "standby" in log.client.get("/readyz").body.decode())

    def stop_services(self):
        """Kills all of them, and removes what they made."""
        for service in self.services.values():
            service.thaw() if service.is_running else None
            service.kill()
            service.client.close()
        if self.database:
            shutil.rmtree(self.folder / self.database.name, ignore_errors=True)
            self.database.drop()
        self.services, self.database = {}, None

    def close(self):
        """Kills everything."""
        for service in self.services.values():
            service.kill()
            service.client.close()
        self.services, self.database = {}, None
        for host in self.hosts.hosts:
            host.close()

    def output(self, tail=6000):
        """The end of what each service wrote."""
        return "\n".join(f"--- {name}\n{service.output[-tail:]}" for name, service in self.services.items())
