# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How a run reports where it is; the command line draws a bar of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol


class Reporter(Protocol):
    """Listens to a run; called in the first of several processes only."""

    def say(self, text: str) -> None:
        """One line for a person, such as what the data turned out to be."""

    def step(self, epoch: int, step: int, steps: int) -> None:
        """A training step of an epoch is done; both are counted from 1."""

    def epoch(self, row: Mapping[str, float], best: bool) -> None:
        """An epoch is done.

        Args:
            row: Its metrics, as in metrics.csv.
            best: Whether it is the best one so far.
        """


class Silence:
    """A reporter that says nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    def step(self, epoch: int, step: int, steps: int) -> None:
        """Nothing."""

    def epoch(self, row: Mapping[str, float], best: bool) -> None:
        """Nothing."""


class Tracker(Protocol):
    """Keeps the metrics of runs somewhere else as well, such as MLflow."""

    def start(self, done: Sequence[Mapping[str, float]] | None) -> None:
        """The run begins, or goes on behind the epochs whose rows these are."""

    def epoch(self, row: Mapping[str, float]) -> None:
        """An epoch is done."""

    def finish(self, files: list[Path]) -> None:
        """The run is over; these are its files."""

    def stop(self) -> None:
        """The run ended before its time, and may go on."""
