"""Offers Daybook four times the commands that it can obey, over many connections with pipelined requests, and watches.

Exit code 0: the memory of each service stayed below its bound and levelled off, every answer was a success or said
honestly that it was not, what was answered 200 was recorded, and commands flow again afterwards.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench import closed_loop, machine, native, running
from bench.measurement import Latencies
from bench.processes import resident_mebibytes
from bench.workspace import Workspace
from services import Daybook

_TIMES_CAPACITY = 4
_WIDTH = 64
_CAPACITY_SECONDS = 5
_DRAIN = 10.0
# 200 obeyed; 503 refused, nothing recorded; 504 outcome unknown.
_HONEST = {"200", "503", "504"}
# How much the last quarter may be above the two before, and still be level.
_LEVEL_SHARE, _LEVEL_MIB = 1.10, 16
_RECOVERY_DEADLINE = 30.0


@dataclass(frozen=True)
class _Load:
    rate: float
    seconds: float
    connections: int
    pipeline: int
    accounts: int


class _Verdict:
    def __init__(self) -> None:
        self.failures = 0

    def check(self, holds: bool, what: str) -> None:
        self.failures += not holds
        print(f"{'ok    ' if holds else 'FAILED'} {what}", flush=True)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    parser = argparse.ArgumentParser(prog="overload", description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--connections", type=int, default=2000)
    parser.add_argument("--pipeline", type=int, default=8, help="requests that wait on one connection (8)")
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--most-in-progress", type=int, metavar="N",
                        help="COMMAND_MOST_IN_PROGRESS of the gateway, else its default; below --connections,\n"
                        "commands are refused: one of a connection is in progress at a time")  # fmt: skip
    parser.add_argument("--bound", type=float, default=512, metavar="MIB",
                        help="what each service may take beyond what it has before the overload (512)")  # fmt: skip
    parser.add_argument("--no-build", action="store_true", help="take the executables as they are")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), metavar="FOLDER",
                        help="for the log (/var/tmp)")  # fmt: skip
    options = parser.parse_args()
    native.build()
    verdict = _Verdict()
    with Workspace(options.folder) as workspace:
        for line in machine.lines(machine.describe(workspace.folder)):
            print(f"# {line}", flush=True)
        limits = {} if options.most_in_progress is None else {"COMMAND_MOST_IN_PROGRESS": options.most_in_progress}
        daybook = workspace.enter_context(Daybook(LOG_LEVEL="warning", **limits))
        running.open_accounts(daybook, options.accounts)
        capacity = _capacity(daybook, options.accounts)
        load = _Load(capacity * _TIMES_CAPACITY, options.seconds, options.connections, options.pipeline,
                     options.accounts)  # fmt: skip
        print(
            f"# capacity {capacity:.0f} commands/s with {_WIDTH} connections; offered: {load.rate:.0f}/s for "
            f"{load.seconds:g} s over {load.connections} connections, {load.pipeline} pipelined",
            flush=True,
        )
        _overload(daybook, load, options.bound, verdict)
        _recover(daybook, capacity, options.accounts, verdict)
    sys.exit(1 if verdict.failures else 0)


def _overload(daybook: Daybook, load: _Load, bound: float, verdict: _Verdict) -> None:
    services = running.names(daybook)
    position_before = int(daybook.event_log.figures()["position"])
    samples = {name: [resident_mebibytes(service.pid)] for name, service in services.items()}
    process = subprocess.Popen(
        [native.program("http_load"), str(daybook.command.port), "--rate", str(load.rate), "--seconds",
         str(load.seconds), "--connections", str(load.connections), "--pipeline", str(load.pipeline), "--accounts",
         str(load.accounts), "--drop", "--drain", str(_DRAIN)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        begin = time.monotonic()
        print(f"{'s':>5} " + " ".join(f"{name + ' RSS MiB':>16}" for name in services), flush=True)
        _print_sample(0, samples)
        step = max(0.25, load.seconds / 60)
        deadline = load.seconds + _DRAIN + 60
        result = None
        while result is None:
            if time.monotonic() - begin > deadline:
                raise RuntimeError("the load did not end in time")
            try:
                # Its histogram may be larger than a pipe holds, so it is read while the load is waited for.
                result, _ = process.communicate(timeout=step)
            except subprocess.TimeoutExpired:
                for name, service in services.items():
                    if not service.is_running:
                        raise RuntimeError(f"{service.program} ended:\n{service.output[-2000:]}") from None
                    samples[name].append(resident_mebibytes(service.pid))
                _print_sample(time.monotonic() - begin, samples)
        if process.returncode != 0:
            raise RuntimeError(f"the load failed with {process.returncode}")
        printed = json.loads(result)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
    _judge_answers(daybook, load, printed, position_before, verdict)
    for name, sizes in samples.items():
        _judge_memory(name, sizes, bound, verdict)


def _print_sample(seconds: float, samples: dict[str, list[float]]) -> None:
    print(f"{seconds:>5.1f} " + " ".join(f"{sizes[-1]:>16.1f}" for sizes in samples.values()), flush=True)


def _judge_answers(daybook: Daybook, load: _Load, printed: dict, position_before: int, verdict: _Verdict) -> None:
    latencies = Latencies.of(printed["latency"])
    statuses = printed["statuses"]
    print(f"offered {printed['offered']}, sent {printed['sent']}, no connection had room for {printed['not_sent']}; "
          f"{printed['connections']} of {load.connections} connections were accepted, {printed['broken']} broke; "
          f"answers: {statuses}, none yet to {printed['unanswered']}; "
          f"p50 {latencies.p50:.1f} ms, p99 {latencies.p99:.1f} ms, p99.9 {latencies.p999:.1f} ms")  # fmt: skip
    verdict.check(set(statuses) <= _HONEST, f"every answer is one of {', '.join(sorted(_HONEST))}")
    obeyed = statuses.get("200", 0)
    verdict.check(obeyed > 0, f"{obeyed / load.seconds:.0f} commands a second were obeyed meanwhile")
    # Those without an answer, and what the load before had left under way when it ended.
    unknown = printed["unanswered"] + statuses.get("504", 0) + _WIDTH
    recorded = int(daybook.event_log.figures()["position"]) - position_before
    verdict.check(obeyed <= recorded <= obeyed + unknown,
                  f"{recorded} events recorded: {obeyed} acknowledged, at most {unknown} unknown")  # fmt: skip


def _judge_memory(name: str, sizes: list[float], bound: float, verdict: _Verdict) -> None:
    limit = sizes[0] + bound
    allowed = f"{sizes[0]:.1f} + {bound:g} = {limit:.1f} MiB allowed"
    verdict.check(max(sizes) <= limit, f"{name}: at most {max(sizes):.1f} MiB, {allowed}")
    quarter = len(sizes) // 4
    if quarter == 0:
        return
    middle, end = max(sizes[quarter:-quarter]), max(sizes[-quarter:])
    level = max(middle * _LEVEL_SHARE, middle + _LEVEL_MIB)
    verdict.check(end <= level, f"{name}: level, {end:.1f} MiB in the last quarter, {middle:.1f} before")


def _capacity(daybook: Daybook, accounts: int) -> float:
    return closed_loop.drive(daybook.command.port, "deposit", _WIDTH, _CAPACITY_SECONDS, accounts).rate


def _recover(daybook: Daybook, capacity: float, accounts: int, verdict: _Verdict) -> None:
    begin = time.monotonic()
    answer = daybook.gateway.deposit("acc-0", 1, timeout=_RECOVERY_DEADLINE)
    daybook.wait_until_caught_up(_RECOVERY_DEADLINE)
    verdict.check(answer.status == 200, f"a command after the overload is answered {answer.status}, "
                  f"and the query service caught up, within {time.monotonic() - begin:.2f} s")  # fmt: skip
    after = _capacity(daybook, accounts)
    verdict.check(after >= capacity / 2, f"afterwards {after:.0f} commands/s flow, {capacity:.0f} before")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        # All that was started has been ended on the way here; the code is the one of a program ended by SIGINT.
        sys.exit(128 + signal.SIGINT)
