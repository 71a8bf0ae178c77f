# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The check of a data set before anybody trains on it: every file is read once."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from drivseg_ros.errors import DataError
from drivseg_ros.frames.base import Dataset
from drivseg_ros.frames.paired_files import PairedFiles
from drivseg_ros.images.files import orientation_of, read_bytes
from drivseg_ros.model.card import UNLABELLED, ModelClass

_ONLY_255 = (
    'the labels hold 255, which is unlabelled, and no more than one class; if 255 is a class, say '
    'so in a label map (docs/datasets.md, folder)'
)
_TURNED = 'turned as their EXIF orientation says; labels must show them as viewers do'

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CheckedFrames:
    """What was seen in one data set, or in several parts of one.

    Args:
        name: Its name.
        classes: Its classes.
        frames: How many frames could be read.
        drives: How many groups they are from; 0 where that is not known.
        sizes: Number of frames by size, 'WIDTHxHEIGHT'.
        pixels: Labelled pixels by class.
        unlabelled: Pixels without a label.
        frames_with: Number of frames in which a class occurs, by class.
        faults: What is wrong, by frame (or '' for the whole), in the order of the frames.
        notes: What somebody should know, but may be meant so.
    """

    name: str
    classes: tuple[ModelClass, ...]
    frames: int
    drives: int
    sizes: dict[str, int]
    pixels: tuple[int, ...]
    unlabelled: int
    frames_with: tuple[int, ...]
    faults: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def shares(self) -> tuple[float | None, ...]:
        """Share of each class in the labelled pixels, 0 to 1; None where nothing is labelled."""
        total = sum(self.pixels)
        return tuple(n / total if total else None for n in self.pixels)

    @property
    def unlabelled_share(self) -> float | None:
        """Share of unlabelled pixels in all; None where there is no pixel."""
        total = sum(self.pixels) + self.unlabelled
        return self.unlabelled / total if total else None

    def describe(self) -> dict[str, Any]:
        """Everything, as JSON can hold it."""
        names = [c.name for c in self.classes]
        return {
            'name': self.name,
            'frames': self.frames,
            'drives': self.drives or None,
            'sizes': self.sizes,
            'pixels': dict(zip(names, self.pixels, strict=True)),
            'shares': dict(zip(names, self.shares, strict=True)),
            'frames_with': dict(zip(names, self.frames_with, strict=True)),
            'unlabelled_pixels': self.unlabelled,
            'unlabelled_share': self.unlabelled_share,
            'faults': [{'frame': frame, 'fault': text} for frame, text in self.faults],
            'notes': list(self.notes),
        }


@dataclass(frozen=True)
class DatasetCheck:
    """The parts of a data set, and what concerns several of them.

    Args:
        parts: Each part.
        faults: What is wrong between the parts, by frame.
        notes: What somebody should know.
    """

    parts: tuple[CheckedFrames, ...]
    faults: tuple[tuple[str, str], ...] = field(default=())
    notes: tuple[str, ...] = field(default=())

    @property
    def total(self) -> CheckedFrames:
        """All parts together; drives that are in two parts count twice."""
        parts = self.parts
        return CheckedFrames(
            'all',
            parts[0].classes,
            sum(p.frames for p in parts),
            sum(p.drives for p in parts),
            dict(sum((Counter(p.sizes) for p in parts), Counter())),
            tuple(sum(n) for n in zip(*(p.pixels for p in parts), strict=True)),
            sum(p.unlabelled for p in parts),
            tuple(sum(n) for n in zip(*(p.frames_with for p in parts), strict=True)),
            (*(fault for p in parts for fault in p.faults), *self.faults),
            (*(note for p in parts for note in p.notes), *self.notes),
        )

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.total.faults


@dataclass(frozen=True)
class _Seen:
    """One frame."""

    size: tuple[int, int] = (0, 0)
    counts: np.ndarray | None = None
    digest: str = ''
    turned: bool = False
    fault: str = ''


def check_dataset(
    datasets: Sequence[Dataset],
    *,
    images: bool = True,
    workers: int = 1,
    progress: Progress | None = None,
) -> DatasetCheck:
    """Read every frame of every part, count, and collect what is wrong.

    Args:
        datasets: The parts of one data set.
        images: Whether the images are decoded, too; without, only the labels are looked at.
        workers: Threads that read.
        progress: Called with the frames done and the frames there are.
    """
    total = sum(len(dataset) for dataset in datasets)
    parts = []
    digests = []
    before = 0
    for dataset in datasets:

        def look(index: int, dataset: Dataset = dataset) -> _Seen:
            return _look(dataset, index, images=images)

        seen: list[_Seen] = []
        with ThreadPoolExecutor(workers) as pool:
            for one in pool.map(look, range(len(dataset))):
                seen.append(one)
                if progress is not None:
                    progress(before + len(seen), total)
        before += len(seen)
        parts.append(_part(dataset, seen))
        digests.append({s.digest: n for s, n in zip(seen, dataset.names, strict=True) if s.digest})
    return DatasetCheck(tuple(parts), *_between(datasets, digests))


