# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What an evaluation found: the counts of every frame, and what became of all frames."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from drivseg_ros.base.frame_ledger import FrameCounts
from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.calibration import Calibration
from drivseg_ros.evaluation.frame_times import FrameTimes
from drivseg_ros.evaluation.live.times import LiveTimes
from drivseg_ros.evaluation.sums import Sums, add
from drivseg_ros.evaluation.tally import EvaluationSettings, FrameRow
from drivseg_ros.frames.matching import Matching, class_titles


@dataclass(frozen=True)
class EvaluationPart:
    """A folder or bag that was evaluated.

    Args:
        source: where its frames are from, plain data.
        counts: what became of its frames.
        unlabelled: processed frames without a label.
        unmatched_labels: labels whose frame is not there.
        failures: what happened to frames that failed, by their names.
        times: how long the network took; None where masks were there, or came from a live run.
        live: the times of a live run, whose ledger `counts` is the node's own; None: offline.

    Raises:
        DataError: if the numbers contradict each other.
    """

    source: Mapping[str, Any]
    counts: FrameCounts
    unlabelled: int = 0
    unmatched_labels: int = 0
    failures: Mapping[str, str] = field(default_factory=dict)
    times: FrameTimes | None = None
    live: LiveTimes | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.unlabelled <= self.counts.processed or self.unmatched_labels < 0:
            raise DataError(
                f'{self.counts.processed} frames were processed, and {self.unlabelled} of them '
                'are said to have no label'
            )
        live = self.live
        if live and len(live.played) != self.counts.offered + live.lost_before_node:
            raise DataError(
                f'{len(live.played)} messages were played, but {self.counts.offered} offered to '
                f'the node and {live.lost_before_node} lost before it'
            )

    @property
    def title(self) -> str:
        """What it is called."""
        return str(self.source.get('title') or self.source.get('given', ''))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        content = {
            'source': dict(self.source),
            'ledger': dataclasses.asdict(self.counts)
            | {'unlabelled': self.unlabelled, 'unmatched_labels': self.unmatched_labels},
            'failures': dict(self.failures),
        }
        known = {'times': self.times, 'live': self.live}
        return content | {name: one.to_dict() for name, one in known.items() if one is not None}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> EvaluationPart:
        """Reads what `to_dict` gave."""
        ledger = dict(content['ledger'])
        others = {name: ledger.pop(name) for name in ('unlabelled', 'unmatched_labels')}
        times, live = content.get('times'), content.get('live')
        return cls(
            dict(content['source']),
            FrameCounts(**ledger),
            **others,
            failures=content['failures'],
            times=None if times is None else FrameTimes.from_dict(times),
            live=None if live is None else LiveTimes.from_dict(live),
        )


