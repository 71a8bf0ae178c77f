# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share: which network runs, on what, and how they are read."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from drivseg_ros.engines import ENGINE_NAMES
from drivseg_ros.engines.base import MAX_THREADS
from drivseg_ros.engines.registry import DEVICES
from drivseg_ros.errors import ParameterError
from drivseg_ros.model.card import PRECISIONS

Model = Annotated[str, typer.Option(help='A name that `drivseg models` lists, or a path.')]
EngineName = Annotated[str, typer.Option('--engine', help=f'One of {", ".join(ENGINE_NAMES)}.')]
Device = Annotated[str, typer.Option(help=f'{DEVICES}.')]
Precision = Annotated[
    str,
    typer.Option(help=f"auto (the model file's own), {', '.join(PRECISIONS)}."),
]
Threads = Annotated[
    int, typer.Option(min=0, max=MAX_THREADS, help='CPU threads; 0: the engine chooses.')
]
ImageTopic = Annotated[str | None, typer.Option(help='The topic of the images in a bag.')]
LabelTopic = Annotated[
    str | None, typer.Option(help="The bag's labels (mono8), with the images' stamps.")
]
Labels = Annotated[
    str | None,
    typer.Option(
        help='What the values in labels mean: a name in config/labels such as bdd100k, a .yaml '
        'file, or a model whose class ids they are; or the folder of the labels of a folder of '
        'pictures, with a classes.yaml. Not needed where a label_info, a data set or a '
        'classes.yaml says it.',
        show_default=False,
    ),
]
MinAgreement = Annotated[
    float, typer.Option(min=0, max=100, help='Lowest share of equal pixels, in percent.')
]
MaxMiouChange = Annotated[
    float, typer.Option(min=0, max=100, help='Largest change of the mIoU, in points.')
]
DataFolder = Annotated[
    Path | None,
    typer.Option(
        envvar='DRIVSEG_DATA', help='The folder of data sets, for ${data}.', show_default=False
    ),
]
DatasetOption = Annotated[
    list[str] | None,
    typer.Option(help='An option of the kind, NAME=VALUE (YAML); may be repeated.'),
]


JsonFile = Annotated[
    Path | None,
    typer.Option(
        '--json',
        metavar='FILE|-',
        help='Write everything as JSON; - prints it instead of the tables.',
        show_default=False,
    ),
]


def listed(texts: Sequence[str] | None) -> list[str]:
    """The elements of an option that may be repeated, or has several with commas between."""
    return [word.strip() for text in texts or () for word in text.split(',') if word.strip()]


def parse_option(text: str) -> tuple[str, Any]:
    """Name and value of 'NAME=VALUE', an option of a kind of data sets.

    Raises:
        ParameterError: If it is anything else.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    name, equals, value = text.partition('=')
    try:
        if not (name and equals):
            raise ValueError
        read = YAML(typ='safe').load(value)
    except (YAMLError, ValueError):
        raise ParameterError(
            f'--option {text!r} is not NAME=VALUE; give for instance --option labels=masks'
        ) from None
    if name == 'part':
        raise ParameterError(f'--option {text!r} is no option of a kind; give --part {value}')
    return name, read


def parse_size(text: str) -> tuple[int, int]:
    """Width and height of 'WIDTHxHEIGHT'.

    Raises:
        ParameterError: If it is anything else.
    """
    match = re.fullmatch(r'([1-9][0-9]{0,4})x([1-9][0-9]{0,4})', text)
    if match is None:
        raise ParameterError(f'the size {text!r} is not understood; write it like 1280x720')
    return int(match[1]), int(match[2])


def loading_processes(given: int | None) -> int:
    """How many processes load frames in training: as many as were asked for, or as CPUs allow.

    One CPU is left to the network; more than eight processes wait for the disk.
    """
    return max(1, min(8, len(os.sched_getaffinity(0)) - 1)) if given is None else given
