"""What etcd and Patroni are told. `deploy/cluster` has the same for real machines."""

import json

# Of Patroni: a leader that is not heard of for so many seconds has lost the lead. The least that goes with a loop of 1 s
# and retries of 3 s.
TTL, LOOP_WAIT, RETRY_TIMEOUT = 8, 1, 3


def etcd(host, hosts, ports):
    """The command of a host's etcd."""
    peers = ",".join(f"{one.name}=http://{one.address}:{ports.etcd_peer}" for one in hosts)
    client, peer = f"http://{host.address}:{ports.etcd}", f"http://{host.address}:{ports.etcd_peer}"
    return [
        "/usr/bin/etcd", "--name", host.name, "--data-dir", str(host.folder / "etcd"), "--enable-v2=false",
        "--listen-client-urls", client, "--advertise-client-urls", client,
        "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
        "--initial-cluster", peers, "--initial-cluster-state", "new", "--initial-cluster-token", "daybook",
        "--heartbeat-interval", "100", "--election-timeout", "1000",
        "--auto-compaction-mode", "periodic", "--auto-compaction-retention", "1h",
    ]  # fmt: skip


def patroni(host, hosts, ports, passwords, network):
    """The text of a host's patroni.yml. JSON is YAML."""
    user = {name: {"username": name, "password": passwords[name]} for name in ("postgres", "replicator", "rewinder")}
    return json.dumps({
        "scope": "daybook",
        "name": host.name,
        "restapi": {
            "listen": f"{host.address}:{ports.patroni}", "connect_address": f"{host.address}:{ports.patroni}",
        },
        "etcd3": {"hosts": [f"{one.address}:{ports.etcd}" for one in hosts]},
        "bootstrap": {
            "dcs": {
                "ttl": TTL, "loop_wait": LOOP_WAIT, "retry_timeout": RETRY_TIMEOUT,
                # A primary that crashes leaves the lead to a standby if it is not back by then.
                "primary_start_timeout": 10,
                "synchronous_mode": True, "synchronous_mode_strict": True,
                "postgresql": {
                    "use_pg_rewind": True,
                    "parameters": {
                        "synchronous_commit": "on",
                        # After the crash of a backend the host is Patroni's matter.
                        "restart_after_crash": "off",
                        "max_connections": 100, "shared_buffers": "32MB", "max_wal_size": "128MB", "min_wal_size": "64MB",
                        "wal_keep_size": "64MB", "wal_sender_timeout": "5s", "wal_receiver_timeout": "5s",
                        "tcp_keepalives_idle": 1, "tcp_keepalives_interval": 1, "tcp_keepalives_count": 3,
                        "tcp_user_timeout": 3000,
                    },
                },
            },
            "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"],
        },
        "postgresql": {
            "listen": f"{host.address}:{ports.postgresql}", "connect_address": f"{host.address}:{ports.postgresql}",
            "data_dir": str(host.disk / "data"), "pgpass": str(host.folder / "pgpass"),
            "bin_dir": "/usr/lib/postgresql/15/bin",
            "parameters": {"unix_socket_directories": str(host.folder)},
            "authentication": {
                "superuser": user["postgres"], "replication": user["replicator"], "rewind": user["rewinder"],
            },
            "pg_hba": [
                "local all all trust",
                f"host replication replicator {network} scram-sha-256",
                f"host all all {network} scram-sha-256",
            ],
            # A host that cannot be rewound copies the primary anew, without being asked to.
            "remove_data_directory_on_rewind_failure": True, "remove_data_directory_on_diverged_timelines": True,
        },
        "watchdog": {"mode": "off"},
    }, indent=4)  # fmt: skip
