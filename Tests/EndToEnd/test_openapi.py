"""The OpenAPI document says what the services do."""

import openapi_spec_validator
import pytest

PLACES = {"{id}": "described"}


@pytest.fixture(scope="module")
def document(daybook):
    daybook.gateway.open("described", 1)
    answer = daybook.gateway.get("/openapi.json")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    return answer.json


def test_it_is_an_openapi_3_1_document(document):
    assert document["openapi"].startswith("3.1.")
    openapi_spec_validator.validate(document)


def test_what_it_names_is_there_and_what_is_there_has_no_other_methods(daybook, document):
    for path, operations in document["paths"].items():
        for place, value in PLACES.items():
            path = path.replace(place, value)
        methods = {method.upper() for method in operations if method != "parameters"}
        answer = daybook.gateway.request("DELETE", path)
        assert answer.status == 405, f"{path} is not there: {answer}"
        allowed = {method.strip() for method in answer.headers["Allow"].split(",")}
        assert methods == allowed - {"HEAD"}, path


def test_every_query_parameter_it_names_is_known_and_no_other(daybook, document):
    shared = document["components"]["parameters"]
    examples = {"integer": "1", "string": "2s"}
    for path, operations in document["paths"].items():
        for parameter in operations.get("get", {}).get("parameters", []):
            if "$ref" in parameter:
                parameter = shared[parameter["$ref"].rpartition("/")[2]]
            if parameter["in"] != "query":
                continue
            schema = parameter["schema"]
            value = "2026-01-01T00:00:00Z" if schema.get("format") == "date-time" else examples[schema.get("type", "string")]
            target = path.replace("{id}", "described")
            answer = daybook.gateway.get(f"{target}?{parameter['name']}={value}&wait=2s" if parameter["name"] != "wait" else f"{target}?wait=2s")
            assert answer.status in (200, 404), f"{parameter['name']} of {path}: {answer}"
        if "get" in operations and path.startswith(("/accounts", "/events")):
            answer = daybook.gateway.get(path.replace("{id}", "described") + "?no_such_parameter=1")
            assert answer.status == 400, answer
