"""An acknowledgement that comes late to one gateway, while another gateway's commands are acknowledged meanwhile."""

import threading

import pytest

from proxy import BACK, Proxy
from services import PATIENT, Daybook, Ports, Service, wait_until


@pytest.fixture(scope="module")
def gateways():
    """Three services and a second gateway, whose acknowledgements can be held back."""
    with Daybook(**PATIENT) as daybook:
        link = Proxy(daybook.append_port)
        port, folder = Ports.take(), daybook.directory / "second"
        folder.mkdir()
        settings = {
            "EVENT_LOG_APPEND_ENDPOINT": f"tcp://127.0.0.1:{link.port}", "COMMAND_HTTP_ADDRESS": f"127.0.0.1:{port}",
        }  # fmt: skip
        second = Service("command-service", port, daybook.settings | settings, folder)
        daybook.services.append(second)
        second.start()
        yield daybook, second, link
        link.close()


@pytest.mark.parametrize("account, command, headers", [
    ("version", {"type": "Deposit", "amount": "1"}, {"If-Match": '"4"'}),
    ("version-and-key", {"type": "Deposit", "amount": "1"}, {"If-Match": '"4"', "Idempotency-Key": "k"}),
    ("funds", {"type": "Withdraw", "amount": "1000"}, {}),
])  # fmt: skip
def test_no_refusal_stands_on_a_state_older_than_what_another_gateway_had_answered(gateways, account, command, headers):
    daybook, second, link = gateways
    daybook.gateway.open(account)
    assert second.client.deposit(account, "1").status == 200
    # The query service knows the account, then.
    daybook.wait_until_caught_up(60)
    link.stall(True, BACK)
    answers = {}

    def send(name, body, headers={}):
        thread = threading.Thread(target=lambda: answers.update({name: second.client.post(account, body, headers=headers)}))
        thread.start()
        return thread

    try:
        # Recorded as version 3; the gateway does not hear of it yet.
        first = send("first", {"type": "Deposit", "amount": "1"})
        wait_until(lambda: daybook.queries.account(account)["version"] == 3, "version 3 is recorded")
        assert daybook.gateway.deposit(account, "5000").json["version"] == 4
        # What this command needs was answered by the other gateway before it was sent.
        last = send("last", command, headers)
        wait_until(lambda: second.figures()["commands_in_progress"] == 2, "both commands are in progress")
    finally:
        link.stall(False)
    first.join()
    last.join()
    assert (answers["first"].status, answers["last"].status) == (200, 200), answers
