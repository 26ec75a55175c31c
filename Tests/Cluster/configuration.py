"""Settings of etcd and Patroni: what `deploy/cluster/configure` writes for real machines, but for folders, ports and
sizes."""

import json
import os
import subprocess
from pathlib import Path

import services
import yaml

CONFIGURE = Path(__file__).resolve().parents[2] / "deploy" / "cluster" / "configure"
# Three servers share a machine, and each has a small disk.
PARAMETERS = {
    "max_connections": 100, "shared_buffers": "32MB", "max_wal_size": "128MB", "min_wal_size": "64MB",
    "wal_keep_size": "64MB",
}  # fmt: skip

# Every change of the primary begins a new segment beside the others of the same place in the log, and all of them are kept as
# long as that place is: segments of the usual 16 MB would fill a small disk after some twenty changes that log little.
SMALL_SEGMENTS = {"wal-segsize": "1"}


def make_secrets(folder):
    """The passwords and keys of a cluster; gives the passwords by user."""
    _configure("--new", folder)
    return dict(line.split() for line in (folder / "passwords").read_text().splitlines())


def configure(host, hosts, secrets, ports, is_small):
    """Writes a host's settings below its folder; gives the commands and environments of etcd and Patroni. On a small disk the
    write-ahead log is in small segments."""
    root = host.folder / "root"
    _configure(secrets, str(host.number), *(one.address for one in hosts), host.network.range, ROOT=str(root))
    lines = [line for line in (root / "etc/default/etcd").read_text().splitlines() if not line.startswith("#")]
    environment = dict(line.split("=", 1) for line in lines) | {"ETCD_DATA_DIR": str(host.folder / "etcd")}
    environment = {name: _moved(value, ports, 2379, 2380) for name, value in environment.items()}
    patroni = yaml.safe_load(_moved((root / "etc/patroni/config.yml").read_text(), ports, 2379, 5432, 8008))
    patroni["bootstrap"]["dcs"]["postgresql"]["parameters"] |= PARAMETERS
    if is_small:
        patroni["bootstrap"]["initdb"].append(SMALL_SEGMENTS)
    patroni["postgresql"] |= {"data_dir": str(host.disk / "data"), "pgpass": str(host.folder / "pgpass")}
    patroni["postgresql"]["parameters"]["unix_socket_directories"] = str(host.folder)
    settings = host.folder / "patroni.yml"
    settings.touch(mode=0o600)
    # JSON is YAML.
    settings.write_text(json.dumps(patroni, indent=4))
    return [
        {"command": ["/usr/bin/etcd"], "environment": environment},
        {"command": ["/usr/bin/patroni", str(settings)], "environment": {}},
    ]


def _configure(*arguments, **variables):
    # It makes keys with the tool.
    path = f"{services.PROGRAMS}:{os.environ['PATH']}"
    done = subprocess.run(
        [CONFIGURE, *arguments], env=os.environ | {"PATH": path} | variables, capture_output=True, text=True, timeout=60
    )
    if done.returncode != 0:
        raise RuntimeError(f"configure {arguments}: {done.returncode}: {done.stderr}")


def _moved(text, ports, *numbers):
    for number in numbers:
        text = text.replace(f":{number}", f":{number + ports.offset}")
    return text
