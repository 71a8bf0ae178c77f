# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What an evaluation's counts follow from: if it is the same, they need not be counted again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drivseg_ros.base.environment import describe_versions
from drivseg_ros.base.json_data import json_text, to_plain
from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.open_source import attributes_beside
from drivseg_ros.evaluation.request import EvaluationRequest, open_frames
from drivseg_ros.frames.known_labels import read_labels
from drivseg_ros.frames.labels import Labels
from drivseg_ros.model.file import ModelFile

# They say where something is, or how fast it goes; what they stand for is looked at instead.
_NO_MATTER = (
    'frames',
    'data',
    'model',
    'threads',
    'labels',
    'mask_classes',
    'attributes',
    'pictures',
)
_VERSIONS_THAT_DO_NOT_COUNT = (
    'python',
    'onnx',
    'rosbags',
    'rclpy',
    'sensor_msgs',
    'ROS_DISTRO',
    'RMW_IMPLEMENTATION',
)


def identify(request: EvaluationRequest, model: ModelFile | None) -> dict[str, Any]:
    """Distinguishes evaluations, whatever folder the frames and the model lie in.

    The files of a bag count by name, size and time of change, those of a data set by name and size:
    to read them all would take as long as much of the work does.

    Args:
        request: what is asked for.
        model: the network.

    Returns:
        Plain data, the same after a way through JSON.

    Raises:
        DataError: if the frames are not there, or a file cannot be read.
        ParameterError: if a label map is not valid.
    """
    content = {
        **{key: value for key, value in to_plain(request).items() if key not in _NO_MATTER},
        'versions': {
            name: version
            for name, version in describe_versions().items()
            if name not in _VERSIONS_THAT_DO_NOT_COUNT
        },
        'model': None if model is None else model.sha256,
        'labels': _digest_of(request.labels, read_labels),
        'mask_classes': _digest_of(request.mask_classes, read_labels),
        **_frames(request),
    }
    return to_plain(content)


def bag_files(path: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of change (nanoseconds) of a file, or of all in a folder.

    Raises:
        OSError: if they cannot be looked at.
    """
    if path.is_file():
        found = [(path.name, path.stat())]
    else:
        there = sorted(p for p in path.rglob('*') if p.is_file())
        found = [(p.relative_to(path).as_posix(), p.stat()) for p in there]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in found]


def _frames(request: EvaluationRequest) -> dict[str, Any]:
    path = Path(request.frames)
    data = None if request.data is None else Path(request.data)
    given = None if request.attributes is None else Path(request.attributes)
    try:
        beside = attributes_beside(request.frames, data) if given is None else given
        attributes = None if beside is None else _digest(beside)
        if path.exists():
            return {'files': bag_files(path), 'attributes': attributes}
        source = open_frames(request, None)
        return {'dataset': source.describe()['identity'], 'attributes': attributes}
    except OSError as error:
        raise DataError(f'{error.filename} cannot be read ({error.strerror})') from None


def _digest_of(text: str | None, read: Callable[[str], Labels]) -> str | None:
    if text is None:
        return None
    return hashlib.sha256(json_text(read(text)).encode()).hexdigest()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
