# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A model file as a torch module, in the precision asked for."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.errors import EngineError, MissingDependencyError, ModelError
from drivseg_ros.model.file import CLASS_IDS_NAME, CONFIDENCE_NAME, ModelFile

_HALF = {'fp16': torch.float16, 'bf16': torch.bfloat16}
_BF16_CAPABILITY = (8, 0)  # Ampere; older ones only imitate it


def choose_precision(model: ModelFile, wanted: str, device: torch.device) -> str:
    """The precision to run a file in.

    An fp32 file runs in fp32, fp16 or bf16, one in a half type as it is.

    Args:
        model: the file.
        wanted: as in `EngineOptions`.
        device: where it shall run.

    Raises:
        EngineError: if the file or the device does not allow it.
    """
    own = model.card.precision
    if own == 'int8':
        raise EngineError(
            f'{model.path} is an int8 model, which onnxruntime, openvino and tensorrt run on '
            'integer units; torch would only imitate them. Take one of those engines, or the '
            'model that it was quantised from'
        )
    allowed = ['fp32', 'fp16', 'bf16'] if own == 'fp32' else [own]
    precision = own if wanted == 'auto' else wanted
    if precision not in allowed:
        if device.type == 'cpu' and own == 'fp32':
            allowed.remove('fp16')
        raise EngineError(
            f'precision {wanted!r} was asked for, but torch runs {model.path}, which is {own}, '
            f"in {' or '.join(allowed)}; ask for 'auto' or one of these, or take another file"
        )
    if precision == 'fp16' and device.type == 'cpu':
        given = '' if wanted == precision else f' ({model.path} is fp16)'
        raise EngineError(
            f"precision 'fp16' is for GPUs{given}: CPUs only imitate it. Ask for 'bf16' or "
            "'fp32', or for device 'cuda'"
        )
    if precision == 'bf16' and device.type == 'cuda':
        capability = torch.cuda.get_device_capability(device)
        if capability < _BF16_CAPABILITY:
            raise EngineError(
                f"precision 'bf16' needs an NVIDIA GPU of compute capability 8.0, and {device} "
                f'({torch.cuda.get_device_name(device)}) has {capability[0]}.{capability[1]}; ask '
                "for 'fp16' or 'fp32'"
            )
    return precision


def load_network(model: ModelFile, precision: str, device: torch.device) -> nn.Module:
    """The network of a model file, ready for inference.

    Args:
        model: an .onnx file in the form of contract 1, or a checkpoint.
        precision: 'fp32', or a half type, in which everything runs between the first convolution
            and the choice of the class; normalisation and choice are always float32.
        device: where it shall run.

    Returns:
        A module that takes uint8 [N, H, W, 3] RGB and `confidence=` (bool), and gives class ids
        and confidence or None, uint8 [N, H, W].

    Raises:
        ModelError: if the file cannot be run.
        MissingDependencyError: if the package that reads it is not installed.
    """
    if model.is_checkpoint:
        return _CheckpointNetwork(model, precision).to(device)
    return _GraphNetwork(model, precision, device)


class _GraphNetwork(nn.Module):
    def __init__(self, model: ModelFile, precision: str, device: torch.device) -> None:
        super().__init__()
        try:
            import onnx
        except ImportError:
            raise MissingDependencyError(
                'the torch engine reads .onnx files with onnx, which is not installed: '
                f'{install_hint("torch")}'
            ) from None
        from drivseg_ros.engines.graph_folding import fold_batch_norms
        from drivseg_ros.engines.graph_precision import convert_precision
        from drivseg_ros.engines.torch_graph import OnnxGraph

        card = model.card
        self._has_confidence = model.has_confidence
        try:
            graph = fold_batch_norms(onnx.load(model.path))
            if precision != card.precision:
                graph = convert_precision(graph, precision)
            self._graph = OnnxGraph(graph, device=device)
            # So that a graph which cannot be run is refused now and not at the first image.
            size = (model.batch or 1, card.input_height, card.input_width, 3)
            self._graph.prepare(torch.empty(size, dtype=torch.uint8, device='meta'))
        except ModelError as error:
            raise ModelError(f'{model.path}: {error}') from None

    def forward(self, images: Tensor, *, confidence: bool) -> tuple[Tensor, Tensor | None]:
        if confidence and self._has_confidence:
            ids, levels = self._graph(images, outputs=(CLASS_IDS_NAME, CONFIDENCE_NAME))
            return ids, levels
        return self._graph(images, outputs=(CLASS_IDS_NAME,))[0], None


class _CheckpointNetwork(nn.Module):
    def __init__(self, model: ModelFile, precision: str) -> None:
        super().__init__()
        from drivseg_ros.networks.checkpoint import load_checkpoint
        from drivseg_ros.networks.deployed import DeployedNetwork

        network, card = load_checkpoint(model.path)
        deployed = DeployedNetwork(network, width=card.input_width, height=card.input_height)
        _fold_batch_norms(deployed.network)
        if precision in _HALF:
            deployed.network = _InHalf(deployed.network, _HALF[precision])
        self._deployed = deployed.eval()
        self._deployed.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor, *, confidence: bool) -> tuple[Tensor, Tensor | None]:
        ids, levels = self._deployed(images)
        return ids, levels if confidence else None


class _InHalf(nn.Module):
    """A network in a half type that looks like float32 from outside."""

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self._network = network.to(dtype)
        self._dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        return self._network(x.to(self._dtype)).float()


def _fold_batch_norms(network: nn.Module) -> None:
    """Folds every batch norm into the convolution just before it in a Sequential, in place."""
    for module in list(network.modules()):
        if not isinstance(module, nn.Sequential):
            continue
        for at in range(len(module) - 1):
            convolution, norm = module[at], module[at + 1]
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                module[at] = fuse_conv_bn_eval(convolution, norm)
                module[at + 1] = nn.Identity()
