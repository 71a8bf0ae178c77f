# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a torch network to a model file (docs/model_file.md)."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.base.whole_file import whole_file
from drivseg_ros.errors import MissingDependencyError, ModelError
from drivseg_ros.lab.exporting.graph import inline_constants
from drivseg_ros.model.card import ModelCard
from drivseg_ros.model.file import (
    CLASS_IDS_NAME,
    CONFIDENCE_NAME,
    INPUT_NAME,
    METADATA_KEY,
    read_model_file,
)
from drivseg_ros.networks.deployed import DeployedNetwork

try:
    import onnx
except ImportError:
    raise MissingDependencyError(
        f'the export needs onnx, which is not installed: {install_hint("train")}'
    ) from None

OPSET = 17
"""Known to onnxruntime from 1.12, OpenVINO from 2022.3 and TensorRT from 8.6."""


def export_onnx(network: nn.Module, path: Path, card: ModelCard) -> Path:
    """Write a network and its card as one .onnx file, and check the file against the network.

    Args:
        network: Float [N, 3, H, W] to logits [N, classes, h, w] of any smaller or equal size.
        path: The file to write; its folder is made.
        card: Describes the network; its input size is the graph's.

    Raises:
        ModelError: If the network does not have the card's number of classes, or the written
            file disagrees with the network.
    """
    deployed = DeployedNetwork(network, width=card.input_width, height=card.input_height).eval()
    # Not all black, so that the check below looks at a picture with something in it.
    generator = torch.Generator().manual_seed(0)
    shape = (2, card.input_height, card.input_width, 3)
    example = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    with torch.inference_mode():
        classes = int(deployed.network(torch.zeros(1, 3, *shape[1:3])).shape[1])
    if classes != card.num_classes:
        raise ModelError(
            f'the network has {classes} classes, but its card names {card.num_classes}; '
            'correct the card'
        )
    model = onnx.load_from_string(_trace(deployed, example))
    model = inline_constants(model)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = 'N'
    model.producer_name = 'drivseg_ros'
    # Shapes of all inner values: `read_model_file` counts the classes by them.
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    onnx.helper.set_model_props(model, {METADATA_KEY: card.to_json()})
    onnx.checker.check_model(model, full_check=True)
    with whole_file(path) as partial:
        onnx.save(model, partial)
        check_export(deployed, partial, example)
    return path


def replace_card(path: Path, card: ModelCard) -> Path:
    """Give a model file another card, such as one with the metrics measured on the file.

    Raises:
        ModelError: If the new card contradicts the file's graph.
    """
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {METADATA_KEY: card.to_json()})
    with whole_file(path) as partial:
        onnx.save(model, partial)
        read_model_file(partial)
    return path


def check_export(deployed: DeployedNetwork, path: Path, images: Tensor) -> None:
    """Compare a written file with the network on images uint8 [N, H, W, 3], in onnxruntime.

    Rounding differs between the two, so where two classes are level the ids may differ: up to
    one pixel in a thousand, and the confidence by up to 2 of 255.

    Raises:
        ModelError: If they differ by more.
    """
    import onnxruntime

    read_model_file(path)
    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    names = [CLASS_IDS_NAME, CONFIDENCE_NAME]
    ids, confidence = session.run(names, {INPUT_NAME: images.numpy()})
    with torch.inference_mode():
        wanted_ids, wanted_confidence = (output.numpy() for output in deployed(images))
    differing = float((ids != wanted_ids).mean())
    error = int(np.abs(confidence.astype(int) - wanted_confidence.astype(int)).max())
    if differing > 1e-3 or error > 2:
        raise ModelError(
            f'the exported file disagrees with the network it was made of: {100 * differing:.3f} % '
            f'of the class ids differ, the confidence by up to {error}; allowed are 0.1 % and 2. '
            'Check the versions of torch and onnxruntime'
        )


def _trace(deployed: DeployedNetwork, example: Tensor) -> bytes:
    """The network as ONNX, batch size free, as torch's TorchScript exporter writes it.

    That exporter needs no further package, and the graph is one node an operation. torch calls
    it the legacy one and says so at length; the sizes it warns about are fixed by the card.
    """
    names = [CLASS_IDS_NAME, CONFIDENCE_NAME]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        path = Path(folder) / 'traced.onnx'
        warnings.simplefilter('ignore', DeprecationWarning)
        warnings.simplefilter('ignore', torch.jit.TracerWarning)
        torch.onnx.export(
            deployed,
            (example,),
            str(path),
            input_names=[INPUT_NAME],
            output_names=names,
            dynamic_axes={name: {0: 'N'} for name in (INPUT_NAME, *names)},
            opset_version=OPSET,
            do_constant_folding=True,
            dynamo=False,
        )
        return path.read_bytes()
