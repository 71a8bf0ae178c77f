# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What `drivseg train` shows while it trains: a bar on a terminal, one line an epoch anywhere."""

from __future__ import annotations

from collections.abc import Mapping

from drivseg_ros.cli.console import err, progress_bar

_LEFT_OUT = ('epoch', 'step', 'learning_rate', 'train_loss', 'seconds', 'images_per_second')
_MOST_METRICS = 6


class TrainingProgress:
    """A reporter (see `drivseg_ros.lab.training.reporter`) that is a context manager.

    Args:
        epochs: The length of the run.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self._bar = progress_bar()
        self._task = self._bar.add_task('', total=None, visible=False)

    def __enter__(self) -> TrainingProgress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """A line."""
        err.print(text, markup=False, soft_wrap=True)

    def step(self, epoch: int, step: int, steps: int) -> None:
        """Moves the bar, which shows one epoch."""
        self._bar.update(
            self._task,
            description=f'epoch {epoch}/{self.epochs}',
            completed=step,
            total=steps,
            visible=True,
        )

    def epoch(self, row: Mapping[str, float], best: bool) -> None:
        """A line for the epoch."""
        metrics = [(name, value) for name, value in row.items() if name not in _LEFT_OUT]
        shown = ', '.join(f'{name} {value:.4f}' for name, value in metrics[:_MOST_METRICS])
        err.print(
            f'epoch {row["epoch"]:.0f}/{self.epochs}: loss {row["train_loss"]:.4f}, {shown}, '
            f'{row["images_per_second"]:.1f} images/s{", best so far" if best else ""}',
            markup=False,
            soft_wrap=True,
        )
