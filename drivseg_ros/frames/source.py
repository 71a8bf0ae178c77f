# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""FrameSource: frames in order, any number of passes, whatever they come from."""

from __future__ import annotations

import copy
import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.attributes import Attributes
from drivseg_ros.frames.base import Dataset
from drivseg_ros.frames.labelled_frame import LabelledFrame, LostFrame
from drivseg_ros.frames.labels import Labels
from drivseg_ros.frames.paired_files import drives_of, labels_of
from drivseg_ros.images.videos import open_video, read_times


class FrameSource(ABC):
    """Frames that can be gone through again and again, one at a time, always in the same order.

    Attributes:
        title: where they come from, short, for people.
        labels: what the labels' values mean; None if the frames have no ground truth.
        masks: what the values in recorded masks mean; None where a network is still to be run.
        has_images: whether a network can be run on them.
        is_drive: whether they follow each other in time.
        rate_hz: frames a second, as recorded; 0 if that is unknown.
        unmatched_labels: labels that belong to none of the frames.
        attributes: of the frames, by name; None if none are known.
    """

    title: str
    labels: Labels | None = None
    masks: Labels | None = None
    has_images: bool = True
    is_drive: bool = False
    rate_hz: float = 0.0
    unmatched_labels: int = 0
    attributes: Attributes | None = None

    @abstractmethod
    def __len__(self) -> int:
        """How many frames there are, those that will be lost included."""

    @abstractmethod
    def __iter__(self) -> Iterator[LabelledFrame | LostFrame]:
        """One pass; a frame that cannot be read costs that frame.

        Raises:
            DataError: if labels have values that mean nothing.
            BagError: if a bag is damaged.
        """

    @abstractmethod
    def take(self, places: Sequence[int]) -> FrameSource:
        """The frames at some places only, in the order of this source."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Where the frames are from, plain data."""


def spread(source: FrameSource, count: int) -> FrameSource:
    """So many frames of a source, evenly spread; all if there are no more.

    Raises:
        ParameterError: if the count is below 1.
    """
    if count < 1:
        raise ParameterError(f'{count} frames were asked for; at least 1 is allowed')
    if count >= len(source):
        return source
    # The middles of equal parts.
    return source.take([(2 * i + 1) * len(source) // (2 * count) for i in range(count)])


class ReadableFrames:
    """The frames of a source that can be read, for who asks no more.

    Args:
        source: the frames.

    Attributes:
        source: the frames.
        failed: what was wrong with the others in the latest pass, by name.
    """

    def __init__(self, source: FrameSource) -> None:
        self.source = source
        self.failed: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self.source)

    def __iter__(self) -> Iterator[LabelledFrame]:
        self.failed = {}
        for frame in self.source:
            if isinstance(frame, LostFrame):
                self.failed[frame.name] = frame.message
            else:
                yield frame

    def take(self, places: Sequence[int]) -> ReadableFrames:
        """See FrameSource."""
        return ReadableFrames(self.source.take(places))


class DatasetSource(FrameSource):
    """A data set, or a folder of pictures, or a video.

    Args:
        title: what to call it.
        dataset: its frames.
        given: how the user named it; None: by the title.
        by_drive: whether frames are resampled by drive, where drives are known.
        places: which of the frames; None: all.
    """

    def __init__(
        self,
        title: str,
        dataset: Dataset,
        *,
        given: str | None = None,
        by_drive: bool = True,
        places: Sequence[int] | None = None,
    ) -> None:
        self.title = title
        self._given = title if given is None else given
        self.labels = labels_of(dataset)
        self.dataset = dataset
        self._drives = drives_of(dataset)
        self._by_drive = by_drive
        self._places = range(len(dataset)) if places is None else places

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[LabelledFrame | LostFrame]:
        names = self.dataset.names
        for index in self._places:
            try:
                frame = self.dataset[index]
            except DataError as error:
                yield LostFrame(names[index], 'data', str(error))
                continue
            drive = self._drives.get(frame.name, '')
            yield dataclasses.replace(
                frame,
                label=None if self.labels is None else frame.label,
                group=drive if self._by_drive and drive else frame.name,
                sequence=drive,
            )

    def take(self, places: Sequence[int]) -> DatasetSource:
        """See FrameSource."""
        return DatasetSource(
            self.title,
            self.dataset,
            given=self._given,
            by_drive=self._by_drive,
            places=[self._places[i] for i in sorted(places)],
        )

    def describe(self) -> dict[str, Any]:
        """Where the frames are from."""
        return {
            'kind': 'dataset',
            'given': self._given,
            'dataset': self.dataset.name,
            'identity': self.dataset.identity,
            'labels': '' if self.labels is None else self.labels.name,
            'resampled_by': 'drive' if self._by_drive and self._drives else 'frame',
        }


class VideoSource(FrameSource):
    """The frames of a video, each with its own time, decoded as they are asked for.

    They are counted first, which decodes the video once: what a file says of itself is often wrong.

    Args:
        path: the video.
        limit: so many frames at most, the first ones; None: all.

    Attributes:
        note: '' or that the file is cut short.

    Raises:
        DataError: if it cannot be opened.
    """

    def __init__(self, path: Path, *, limit: int | None = None) -> None:
        video = read_times(path, limit=limit)
        self.title = path.name
        self.is_drive = True
        self.rate_hz = video.facts.rate_hz
        self.note = video.note
        self._path = path
        # Without times of their own frames keep the pace of the video's rate.
        self._stamps: Sequence[int | None] = (
            video.times_ns if video.grow else [None] * len(video.times_ns)
        )
        self._places: Sequence[int] = range(len(self._stamps))

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[LabelledFrame | LostFrame]:
        wanted = set(self._places)
        with open_video(self._path) as capture:
            for place, stamp_ns in enumerate(self._stamps[: max(wanted, default=-1) + 1]):
                more, bgr = capture.read()
                if not more:
                    return
                if place in wanted:
                    name = f'{self._path.stem}_{place:06d}'
                    sequence = self._path.stem
                    yield LabelledFrame(name, bgr[..., ::-1], sequence=sequence, stamp_ns=stamp_ns)

    def take(self, places: Sequence[int]) -> VideoSource:
        """See FrameSource."""
        taken = copy.copy(self)
        taken._places = sorted(places)
        return taken

    def describe(self) -> dict[str, Any]:
        """Where the frames are from."""
        return {
            'kind': 'video',
            'given': str(self._path),
            'labels': '',
            'resampled_by': 'frame',
        }
