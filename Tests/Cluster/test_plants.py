"""The faults that are planted to show that the bench catches them fit the sources, and name a fault of the bench."""

import subprocess
from pathlib import Path

import cluster_plan
import pytest

HERE = Path(__file__).resolve().parent
PATCHES = sorted((HERE / "plants").glob("*.patch"))


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_it_fits_the_sources(patch):
    check = ["git", "apply", "--check", "--whitespace=nowarn", str(patch)]
    done = subprocess.run(check, cwd=HERE.parents[1], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_its_fault_is_one_of_the_bench(patch):
    assert patch.read_text().splitlines()[1].removeprefix("Fault: ") in cluster_plan.kinds()
