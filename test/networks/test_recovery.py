# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Networks out of their model files."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")
pytest.importorskip('onnx', reason="onnx is not installed: pip install '.[train]'")

from drivseg_ros.errors import ModelError  # noqa: E402
from drivseg_ros.lab.exporting.export import export_onnx  # noqa: E402
from drivseg_ros.model.card import BDD100K_CLASSES, ModelCard  # noqa: E402
from drivseg_ros.networks.normalisation import normalise  # noqa: E402
from drivseg_ros.networks.recovery import recover_network  # noqa: E402
from drivseg_ros.networks.registry import create_network  # noqa: E402

SIZE = (96, 64)


def frames(count, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8) for _ in range(count)]


def batch(images):
    return normalise(torch.from_numpy(np.stack(images)))


@pytest.fixture(params=['efficientnet_lite_fpn', 'fast_scnn'])
def exported(request, tmp_path):
    """A network whose batch norms have statistics of frames, and its model file."""
    torch.manual_seed(0)
    network = create_network(request.param, num_classes=3).train()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.5
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.3, 0.3)
    with torch.no_grad():
        for seed in range(6):
            network(batch(frames(8, seed)))
    card = ModelCard('r', BDD100K_CLASSES, *SIZE, architecture=request.param)
    return network.eval(), export_onnx(network, tmp_path / 'r.onnx', card)


def test_the_network_is_the_same_function(exported):
    network, path = exported
    recovered = recover_network(path, frames(16))
    images = batch(frames(4, seed=9))
    with torch.inference_mode():
        wanted, found = network(images), recovered(images)
    assert not recovered.training
    assert torch.allclose(wanted, found, atol=1e-4 * float(wanted.abs().max()) + 1e-4)


def test_it_is_nearly_the_same_in_training_mode(exported):
    """With norms that only add a bias, batch statistics would make another function of it."""
    _, path = exported
    images = frames(16)
    recovered = recover_network(path, images)
    inputs = batch(images)
    with torch.inference_mode():
        still = recovered(inputs)
        moving = recovered.train()(inputs)
    moving = moving[0] if isinstance(moving, tuple) else moving
    alike = (still.argmax(1) == moving.argmax(1)).float().mean()
    assert alike > 0.97


def test_another_architecture_is_refused(exported):
    _, path = exported
    with pytest.raises(ModelError, match='convolutions in float32 where the architecture has'):
        recover_network(path, frames(2), architecture='unet')


def test_no_frames_are_refused(exported):
    _, path = exported
    with pytest.raises(ModelError, match='without frames'):
        recover_network(path, [])
