# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is made of the frames of an evaluation while it goes through them."""

from __future__ import annotations

import importlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from drivseg_ros.evaluation.measured import Terms
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.tally import FrameRow
from drivseg_ros.frames.labelled_frame import LabelledFrame, LostFrame
from drivseg_ros.model.segmentation import Segmentation


class Sink:
    """Takes every frame in order. What it does not override, it does not do.

    Either `finish` or `abort` is called last.
    """

    def begin(self, terms: Terms) -> None:
        """Called before the first frame.

        Args:
            terms: the classes and settings.
        """

    def add(self, frame: LabelledFrame, segmentation: Segmentation, row: FrameRow) -> None:
        """Takes a frame that was processed.

        Args:
            frame: the frame.
            segmentation: its mask, made or recorded.
            row: what was counted in it.
        """

    def lose(self, frame: LostFrame) -> None:
        """Takes a frame that failed or was dropped."""

    def finish(self, evaluation: Evaluation) -> None:
        """Completes what it makes; also if the run was ended early.

        Args:
            evaluation: what was found.

        Raises:
            DrivsegError: if it cannot be written.
        """

    def abort(self) -> None:
        """Takes back what it made: the evaluation failed."""


class Sinks(Sink):
    """Several sinks as one."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = sinks

    def begin(self, terms: Terms) -> None:
        """See `Sink`."""
        for sink in self._sinks:
            sink.begin(terms)

    def add(self, frame: LabelledFrame, segmentation: Segmentation, row: FrameRow) -> None:
        """See `Sink`."""
        for sink in self._sinks:
            sink.add(frame, segmentation, row)

    def lose(self, frame: LostFrame) -> None:
        """See `Sink`."""
        for sink in self._sinks:
            sink.lose(frame)

    def finish(self, evaluation: Evaluation) -> None:
        """See `Sink`; one that cannot be completed does not keep the others from it."""
        errors = []
        for sink in self._sinks:
            try:
                sink.finish(evaluation)
            except Exception as error:  # of whatever kind: the others are to be whole
                errors.append(error)
        if errors:
            raise errors[0]

    def abort(self) -> None:
        """See `Sink`."""
        for sink in self._sinks:
            sink.abort()

    @contextmanager
    def aborted_on_error(self) -> Iterator[None]:
        """Takes everything back if an exception comes, Ctrl-C included."""
        try:
            yield
        except BaseException:
            self.abort()
            raise


class ExportedSink(Sink):
    """A sink of another process, of which plain data come back."""

    @abstractmethod
    def export(self) -> Any:
        """What it made, as plain data."""


@dataclass(frozen=True)
class SinkRecipe:
    """A sink that another process is to make.

    Args:
        module: has a function `make_sink(arguments)` that gives an ExportedSink.
        arguments: plain data.
    """

    module: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def make(self) -> ExportedSink:
        """The sink, in this process."""
        sink: ExportedSink = importlib.import_module(self.module).make_sink(self.arguments)
        return sink