@dataclass(frozen=True, eq=False)
class EvaluationResult:
    """The counts of an evaluation.

    Args:
        matching: the classes of labels and network.
        settings: what was counted, and how.
        network: the model and engine that made the masks, or whose they are; plain data.
        parts: the folders and bags.
        rows: a row for each frame, in order.
        bands: int64 [bands, T, N], by bands of image height.
        calibration: of the confidence; None where there is none.
    """

    matching: Matching
    settings: EvaluationSettings
    network: Mapping[str, Any]
    parts: tuple[EvaluationPart, ...]
    rows: tuple[FrameRow, ...]
    bands: np.ndarray
    calibration: Calibration | None = None

    @cached_property
    def total(self) -> Sums:
        """The counts of all frames."""
        return add([row.sums for row in self.rows], self.matching)

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
            for kind, number in part.counts.failed_by_kind.items():
                kinds[kind] = kinds.get(kind, 0) + number
        return FrameCounts(
            **{name: sum(getattr(part.counts, name) for part in self.parts) for name in names},
            failed_by_kind=kinds,
            last_error=next((p.counts.last_error for p in self.parts if p.counts.last_error), ''),
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
        """Labels whose frame is not there."""
        return sum(part.unmatched_labels for part in self.parts)

    @property
    def is_live(self) -> bool:
        """Whether the node made the masks in a live run."""
        return any(part.live is not None for part in self.parts)

    @property
    def labels_sha256(self) -> str:
        """Tells sets of labels apart; the order of the frames does not matter. '' without any."""
        return _joined([row.label_sha256 for row in self.rows])

    @property
    def images_sha256(self) -> str:
        """The same for images, as they were decoded here; '' where masks came without images."""
        return _joined([row.image_sha256 for row in self.rows])

    def check_same(self, other: EvaluationResult) -> None:
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
            ('settings', self.settings.to_dict(), other.settings.to_dict()),
            ('networks', _network_itself(self.network), _network_itself(other.network)),
            ('ways of running', {'live': self.is_live}, {'live': other.is_live}),
        ):
            if mine != its:
                told = [
                    ', '.join(f'{k} {one.get(k)}' for k in mine | its if mine.get(k) != its.get(k))
                    for one in (mine, its)
                ]
                raise DataError(
                    f'two evaluations with other {what} cannot be put together: {told[0]}; '
                    f'and {told[1]}'
                )
        if (self.calibration is None) != (other.calibration is None):
            raise DataError('only one of two evaluations has confidence; give both or none')

    def merge(self, *others: EvaluationResult) -> EvaluationResult:
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

    def to_dict(self) -> dict[str, Any]:
        """The counts as plain data for JSON; `from_dict` reads them."""
        return {
            'classes': self.matching.to_dict(),
            'settings': self.settings.to_dict(),
            'network': dict(self.network),
            'labels_sha256': self.labels_sha256,
            'images_sha256': self.images_sha256,
            'parts': [part.to_dict() for part in self.parts],
            'bands': self.bands.tolist(),
            'calibration': None if self.calibration is None else self.calibration.to_dict(),
            'frames': [_row_to_dict(row) for row in self.rows],
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> EvaluationResult:
        """Reads what `to_dict` gave; further keys are left alone.

        Raises:
            DataError: if it is something else, or the counts do not fit the hash of the labels.
        """
        try:
            matching = Matching.from_dict(content['classes'])
            calibration = content['calibration']
            result = cls(
                matching,
                EvaluationSettings.from_dict(content['settings']),
                content['network'],
                tuple(EvaluationPart.from_dict(part) for part in content['parts']),
                tuple(_row_from_dict(row, matching) for row in content['frames']),
                np.array(content['bands'], np.int64),
                None if calibration is None else Calibration.from_dict(calibration),
            )
            if any(not 0 <= row.part < len(result.parts) for row in result.rows):
                raise ValueError('a frame is of a bag that is not told of')
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise DataError(f'this is no evaluation ({error!r})') from None
        if result.labels_sha256 != content.get('labels_sha256'):
            raise DataError('the frames of this evaluation were changed: the hash is another one')
        return result


def _row_to_dict(row: FrameRow) -> dict[str, Any]:
    content = {
        'name': row.name,
        'group': row.group,
        'part': row.part,
        'label_sha256': row.label_sha256,
        'image_sha256': row.image_sha256,
        **{f.name: getattr(row.sums, f.name).tolist() for f in dataclasses.fields(Sums)},
    }
    return content | ({'attributes': dict(row.attributes)} if row.attributes else {})


def _row_from_dict(content: Mapping[str, Any], matching: Matching) -> FrameRow:
    zero = Sums.zero(matching)
    planes = {}
    for f in dataclasses.fields(Sums):
        plane = np.array(content[f.name], np.int64)
        shape = getattr(zero, f.name).shape
        planes[f.name] = plane.reshape(shape)  # an empty list lost its second axis
    row = FrameRow(
        content['name'],
        content['group'],
        content['part'],
        Sums(**planes),
        content['label_sha256'],
        content['image_sha256'],
        content.get('attributes', {}),
    )
    texts = (row.name, row.group, row.label_sha256, row.image_sha256)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f'a frame has no texts for names and hashes, but {texts}')
    return row


def _classes(matching: Matching) -> dict[str, Any]:
    found: dict[str, Any] = {
        f'of the {whose}': class_titles(classes)
        for whose, classes in (('labels', matching.truth), ('network', matching.network))
    }
    return found | {'judged by role': ', '.join(f.value for f in matching.areas) or 'nothing'}


def _network_itself(network: Mapping[str, Any]) -> dict[str, Any]:
    """Without what may differ between the machines that share one evaluation."""
    return {key: value for key, value in network.items() if key not in ('file', 'threads')}


def _joined(digests: Sequence[str]) -> str:
    if not any(digests):
        return ''
    return hashlib.sha256('\n'.join(sorted(digests)).encode()).hexdigest()
