# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A model is one .onnx file with its card inside (DESIGN.md, contract 1), or a checkpoint.

It is read with onnxruntime, which every installation has, so that the onnx package is needed
only by those who make models. A checkpoint is a .safetensors file with the card in its metadata;
the engine 'torch' alone runs it.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import onnxruntime

from drivseg_ros.errors import ModelError, ParameterError
from drivseg_ros.model.card import ModelCard
from drivseg_ros.model.onnx_classes import count_classes

METADATA_KEY = 'drivseg.card'
INPUT_NAME = 'image'
CLASS_IDS_NAME = 'class_ids'
CONFIDENCE_NAME = 'confidence'

ARCHITECTURE_KEY = 'drivseg.architecture'
"""Metadata key of a checkpoint: the name by which networks/registry.py makes the network."""
CHECKPOINT_SUFFIX = '.safetensors'
_MAX_HEADER = 100_000_000  # bytes; the limit that the format itself sets


@dataclass(frozen=True)
class ModelFile:
    """A model file whose card agrees with its graph.

    Attributes:
        path: where it lies.
        card: what it says of itself.
        batch: the only batch size the graph takes, or None if it takes any.
        has_confidence: whether the graph has the optional output `confidence`.
    """

    path: Path
    card: ModelCard
    batch: int | None
    has_confidence: bool

    @property
    def is_checkpoint(self) -> bool:
        """Whether it is a .safetensors file."""
        return self.path.suffix == CHECKPOINT_SUFFIX

    @functools.cached_property
    def sha256(self) -> str:
        """The hash of the file's bytes, as hexadecimal digits."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def require_confidence(self) -> None:
        """Refuses a model without the output `confidence`.

        Raises:
            ParameterError: if it has none.
        """
        if not self.has_confidence:
            raise ParameterError(
                f"the model '{self.path}' has no output 'confidence'; leave --confidence out, or "
                'use a model with that output'
            )


def read_model_file(path: str | Path) -> ModelFile:
    """Reads a model file's card and signature, without preparing it for inference.

    Raises:
        ModelError: if the file is missing, is no ONNX, has no card, or its card contradicts
            its graph (names, dtypes, sizes; the number of classes where the graph tells it).
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(
            f'no model file at {path}; give the path of an .onnx or {CHECKPOINT_SUFFIX} file'
        )
    if path.suffix == CHECKPOINT_SUFFIX:
        return _read_checkpoint(path)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=['CPUExecutionProvider']
        )
    except Exception as error:  # onnxruntime raises a class of its own for each status code
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise ModelError(
            f'{path} cannot be read as ONNX ({reason}); export or download it again'
        ) from None
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        raise ModelError(
            f'{path} has no model card (metadata {METADATA_KEY!r}); only models exported with '
            'their card can be used: see docs/model_file.md'
        )
    card = _read_card(path, text)
    signature = _Signature(path=path, card=card)
    inputs = {node.name: node for node in session.get_inputs()}
    outputs = {node.name: node for node in session.get_outputs()}
    signature.check_names('inputs', set(inputs), required={INPUT_NAME}, allowed={INPUT_NAME})
    signature.check_names(
        'outputs',
        set(outputs),
        required={CLASS_IDS_NAME},
        allowed={CLASS_IDS_NAME, CONFIDENCE_NAME},
    )
    for node in (inputs[INPUT_NAME], *outputs.values()):
        signature.check_node(node, channels=node.name == INPUT_NAME)
    num_classes = count_classes(path.read_bytes(), CLASS_IDS_NAME)
    if num_classes not in (None, card.num_classes):
        raise ModelError(
            f'{path}: its graph tells {num_classes} classes apart, but its card names '
            f'{card.num_classes} ({", ".join(card.class_names)}); correct the card'
        )
    batch = inputs[INPUT_NAME].shape[0]
    return ModelFile(
        path=path,
        card=card,
        batch=batch if isinstance(batch, int) else None,
        has_confidence=CONFIDENCE_NAME in outputs,
    )


def read_checkpoint_metadata(path: Path) -> dict[str, str]:
    """The metadata of a .safetensors file, without reading its tensors.

    The file begins with the length of its header, 8 bytes little endian, and the header, JSON
    (https://huggingface.co/docs/safetensors, "Format").

    Raises:
        ModelError: if the file has no such header.
    """
    try:
        with path.open('rb') as file:
            length = int.from_bytes(file.read(8), 'little')
            header = file.read(length) if length <= _MAX_HEADER else b''
        if len(header) < length or not header:
            raise ValueError('its header is cut off')
        metadata = json.loads(header).get('__metadata__', {})
    except (ValueError, AttributeError) as error:
        raise ModelError(
            f'{path} cannot be read as safetensors ({error}); write or copy it again'
        ) from None
    return {str(key): str(value) for key, value in metadata.items()}


def _read_checkpoint(path: Path) -> ModelFile:
    metadata = read_checkpoint_metadata(path)
    missing = sorted({ARCHITECTURE_KEY, METADATA_KEY} - set(metadata))
    if missing:
        raise ModelError(
            f'{path} lacks the metadata {missing}; only checkpoints written by drivseg_ros can '
            'be loaded'
        )
    card = _read_card(path, metadata[METADATA_KEY])
    # `DeployedNetwork` gives the network any batch size and a confidence.
    return ModelFile(path=path, card=card, batch=None, has_confidence=True)


def _read_card(path: Path, text: str) -> ModelCard:
    try:
        return ModelCard.from_json(text)
    except ModelError as error:
        raise ModelError(f'{path}: {error}') from None


@dataclass(frozen=True)
class _Signature:
    """The inputs and outputs that a card promises."""

    path: Path
    card: ModelCard

    def check_names(
        self, what: str, given: set[str], *, required: set[str], allowed: set[str]
    ) -> None:
        if not required <= given <= allowed:
            optional = sorted(allowed - required)
            raise ModelError(
                f'{self.path} has the {what} {sorted(given)}; needed are {sorted(required)}'
                + (f', {optional} may be there' if optional else '')
                + '; export it in the form of contract 1'
            )

    def check_node(self, node: onnxruntime.NodeArg, *, channels: bool) -> None:
        if node.type != 'tensor(uint8)':
            raise ModelError(
                f'{self.path}: {node.name!r} has the type {node.type}; it must be tensor(uint8)'
            )
        sizes = [self.card.input_height, self.card.input_width, *([3] if channels else [])]
        shape = list(node.shape)
        fits = len(shape) == len(sizes) + 1 and all(
            not isinstance(given, int) or given == wanted
            for given, wanted in zip(shape[1:], sizes, strict=True)
        )
        if not fits:
            raise ModelError(
                f'{self.path}: {node.name!r} has the shape {shape}, '
                f'but its card says [N, {", ".join(map(str, sizes))}]; correct one of them'
            )
