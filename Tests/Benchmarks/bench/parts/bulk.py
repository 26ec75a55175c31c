"""Many commands in one request over HTTP (`POST /commands`), its answers read while it is sent."""

from __future__ import annotations

import http.client
import json
import threading
import time

from bench.context import Context
from bench.measurement import Case, Label, Latencies, Measurement

NAME = "Daybook"
LOAD = "bulk commands over HTTP"
_TYPE = "application/x-ndjson"
_PATIENCE = 30.0
_A_PART = 1 << 18


def is_offered(context: Context) -> bool:
    """Whether the gateway knows the route at all."""
    answer = context.daybook.gateway.request("POST", "/commands", b"", {"Content-Type": _TYPE})
    return answer.status not in (404, 405)


def cases(context: Context) -> list[Case]:
    accounts, count = context.settings.accounts, context.settings.bulk
    body = b"".join(
        json.dumps({"account": f"acc-{number * 61 % accounts}", "type": "Deposit", "amount": 500}).encode() + b"\n"
        for number in range(count)
    )

    def measure(seconds: float) -> Measurement:
        times = []
        begin = time.perf_counter()
        while not times or time.perf_counter() < begin + seconds:
            before = time.perf_counter_ns()
            _send(context.daybook.command.port, body, count)
            times.append(time.perf_counter_ns() - before)
        ended = time.perf_counter() - begin
        return Measurement(len(times) * count / ended, Latencies.of([[elapsed, 1] for elapsed in times]))

    return [Case(Label(NAME, LOAD), measure)]


def _send(port: int, body: bytes, count: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    failures: list[OSError] = []

    def write() -> None:
        try:
            for begin in range(0, len(body), _A_PART):
                connection.send(body[begin : begin + _A_PART])
        except OSError as error:
            failures.append(error)

    try:
        connection.putrequest("POST", "/commands")
        connection.putheader("Content-Type", _TYPE)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        writer = threading.Thread(target=write)
        writer.start()
        try:
            response = connection.getresponse()
            answers = response.read()
        finally:
            if failures:
                connection.close()
            writer.join(_PATIENCE)
    finally:
        connection.close()
    if failures:
        raise failures[0]
    obeyed = answers.count(b'"status":200')
    if response.status != 200 or obeyed != count:
        raise RuntimeError(f"{response.status}: {obeyed} of {count} bulk commands were obeyed: {answers[:300]!r}")
