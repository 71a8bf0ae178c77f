# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Weights on disk: .safetensors with the model card in its metadata; nothing that unpickles."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.base.whole_file import whole_file
from drivseg_ros.errors import MissingDependencyError, ModelError
from drivseg_ros.model.card import ModelCard
from drivseg_ros.model.file import (
    ARCHITECTURE_KEY,
    CHECKPOINT_SUFFIX,
    METADATA_KEY,
    ModelFile,
    checkpoint_metadata,
    read_model_file,
)
from drivseg_ros.networks.registry import create_network

try:
    from safetensors import SafetensorError
    from safetensors.torch import load, save
except ImportError:
    raise MissingDependencyError(
        f'checkpoints need safetensors, which is not installed: {install_hint("torch")}'
    ) from None


def save_checkpoint(network: nn.Module, path: Path, *, architecture: str, card: ModelCard) -> Path:
    """Write a network's weights with its card.

    Args:
        network: The network.
        path: The file to write, .safetensors; its folder is made.
        architecture: Its name in the registry.
        card: Its card.

    Raises:
        ModelError: if path has another suffix, or the registry makes another network of that
            name and card than this one.
        DataError: if the file cannot be written.
    """
    _check_suffix(path)
    tensors = {name: value.detach().contiguous() for name, value in network.state_dict().items()}
    _check_tensors(path, create_network(architecture, num_classes=card.num_classes), tensors)
    metadata = {ARCHITECTURE_KEY: architecture, METADATA_KEY: card.to_json()}
    with whole_file(path, durable=True) as partial:
        partial.write_bytes(save(tensors, metadata))
    return path


def load_checkpoint(path: Path) -> tuple[nn.Module, ModelCard]:
    """The network with its weights, in evaluation mode on the CPU, and its card.

    Raises:
        ModelError: if the file is missing, damaged, has no card, or does not fit its
            architecture.
    """
    _check_suffix(path)
    model = read_model_file(path)
    return load_network(model), model.card


def load_network(model: ModelFile) -> nn.Module:
    """The network of a checkpoint that was read, in evaluation mode on the CPU.

    Raises:
        ModelError: if its weights are damaged, or do not fit its architecture.
    """
    tensors = _tensors(model.path, model.content)
    try:
        network = create_network(model.architecture, num_classes=model.card.num_classes)
    except ModelError as error:
        raise ModelError(f'{model.path}: {error}') from None
    _check_tensors(model.path, network, tensors)
    network.load_state_dict(tensors)
    return network.eval()


def read_tensors(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """The metadata and the tensors, on the CPU, of any .safetensors file.

    Raises:
        ModelError: if the file is missing or damaged, or holds infinities or NaN.
    """
    _check_suffix(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f'no checkpoint at {path} ({error.strerror or error}); give the path of a '
            '.safetensors file'
        ) from None
    return checkpoint_metadata(path, content), _tensors(path, content)


def _tensors(path: Path, content: bytes) -> dict[str, Tensor]:
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise ModelError(
            f'{path} cannot be read as safetensors ({error}); write or copy it again'
        ) from None
    strange = [n for n, t in tensors.items() if t.is_floating_point() and not t.isfinite().all()]
    if strange:
        raise ModelError(
            f'{path} holds numbers that are not finite in {len(strange)} tensors, the first being '
            f'{strange[0]!r}; such a network is of no use: take an earlier checkpoint'
        )
    return tensors


def _check_suffix(path: Path) -> None:
    if path.suffix != CHECKPOINT_SUFFIX:
        raise ModelError(
            f'{path} is no checkpoint: its name must end in .safetensors; files that unpickle '
            '(.pt, .pth, .ckpt) are never loaded'
        )


def _check_tensors(path: Path, network: nn.Module, tensors: dict) -> None:
    """Refuse tensors whose names, shapes or dtypes are not the network's."""
    wanted = {name: (tuple(t.shape), t.dtype) for name, t in network.state_dict().items()}
    given = {name: (tuple(t.shape), t.dtype) for name, t in tensors.items()}
    if wanted == given:
        return
    differing = sorted(
        name for name in wanted.keys() | given.keys() if wanted.get(name) != given.get(name)
    )
    name = differing[0]
    raise ModelError(
        f'{path} does not fit its architecture in {len(differing)} tensors, the first being '
        f'{name!r}: needed is {wanted.get(name, "none")}, given {given.get(name, "none")}'
    )
