# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The kinds of data sets by name, and how one is opened."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames import (
    bdd100k,
    camvid,
    cityscapes,
    folder,
    kitti_road,
    rendered,
    roboflow,
    unlabelled,
)
from drivseg_ros.frames.base import Dataset
from drivseg_ros.frames.paired_files import PairedFiles, require_labels
from drivseg_ros.frames.split import DEFAULT_SHARES, Part, part_named, split, stable_part

PartsOf = Callable[[Path, Mapping[str, Any]], tuple[Part, ...]]


@dataclass(frozen=True)
class Kind:
    """A kind of data set.

    Args:
        name: Its name in recipes and on the command line.
        summary: One line about it.
        open: Opens it: (root, parts, **options) where it can have parts of its own, else
            (root, **options); without a root, (parts, **options).
        parts: Which parts of its own a folder has; None: it never has any.
        by_seed: Whether it is split by seed where it has no parts of its own.
        needs_root: Whether it is in a folder.
        takes_file: Whether its root may be a file.
    """

    name: str
    summary: str
    open: Callable[..., Any]
    parts: PartsOf | None = None
    by_seed: bool = False
    needs_root: bool = True
    takes_file: bool = False

    @property
    def options(self) -> tuple[str, ...]:
        """The names of its options."""
        parameters = inspect.signature(self.open).parameters.values()
        own = [p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]
        common = ('limit', 'seed') if self.needs_root else ()
        return (*own, *(('shares', 'stable') if self.by_seed else ()), *common)


def _there(folders: Mapping[Part, str], inside: str) -> PartsOf:
    """The parts whose folders are there; all of them where none is, for the error's sake."""

    def parts(root: Path, _: Mapping[str, Any]) -> tuple[Part, ...]:
        found = [p for p, name in folders.items() if (root / inside / name).is_dir()]
        return tuple(found or folders)

    return parts


def _always(parts: tuple[Part, ...]) -> PartsOf:
    return lambda root, options: parts


_KINDS = (
    Kind(
        'bdd100k',
        'BDD100K drivable area, official layout: direct, alternative, background',
        bdd100k.open_bdd100k,
        _there(bdd100k.FOLDERS, 'images/100k'),
    ),
    Kind(
        'cityscapes',
        'Cityscapes, 19 classes',
        cityscapes.open_cityscapes,
        _there(cityscapes.FOLDERS, 'leftImg8bit'),
    ),
    Kind(
        'cityscapes_categories',
        'Cityscapes, 8 categories',
        cityscapes.open_categories,
        _there(cityscapes.FOLDERS, 'leftImg8bit'),
    ),
    Kind(
        'kitti_road',
        'KITTI road, official colours: road, not_road',
        kitti_road.open_road,
        by_seed=True,
    ),
    Kind(
        'kitti_lane',
        'KITTI road, official colours: ego_lane, rest',
        kitti_road.open_lane,
        by_seed=True,
    ),
    Kind(
        'camvid',
        "CamVid in its authors' colours, 32 or 11 classes",
        camvid.open_camvid,
        _always(tuple(camvid.FOLDERS)),
    ),
    Kind(
        'camvid_segnet',
        "CamVid as SegNet's authors gave it out, 11 classes",
        camvid.open_segnet,
        _there(camvid.FOLDERS, '.'),
    ),
    Kind(
        'folder',
        'images/ and labels/ with classes of your own',
        folder.open_folder,
        lambda root, options: folder.has_parts(
            root, options.get('images', 'images'), options.get('labels', 'labels')
        ),
        by_seed=True,
    ),
    Kind(
        'roboflow',
        "Roboflow's export of semantic masks: x_mask.png beside x.jpg",
        roboflow.open_roboflow,
        roboflow.parts_there,
        by_seed=True,
    ),
    Kind(
        'scenes',
        'rendered scenes: direct, alternative, background',
        rendered.open_scenes,
        _always(tuple(rendered.SEEDS)),
        needs_root=False,
    ),
    Kind(
        'unlabelled',
        'pictures or a video without labels, for teachers',
        unlabelled.open_unlabelled,
        takes_file=True,
    ),
)

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _KINDS}
"""All kinds by name."""


def kind_named(name: str) -> Kind:
    """A kind by its name.

    Raises:
        ParameterError: If there is none of this name.
    """
    if name not in KINDS:
        raise ParameterError(
            f'there is no data set of the kind {name!r}; the kinds are {", ".join(KINDS)}'
        )
    return KINDS[name]


