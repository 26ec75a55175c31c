"""The OpenAPI documents say what the services do."""

import json
import re

import openapi_spec_validator
import pytest

# What only commands meet, which the query service does not take.
COMMANDS_ONLY = {
    "account-already-open", "account-closed", "account-frozen", "account-not-empty", "already-reversed",
    "amount-out-of-range", "command-in-progress", "currency-mismatch", "event-not-found", "hold-exists", "hold-not-found",
    "hold-resolved", "idempotency-key-reused", "incomplete-body", "insufficient-funds", "invalid-command", "limit-exceeded",
    "malformed-json", "not-frozen", "not-reversible", "outcome-unknown", "payload-too-large", "same-account",
    "too-many-holds", "unsupported-media-type",
}  # fmt: skip

# What is met before a request has reached any operation, or by nobody yet.
BEFORE_ANY_OPERATION = {"http-version-not-supported", "rate-limited"}

PLACES = {"{id}": "described", "{name}": "accounts"}


@pytest.fixture(scope="module", params=["gateway", "query service"])
def served(daybook, request):
    """A service's client, and the document that it serves."""
    client = daybook.gateway if request.param == "gateway" else daybook.queries
    if daybook.gateway.get("/accounts/described").status == 404:
        daybook.gateway.open("described", 1)
    daybook.wait_until_caught_up()
    answer = client.get("/openapi.json")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    return client, answer.json


def test_it_is_an_openapi_3_1_document(served):
    _, document = served
    assert document["openapi"].startswith("3.1.")
    openapi_spec_validator.validate(document)
    assert "x-services" not in json.dumps(document, default=str)


def test_each_service_describes_what_it_answers_itself(daybook):
    def operations(client):
        return {
            (method, path)
            for path, members in client.get("/openapi.json").json["paths"].items()
            for method in members
            if method != "parameters"
        }

    gateway, query = operations(daybook.gateway), operations(daybook.queries)
    assert gateway - query == {("post", "/accounts/{id}"), ("post", "/commands")}
    assert query - gateway == {("get", "/projections"), ("post", "/projections/{name}/rebuild")}


def test_what_it_names_is_there_and_what_is_there_has_no_other_methods(served):
    client, document = served
    for path, operations in document["paths"].items():
        for place, value in PLACES.items():
            path = path.replace(place, value)
        methods = {method.upper() for method in operations if method != "parameters"}
        answer = client.request("DELETE", path)
        assert answer.status == 405, f"{path} is not there: {answer}"
        allowed = {method.strip() for method in answer.headers["Allow"].split(",")}
        assert methods == allowed - {"HEAD"}, path


def test_every_query_parameter_it_names_is_known_and_no_other(served):
    client, document = served
    shared = document["components"]["parameters"]
    examples = {"integer": "1", "string": "2s"}
    for path, operations in document["paths"].items():
        target = path.replace("{id}", "described")
        for parameter in operations.get("get", {}).get("parameters", []):
            if "$ref" in parameter:
                parameter = shared[parameter["$ref"].rpartition("/")[2]]
            if parameter["in"] != "query":
                continue
            schema = parameter["schema"].get("anyOf", [parameter["schema"]])[0]
            value = "2026-01-01T00:00:00Z" if schema.get("format") == "date-time" else examples[schema.get("type", "string")]
            value = schema.get("examples", [value])[0]
            query = "wait=2s" if parameter["name"] == "wait" else f"{parameter['name']}={value}&wait=2s"
            answer = client.get(f"{target}?{query}")
            assert answer.status in (200, 404), f"{parameter['name']} of {path}: {answer}"
        if "get" in operations and path not in ("/livez", "/readyz", "/metrics"):
            answer = client.get(target.replace("{name}", "not-found") + "?no_such_parameter=1")
            assert answer.status == 400, answer


def test_the_problems_that_it_names_are_explained_with_the_status_that_it_gives(served):
    client, document = served
    statuses = {
        kind["type"].removeprefix("/problems/"): kind["status"]
        for kind in client.get("/problems", headers={"Accept": "application/json"}).json
    }
    named = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            for status, answer in operation["responses"].items():
                if "$ref" in answer:
                    answer = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
                if "application/problem+json" not in answer.get("content", {}):
                    continue
                names = [name for name in re.findall(r"[a-z-]+", answer["description"]) if name in statuses]
                assert names, f"{method} {path} {status} names no problem"
                assert {statuses[name] for name in names} == {int(status)}, f"{method} {path} {status}"
                named.update(names)
    takes_commands = "/commands" in document["paths"]
    assert statuses.keys() - named <= BEFORE_ANY_OPERATION | ({"rebuild-failed"} if takes_commands else COMMANDS_ONLY)


def test_every_further_member_of_a_problem_is_described(served):
    client, document = served
    described = document["components"]["schemas"]["Problem"]["properties"].keys()
    for kind in client.get("/problems", headers={"Accept": "application/json"}).json:
        assert kind["members"].keys() <= described, kind


def test_each_operation_names_what_any_request_may_meet(served):
    """A malformed request is refused everywhere; a busy service refuses all but the questions about its health."""
    _, document = served
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            expected = {"400"} if path in ("/livez", "/readyz", "/metrics") else {"400", "503"}
            assert expected <= operation["responses"].keys(), f"{method} {path}"
