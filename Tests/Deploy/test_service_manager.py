"""The services tell systemd how they are (Type=notify)."""

import select
import socket

import pytest
from services import Daybook


def received(manager, deadline=60):
    assert select.select([manager], [], [], deadline)[0], "no notice came"
    return manager.recv(1024)


@pytest.mark.parametrize("is_abstract", [False, True])
def test_ready_is_told_when_requests_are_answered_and_stopping_at_the_end(tmp_path, is_abstract):
    name = "\0daybook-notify-" + tmp_path.name if is_abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, Daybook(start=False) as daybook:
        manager.bind(name)
        for service in daybook.services:
            service.variables["NOTIFY_SOCKET"] = name.replace("\0", "@")
            service.start(wait=False)
            assert received(manager) == b"READY=1"
            assert service.health("/livez") == 200
        for service in daybook.services:
            assert service.stop() == 0
            assert received(manager) == b"STOPPING=1"


@pytest.mark.parametrize("name", ["", "nonsense", "/nowhere/notify", "/" + 200 * "a"])
def test_a_service_manager_that_cannot_be_reached_changes_nothing(name):
    with Daybook(start=False) as daybook:
        daybook.event_log.variables["NOTIFY_SOCKET"] = name
        daybook.event_log.start()
        assert daybook.event_log.stop() == 0
