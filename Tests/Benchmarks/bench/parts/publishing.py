"""How long after its acknowledgement an event reaches a subscriber, at half of what the log can append."""

from __future__ import annotations

from bench import native
from bench.context import Context
from bench.measurement import Label, Latencies, Measurement
from bench.peers import wire
from bench.results import Results
from bench.subscriber import Subscriber, read_trace
from services import Daybook

NAME = "Daybook"
LOAD = "publish: acknowledged to received, at half load"
BARE_LOAD = "XPUB-SUB: sent to received, at the same rate"
_IN_FLIGHT = 64


def run(context: Context, results: Results) -> None:
    settings = context.settings
    folder = context.make_folder("publishing")
    with Daybook(start=False, LOG_LEVEL="warning") as daybook:
        daybook.event_log.start()
        endpoint = daybook.settings["EVENT_LOG_APPEND_ENDPOINT"]
        shape = ["--streams", settings.accounts, "--seconds", settings.seconds]
        printed = native.run("log_append", endpoint, *shape, "--in-flight", min(_IN_FLIGHT, settings.accounts),
                             seconds=settings.seconds)  # fmt: skip
        rate = printed["count"] / printed["seconds"] / 2
        for _ in range(settings.rounds):
            with Subscriber(daybook, settings.seconds, folder / "received") as subscriber:
                printed = native.run("log_append", endpoint, *shape, "--rate", rate, "--first", printed["next"],
                                     "--trace", folder / "acknowledged", seconds=settings.seconds)  # fmt: skip
                seen = subscriber.seen_up_to(printed["position"])
            received = read_trace(folder / "received")
            waits = [
                max(0, received[position] - moment)
                for position, moment in read_trace(folder / "acknowledged").items()
                if position in received
            ]
            if seen["lost"] or len(waits) != printed["count"]:
                results.notes.append(f"publishing: {printed['count'] - len(waits)} events did not arrive live")
            latencies = Latencies.of([[wait, 1] for wait in waits])
            results.add(Label(NAME, LOAD), Measurement(printed["count"] / printed["seconds"], latencies))
            results.add(Label(wire.NAME, BARE_LOAD), native.measurement(wire.events(rate, settings.seconds)))
