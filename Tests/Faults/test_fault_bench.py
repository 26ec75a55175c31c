"""A short run of the fault bench: some seeds that are always the same, and a fresh one, which is printed."""

import random

import pytest

import plan
from driver import Run

FRESH = random.SystemRandom().randrange(1, 10**6)


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6, pytest.param(FRESH, id="fresh")])
def test_I1_to_I10_over_random_faults(seed):
    planned = plan.make(seed)
    print(planned)
    run = Run(planned)
    try:
        run.run()
    except BaseException:
        print(run.daybook.output())
        raise
    finally:
        run.close()
    assert run.counts["acknowledged"] > 0 and run.counts["faults"] >= 7, run.counts


def test_a_seed_gives_the_same_plan():
    assert plan.make(17) == plan.make(17)
    assert plan.make(17) != plan.make(18)
