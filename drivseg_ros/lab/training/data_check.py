# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The check of a run's data before it trains: what is there, and that nothing stray is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drivseg_ros.base.cpus import usable_cpus
from drivseg_ros.errors import DataError
from drivseg_ros.frames.base import Dataset
from drivseg_ros.frames.check import CheckedFrames, check_dataset
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.frames.rendered import RenderedScenes
from drivseg_ros.lab.training.reporter import Reporter
from drivseg_ros.lab.training.sources import OpenSource, RunData, shared_frames
from drivseg_ros.model.card import UNLABELLED, ModelClass

_MOST_IMAGES = 5000  # decoding more would take longer than a person waits; labels are always read
_SCENES = 32  # rendered ones are right by the way they are made; a few show the shares
_MOST_FAULTS = 3


@dataclass(frozen=True, eq=False)
class _Head:
    """The first frames of a data set."""

    whole: Dataset
    count: int

    @property
    def name(self) -> str:
        return self.whole.name

    @property
    def classes(self) -> tuple[ModelClass, ...]:
        return self.whole.classes

    @property
    def names(self) -> tuple[str, ...]:
        return self.whole.names[: self.count]

    @property
    def identity(self) -> str:
        return f'{self.whole.identity}, the first {self.count}'

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> LabelledFrame:
        return self.whole[index]

    def label_only(self, index: int) -> np.ndarray:
        return self.whole.label_only(index)


def check_data(
    run: RunData, classes: Sequence[ModelClass], reporter: Reporter
) -> tuple[str, list[int]]:
    """Reads every label, and every image of sets that are not too large.

    Args:
        run: The data.
        classes: The network's.
        reporter: Hears what is there, a line a data set.

    Returns:
        What was said, and the pixels of the training frames by code of the target.

    Raises:
        DataError: If a frame cannot be used, a label has ids that no class has, or nothing is
            labelled that could be learned or measured.
    """
    lines: list[str] = []
    pixels = np.zeros(256, np.int64)
    for purpose, sources in (('train', run.train), ('validation', run.validation)):
        for opened in sources:
            checked = _check(opened)
            lines += [f'{purpose}: {line}' for line in _describe(opened, checked, classes)]
            if purpose == 'train':
                # Of a set drawn twice as often, every pixel counts twice.
                pixels += _by_code(opened, checked, opened.source.weight)
            elif not _by_code(opened, checked)[: run.sets.num_classes].any():
                raise DataError(
                    f'{opened.source.title} under validation has no label of one certain class of '
                    'the network, so nothing is measured on it; leave it out, or correct its map'
                )
    if not pixels[: run.sets.num_codes].any() and not run.teachers:
        raise DataError(
            'nothing under train is labelled, and there is no teacher, so there is nothing to '
            'learn; correct the maps, or add a data set or a teacher'
        )
    shared = shared_frames(run)
    if shared:
        lines.append(
            f'note: {shared} frames are under train and under validation, so the metrics flatter'
        )
    for line in lines:
        reporter.say(line)
    return '\n'.join(lines) + '\n', pixels[: run.sets.num_codes].tolist()


def _by_code(opened: OpenSource, checked: CheckedFrames, weight: float = 1) -> np.ndarray:
    """Pixels by code of the target, int64 [256]."""
    counts = np.zeros(256, np.int64)
    ids = [c.id for c in checked.classes]
    weighted = (np.array(checked.pixels) * weight).astype(np.int64)
    np.add.at(counts, opened.mapping.table()[ids], weighted)
    return counts


def _check(opened: OpenSource) -> CheckedFrames:
    dataset = opened.dataset
    rendered = isinstance(dataset, RenderedScenes)
    looked_at = _Head(dataset, min(len(dataset), _SCENES)) if rendered else dataset
    check = check_dataset(
        [looked_at],
        images=len(looked_at) <= _MOST_IMAGES,
        workers=min(4, usable_cpus()),
    )
    faults = check.total.faults
    if faults:
        shown = '; '.join(f'{text}' for _, text in faults[:_MOST_FAULTS])
        more = f', and {len(faults) - _MOST_FAULTS} more' if len(faults) > _MOST_FAULTS else ''
        raise DataError(
            f'{opened.source.title} cannot be trained with: {shown}{more}; correct the files, or '
            'see drivseg dataset check'
        )
    return check.total


def _describe(
    opened: OpenSource, checked: CheckedFrames, classes: Sequence[ModelClass]
) -> list[str]:
    frames = len(opened.dataset)
    sizes = _listed([f'{n} of {size}' for size, n in checked.sizes.items()])
    shares = ', '.join(
        f'{c.name} {100 * (share or 0):.1f} %'
        for c, share in zip(checked.classes, checked.shares, strict=True)
        if share is None or share > 0
    )
    what = f'{frames} frames ({sizes})' if checked.frames == frames else f'{frames} frames'
    weight = opened.source.weight
    often = '' if weight == 1 else f', drawn {weight:g} times an epoch'
    unlabelled = checked.unlabelled_share or 0
    rest = f', unlabelled {100 * unlabelled:.1f} % of all' if unlabelled else ''
    meaning = _meaning(opened, classes)
    return [
        f'{opened.source.title}: {what}{often}; {shares}{rest}{meaning}',
        *(f'note: {note}' for note in checked.notes),
    ]


def _meaning(opened: OpenSource, classes: Sequence[ModelClass]) -> str:
    """How the data set's classes are taken, where they are not the network's."""
    table, sets = opened.mapping.table(), opened.mapping.sets
    parts = []
    for c in opened.mapping.source:
        code = int(table[c.id])
        if code == UNLABELLED:
            parts.append(f'{c.name} is left out')
        elif code >= sets.num_classes:
            names = [classes[i].name for i in sorted(sets.sets[code - sets.num_classes])]
            parts.append(f'{c.name} is {" or ".join(names)}')
        elif c.name != classes[code].name:
            parts.append(f'{c.name} is {classes[code].name}')
    return f'; {", ".join(parts)}' if parts else ''


def _listed(items: Sequence[str], shown: int = 3) -> str:
    return ', '.join(items[:shown]) + (', ...' if len(items) > shown else '')
