"""What every error of the HTTP contract must look like."""

TITLES = {
    "malformed-request": "Malformed request",
    "malformed-json": "Malformed JSON",
    "invalid-command": "Invalid command",
    "invalid-account-id": "Invalid account id",
    "invalid-parameter": "Invalid parameter",
    "amount-out-of-range": "Amount out of range",
    "forbidden": "Forbidden",
    "insufficient-funds": "Insufficient funds",
    "account-not-found": "Account not found",
    "account-already-open": "Account already open",
    "account-closed": "Account closed",
    "account-frozen": "Account frozen",
    "account-not-empty": "Account not empty",
    "account-unreadable": "Account unreadable",
    "already-reversed": "Already reversed",
    "currency-mismatch": "Currency mismatch",
    "event-not-found": "Event not found",
    "hold-exists": "Hold exists",
    "hold-not-found": "Hold not found",
    "hold-resolved": "Hold resolved",
    "limit-exceeded": "Limit exceeded",
    "not-frozen": "Not frozen",
    "not-reversible": "Not reversible",
    "same-account": "Same account",
    "too-many-holds": "Too many holds",
    "not-found": "Not found",
    "method-not-allowed": "Method not allowed",
    "payload-too-large": "Payload too large",
    "unsupported-media-type": "Unsupported media type",
    "log-unavailable": "Event log unavailable",
    "not-caught-up": "Not caught up",
    "overloaded": "Overloaded",
    "outcome-unknown": "Outcome unknown",
    "command-in-progress": "Command in progress",
    "idempotency-key-reused": "Idempotency key reused",
    "version-mismatch": "Version mismatch",
    "position-beyond-head": "Position beyond head",
    "another-history": "Another history",
    "account-unreadable": "Account unreadable",
    "statement-too-long": "Statement too long",
}


def assert_problem(answer, status, name, pointers=None):
    """The answer is the contract's error of this name; `pointers` are the members that its `errors` must point at."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json", answer
    problem = answer.json
    assert problem["type"] == f"/problems/{name}", answer
    assert problem["title"] == TITLES[name]
    assert problem["status"] == status
    assert isinstance(problem["detail"], str) and problem["detail"], answer
    if status == 503:
        assert int(answer.headers["Retry-After"]) >= 0, answer
    if pointers is not None:
        assert [error["pointer"] for error in problem["errors"]] == pointers, answer
        assert all(isinstance(error["detail"], str) and error["detail"] for error in problem["errors"]), answer
    return problem
