# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frame ledger: what became of every frame that was offered (DESIGN.md, contract 7)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class FrameCounts:
    """What became of the frames so far.

    Attributes:
        offered: frames that arrived.
        processed: frames whose outputs were published.
        dropped: frames that a newer one replaced, or that still waited when work was stopped.
        failed: frames that could not be decoded, segmented or published.
        skipped: frames left alone because nobody subscribes to an output, or because the user
            switched processing off.
        waiting: frames that arrived and have no fate yet.
        failed_by_kind: the failed ones by kind of failure.
        last_error: the text of the newest failure, or ''.

    Raises:
        ValueError: if a count is negative or the counts do not add up.
    """

    offered: int = 0
    processed: int = 0
    dropped: int = 0
    failed: int = 0
    skipped: int = 0
    waiting: int = 0
    failed_by_kind: Mapping[str, int] = field(default_factory=dict)
    last_error: str = ''

    def __post_init__(self) -> None:
        fates = {
            'processed': self.processed,
            'dropped': self.dropped,
            'failed': self.failed,
            'skipped': self.skipped,
            'waiting': self.waiting,
        }
        text = ' + '.join(f'{count} {name}' for name, count in fates.items())
        if min(self.offered, *fates.values()) < 0 or sum(fates.values()) != self.offered:
            raise ValueError(f'{self.offered} frames were offered, but {text} are accounted for')
        if sum(self.failed_by_kind.values()) != self.failed:
            raise ValueError(f'{self.failed} frames failed, but by kind {self.failed_by_kind}')


class FrameLedger:
    """Counts the frames of one camera or one bag topic. Every method is safe in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offered = 0
        self._processed = 0
        self._dropped = 0
        self._skipped = 0
        self._failed: dict[str, int] = {}
        self._last_error = ''

    def offer(self) -> None:
        """Counts a frame that arrived."""
        with self._lock:
            self._offered += 1

    def process(self) -> None:
        """Counts a frame whose outputs are published."""
        with self._lock:
            self._processed += 1

    def drop(self) -> None:
        """Counts a frame that a newer one replaced."""
        with self._lock:
            self._dropped += 1

    def skip(self) -> None:
        """Counts a frame that nobody wants."""
        with self._lock:
            self._skipped += 1

    def fail(self, kind: str, message: str) -> None:
        """Counts a frame that failed.

        Args:
            kind: a short, stable name of the sort of failure (`ImageError.kind`, 'engine', ...).
            message: what happened, one sentence.
        """
        with self._lock:
            self._failed[kind] = self._failed.get(kind, 0) + 1
            self._last_error = message

    def counts(self) -> FrameCounts:
        """The counts at this moment."""
        with self._lock:
            failed = sum(self._failed.values())
            settled = self._processed + self._dropped + self._skipped + failed
            return FrameCounts(
                offered=self._offered,
                processed=self._processed,
                dropped=self._dropped,
                failed=failed,
                skipped=self._skipped,
                waiting=self._offered - settled,
                failed_by_kind=dict(self._failed),
                last_error=self._last_error,
            )
