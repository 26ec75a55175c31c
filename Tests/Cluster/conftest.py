"""Fixtures of the tests of the cluster's bench: where its modules are."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), *(str(HERE.parent / name) for name in ("Faults", "EndToEnd", "Outside"))]
