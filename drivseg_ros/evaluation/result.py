# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What an evaluation found: the counts of every frame, what became of all frames, the metrics."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from drivseg_ros.base.frame_ledger import FrameCounts
from drivseg_ros.base.json_data import from_plain, to_plain
from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.bootstrap import draw, interval
from drivseg_ros.evaluation.calibration import Calibration
from drivseg_ros.evaluation.live.times import LiveTimes
from drivseg_ros.evaluation.measured import Measured, Mode, Terms
from drivseg_ros.evaluation.metric import (
    Metric,
    MetricValue,
    leading,
    metrics_of,
    number,
    rounded,
)
from drivseg_ros.evaluation.part import Part
from drivseg_ros.evaluation.settings import EvaluationSettings
from drivseg_ros.evaluation.sums import Sums, add
from drivseg_ros.evaluation.tally import FrameRow
from drivseg_ros.frames.matching import Matching, class_titles


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What was counted; everything else is computed of it, once.

    Args:
        matching: the classes of labels and network.
        settings: what was counted, and how.
        mode: where the masks come from.
        network: the model and engine that made the masks, or where they were recorded; plain data.
        parts: the folders and bags.
        rows: a row for each frame, in order.
        bands: int64 [bands, T, N], by bands of image height.
        calibration: of the confidence; None where there is none.
    """

    matching: Matching
    settings: EvaluationSettings
    mode: Mode
    network: Mapping[str, Any]
    parts: tuple[Part, ...]
    rows: tuple[FrameRow, ...]
    bands: np.ndarray
    calibration: Calibration | None = None

    @property
    def terms(self) -> Terms:
        """What decides which metrics it has."""
        return Terms(self.matching, self.settings, self.mode)

    @cached_property
    def total(self) -> Sums:
        """The counts of all frames."""
        return add([row.sums for row in self.rows], self.matching)

    @cached_property
    def measured(self) -> Measured:
        """What the metrics of the whole set are computed from."""
        return Measured(
            self.total,
            self.matching,
            self.calibration,
            [part.times for part in self.parts if part.times is not None],
            self.runs,
        )

    @cached_property
    def metrics(self) -> dict[str, MetricValue]:
        """Every metric of the whole set by its name."""
        found = {}
        for one in metrics_of(self.terms):
            value = number(one.compute(self.measured))
            ends = None
            if value is not None and one.name in self.draws:
                ends = interval(self.draws[one.name], self.settings.bootstrap.level)
            found[one.name] = MetricValue(one, value, *(ends or (None, None)))
        return found

    @cached_property
    def draws(self) -> dict[str, np.ndarray]:
        """The metrics of each draw of the bootstrap, float64 [draws]; nothing without draws."""
        return draw(self.groups, self.matching, self.of_counts, self.settings.bootstrap)

    @cached_property
    def of_counts(self) -> tuple[Metric, ...]:
        """The metrics that frames, slices and draws have, too."""
        return tuple(one for one in metrics_of(self.terms) if one.of_counts)

    @cached_property
    def leading(self) -> Metric | None:
        """The metric that frames are ordered by; None where nothing is measured."""
        return leading(self.of_counts, self.measured)

    @cached_property
    def frame_values(self) -> list[dict[str, float | None]]:
        """The metrics of each frame alone, in the order of the rows, to six digits.

        They say where to look; their mean is not the metric of the set.
        """
        if not self.rows:
            return []
        vectors = np.stack([row.sums.vector for row in self.rows])
        measured = Measured(Sums.from_vector(vectors, self.matching), self.matching)
        found = {one.name: one.compute(measured) for one in self.of_counts}
        return [
            {name: rounded(number(values[i])) for name, values in found.items()}
            for i in range(len(self.rows))
        ]

    @cached_property
    def groups(self) -> dict[str, Sums]:
        """The counts by group, of groups in which anything was counted."""
        found: dict[str, list[Sums]] = {}
        for row in self.rows:
            # A frame drawn alone is called by its name, which frames of other bags may have, too.
            group = row.group if row.group != row.name else self.full_name(row)
            found.setdefault(group, []).append(row.sums)
        sums = {name: add(several, self.matching) for name, several in found.items()}
        return {name: one for name, one in sums.items() if one.vector.any()}

    @property
    def counts(self) -> FrameCounts:
        """What became of all frames."""
        names = ('offered', 'processed', 'dropped', 'failed', 'skipped', 'waiting')
        kinds: dict[str, int] = {}
        for part in self.parts:
            for kind, count in part.ledger.failed_by_kind.items():
                kinds[kind] = kinds.get(kind, 0) + count
        return FrameCounts(
            **{name: sum(getattr(part.ledger, name) for part in self.parts) for name in names},
            failed_by_kind=kinds,
            last_error=next((p.ledger.last_error for p in self.parts if p.ledger.last_error), ''),
        )

    def full_name(self, row: FrameRow) -> str:
        """The name of a frame, with its bag's if there are several bags."""
        return row.name if len(self.parts) == 1 else f'{self.parts[row.part].title}: {row.name}'

    @property
    def unlabelled(self) -> int:
        """Processed frames without a label."""
        return sum(part.unlabelled for part in self.parts)

    @property
    def unmatched_labels(self) -> int:
        """Labels without a frame."""
        return sum(part.unmatched_labels for part in self.parts)

    @property
    def interrupted(self) -> bool:
        """Whether it was ended early."""
        return any(part.interrupted for part in self.parts)

    @property
    def runs(self) -> list[LiveTimes]:
        """The times of the live runs."""
        return [part.live for part in self.parts if part.live is not None]

    @property
    def labels_sha256(self) -> str:
        """Tells sets of labels apart; the order of the frames does not matter. '' without any."""
        return _joined([row.label_sha256 for row in self.rows])

    @property
    def images_sha256(self) -> str:
        """The same for images, as they were decoded here; '' where masks came without images."""
        return _joined([row.image_sha256 for row in self.rows])

    def check_same(self, other: Evaluation) -> None:
        """Refuses what cannot be put together with this one.

        Raises:
            DataError: if classes, settings or the network differ.
        """
        follows = dataclasses.replace(other.settings, sequence=self.settings.sequence)
        if self.settings != other.settings and self.settings == follows:
            raise DataError(
                'two evaluations, of which only one has frames that follow each other in time, '
                'cannot be put together; say that all do or do not (--sequence, --no-sequence)'
            )
        for what, mine, its in (
            ('classes', _classes(self.matching), _classes(other.matching)),
            ('settings', to_plain(self.settings), to_plain(other.settings)),
            ('networks', _network_itself(self.network), _network_itself(other.network)),
            ('modes', {'mode': self.mode.value}, {'mode': other.mode.value}),
        ):
            if mine != its:
                differ = [
                    ', '.join(f'{k} {one.get(k)}' for k in mine | its if mine.get(k) != its.get(k))
                    for one in (mine, its)
                ]
                raise DataError(
                    f'two evaluations with other {what} cannot be put together: {differ[0]}; '
                    f'and {differ[1]}'
                )
        if (self.calibration is None) != (other.calibration is None):
            raise DataError('only one of two evaluations has confidence; give both or none')

    def merge(self, *others: Evaluation) -> Evaluation:
        """All together, as if they had been one evaluation.

        Raises:
            DataError: if classes, settings or the network differ.
        """
        parts, rows = [*self.parts], [*self.rows]
        bands, calibration = self.bands, self.calibration
        for other in others:
            self.check_same(other)
            rows += [dataclasses.replace(r, part=r.part + len(parts)) for r in other.rows]
            parts += other.parts
            bands = bands + other.bands
            if calibration is not None and other.calibration is not None:
                calibration = calibration + other.calibration
        return dataclasses.replace(
            self,
            parts=tuple(parts),
            rows=tuple(rows),
            bands=bands,
            calibration=calibration,
        )

    def to_plain(self) -> dict[str, Any]:
        """The counts as plain data for JSON; `from_plain` reads them."""
        return to_plain(
            _Content(
                classes=self.matching,
                settings=self.settings,
                mode=self.mode,
                network=self.network,
                labels_sha256=self.labels_sha256,
                images_sha256=self.images_sha256,
                parts=self.parts,
                bands=self.bands,
                calibration=self.calibration,
                frames=self.rows,
            )
        )

    @classmethod
    def from_plain(cls, content: Any) -> Evaluation:
        """Reads what `to_plain` gave; further keys are left alone.

        Raises:
            DataError: if it is something else, or the counts do not fit the hash of the labels.
        """
        read = from_plain(_Content, content, 'this evaluation')
        zero = Sums.zero(read.classes)
        rows = tuple(
            dataclasses.replace(row, sums=_counts_like(zero, row.sums)) for row in read.frames
        )
        if any(not 0 <= row.part < len(read.parts) for row in rows):
            raise DataError('this evaluation has a frame of a bag that is not listed')
        result = cls(
            matching=read.classes,
            settings=read.settings,
            mode=read.mode,
            network=read.network,
            parts=read.parts,
            rows=rows,
            bands=read.bands,
            calibration=read.calibration,
        )
        if result.labels_sha256 != read.labels_sha256:
            raise DataError('the frames of this evaluation were changed: the hash is another one')
        return result


