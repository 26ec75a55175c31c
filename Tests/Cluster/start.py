"""Starts a cluster on this machine: three hosts, each with etcd, Patroni and PostgreSQL 15, and on two of them an event
log, a gateway and a query service. Prints where everything is, and ends all of it on Ctrl-C, SIGTERM, at the end of its
standard input, or if it is killed (then its folder, daybook-cluster-…, stays in the temporary folder).

    Tests/Cluster/start               # on 127.0.0.11, 127.0.0.12 and 127.0.0.13
    Tests/Cluster/start --namespaces  # each host in a network of its own; a shell there: nsenter, as printed

Takes the programs from the folder that DAYBOOK_BIN names, else the release build of this repository, as deploy/up makes it.
"""

import argparse
import os
import socket
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent / "EndToEnd")]
os.environ.setdefault("DAYBOOK_BIN", str(HERE.parents[1] / ".build" / "release"))

import isolation  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--namespaces", action="store_true", help="each host in a network of its own")
    options = parser.parse_args()
    begun = time.monotonic()
    folder = isolation.enter(options.namespaces)

    from cluster import Cluster
    from host import Network

    network = Network(options.namespaces)
    cluster = Cluster(folder, network, free_ports(network))
    cluster.start()
    cluster.start_services("daybook")
    show(cluster, time.monotonic() - begun)
    # Until whoever started this closes it.
    while sys.stdin.buffer.read(65536):
        pass


def free_ports(network):
    """The usual ports, or all of them moved by the first multiple of 1000 by which they are free."""
    from database_hosts import Ports

    def is_free(address, port):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
        return True

    for ports in map(Ports, range(0, 30_000, 10_000)):
        addresses = [] if network.is_own else map(network.address_of, (1, 2, 3))
        if all(is_free(address, port) for address in addresses for port in ports.all):
            return ports
    sys.exit("start: the ports of 127.0.0.11 to 127.0.0.13 are taken: does another cluster run?")


def show(cluster, seconds):
    from database_hosts import OPTIONS

    hosts, ports = cluster.hosts, cluster.ports
    print(f"ready after {seconds:.1f} s, in {cluster.folder}; ends with Ctrl-C\n")
    primary, leader = hosts.primary(), cluster.leader()
    for host in hosts.hosts:
        print(f"{host.name}  {host.address}  PostgreSQL :{ports.postgresql}  Patroni :{ports.patroni}  etcd :{ports.etcd}"
              + ("  is the primary" if host is primary else ""))  # fmt: skip
    for service in cluster.services.values():
        host, port = service.port
        print(f"{service.name:9}  http://{host}:{port}/" + ("  leads" if service is leader else ""))
    for name in ("APPEND", "EVENTS", "READ"):
        print(f"EVENT_LOG_{name}_ENDPOINT={cluster.settings('daybook')[f'EVENT_LOG_{name}_ENDPOINT']}")
    print(f"EVENT_STORE='{hosts.address('daybook_log', 'daybook')}'")
    assert OPTIONS in hosts.address("daybook_log", "daybook")
    print(f"\npatronictl -c {hosts.hosts[0].folder}/patroni.yml list")
    print(f"curl http://{cluster.address(1)}:{ports.gateway}/readyz")
    if cluster.network.is_own:
        print(f"from another shell, as the same user: nsenter -t {os.environ[isolation.OUTER_PID]} -p -m -n bash")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
