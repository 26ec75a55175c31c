"""From an order to the request that carries it out, by what its client knows at that time."""

from decimal import Decimal

from model import rfc3339
from orders import MOVEMENTS, currency_of

# One order in so many reverses a version that there is not.
_BEYOND = 25
# One hold in so many is placed under a name that is taken.
_TAKEN = 12
# Most reversals are of one of so many last versions.
_RECENT_VERSIONS = 30


def amount_of(cents):
    return str(Decimal(cents).scaleb(-2))


def command_of(order, newest, holds, time):
    """The body of a command. `newest`: the version of the account that the client knows of; `holds`: name and cents of
    those sent last, by whomever; `time`: now, in microseconds."""
    command = {"type": order.kind}
    match order.kind:
        case "OpenAccount":
            command |= {"owner": f"owner {order.number}", "initial_balance": amount_of(order.cents)}
            command |= {"currency": currency_of(order.account)}
        case "Deposit" | "Withdraw":
            command |= {"amount": amount_of(order.cents)}
        case "Transfer":
            command |= {"to": order.to, "amount": amount_of(order.cents)}
        case "PlaceHold":
            command |= {"hold": _new_hold(order, holds), "amount": amount_of(order.cents)} | _expiry(order, time)
        case "CaptureHold":
            command |= _capture(order, holds)
        case "ReleaseHold":
            command |= {"hold": _chosen(order, holds)[0]}
        case "Reverse":
            command |= {"version": _version(order, newest), "reason": f"reason {order.number}"}
        case "SetLimits":
            command |= {
                name: None if cents is None else amount_of(cents) for name, cents in order.limits.items()
            }
        case "Freeze":
            command |= {"direction": order.direction, "reason": f"reason {order.number}"}
        case "Unfreeze":
            command |= {"reason": f"reason {order.number}"}
    if order.has_reference:
        assert order.kind in MOVEMENTS
        command |= {"reference": f"reference-{order.number}", "effective_at": "2026-01-31"}
    return command


def abuse_of(outcome):
    """Another command than the one of an outcome, of an amount that nobody else sends."""
    other = amount_of(10**9 + outcome.order.number)
    for member in ("amount", "initial_balance"):
        if member in outcome.command:
            return outcome.command | {member: other}
    return {"type": "Deposit", "amount": other}


def headers_of(order, if_match, is_abuse=False):
    headers = {"Daybook-Correlation-Id": order.correlation + ("-abuse" if is_abuse else "")}
    if order.key:
        headers["Idempotency-Key"] = order.key
    if if_match is not None:
        headers["If-Match"] = f'"{if_match}"'
    return headers


def _expiry(order, time):
    match order.expiry:
        case None:
            return {}
        case "in", text:
            return {"expires_in": text}
        case "at", seconds:
            return {"expires_at": rfc3339(time + int(seconds * 1_000_000))}


def _new_hold(order, holds):
    """A name of its own; sometimes one that is taken, which must be refused."""
    return _chosen(order, holds)[0] if order.number % _TAKEN == 0 else f"hold-{order.number}"


def _chosen(order, holds):
    """A hold that somebody placed, or tried to; else one that nobody knows."""
    return holds[int(order.pick * len(holds))] if holds else (f"unplaced-{order.number}", 1_00)


def _capture(order, holds):
    name, cents = _chosen(order, holds)
    capture = {"hold": name}
    match order.portion:
        case "part":
            capture["amount"] = amount_of(1 + order.number % cents)
        case "over":
            capture["amount"] = amount_of(cents + order.number)
    return capture | ({"to": order.to} if order.to else {})


def _version(order, newest):
    if order.number % _BEYOND == 0:
        return newest + 100_000
    return max(1, newest - int(order.pick**2 * _RECENT_VERSIONS))
