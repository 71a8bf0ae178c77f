# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A sink that keeps the frames which the page may show: the worst, the best, those that got worse.

Which frames are shown is known at the end only. So a few more are kept by each metric that may
decide, small, while the evaluation goes on; no frame is read twice, and the memory is bounded.
"""

from __future__ import annotations

import bisect
import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from drivseg_ros.base.json_data import from_plain, to_plain
from drivseg_ros.errors import DrivsegError, ModelError
from drivseg_ros.evaluation.measured import Measured, Terms
from drivseg_ros.evaluation.metric import CHANGE, Better, Metric, metrics_of, number, rounded
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.shared_frames import FrameKey, frame_key
from drivseg_ros.evaluation.sink import ExportedSink, SinkRecipe
from drivseg_ros.evaluation.tally import FrameRow
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.frames.matching import Matching
from drivseg_ros.model.segmentation import Segmentation
from drivseg_ros.model.store import find_model
from drivseg_ros.report.page.chosen_frames import ChosenFrame, choose_frames
from drivseg_ros.report.page.pictures import FramePicture, Pictures, add_baseline, draw_frame
from drivseg_ros.segmenter import Segmenter

COUNT = 5
"""So many of each kind are shown: of those that became worse, of the worst, of the best."""

# A frame is shown once, so that those shown as worse are no longer among the worst, and so on.
_KEPT = {'worse': COUNT, 'worst': 2 * COUNT, 'best': 3 * COUNT}


@dataclass(frozen=True)
class EarlierFrame:
    """A frame of a baseline.

    Args:
        key: tells it apart (`frame_key`).
        values: its metrics.
    """

    key: FrameKey
    values: Mapping[str, float]


@dataclass(frozen=True)
class EarlierRun:
    """What the page needs of a baseline while frames go by; other processes can be given it.

    Args:
        network: what made its masks.
        matching: its classes.
        frames: its frames.
    """

    network: Mapping[str, Any]
    matching: Matching
    frames: tuple[EarlierFrame, ...]

    @classmethod
    def of(cls, baseline: Evaluation, metrics: Sequence[str], title: str = '') -> EarlierRun:
        """Of a baseline.

        Args:
            baseline: the baseline.
            metrics: those by which frames may be chosen.
            title: only the bag of this title, if there is one; '' takes all.
        """
        parts = {i for i, part in enumerate(baseline.parts) if part.title == title}
        frames = [
            EarlierFrame(
                frame_key(row),
                {name: value for name in metrics if (value := found.get(name)) is not None},
            )
            for row, found in zip(baseline.rows, baseline.frame_values, strict=True)
            if not parts or row.part in parts
        ]
        return cls(baseline.network, baseline.matching, tuple(frames))


@dataclass(eq=False)
class Kept:
    """A frame that may be shown.

    Args:
        part: the place of its bag or folder.
        name: of the frame.
        values: its metrics.
        before: those in the baseline.
        pictures: what is shown of it.
        image: uint8 [H, W, 3] in full size, for the baseline's network; None where it is not run.
        label: uint8 [H, W], likewise.
    """

    part: int
    name: str
    values: Mapping[str, float]
    before: Mapping[str, float]
    pictures: Pictures
    image: np.ndarray | None = None
    label: np.ndarray | None = None


_Order = tuple[float, str]


@dataclass(frozen=True)
class _Place:
    """One of the lists that a frame may be in, and where."""

    metric: str
    kind: str
    order: _Order
    last: bool = False


@dataclass
class _Few:
    """The first few in an order, or the last few."""

    count: int
    last: bool
    entries: list[tuple[_Order, Kept]] = field(default_factory=list)

    def wants(self, order: _Order) -> bool:
        if len(self.entries) < self.count:
            return True
        return order > self.entries[0][0] if self.last else order < self.entries[-1][0]

    def put(self, order: _Order, kept: Kept) -> None:
        bisect.insort(self.entries, (order, kept), key=lambda entry: entry[0])
        if len(self.entries) > self.count:
            self.entries.pop(0 if self.last else -1)


class KeptFrames(ExportedSink):
    """Keeps frames for the page.

    Args:
        metrics: further metrics by which those are wanted that became worse.
        earlier: the baseline, if there is one.
    """

    def __init__(self, metrics: Sequence[str] = (), earlier: EarlierRun | None = None) -> None:
        self._wanted = metrics
        self._earlier = earlier
        self._before = {one.key: one.values for one in earlier.frames} if earlier else {}
        self._metrics: list[Metric] = []
        self._matching = Matching((), (), ())
        self._few: dict[tuple[str, str], _Few] = {}
        self.missing: list[str] = []

    def begin(self, terms: Terms) -> None:
        """See `Sink`."""
        self._matching = terms.matching
        known = [one for one in metrics_of(terms) if one.of_counts]
        lead = [one for one in known if one.headline][:1]
        lead = lead or [one for one in known if one.name == CHANGE]
        self._metrics = lead + [
            one for one in known if one.name in self._wanted and one not in lead
        ]

    def add(self, frame: LabelledFrame, segmentation: Segmentation, row: FrameRow) -> None:
        """See `Sink`."""
        measured = Measured(row.sums, self._matching)
        values = {}
        for metric in self._metrics:
            value = rounded(number(metric.compute(measured)))
            if value is not None:
                values[metric.name] = value
        before = self._before.get(frame_key(row), {})
        worse = any(place.kind == 'worse' for place in self._places(frame.name, values, before))

        def draw() -> Kept:
            pictures = draw_frame(frame, segmentation.class_ids, self._matching)
            kept = Kept(row.part, frame.name, values, before, pictures)
            if worse and self._earlier is not None:
                kept.image, kept.label = frame.image, frame.label
            return kept

        self._offer(frame.name, values, before, draw)

    def adopt(self, exported: Mapping[str, Any], part: int) -> None:
        """Takes what `export` gave in another process.

        Args:
            exported: plain data.
            part: the place of their bag or folder among those that were asked for.
        """
        self.missing += [text for text in exported['missing'] if text not in self.missing]
        for one in exported['frames']:
            kept = dataclasses.replace(from_plain(Kept, one, 'the answer of a worker'), part=part)
            self._offer(kept.name, kept.values, kept.before, functools.partial(_same, kept))

    def export(self) -> dict[str, Any]:
        """All frames that are kept, as plain data for another process."""
        self._add_baseline(self._all())
        frames = [
            to_plain(dataclasses.replace(kept, image=None, label=None)) for kept in self._all()
        ]
        return {'frames': frames, 'missing': self.missing}

    def pictures(
        self,
        evaluation: Evaluation,
        baseline: Mapping[str, Any] | None = None,
        *,
        places: Sequence[int] | None = None,
    ) -> list[FramePicture]:
        """The frames that `choose_frames` gives, in its order; those that were kept.

        Args:
            evaluation: what was found.
            baseline: what `describe_baseline` gave, if there is one.
            places: of its parts among those that were asked for; None: the same.
        """
        there = {(kept.part, kept.name): kept for kept in self._all()}
        shown: list[tuple[ChosenFrame, Kept]] = []
        without = set()
        for one in choose_frames(evaluation, COUNT, baseline):
            place = one.part if places is None else places[one.part]
            if (place, one.name) in there:
                shown.append((one, there[place, one.name]))
            else:
                without.add(one.part)
        self._add_baseline([kept for one, kept in shown if one.which == 'worse'])
        self.missing += [
            f'no pictures of {evaluation.parts[part].title}: it was evaluated earlier'
            for part in sorted(without)
        ]
        return [FramePicture(one, kept.pictures) for one, kept in shown]

    def _offer(
        self,
        name: str,
        values: Mapping[str, float],
        before: Mapping[str, float],
        make: Callable[[], Kept],
    ) -> None:
        wanted = []
        for place in self._places(name, values, before):
            few = _Few(_KEPT[place.kind], place.last)
            few = self._few.setdefault((place.metric, place.kind), few)
            if few.wants(place.order):
                wanted.append((few, place.order))
        if wanted:
            kept = make()
            for few, order in wanted:
                few.put(order, kept)

    def _places(
        self, name: str, values: Mapping[str, float], before: Mapping[str, float]
    ) -> Iterator[_Place]:
        """Where a frame may be kept; the orders are those of `extreme_rows` and of changes."""
        for place, metric in enumerate(self._metrics):
            value, was = values.get(metric.name), before.get(metric.name)
            if value is None:
                continue
            if was is not None and (worse_by := metric.worse_by(was, value)) > 0:
                yield _Place(metric.name, 'worse', (-worse_by, name))
            if not place:
                lower = metric.better is Better.LOWER
                yield _Place(metric.name, 'worst', (value, name), last=lower)
                yield _Place(metric.name, 'best', (value, name), last=not lower)

    def _all(self) -> list[Kept]:
        found = {id(kept): kept for few in self._few.values() for _, kept in few.entries}
        return list(found.values())

    def _add_baseline(self, frames: Sequence[Kept]) -> None:
        """Draws what the baseline's network makes of those that became worse."""
        waiting = [(kept, kept.image) for kept in frames if kept.image is not None]
        if self._earlier is None or 'masks' in self._earlier.network or not waiting:
            return
        try:
            with _open_earlier(self._earlier.network) as segmenter:
                for kept, image in waiting:
                    (found,) = segmenter.segment([image])
                    mask, matching = found.class_ids, self._earlier.matching
                    kept.pictures = add_baseline(kept.pictures, image, mask, kept.label, matching)
        except DrivsegError as error:
            self.missing.append(f"the baseline's masks are not shown: {error}")


def _same(kept: Kept) -> Kept:
    return kept


def recipe(metrics: Sequence[str], earlier: EarlierRun | None) -> SinkRecipe:
    """A KeptFrames that another process is to make."""
    return SinkRecipe(__name__, {'metrics': [*metrics], 'earlier': to_plain(earlier)})


def make_sink(arguments: Mapping[str, Any]) -> KeptFrames:
    """See `SinkRecipe`."""
    given = arguments['earlier']
    earlier = None if given is None else from_plain(EarlierRun, given, 'the request of a page')
    return KeptFrames(arguments['metrics'], earlier)


def _open_earlier(network: Mapping[str, Any]) -> Segmenter:
    """The baseline's network on its engine.

    Raises:
        DrivsegError: if the file is gone or another one, or the engine is not available.
    """
    file = str(network.get('file'))
    if find_model(file).sha256 != network.get('sha256'):
        raise ModelError(f'{file} is another model now')
    return Segmenter.open(
        file,
        engine=str(network['engine']),
        device=str(network['device']),
        precision=str(network['precision']),
    )
