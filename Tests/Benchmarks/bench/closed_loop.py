"""A closed loop over HTTP, with wrk: each connection sends its next request when it has the answer to the last."""

from __future__ import annotations

import os
import subprocess

from bench.measurement import Latencies, Measurement
from bench.settings import ROOT
from secured import Secrets

_SCRIPT = ROOT / "Tests" / "Benchmarks" / "load.lua"
_GRACE = 30.0


def drive(port: int, load: str, connections: int, seconds: float, accounts: int,
          may_fail: bool = False, secrets: Secrets | None = None) -> Measurement:  # fmt: skip
    """`load` is one of load.lua's. Requests that fail raise, for they cost less than those that are measured.

    With secrets it speaks TLS and shows a token, over the same connections from the beginning to the end.
    """
    threads = min(2, connections)
    command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", _SCRIPT,
               f"{'https' if secrets else 'http'}://127.0.0.1:{port}"]  # fmt: skip
    environment = os.environ | {"LOAD": load, "ACCOUNTS": str(accounts), "THREADS": str(threads)}
    if secrets:
        environment["TOKEN"] = secrets.tokens["manager"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds + _GRACE)
    line = next((line for line in ended.stdout.splitlines() if line.startswith("RESULT")), None)
    if ended.returncode != 0 or line is None:
        raise RuntimeError(f"wrk failed: {ended.stdout}{ended.stderr}")
    requests, microseconds, p50, p99, p999, failed = (int(field) for field in line.split()[1:])
    if failed and not may_fail:
        raise RuntimeError(f"{failed} of {requests} requests ({load}) failed")
    return Measurement(requests / microseconds * 1e6, Latencies(p50 / 1000, p99 / 1000, p999 / 1000))
