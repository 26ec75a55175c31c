"""The hot parts take no more than thresholds.json allows, and the guards fail where one does, or where none can tell.

They count what .build/release/hot-parts does: `Tests/Guards/run` builds it.
"""

import pytest

import guards
import hot_parts
import thresholds
from hot_parts import Cost, Unmeasurable


# All parts are measured before the first test begins.
pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def parts():
    return hot_parts.names()


@pytest.fixture(scope="module")
def costs(parts):
    return hot_parts.measure(parts)


def test_every_part_keeps_within_its_bounds(costs, parts, capsys):
    table, violations = guards.check(costs, thresholds.read(), parts)
    with capsys.disabled():
        print(f"\n{table}")
    assert not violations, "\n".join([*violations, guards.HINT])


@pytest.mark.parametrize("what", Cost._fields)
def test_a_bound_that_is_too_low_fails(costs, parts, what):
    planted = {part: thresholds.around(cost) for part, cost in costs.items()}
    assert guards.check(costs, planted, parts)[1] == []
    planted["decide"] |= {f"most_{what}": 1}
    (violation,) = guards.check(costs, planted, parts)[1]
    found = getattr(costs["decide"], what)
    assert violation.startswith(f"decide takes {found:,} {what}, at most 1 are allowed")


def test_a_part_without_a_threshold_fails():
    (violation,) = thresholds.violations({"decide": Cost(1000, 3.0)}, {}, ["decide"])
    assert violation == "decide has no threshold"


def test_a_threshold_without_a_part_fails():
    (violation,) = thresholds.violations({}, {"gone": thresholds.around(Cost(1000, 3.0))}, ["decide"])
    assert violation == "gone has a threshold, but there is no such part"


@pytest.mark.parametrize(
    "what, few, many",
    [
        ("instructions", 7, 7),
        ("instructions", 9, 7),
        ("instructions", 0, 7),
        ("allocations", 9, 7),
        ("allocations", 0, 0),
    ],
)
def test_a_count_that_cannot_be_right_fails(what, few, many):
    with pytest.raises(Unmeasurable, match="decide"):
        hot_parts.per_operation("decide", what, lambda part, number: few if number == hot_parts.FEW else many)


def test_a_part_that_does_not_run_fails():
    for count in hot_parts.count_instructions, hot_parts.count_allocations:
        with pytest.raises(Unmeasurable):
            count("no-such-part", 1)


def test_bounds_leave_fifteen_percent_and_are_round():
    assert thresholds.around(Cost(9_876, 12.0)) == {
        "instructions": 9_876, "most_instructions": 11_400, "allocations": 12.0, "most_allocations": 14,
    }
    few = [thresholds.around(Cost(100, allocations))["most_allocations"] for allocations in (0.0, 1.0, 2.0, 3.1, 4.0)]
    assert few == [0, 1, 2, 4, 5]


def test_bounds_are_read_as_they_were_written(tmp_path):
    file = tmp_path / "thresholds.json"
    bounds = {"decide": thresholds.around(Cost(9_876, 12.5)), "hash": thresholds.around(Cost(2_000, 0.0))}
    thresholds.write(bounds, "Swift 6.3", file)
    assert thresholds.read(file) == bounds