@dataclass(frozen=True, eq=False)
class _Content:
    """An evaluation as its file has it."""

    classes: Matching
    settings: EvaluationSettings
    mode: Mode
    network: Mapping[str, Any]
    labels_sha256: str
    images_sha256: str
    parts: tuple[Part, ...]
    bands: np.ndarray
    calibration: Calibration | None
    frames: tuple[FrameRow, ...]


def _counts_like(zero: Sums, read: Sums) -> Sums:
    """Counts in the shapes of others: an empty list lost its second axis.

    Raises:
        DataError: if they are no integers, or have another shape.
    """
    planes = {}
    for name, wanted in vars(zero).items():
        plane = getattr(read, name)
        if plane.size != wanted.size or (plane.size and plane.dtype.kind != 'i'):
            raise DataError(
                f'this evaluation has a frame whose {name} is no table of {wanted.size} integers'
            )
        planes[name] = plane.astype(np.int64).reshape(wanted.shape)
    return Sums(**planes)


def _classes(matching: Matching) -> dict[str, Any]:
    found: dict[str, Any] = {
        f'of the {whose}': class_titles(classes) or 'none'
        for whose, classes in (('labels', matching.truth), ('network', matching.network))
    }
    return found | {'by role': ', '.join(f.value for f in matching.areas) or 'nothing'}


def _network_itself(network: Mapping[str, Any]) -> dict[str, Any]:
    """Without what may differ between the machines that share one evaluation."""
    return {key: value for key, value in network.items() if key not in ('file', 'threads')}


def _joined(digests: Sequence[str]) -> str:
    if not any(digests):
        return ''
    return hashlib.sha256('\n'.join(sorted(digests)).encode()).hexdigest()
