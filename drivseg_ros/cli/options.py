# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share: each has one name, one type and one meaning.

test/cli/test_grammar.py holds all commands to it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from drivseg_ros.base.cpus import usable_cpus
from drivseg_ros.base.output_files import STDOUT
from drivseg_ros.cli import completion
from drivseg_ros.cli.console import out
from drivseg_ros.engines import ENGINE_NAMES
from drivseg_ros.engines.base import MAX_THREADS
from drivseg_ros.engines.registry import DEVICES
from drivseg_ros.errors import ParameterError
from drivseg_ros.model.card import PRECISIONS

SIZE = 'Size of the images.'
_MODEL = 'Name listed by `drivseg models`, or path of a model file.'
_FRAMES = 'a bag, a folder of pictures, a video, or KIND[:PART]=ROOT'


def _json_instead_of_text(json: Path | None) -> Path | None:
    out.quiet = json == STDOUT  # for the rest of the command
    return json


# Which network runs, and on what.
Model = Annotated[str, typer.Option(help=_MODEL, autocompletion=completion.models)]
ModelArgument = Annotated[str, typer.Argument(help=_MODEL, autocompletion=completion.models)]
EngineName = Annotated[
    str,
    typer.Option(
        '--engine', help=f'One of {", ".join(ENGINE_NAMES)}.', autocompletion=completion.engines
    ),
]
EngineSpecs = Annotated[
    list[str] | None,
    typer.Option(
        '--engine',
        metavar='ENGINE',
        help='Engine, such as openvino, openvino:bf16 or torch:fp16@cuda; repeatable.',
        show_default=False,
        autocompletion=completion.engines,
    ),
]
Device = Annotated[str, typer.Option(help=f'{DEVICES}.')]
Precision = Annotated[
    str,
    typer.Option(
        help=f'auto (as in the model file), {", ".join(PRECISIONS)}.',
        autocompletion=completion.precisions,
    ),
]
Threads = Annotated[
    int, typer.Option(min=0, max=MAX_THREADS, help='CPU threads; 0: the engine chooses.')
]

# Which frames are read, and what their labels mean.
Bag = Annotated[Path, typer.Argument(help='A rosbag2 folder, .mcap, .db3 or ROS 1 .bag.')]
Data = Annotated[str, typer.Option(metavar='FRAMES', help=f'Frames: {_FRAMES}.')]
DataFolder = Annotated[
    Path | None,
    typer.Option(
        envvar='DRIVSEG_DATA',
        help='Folder of data sets, which ${data} stands for.',
        show_default=False,
    ),
]
DatasetOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar='NAME=VALUE',
        help='Option of the kind of data set, the value in YAML; repeatable.',
        show_default=False,
    ),
]
DatasetKind = Annotated[
    str,
    typer.Argument(
        metavar='KIND[:PART]',
        help='Kind listed by `drivseg dataset kinds`; the part is training, validation, held_out '
        'or test.',
        autocompletion=completion.dataset_kinds,
    ),
]
DatasetRoot = Annotated[
    Path | None, typer.Argument(help='Folder of the data set.', show_default=False)
]
Limit = Annotated[
    int | None, typer.Option(min=1, help='Use at most so many frames.', show_default='all')
]
ImageTopic = Annotated[
    str | None,
    typer.Option(help='Topic of the images.', show_default='the only one in the bag'),
]
LabelTopic = Annotated[
    str | None,
    typer.Option(
        help='Topic of the labels: mono8 class ids, stamped as the images.', show_default=False
    ),
]
Labels = Annotated[
    str | None,
    typer.Option(
        help='Meaning of labels: a name (bdd100k), .yaml or model; of pictures also their folder.',
        show_default='as the data state',
    ),
]
MaskTopic = Annotated[
    str | None,
    typer.Option(
        help='Topic of recorded masks: mono8 class ids, stamped as the images.',
        show_default=False,
    ),
]
Seed = Annotated[int, typer.Option(min=0, help='Seed of the random numbers.')]
Workers = Annotated[
    int | None,
    typer.Option(min=0, max=64, help='Workers that load frames.', show_default='as the CPUs allow'),
]
Cache = Annotated[
    Path | None,
    typer.Option(help='Folder for decoded frames, which runs may share.', show_default=False),
]

RecipeChanges = Annotated[
    list[str] | None,
    typer.Option(
        '--set',
        metavar='KEY=VALUE',
        help='Change a key of the recipe, such as epochs=2; repeatable.',
        show_default=False,
    ),
]

# What is written.
ModelOutput = Annotated[Path, typer.Option('--output', '-o', help='Model file to write, .onnx.')]
Overwrite = Annotated[bool, typer.Option('--overwrite', help='Replace files that exist.')]
JsonFile = Annotated[
    Path | None,
    typer.Option(
        '--json',
        metavar='FILE',
        help='Write the results as JSON; - prints it instead of text.',
        show_default=False,
        callback=_json_instead_of_text,
    ),
]
OverlayAlpha = Annotated[float, typer.Option(min=0, max=1, help='Opacity of the overlay.')]

# How it is measured.
Speed = Annotated[float, typer.Option(help='Playback speed; 2 is twice as fast as recorded.')]
Sizes = Annotated[
    list[str],
    typer.Option('--size', metavar='WIDTHxHEIGHT', help=f'{SIZE[:-1]}; repeatable.'),
]
CAMERA_SIZES = ['640x360', '1280x720', '1920x1080']
Runs = Annotated[int, typer.Option(min=1, help='Runs of each configuration.')]
DdsProfile = Annotated[
    bool, typer.Option(help='Use the Fast DDS profile for images, unless one is set.')
]
MinAgreement = Annotated[
    float, typer.Option(min=0, max=100, help='Lowest share of equal pixels, in percent.')
]
MaxMiouChange = Annotated[
    float, typer.Option(min=0, max=100, help='Largest change of the mIoU, in points.')
]


def parse_option(text: str) -> tuple[str, Any]:
    """Name and value of 'NAME=VALUE', an option of a kind of data sets.

    Raises:
        ParameterError: If it is anything else.
    """
    from drivseg_ros.base.yaml_data import load_yaml

    name, equals, value = text.partition('=')
    try:
        if not (name and equals):
            raise ValueError
        read = load_yaml(value)
    except ValueError:
        raise ParameterError(
            f'--option {text!r} is not NAME=VALUE; give for instance --option labels=masks'
        ) from None
    if name == 'part':
        raise ParameterError(f'--option {text!r} is no option of a kind; write KIND:{value}')
    return name, read


def parse_kind(text: str) -> tuple[str, str | None]:
    """Kind and part of 'KIND[:PART]'.

    Raises:
        ParameterError: If there is a colon and no part.
    """
    name, colon, part = text.partition(':')
    if colon and not part:
        raise ParameterError(f'{text!r} names no part; write {name}:validation, or {name} alone')
    return name, part or None


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
    return max(1, min(8, usable_cpus() - 1)) if given is None else given
