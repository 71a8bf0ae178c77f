# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""All architectures: shapes, parameter counts, gradients, checkpoints, model files."""

from __future__ import annotations

import copy
import itertools

import pytest
from build_harness import needs_rtx, prepare
from network_zoo import network_or_skip, settle

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")
pytest.importorskip('safetensors', reason="safetensors is not installed: pip install '.[train]'")

from drivseg_ros.errors import ModelError  # noqa: E402
from drivseg_ros.model_card import ModelCard, ModelClass, Role  # noqa: E402
from drivseg_ros.model_file import read_model_file  # noqa: E402
from drivseg_ros.models.checkpoint import load_checkpoint, save_checkpoint  # noqa: E402
from drivseg_ros.models.export import export_onnx  # noqa: E402
from drivseg_ros.models.layers import inference_parameters  # noqa: E402
from drivseg_ros.models.registry import ARCHITECTURES  # noqa: E402

CLASSES = 19
CARD = ModelCard(
    'zoo',
    tuple(ModelClass(i, f'class {i}', (i, i, i), Role.NONE) for i in range(CLASSES)),
    128,
    96,
)
# What torchvision publishes of resnet50, without its last layer.
RESNET50 = 25_557_032 - (2048 * 1000 + 1000)


def conv_bn(a, b, kernel=1):
    return a * b * kernel**2 + 2 * b


def separable(a, b):
    return 9 * a + conv_bn(a, b)


def score(a, classes=CLASSES):
    return (a + 1) * classes


def fcn_resnet50():
    """torchvision publishes 35,322,218 with the auxiliary head, for 21 classes."""
    auxiliary = conv_bn(1024, 256, 3) + score(256, 21)
    return 35_322_218 - auxiliary - score(512, 21) + score(512)


def fcn8s_vgg16():
    """VGG-16 has 138,357,544, its last layer included (Simonyan and Zisserman: 138 M)."""
    body = 138_357_544 - (4096 * 1000 + 1000)
    return body + score(4096) + score(512) + score(256) + 2 * CLASSES**2 * 16


def unet():
    """Figure 1 of the paper, with three channels of input and batch norms."""
    widths = [64, 128, 256, 512, 1024]
    count = conv_bn(3, 64, 3) + conv_bn(64, 64, 3) + score(64)
    for a, b in itertools.pairwise(widths):
        count += conv_bn(a, b, 3) + conv_bn(b, b, 3)
        count += 4 * b * a + a + conv_bn(b, a, 3) + conv_bn(a, a, 3)
    return count


def pspnet_resnet50():
    return RESNET50 + 4 * conv_bn(2048, 512) + conv_bn(4096, 512, 3) + score(512)


def deeplabv3plus_resnet50():
    pyramid = 2 * conv_bn(2048, 256) + 3 * separable(2048, 256) + conv_bn(5 * 256, 256)
    decoder = separable(256, 256) + conv_bn(256, 48) + separable(304, 256) + score(256)
    return RESNET50 + pyramid + decoder


COUNTS = {
    'deeplabv3plus_resnet50': deeplabv3plus_resnet50(),
    'fcn8s_vgg16': fcn8s_vgg16(),
    'fcn_resnet50': fcn_resnet50(),
    'pspnet_resnet50': pspnet_resnet50(),
    # The checkpoint published for ADE20K's 150 classes has 3,752,694.
    'segformer_b0': 3_752_694 - score(256, 150) + score(256),
    'unet': unet(),
}
# Millions, as the papers round them for the number of classes given.
PAPERS = {
    'fast_scnn': (1.11, 19),
    'segformer_b0': (3.8, 150),
    'segformer_b1': (13.7, 150),
    'segformer_b2': (27.5, 150),
    'segformer_b3': (47.3, 150),
    'segformer_b4': (64.1, 150),
    'segformer_b5': (84.7, 150),
}
# Input size to that of the logits, or to what the error says.
EIGHTH = {(360, 640): (45, 80), (353, 641): (45, 81), (33, 47): (5, 6)}
QUARTER = {(360, 640): (90, 160), (353, 641): (88, 160), (33, 47): (8, 11), (31, 48): '48x32 would'}
SHAPES = {
    'deeplabv3plus_resnet50': {
        (360, 640): (90, 160),
        (353, 641): '641x353; 648x360 would do',
        (40, 47): '47x40; 48x40 would do',
    },
    'unet': {size: size for size in EIGHTH},
    **dict.fromkeys(('fast_scnn', 'fcn8s_vgg16', 'fcn_resnet50', 'pspnet_resnet50'), EIGHTH),
    **{f'segformer_b{size}': QUARTER for size in range(6)},
}
# Too large for a test: all SegFormers have the code of b0; a narrower FCN-8s is in test_fcn8s.py.
NOT_WRITTEN = {'fcn8s_vgg16', *(f'segformer_b{size}' for size in range(1, 6))}


