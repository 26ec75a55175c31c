"""A short run of the fault bench: some seeds that are always the same, and a fresh one, which is printed."""

import random
from itertools import islice

import pytest

import plan
import postgresql
from driver import AMONG_OTHERS, STRICT, Run

FRESH = random.SystemRandom().randrange(1, 10**6)


@pytest.mark.parametrize("seed, limits", [
    *((seed, AMONG_OTHERS) for seed in (1, 2, 3, 4, 5, 6)), pytest.param(FRESH, AMONG_OTHERS, id="fresh"),
    *(pytest.param(seed, STRICT, id=f"{seed}-strict", marks=pytest.mark.timing) for seed in (1, 2)),
])  # fmt: skip
def test_I1_to_I10_over_random_faults(seed, limits):
    planned = plan.make(seed, has_server=postgresql.IS_USED)
    print(planned)
    run = Run(planned, limits)
    try:
        run.run()
    except BaseException:
        print(run.daybook.output())
        raise
    finally:
        run.close()
    assert run.counts["acknowledged"] > 0 and run.counts["faults"] >= len(planned.faults) > 0, run.counts


def test_a_seed_gives_the_same_plan():
    def whole(seed):
        planned = plan.make(seed)
        return planned, [list(islice(planned.orders(client), 500)) for client in range(planned.clients)]

    assert whole(17) == whole(17)
    assert whole(17) != whole(18)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("has_server", [False, True])
def test_what_is_broken_breaks_only_once_mended(seed, has_server):
    mended_at = {}
    for fault in plan.make(seed, has_server=has_server).faults:
        for target in fault.targets:
            assert fault.begin >= mended_at.get(target, 0)
            mended_at[target] = fault.end
