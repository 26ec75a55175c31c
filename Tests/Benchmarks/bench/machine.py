"""On what a run was made: machine, disk, flush, versions. Figures of two machines are not to be compared."""

from __future__ import annotations

import json
import os
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from bench import native
from bench.measurement import Latencies
from bench.settings import ROOT

_A_PAGE = 4096


def describe(folder: Path) -> dict[str, object]:
    flush = Latencies.of(native.run("flush", folder / "flush", _A_PAGE, 1, "append", seconds=1)["latency"])
    (folder / "flush").unlink()
    return {
        "processor": _processor(),
        "processors": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{os.uname().sysname} {os.uname().release}",
        "load_before": os.getloadavg()[0],
        "disk": _disk(folder),
        "flush_p50_ms": flush.p50,
        "flush_p99_ms": flush.p99,
        "revision": _first_line("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
        "versions": _versions(),
    }


def lines(machine: dict) -> list[str]:
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    text = [
        f"{machine['processors']} x {machine['processor']}, {machine['memory_gib']} GiB, {machine['system']}, "
        f"load {machine['load_before']:.2f} before the run",
        f"disk {machine['disk']}; write of 4 KiB and fdatasync: p50 {machine['flush_p50_ms']:.3f} ms, "
        f"p99 {machine['flush_p99_ms']:.3f} ms",
        f"Daybook {machine['revision']}; {versions}",
    ]
    if machine["load_before"] > machine["processors"] / 4:
        text.append("the machine was busy before the run: the figures are worth little")
    return text


def _processor() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else os.uname().machine


def _disk(folder: Path) -> str:
    return " ".join(_first_line("findmnt", "-n", "-o", "SOURCE,FSTYPE", "-T", str(folder)).split())


def _versions() -> dict[str, str]:
    found = {
        "Swift": r"Swift version (\S+)", "wrk": r"wrk (?:debian/)?(\S+)", "PostgreSQL": r"PostgreSQL\) (\S+)",
        "Redis": r"v=(\S+)",
    }  # fmt: skip
    commands = {
        "Swift": ["swift", "--version"], "wrk": ["wrk", "-v"], "PostgreSQL": ["psql", "--version"],
        "Redis": ["redis-server", "--version"],
    }  # fmt: skip
    versions = {}
    for name, pattern in found.items():
        matched = re.search(pattern, _output(*commands[name]))
        versions[name] = matched[1] if matched else "not found"
    resolved = ROOT / "Package.resolved"
    if resolved.exists():
        pins = {pin["identity"]: pin["state"].get("version", "?") for pin in json.loads(resolved.read_text())["pins"]}
        versions |= {"Hummingbird": pins["hummingbird"], "SwiftNIO": pins["swift-nio"]}
    versions["libzmq"] = _output("pkg-config", "--modversion", "libzmq").strip()
    versions["SQLite"] = _output("pkg-config", "--modversion", "sqlite3").strip()
    return versions | {name: version(name) for name in ("umadb", "eventsourcing")}


def _output(*command: str) -> str:
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except FileNotFoundError:
        return ""
    return ended.stdout + ended.stderr


def _first_line(*command: str) -> str:
    return (_output(*command).splitlines() or ["unknown"])[0]
