"""Many clients at once, and a second gateway for them."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from services import Ports, Service


@contextmanager
def second_gateway(daybook):
    """A client of another command service on the same log."""
    port = Ports.take()
    directory = daybook.directory / "second"
    directory.mkdir(exist_ok=True)
    settings = daybook.settings | {"COMMAND_HTTP_ADDRESS": f"127.0.0.1:{port}"}
    gateway = Service("command-service", port, settings, directory)
    gateway.start()
    try:
        yield gateway.client
    finally:
        gateway.kill()
        gateway.client.close()


def at_once(calls):
    """Makes all calls at the same time, each in a thread; gives what they returned, in their order."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]