def _look(dataset: Dataset, index: int, *, images: bool) -> _Seen:
    try:
        label = dataset[index].pair()[1] if images else dataset.label_only(index)
        height, width = label.shape
        digest, turned = '', False
        if images and isinstance(dataset, PairedFiles):
            data = read_bytes(dataset.pairs[index].image)
            digest, turned = hashlib.sha256(data).hexdigest(), orientation_of(data) != 1
        return _Seen((width, height), np.bincount(label.ravel(), minlength=256), digest, turned)
    except DataError as error:
        return _Seen(fault=str(error))


def _part(dataset: Dataset, seen: Sequence[_Seen]) -> CheckedFrames:
    good = [(s.size, s.counts) for s in seen if s.counts is not None]
    counts = np.array([c for _, c in good], np.int64).reshape(len(good), 256)
    ids = [c.id for c in dataset.classes]
    present = counts[:, ids] > 0
    notes = []
    empty = int((counts[:, UNLABELLED] == counts.sum(1)).sum())
    if empty:
        notes.append(f'{dataset.name}: frames without a labelled pixel: {empty}')
    if empty == len(good) > 0 and dataset.classes:
        notes.append(f'{dataset.name}: {_ONLY_255}')
    occurs = [bool(n) for n in present.sum(0)]
    absent = [c.name for c, there in zip(dataset.classes, occurs, strict=True) if not there]
    if absent:
        notes.append(f'{dataset.name}: no pixel is {", ".join(absent)}')
    if sum(occurs) < 2 <= len(occurs) and empty < len(good) and counts[:, UNLABELLED].any():
        notes.append(f'{dataset.name}: {_ONLY_255}')
    turned = sum(s.turned for s in seen)
    if turned:
        notes.append(f'{dataset.name}: images that are {_TURNED}: {turned}')
    drives = 0
    if isinstance(dataset, PairedFiles):
        drives = len({pair.group for pair in dataset.pairs})
        twins = _twins(dataset.names, seen)
        if twins:
            notes.append(f'{dataset.name}: the same picture under several names: {_first(twins)}')
        if dataset.unused_labels:
            named = _first([f.name for f in dataset.unused_labels])
            count = len(dataset.unused_labels)
            notes.append(f'{dataset.name}: labels without an image: {count} ({named})')
    return CheckedFrames(
        dataset.name,
        dataset.classes,
        len(good),
        drives,
        dict(Counter(f'{width}x{height}' for (width, height), _ in good)),
        tuple(int(n) for n in counts[:, ids].sum(0)),
        int(counts[:, UNLABELLED].sum()),
        tuple(int(n) for n in present.sum(0)),
        tuple((name, s.fault) for name, s in zip(dataset.names, seen, strict=True) if s.fault),
        tuple(notes),
    )


def _twins(names: Sequence[str], seen: Sequence[_Seen]) -> list[str]:
    by_digest: dict[str, list[str]] = {}
    for name, one in zip(names, seen, strict=True):
        if one.digest:
            by_digest.setdefault(one.digest, []).append(name)
    return [' = '.join(same) for same in by_digest.values() if len(same) > 1]


def _between(
    datasets: Sequence[Dataset], digests: Sequence[dict[str, str]]
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Frames in two parts are wrong; drives in two parts are worth a note."""
    faults: list[tuple[str, str]] = []
    notes: list[str] = []
    for i, first in enumerate(datasets):
        for j in range(i + 1, len(datasets)):
            second = datasets[j]
            both = f'{first.name} and {second.name}'
            shared = sorted(set(first.names) & set(second.names))
            faults += [(name, f'the frame {name} is in {both}') for name in shared]
            for digest in digests[i].keys() & digests[j].keys():
                one, other = digests[i][digest], digests[j][digest]
                if one != other:
                    faults.append((one, f'{one} and {other} are one picture, in {both}'))
            if isinstance(first, PairedFiles) and isinstance(second, PairedFiles):
                drives = {p.group for p in first.pairs} & {p.group for p in second.pairs}
                if drives:
                    named = _first(sorted(drives))
                    notes.append(f'drives that are in {both}: {len(drives)} ({named})')
    return tuple(sorted(faults)), tuple(notes)


def _first(found: Sequence[str], shown: int = 3) -> str:
    return ', '.join(found[:shown]) + (' ...' if len(found) > shown else '')
