"""Commands on accounts, as clients send them, and what is expected of their answers."""

import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

NDJSON = {"Content-Type": "application/x-ndjson"}


def open_account(owner="Alice", initial_balance="0", **fields):
    return {"type": "OpenAccount", "owner": owner, "initial_balance": initial_balance} | fields


def deposit(amount, **fields):
    return {"type": "Deposit", "amount": amount} | fields


def withdraw(amount, **fields):
    return {"type": "Withdraw", "amount": amount} | fields


def transfer(to, amount, **fields):
    return {"type": "Transfer", "to": to, "amount": amount} | fields


def place_hold(hold, amount, **fields):
    return {"type": "PlaceHold", "hold": hold, "amount": amount} | fields


def capture(hold, **fields):
    return {"type": "CaptureHold", "hold": hold} | fields


def release(hold):
    return {"type": "ReleaseHold", "hold": hold}


def set_limits(**limits):
    return {"type": "SetLimits"} | limits


def freeze(direction, reason="a lost card"):
    return {"type": "Freeze", "direction": direction, "reason": reason}


def unfreeze(reason="found again"):
    return {"type": "Unfreeze", "reason": reason}


def close(reason="no longer needed"):
    return {"type": "Close", "reason": reason}


def reverse(version, reason="booked twice", **fields):
    return {"type": "Reverse", "version": version, "reason": reason} | fields


def obeyed(answer):
    """The account in the answer to a command that was obeyed."""
    assert answer.status == 200, answer
    return answer.json


def keyed(key, **headers):
    return {"Idempotency-Key": key} | {name.replace("_", "-"): value for name, value in headers.items()}


def at_once(calls):
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def bulk(client, *commands, headers={}, timeout=60):
    """Sends many commands, each a pair of an account and a command; gives the answers' lines."""
    lines = [json.dumps({"account": account} | command) for account, command in commands]
    body = "".join(f"{line}\n" for line in lines).encode()
    answer = client.request("POST", "/commands", body, NDJSON | headers, timeout)
    assert answer.status == 200, answer
    answers = [json.loads(line, parse_float=Decimal) for line in answer.body.splitlines()]
    assert [answer["line"] for answer in answers] == list(range(1, len(lines) + 1))
    return answers
