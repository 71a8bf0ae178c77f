# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A data set as a user writes it: KIND[:PART][=ROOT][,OPTION=VALUE...]."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivseg_ros.base.user_path import user_path
from drivseg_ros.base.yaml_data import load_yaml
from drivseg_ros.errors import ParameterError
from drivseg_ros.frames.base import Dataset
from drivseg_ros.frames.labels import Labels
from drivseg_ros.frames.paired_files import PairedFiles
from drivseg_ros.frames.registry import KINDS, kind_named, open_dataset

DATA = '${data}'
DATA_VARIABLE = 'DRIVSEG_DATA'
FORM = 'KIND[:PART][=ROOT][,OPTION=VALUE...]'

_COMMA = re.compile(r',(?![^\[{]*[\]}])')  # but not one in a list
# Kinds that say nothing of what is in them; their folder's name does.
_PLAIN = ('folder', 'unlabelled')


@dataclass(frozen=True)
class DatasetSpec:
    """A data set, not opened yet.

    Args:
        kind: As `open_dataset` takes it.
        root: Its folder; `${data}` in it stands for the folder of data sets; '' without one.
        part: Its part, such as 'training'; None takes all of it.
        options: What else `open_dataset` takes for this kind.
    """

    kind: str
    root: str = ''
    part: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What it is called: its kind, or its folder where that says more."""
        plain = self.kind in _PLAIN or self.kind not in KINDS  # one that an earlier version had
        return Path(self.root).name if plain and self.root else self.kind

    @property
    def title(self) -> str:
        """The name with the part."""
        return self.name if self.part is None else f'{self.name} ({self.part})'

    def folder(self, data: Path | None) -> Path | None:
        """Where it is; see `resolve`."""
        return user_path(resolve(self.root, data)) if self.root else None

    def open(self, data: Path | None = None, *, labels: Labels | None = None) -> Dataset:
        """Opens it.

        Args:
            data: What `${data}` stands for; None: what the variable DRIVSEG_DATA says.
            labels: What its label files mean, instead of what the kind says.

        Raises:
            DrivsegError: If it is not there, or not what its kind is.
        """
        options = dict(self.options)
        if labels is not None and self.kind == 'folder':
            options['classes'] = labels
        dataset = open_dataset(self.kind, self.folder(data), part=self.part, **options)
        if labels is None or self.kind == 'folder':
            return dataset
        if not isinstance(dataset, PairedFiles):
            raise ParameterError(
                f'{self.kind} has no label files whose meaning could be given; leave --labels out'
            )
        return dataclasses.replace(dataset, labels=labels)


def parse_spec(text: str) -> DatasetSpec:
    """Reads FORM.

    Raises:
        ParameterError: If it is not understood, or there is no such kind.
    """
    first, *others = _COMMA.split(text)
    name, _, root = first.partition('=')
    kind, colon, part = name.partition(':')
    options: dict[str, Any] = {}
    try:
        for other in others:
            key, equals, value = other.partition('=')
            if not key or not equals:
                raise ValueError
            options[key] = load_yaml(value)
        if not kind or (colon and not part):
            raise ValueError
    except ValueError:
        raise ParameterError(
            f'the data set {text!r} is not understood; write {FORM}, such as '
            "folder:held_out='${data}/my_frames',classes=bdd100k"
        ) from None
    if kind not in KINDS and Path(text).exists():
        raise ParameterError(
            f'{text!r} is a path and not a data set; write {FORM}, for a folder of images and '
            'labels folder=PATH (`drivseg bag to-images` makes such a folder of a bag)'
        )
    kind_named(kind)
    return DatasetSpec(kind, root, part or None, options)


def resolve(text: str, data: Path | None) -> str:
    """Puts the folder of data sets into a path.

    Args:
        text: The path, with or without `${data}`.
        data: The folder; None takes that of the environment variable DRIVSEG_DATA.

    Raises:
        ParameterError: If it is wanted and not given, or not there.
    """
    if DATA not in text:
        return text
    given = data if data is not None else os.environ.get(DATA_VARIABLE)
    if not given:
        raise ParameterError(
            f'{text} needs the folder of data sets, which is not given; give it as --data-folder '
            f'FOLDER or in {DATA_VARIABLE}'
        )
    if not Path(given).is_dir():
        raise ParameterError(f'the folder of data sets {given} is not there; correct --data-folder')
    return text.replace(DATA, str(given))