def open_dataset(
    kind: str,
    root: Path | str | None = None,
    /,
    *,
    part: str | Part | None = None,
    with_faults: bool = False,
    **options: Any,
) -> Dataset:
    """A data set, ready to be read.

    Args:
        kind: One of KINDS.
        root: The folder it is in; see docs/datasets.md for what must be there.
        part: 'training', 'validation', 'held out' or 'test'; None: everything with labels. Kinds
            whose authors made no parts are split by seed, drive by drive.
        with_faults: Keeps frames whose label is missing, as long as there are others; reading
            one says so.
        **options: The kind's own; and for all kinds `limit` (only so many frames,
            chosen by `seed`; a lower limit chooses among those of a higher one) and, for those
            split by seed, `shares` ({training: 0.8, ...}) and `stable` (see `stable_part`).

    Raises:
        ParameterError: If the kind, the part or an option is not allowed.
        DataError: If folders or labels are missing.
    """
    found = kind_named(kind)
    _check_options(found, options)
    path = _root(found, root)
    wanted = None if part is None else part_named(part)
    own = found.parts(path, options) if found.parts else ()
    if own and wanted is not None and wanted not in own:
        raise ParameterError(
            f'{kind} has no part {wanted.value!r} with labels here; it has {_words(own)}'
        )
    if wanted is not None and not own and not found.by_seed:
        raise ParameterError(f'{kind} has no parts; leave out part = {wanted.value!r}')
    if not found.needs_root:
        return found.open(() if wanted is None else (wanted,), **options)
    shares, limit = options.pop('shares', None), options.pop('limit', None)
    seed, stable = options.pop('seed', 0), options.pop('stable', False)
    if own and shares is not None:
        raise ParameterError(
            f'{kind} has the parts {_words(own)} of its authors; shares are for sets without parts'
        )
    if own:
        dataset = found.open(path, own if wanted is None else (wanted,), **options)
    else:
        no_parts = () if found.parts is None else ((),)
        dataset = found.open(path, *no_parts, **options)
        if wanted is not None:
            dataset = _by_seed(dataset, wanted, shares, seed, stable)
        elif shares is not None:
            raise ParameterError(f'{kind} was given shares and no part; say which part is wanted')
    if isinstance(dataset, PairedFiles):
        require_labels(dataset.pairs, all_of_them=not with_faults)
    return dataset if limit is None else _limited(dataset, limit, seed)


def parts_of(kind: str, root: Path | str | None = None, /, **options: Any) -> tuple[Part, ...]:
    """The parts of its own that a data set has here; none if it is split by seed.

    Raises:
        ParameterError: If the kind or an option is not allowed.
        DataError: If there is no such folder.
    """
    found = kind_named(kind)
    _check_options(found, options)
    path = _root(found, root)
    return () if found.parts is None else found.parts(path, options)


def _root(kind: Kind, root: Path | str | None) -> Path:
    if not kind.needs_root:
        if root is not None:
            raise ParameterError(f'{kind.name} is in no folder; leave out the root {root}')
        return Path()
    if root is None:
        raise ParameterError(f'{kind.name} is in a folder; give its root')
    path = Path(root)
    if not path.is_dir() and not (kind.takes_file and path.is_file()):
        raise DataError(
            f'{kind.name}: there is no folder {path}; give the one that holds the data set'
        )
    return path


def _check_options(kind: Kind, options: Mapping[str, Any]) -> None:
    parameters = inspect.signature(kind.open).parameters
    # Annotations are text here (PEP 563).
    simple: dict[str, type] = {'str': str, 'int': int}
    for name, value in options.items():
        if name not in kind.options:
            raise ParameterError(
                f'{kind.name} has no option {name!r}; its options are {", ".join(kind.options)}'
            )
        wanted: type | None = {'seed': int, 'stable': bool}.get(name)
        if name == 'seed' and options.get('stable') is True:
            wanted = None if isinstance(value, str) else int  # a rule may have a name
        if name in parameters:
            wanted = simple.get(parameters[name].annotation)
        if wanted is not None and type(value) is not wanted:
            words = {str: 'text', int: 'a whole number', bool: 'true or false'}[wanted]
            raise ParameterError(f'{kind.name} has the option {name} = {value!r}; give {words}')
    if options.get('shares') is not None:
        _shares(options['shares'])


def _by_seed(
    dataset: PairedFiles, wanted: Part, shares: Any, seed: int | str, stable: bool
) -> PairedFiles:
    named = DEFAULT_SHARES if shares is None else _shares(shares)
    if wanted not in named:
        raise ParameterError(
            f'{dataset.name} is split into {_words(tuple(named))}; there is no part '
            f'{wanted.value!r} (change shares)'
        )
    groups = {pair.name: pair.group for pair in dataset.pairs}
    if stable:
        names = [n for n, drive in groups.items() if stable_part(drive, named, seed) is wanted]
    else:
        names = [*split(dataset.names, named, seed=seed, group_of=groups.__getitem__)[wanted]]
    return dataset.select(names, name=f'{dataset.name} ({wanted.value}, seed {seed})')


def _shares(given: Any) -> dict[Part, float]:
    if not isinstance(given, Mapping):
        raise ParameterError(f'shares are {given!r}; give {{training: 0.8, validation: 0.2}}')
    try:
        shares = {part_named(name): float(share) for name, share in given.items()}
    except (TypeError, ValueError):
        raise ParameterError(f'shares are {given!r}; each must be a number') from None
    if len(shares) != len(given):
        raise ParameterError(f'shares are {given!r}; a part is there under two names')
    return shares


def _limited(
    dataset: PairedFiles | unlabelled.UnlabelledFrames, limit: Any, seed: int | str
) -> Dataset:
    if type(limit) is not int or limit < 1:
        raise ParameterError(f'limit is {limit!r}; give a number of frames from 1')
    order = sorted(
        dataset.names, key=lambda name: hashlib.sha256(f'{seed}:{name}'.encode()).digest()
    )
    return dataset.select(order[:limit], name=f'{dataset.name} ({min(limit, len(order))} frames)')


def _words(parts: tuple[Part, ...]) -> str:
    return ', '.join(part.value for part in parts)
