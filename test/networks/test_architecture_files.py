# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""All architectures as checkpoints, as model files in onnxruntime, and built by TensorRT."""

from __future__ import annotations

import pytest
from build_harness import needs_rtx, prepare
from network_zoo import all_but_slow, network_or_skip, settle

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")
pytest.importorskip('safetensors', reason="safetensors is not installed: pip install '.[train]'")

from drivseg_ros.lab.exporting.export import export_onnx  # noqa: E402
from drivseg_ros.model.card import ModelCard, ModelClass, Role  # noqa: E402
from drivseg_ros.model.file import read_model_file  # noqa: E402
from drivseg_ros.networks.checkpoint import load_checkpoint, save_checkpoint  # noqa: E402
from drivseg_ros.networks.registry import ARCHITECTURES  # noqa: E402

CLASSES = 19
CARD = ModelCard(
    'zoo',
    tuple(ModelClass(i, f'class {i}', (i, i, i), Role.NONE) for i in range(CLASSES)),
    128,
    96,
)
# The others have no operation that none of these has; a narrow FCN-8s is in test_fcn8s.py.
FILES = ('deeplabv3plus_resnet50', 'efficientnet_lite_fpn', 'fast_scnn', 'segformer_b0')
PLANS = ('efficientnet_lite_fpn', 'fast_scnn', 'segformer_b0')


@pytest.fixture(scope='module')
def images():
    coarse = torch.randn(2, 3, 12, 16, generator=torch.Generator().manual_seed(1))
    return coarse.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3)


@pytest.mark.parametrize('architecture', all_but_slow(ARCHITECTURES, quick=FILES))
def test_checkpoint_and_model_file(architecture, images, tmp_path):
    """`export_onnx` compares the file with the network; a wrong one would be refused."""
    torch.manual_seed(0)
    network = network_or_skip(architecture, CLASSES)
    settle(network, images)
    path = tmp_path / 'c.safetensors'
    save_checkpoint(network, path, architecture=architecture, card=CARD)
    loaded, card = load_checkpoint(path)
    path.unlink()  # up to half a GB
    with torch.inference_mode():
        logits = loaded(images)
        assert torch.equal(logits, network(images))
    assert len(logits.argmax(1).unique()) > 1, 'a constant answer would prove nothing'
    model = read_model_file(export_onnx(loaded, tmp_path / 'm.onnx', card))
    assert (model.card, model.batch, model.has_confidence) == (CARD, None, True)
    model.path.unlink()


@needs_rtx
@pytest.mark.parametrize('architecture', all_but_slow(ARCHITECTURES, quick=PLANS))
def test_tensorrt_builds_it(architecture, tmp_path, images):
    from drivseg_ros.engines.base import say_nothing
    from drivseg_ros.engines.plan_cache import PlanCache
    from drivseg_ros.engines.tensorrt_plan import get_plan

    network = network_or_skip(architecture, CLASSES)
    settle(network, images)
    path = export_onnx(network, tmp_path / 'm.onnx', CARD)
    model, key, target = prepare(path, precision='auto', max_batch=2)
    plan = get_plan(
        model, key, target, cache=PlanCache(tmp_path / 'plans'), on_progress=say_nothing
    )
    assert len(plan) > path.stat().st_size / 4
    path.unlink()
