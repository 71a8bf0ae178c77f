# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A model is one file: an .onnx file with its card inside, or a checkpoint (.safetensors).

A model file has the input `image`, uint8 [N, H, W, 3] RGB, the output `class_ids`, uint8
[N, H, W], and perhaps `confidence`, uint8 [N, H, W]; normalisation, up-sampling and the choice of
the class are in the graph (docs/design.md). It is read with onnxruntime, which every installation
has, so that the onnx package is needed only by those who make models. Only the engine 'torch' runs
checkpoints.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from drivseg_ros.base.library import import_library
from drivseg_ros.errors import ModelError, ParameterError
from drivseg_ros.model.card import ModelCard
from drivseg_ros.model.onnx_classes import count_classes, has_weights_elsewhere
from drivseg_ros.model.onnx_functions import refuse_endless_functions

if TYPE_CHECKING:
    import onnxruntime

T = TypeVar('T')

METADATA_KEY = 'drivseg.card'
INPUT_NAME = 'image'
CLASS_IDS_NAME = 'class_ids'
CONFIDENCE_NAME = 'confidence'

ARCHITECTURE_KEY = 'drivseg.architecture'
"""Metadata key of a checkpoint: the name by which networks/registry.py makes the network."""
CHECKPOINT_SUFFIX = '.safetensors'
_MAX_SIZE = 2 << 30  # bytes; the limit of protobuf, and far more than a network that runs in time
_MAX_HEADER = 100_000_000  # bytes; the limit that safetensors itself sets
_MAX_CARD = 1_000_000  # characters


