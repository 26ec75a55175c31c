"""Follows Daybook's event log: every event once, in order, proved by its hash, across restarts of either side."""

from daybook_events.checkpoint import Checkpoint, Point
from daybook_events.endpoints import Endpoints
from daybook_events.failures import (
    AnotherLog,
    AppendBroken,
    ChainBroken,
    CheckpointDamaged,
    DaybookError,
    Diverged,
    InsideAppend,
    KeyRefused,
    LogUnreachable,
    LogWentBack,
    Malformed,
    Refused,
)
from daybook_events.follower import Counts
from daybook_events.frames import Head, Record
from daybook_events.keys import Keys
from daybook_events.requester import Requester
from daybook_events.subscription import Subscription

__all__ = [
    "AnotherLog", "AppendBroken", "ChainBroken", "Checkpoint", "CheckpointDamaged", "Counts", "DaybookError", "Diverged",
    "Endpoints", "Head", "InsideAppend", "KeyRefused", "Keys", "LogUnreachable", "LogWentBack", "Malformed", "Point",
    "Record", "Refused", "Requester", "Subscription",
]  # fmt: skip
