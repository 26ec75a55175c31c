"""What schemathesis can't know by itself."""

import os
import re

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def write_lines(context, value):
    """Lines are text: what the document describes as a string is sent as it is."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@schemathesis.hook
def filter_case(context, case):
    """A header field that a service does not know is no error (RFC 9110, section 5.1)."""
    return "x-schemathesis-unknown-property" not in (case.headers or {})


def role_for(method, path):
    """A role that may ask for it."""
    if path.startswith(("/events", "/totals")):
        return "auditor"
    return "operator" if path.startswith(("/metrics", "/projections")) else "manager"


@schemathesis.hook
def before_call(context, case, kwargs):
    """No query waits long for a position that nobody reaches. What is no time stays as it is, so that it is refused."""
    if case.method == "GET" and case.path.startswith(("/accounts", "/events", "/totals")):
        wait = (case.query or {}).get("wait", "2s")
        if re.fullmatch(r"0*([1-5]?[0-9]|60)s|0*([1-5]?[0-9]{1,4}|60000)ms", str(wait)):
            case.query = dict(case.query or {}) | {"wait": "1ms"}


if "TEST_TOKEN_MANAGER" in os.environ:

    @schemathesis.auth(refresh_interval=None)
    class Tokens:
        """Each request has the token that it needs. That others are refused, schemathesis finds out by itself."""

        def get(self, case, context):
            return os.environ[f"TEST_TOKEN_{role_for(case.method, case.path).upper()}"]

        def set(self, case, token, context):
            case.headers = dict(case.headers or {}) | {"Authorization": f"Bearer {token}"}
