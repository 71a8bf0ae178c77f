# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The models that are there: shipped ones, those on $DRIVSEG_MODEL_PATH, and any path."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from drivseg_ros.base.share import share_directory
from drivseg_ros.base.user_path import user_path
from drivseg_ros.errors import ModelError
from drivseg_ros.model.file import CHECKPOINT_SUFFIX, ModelFile, read_model_file

MODEL_PATH_VARIABLE = 'DRIVSEG_MODEL_PATH'

DEFAULT_MODEL = 'efficientnet_lite_fpn_lanes'
"""The model that node and commands take when none is named."""


@dataclass(frozen=True)
class BrokenModel:
    """A model file that was found and cannot be used, and why."""

    path: Path
    reason: str


def model_directories() -> list[Path]:
    """The folders that are searched: $DRIVSEG_MODEL_PATH first, then the shipped models."""
    named = os.environ.get(MODEL_PATH_VARIABLE, '').split(os.pathsep)
    return [
        *(user_path(name) for name in named if name),
        share_directory() / 'config/models',
    ]


def list_models() -> list[ModelFile | BrokenModel]:
    """Every model that `find_model` finds by name, the unusable ones with their reason.

    The files' bytes are given up again (`ModelFile.without_content`).
    """
    found: dict[str, Path] = {}
    for directory in model_directories():
        for path in sorted(directory.glob('*.onnx')):
            found.setdefault(path.stem, path)
    models: list[ModelFile | BrokenModel] = []
    for path in found.values():
        try:
            models.append(read_model_file(path).without_content())
        except ModelError as error:
            models.append(BrokenModel(path=path, reason=str(error)))
    return models


def model_names() -> list[str]:
    """The names that `find_model` knows, whether or not their files can be used."""
    return sorted({p.stem for d in model_directories() for p in d.glob('*.onnx')})


def find_model(name_or_path: str | Path) -> ModelFile:
    """Finds a model by its file name without .onnx, or by path.

    Raises:
        ModelError: if there is none, saying which there are; or if it cannot be used.
    """
    text = str(name_or_path)
    path = user_path(text)
    if path.suffix in ('.onnx', CHECKPOINT_SUFFIX) or len(path.parts) > 1:
        return read_model_file(path)
    for directory in model_directories():
        candidate = directory / f'{text}.onnx'
        if candidate.is_file():
            return read_model_file(candidate)
    raise ModelError(
        f'no model is called {text!r}; there are {", ".join(model_names()) or "none"} '
        f'(in {", ".join(map(str, model_directories()))}); '
        f'give one of these, a path to an .onnx file, or add its folder to ${MODEL_PATH_VARIABLE}'
    )
