# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes a model file, whole and tried out, or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from drivseg_ros.base.whole_file import whole_file
from drivseg_ros.errors import ModelError
from drivseg_ros.lab.importing.proof import Runner
from drivseg_ros.model.card import ModelCard
from drivseg_ros.model.file import INPUT_NAME, ModelFile, read_model_file


def write_model(model: onnx.ModelProto, output: Path, card: ModelCard, *, batch: int) -> ModelFile:
    """Writes and checks a file under another name, and gives it its own when it is right.

    Args:
        model: the graph, its card inside.
        output: the file; its folder is made.
        card: the card.
        batch: how many images it is tried out with.

    Raises:
        ModelError: if the graph is not valid, or does not run.
        DataError: if it cannot be written.
    """
    try:
        onnx.checker.check_model(model)
        with whole_file(output) as partial:
            partial.write_bytes(model.SerializeToString())
            read_model_file(partial)
            _try_out(model, card, batch)
    except (onnx.checker.ValidationError, ValueError) as error:
        reason = ' '.join(str(error).split())[:400]
        raise ModelError(
            f'the imported graph is not valid ({reason}); export the network again, simpler or '
            'with another opset'
        ) from None
    return read_model_file(output)


def _try_out(model: onnx.ModelProto, card: ModelCard, batch: int) -> None:
    shape = (batch, card.input_height, card.input_width)
    images = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    names = [value.name for value in model.graph.output]
    results = Runner(model, 'the imported model').run({INPUT_NAME: images}, names)
    for name, result in zip(names, results, strict=True):
        if result.shape != shape or result.dtype != np.uint8:
            raise ModelError(
                f'the imported model gives {name} {result.dtype} {list(result.shape)}; '
                f'uint8 {list(shape)} is needed: check the layouts in the import card'
            )
    if int(results[0].max()) >= card.num_classes:
        raise ModelError(
            f'the imported model gives the class id {results[0].max()}, and the import card names '
            f'{card.num_classes} classes ({", ".join(card.class_names)}); give every id of the '
            'network a class, or one class channels: rest'
        )
