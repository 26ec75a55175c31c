"""Compares accounts as answers show them with the model."""

from model import cents, microseconds

# At most so many holds are shown.
MOST_HOLDS = 100


def shown(body):
    """What an answer says of an account."""
    frozen = body.get("frozen")
    return {
        "version": body["version"], "owner": body["owner"], "currency": body["currency"], "status": body["status"],
        "balance": cents(body["balance"]), "available": cents(body["available"]), "held": cents(body["held"]),
        "overdraft": cents(body.get("overdraft", 0)),
        "maximum_balance": cents(body["maximum_balance"]) if "maximum_balance" in body else None,
        "frozen": (frozen["direction"], frozen["reason"]) if frozen else None,
        "holds": [_shown_hold(hold) for hold in body.get("holds", [])],
    }  # fmt: skip


def expected(state, time):
    """What an answer must say of a state, seen at a time."""
    return {
        "version": state.version, "owner": state.owner, "currency": state.currency, "status": state.status,
        "balance": state.balance, "available": state.available(time), "held": state.held(time),
        "overdraft": state.overdraft, "maximum_balance": state.maximum, "frozen": state.frozen,
        "holds": [tuple(hold) for hold in state.open_holds(time)][:MOST_HOLDS],
    }  # fmt: skip


def difference(body, state, times):
    """How an answer differs from a state that was seen at one of some times; None if it does not."""
    told = shown(body)
    for time in times:
        wanted = expected(state, time)
        if told == wanted:
            return None
    return {name: (told[name], wanted[name]) for name in told if told[name] != wanted[name]}


def _shown_hold(hold):
    expires_at = hold.get("expires_at")
    return (hold["hold"], cents(hold["amount"]), None if expires_at is None else microseconds(expires_at))