@pytest.fixture(scope='module', params=sorted(ARCHITECTURES))
def zoo(request):
    """Name and network; each is made once."""
    torch.manual_seed(0)
    return request.param, network_or_skip(request.param, CLASSES)


def test_parameter_count_is_the_published_one(zoo):
    name, network = zoo
    count = inference_parameters(network)
    assert name in {**COUNTS, **PAPERS}
    if name in COUNTS:
        assert count == COUNTS[name]
    if name in PAPERS:
        millions, classes = PAPERS[name]
        last = next(p for p in network.state_dict().values() if p.shape[:1] == (CLASSES,))
        more = (classes - CLASSES) * (last.shape[1] + 1)
        assert (count + more) / 1e6 == pytest.approx(millions, abs=0.06)


def test_the_auxiliary_branch_of_pspnet_is_for_training_only(zoo):
    name, network = zoo
    if name != 'pspnet_resnet50':
        return
    auxiliary = conv_bn(1024, 256, 3) + score(256)
    assert sum(p.numel() for p in network.parameters()) == COUNTS[name] + auxiliary


def test_logits_have_the_size_stated_or_the_error_says_which_would_do(zoo):
    name, network = zoo
    network = copy.deepcopy(network).to('meta').eval()  # shapes without the arithmetic
    for size, wanted in SHAPES[name].items():
        image = torch.zeros(2, 3, *size, device='meta')
        if isinstance(wanted, str):
            with pytest.raises(ModelError, match=wanted):
                network(image)
        else:
            assert network(image).shape == (2, CLASSES, *wanted)


def test_gradient_reaches_every_parameter(zoo):
    name, network = zoo
    images = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    # Stochastic depth leaves out a block now and then, and its parameters with it.
    paths = {
        module: module.drop_prob for module in network.modules() if hasattr(module, 'drop_prob')
    }
    for module in paths:
        module.drop_prob = 0.0
    outputs = network.train()(images)
    for module, probability in paths.items():
        module.drop_prob = probability
    outputs = (outputs,) if isinstance(outputs, torch.Tensor) else outputs
    assert len(outputs) == {'fast_scnn': 3, 'pspnet_resnet50': 2}.get(name, 1)
    assert all(output.shape[:2] == (2, CLASSES) for output in outputs)
    sum(output.square().mean() for output in outputs).backward()
    without = [
        key
        for key, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    network.zero_grad(set_to_none=True)
    assert without == []


@pytest.fixture(scope='module')
def images():
    coarse = torch.randn(2, 3, 12, 16, generator=torch.Generator().manual_seed(1))
    return coarse.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3)


def test_checkpoint_and_model_file(zoo, images, tmp_path):
    """`export_onnx` compares the file with the network; a wrong one would be refused."""
    name, network = zoo
    if name in NOT_WRITTEN:
        return
    settle(network, images)
    path = save_checkpoint(network, tmp_path / 'c.safetensors', architecture=name, card=CARD)
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
@pytest.mark.parametrize('architecture', ['pspnet_resnet50', 'segformer_b0'])
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