@dataclass(frozen=True)
class ModelFile:
    """A model file whose card agrees with its graph.

    Card, hash and graph are those of the same bytes, for the file is read once.

    Attributes:
        path: where it was read.
        card: what it says of itself.
        sha256: the hash of its bytes, as hexadecimal digits.
        batch: the only batch size the graph takes, or None if it takes any.
        has_confidence: whether the graph has the optional output `confidence`.
        architecture: of a checkpoint, the name by which networks/registry.py makes the network;
            else ''.
    """

    path: Path
    card: ModelCard
    sha256: str
    batch: int | None
    has_confidence: bool
    architecture: str = ''
    _content: bytes = field(default=b'', repr=False, compare=False)

    @property
    def is_checkpoint(self) -> bool:
        """Whether it is a .safetensors file."""
        return bool(self.architecture)

    @property
    def content(self) -> bytes:
        """The bytes of the file, for those who load the graph.

        Raises:
            ValueError: if they were given up with `without_content`.
        """
        if not self._content:
            raise ValueError(f'the bytes of {self.path} were given up; read the file again')
        return self._content

    def without_content(self) -> ModelFile:
        """The same without its bytes, for those who keep it after the graph was loaded."""
        return dataclasses.replace(self, _content=b'')

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
    """Reads a model file and checks its card against its signature.

    Raises:
        ModelError: if the file is missing, is no ONNX, has no card, or its card contradicts
            its graph (names, dtypes, sizes; the number of classes where the graph shows it).
        MissingDependencyError: if onnxruntime is not installed.
        EngineError: if onnxruntime is installed and cannot be imported.
    """
    path = Path(path)
    content = _read(path)
    if path.suffix == CHECKPOINT_SUFFIX:
        return _read_checkpoint(path, content)
    refuse_endless_functions(path, content)
    session = _open_session(path, content)
    if _of_graph(path, has_weights_elsewhere, content):
        raise ModelError(
            f'{path} has weights in another file; a model is one file: export it again, with its '
            'weights inside'
        )
    try:
        text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    except UnicodeDecodeError as error:
        raise ModelError(f'{path} has damaged metadata ({error}); download it again') from None
    if text is None:
        raise ModelError(
            f'{path} has no model card (metadata {METADATA_KEY!r}); a network of somebody else '
            'gets its card and the form that engines take by: drivseg import (docs/model_file.md)'
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
    num_classes = _of_graph(path, count_classes, content, CLASS_IDS_NAME)
    if num_classes not in (None, card.num_classes):
        raise ModelError(
            f'{path}: its graph has {num_classes} classes, but its card names '
            f'{card.num_classes} ({", ".join(card.class_names)}); correct the card'
        )
    batch = inputs[INPUT_NAME].shape[0]
    return ModelFile(
        path=path,
        card=card,
        sha256=hashlib.sha256(content).hexdigest(),
        batch=batch if isinstance(batch, int) else None,
        has_confidence=CONFIDENCE_NAME in outputs,
        _content=content,
    )


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise ModelError(
            f'no model file at {path}; give the path of an .onnx or {CHECKPOINT_SUFFIX} file'
        )
    try:
        with path.open('rb') as file:
            content = file.read(_MAX_SIZE + 1)
    except OSError as error:
        raise ModelError(
            f'{path} cannot be read ({error.strerror or error}); make it readable, or name '
            'another file'
        ) from None
    if len(content) > _MAX_SIZE:
        raise ModelError(
            f'{path} is larger than {_MAX_SIZE} bytes, which no model file may be; name another one'
        )
    return content


def _open_session(path: Path, content: bytes) -> onnxruntime.InferenceSession:
    library = import_library('onnxruntime', extra='')
    options = library.SessionOptions()
    options.graph_optimization_level = library.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        return library.InferenceSession(
            content, options, providers=['CPUExecutionProvider'], enable_fallback=0
        )
    except Exception as error:  # onnxruntime raises a class of its own for each status code
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise ModelError(
            f'{path} cannot be read as ONNX ({reason}); export or download it again'
        ) from None


def _of_graph(path: Path, question: Callable[..., T], *arguments: Any) -> T:
    """An answer that the bytes of a graph give, which onnxruntime reads less closely."""
    try:
        return question(*arguments)
    except (LookupError, ValueError, OverflowError) as error:
        raise ModelError(
            f'{path} has a damaged graph ({error!r}); export or download it again'
        ) from None


def _read_checkpoint(path: Path, content: bytes) -> ModelFile:
    metadata = checkpoint_metadata(path, content)
    missing = [key for key in (ARCHITECTURE_KEY, METADATA_KEY) if not metadata.get(key)]
    if missing:
        raise ModelError(
            f'{path} lacks the metadata {missing}; only checkpoints written by drivseg_ros can '
            'be loaded'
        )
    card = _read_card(path, metadata[METADATA_KEY])
    if card.precision != 'fp32':
        raise ModelError(
            f'{path}: its card has the precision {card.precision!r}; a checkpoint is fp32, and '
            'runs in other precisions by the option of the engine; correct the card'
        )
    # `DeployedNetwork` gives the network any batch size and a confidence.
    return ModelFile(
        path=path,
        card=card,
        sha256=hashlib.sha256(content).hexdigest(),
        batch=None,
        has_confidence=True,
        architecture=metadata[ARCHITECTURE_KEY],
        _content=content,
    )


def checkpoint_metadata(path: Path, content: bytes) -> dict[str, str]:
    """The metadata of a .safetensors file.

    The file begins with the length of its header, 8 bytes little endian, and the header, JSON
    (https://huggingface.co/docs/safetensors, "Format").

    Args:
        path: the file, for errors.
        content: its bytes.

    Raises:
        ModelError: if the file has no such header.
    """
    try:
        length = int.from_bytes(content[:8], 'little')
        header = content[8 : 8 + length] if length <= _MAX_HEADER else b''
        if len(header) < length or not header:
            raise ValueError('its header is cut off')
        metadata = json.loads(header).get('__metadata__') or {}
        return {str(key): str(value) for key, value in metadata.items()}
    except (ValueError, AttributeError, RecursionError) as error:
        raise ModelError(
            f'{path} cannot be read as safetensors ({error}); write or copy it again'
        ) from None


def _read_card(path: Path, text: str) -> ModelCard:
    if len(text) > _MAX_CARD:
        raise ModelError(
            f'{path}: its card has {len(text)} characters; {_MAX_CARD} are allowed; shorten its '
            'provenance'
        )
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
                + '; a network of another form is brought to this one by: drivseg import'
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
