"""What can go wrong for a subscriber, and what to do about it."""

from __future__ import annotations


class DaybookError(Exception):
    """Whatever this package raises on purpose."""


class Malformed(DaybookError, ValueError):
    """Bytes that break the grammar of the protocol."""


class Refused(DaybookError):
    """The log does not obey the request; nothing was done."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"the log refuses the request ({code}): {reason}")
        self.code = code


class LogUnreachable(DaybookError, TimeoutError):
    """The log said nothing for longer than the subscriber is willing to wait. Going on later loses nothing."""


class KeyRefused(DaybookError):
    """A key, or the file of one, cannot be used."""


class CheckpointDamaged(DaybookError):
    """The file of a checkpoint holds something else."""


class Diverged(DaybookError):
    """What the log says does not agree with what is held of it: nothing more may be taken in."""


class AnotherLog(Diverged):
    """The log that answers is not the one whose events are held."""


class LogWentBack(Diverged):
    """The log ends before what is held or was seen of it, as one does that was restored from a backup."""


class InsideAppend(Diverged):
    """A position at which nothing may begin or end: the append that its record is part of goes on in the next one."""


class AppendBroken(Diverged):
    """An append that has no end, or is larger than any can be: the log is damaged, or forged."""


class ChainBroken(Diverged):
    """A record, or the head, does not follow by its hash on what is held."""
