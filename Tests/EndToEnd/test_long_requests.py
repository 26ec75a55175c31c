"""Fields and queries of many parts take no more than little work."""

import pytest

from problems import assert_problem

# Within the limit on a request's header fields as a whole.
MANY = 3000


@pytest.fixture(scope="module")
def clients(daybook):
    if daybook.gateway.get("/accounts/long").status == 404:
        daybook.gateway.open("long", 1)
    daybook.wait_until_caught_up()
    return daybook.queries, daybook.gateway


def test_as_many_ranges_as_are_read_are_counted(clients):
    for client in clients:
        accept = ",".join(["a/b"] * 63 + ["application/json;amounts=string"])
        answer = client.get("/accounts/long", {"Accept": accept})
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json;amounts=string")


@pytest.mark.parametrize(
    "accept",
    [
        "application/json;amounts=string" + ",a/b" * 64, "application/json;amounts=string" + "," * 64 + "a/b",
        "application/json;amounts=string," + "a/b," * MANY, "application/json;amounts=string" + ";a=b" * MANY,
    ],
    ids=["65 ranges", "65 members", "many ranges", "many parameters"],
)  # fmt: skip
def test_an_accept_of_too_many_ranges_counts_as_absent(clients, accept):
    for client in clients:
        answer = client.get("/accounts/long", {"Accept": accept})
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")


def test_a_query_of_too_many_parameters_is_400(clients):
    for client in clients:
        for path in ("/accounts/long", "/events", "/openapi.json", "/problems"):
            for count in (65, MANY):
                query = "&".join(f"a{index}=1" for index in range(count))
                problem = assert_problem(client.get(f"{path}?{query}"), 400, "invalid-parameter")
                assert "at most 64 parameters" in problem["detail"] and len(problem["detail"]) < 300
        assert client.get("/events?account=a%2Bb").status == 400
        assert client.get("/events?type=a+b%20c").json == []
