"""The C programs of `Native`: built where they are older than their sources, and run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from bench.measurement import Latencies, Measurement
from bench.settings import BUILD, ROOT

_SOURCES = ROOT / "Tests" / "Benchmarks" / "Native"
_LIBRARIES = {
    "flush": [], "http_load": [], "sqlite_append": ["-lsqlite3"], "wire_requests": ["-lzmq", "-lpthread"],
    "wire_events": ["-lzmq", "-lpthread"], "log_append": ["-lzmq"], "log_subscribe": ["-lzmq"],
}  # fmt: skip
# Beyond what a program was asked to take.
_GRACE = 60.0


def build() -> None:
    (BUILD / "bin").mkdir(parents=True, exist_ok=True)
    newest_header = max(header.stat().st_mtime for header in _SOURCES.glob("*.h"))
    for name, libraries in _LIBRARIES.items():
        source, target = _SOURCES / f"{name}.c", program(name)
        newest = max(newest_header, source.stat().st_mtime)
        if not target.exists() or target.stat().st_mtime <= newest:
            options = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror"]
            subprocess.run(["cc", *options, "-o", target, source, *libraries], check=True)


def program(name: str) -> Path:
    return BUILD / "bin" / name


def run(name: str, *arguments: object, seconds: float) -> dict:
    """Runs the program to its end, which must come soon after so many seconds, and gives what it printed."""
    command = [program(name), *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds + _GRACE)
    if ended.returncode != 0:
        raise RuntimeError(f"{name} {' '.join(map(str, arguments))} failed: {ended.stderr.strip()}")
    return json.loads(ended.stdout)


def measurement(printed: dict, **figures: float) -> Measurement:
    return Measurement(printed["count"] / printed["seconds"], Latencies.of(printed["latency"]), figures)
