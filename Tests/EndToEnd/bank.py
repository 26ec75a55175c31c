"""The commands of accounts over HTTP, for tests: each test has accounts of its own."""

import json
import random
from decimal import Decimal

from services import wait_until

NDJSON = {"Content-Type": "application/x-ndjson"}


class Bank:
    """Speaks with a gateway. Accounts are opened under names that come only once."""

    def __init__(self, gateway):
        self.gateway = gateway

    def account(self, balance="100.00", **fields):
        """Opens an account; gives its id."""
        account = f"account-{random.randrange(10**12)}"
        self.gateway.open(account, balance, **fields)
        return account

    def send(self, account, type, key=None, headers={}, **fields):
        """Sends a command; a name that Python has for itself may end with an underscore."""
        command = {"type": type} | {name.rstrip("_"): value for name, value in fields.items()}
        return self.gateway.post(account, command, headers=headers | ({"Idempotency-Key": key} if key else {}))

    def deposit(self, account, amount, **fields):
        return self.send(account, "Deposit", amount=amount, **fields)

    def withdraw(self, account, amount, **fields):
        return self.send(account, "Withdraw", amount=amount, **fields)

    def transfer(self, account, to, amount, **fields):
        return self.send(account, "Transfer", to=to, amount=amount, **fields)

    def hold(self, account, hold, amount, **fields):
        return self.send(account, "PlaceHold", hold=hold, amount=amount, **fields)

    def capture(self, account, hold, **fields):
        return self.send(account, "CaptureHold", hold=hold, **fields)

    def release(self, account, hold, **fields):
        return self.send(account, "ReleaseHold", hold=hold, **fields)

    def set_limits(self, account, **limits):
        return self.send(account, "SetLimits", **limits)

    def freeze(self, account, direction="all", reason="fraud"):
        return self.send(account, "Freeze", direction=direction, reason=reason)

    def unfreeze(self, account, reason="cleared"):
        return self.send(account, "Unfreeze", reason=reason)

    def close(self, account, reason="moved away"):
        return self.send(account, "Close", reason=reason)

    def reverse(self, account, version, **fields):
        return self.send(account, "Reverse", version=version, **({"reason": "a mistake"} | fields))

    def bulk(self, *commands, timeout=60):
        """Sends commands, a line each; gives the answers' lines."""
        body = "".join(f"{json.dumps(command)}\n" for command in commands).encode()
        answer = self.gateway.request("POST", "/commands", body, NDJSON, timeout)
        assert answer.status == 200, answer
        answers = [json.loads(line, parse_float=Decimal) for line in answer.body.splitlines()]
        assert [answer["line"] for answer in answers] == list(range(1, len(commands) + 1))
        return answers

    def figures(self, account):
        """Balance, held and available."""
        state = self.gateway.account(account)
        return state["balance"], state["held"], state["available"]

    def statement(self, account, query=""):
        answer = self.gateway.get(f"/accounts/{account}/statement{query}")
        assert answer.status == 200, answer
        statement = answer.json
        ties = statement["opening_balance"] + statement["credits"] - statement["debits"]
        assert ties == statement["closing_balance"], statement
        return statement

    def totals(self):
        answer = self.gateway.get("/totals")
        assert answer.status == 200, answer
        for total in answer.json:
            assert total["deposited"] - total["withdrawn"] == total["balance"], total
        return {total["currency"]: total for total in answer.json}

    def wait_for_expiry(self, account, hold):
        """Waits until an account shows a hold no more, without any command."""
        wait_until(lambda: hold not in open_holds(self.gateway.account(account)), f"{hold} is expired", 60)


def open_holds(account):
    return [hold["hold"] for hold in account.get("holds", [])]


def done(answer):
    """The account after a command that was obeyed."""
    assert answer.status in (200, 201), answer
    return answer.json


def refused(answer, status, name, **members):
    """The problem of a command that was refused, with these members."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json", answer
    problem = answer.json
    assert problem["type"] == f"/problems/{name}", answer
    assert {member: problem.get(member) for member in members} == members, answer
    return problem
