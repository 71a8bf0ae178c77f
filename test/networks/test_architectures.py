# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""All architectures: shapes, parameter counts, gradients."""

from __future__ import annotations

import copy
import itertools

import pytest
from network_zoo import all_but_slow, network_or_skip

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

from drivseg_ros.errors import ModelError  # noqa: E402
from drivseg_ros.networks.layers import inference_parameters  # noqa: E402
from drivseg_ros.networks.registry import ARCHITECTURES  # noqa: E402
from drivseg_ros.networks.stages import stages_of  # noqa: E402

CLASSES = 19
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


def efficientnet_lite_fpn():
    """The first 13 of EfficientNet-Lite0's 16 blocks, counted from the table of the paper."""
    widths = [32, 16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192]
    kernels = [3, 3, 3, 5, 5, 3, 3, 3, 5, 5, 5, 5, 5]
    count = conv_bn(3, 32, 3)
    for block, (a, b, k) in enumerate(zip(widths, widths[1:], kernels, strict=False)):
        wide = a if block == 0 else 6 * a
        count += (conv_bn(a, wide) if block else 0) + wide * k**2 + 2 * wide + conv_bn(wide, b)
    count += 3 * conv_bn(192, 64) + conv_bn(192 + 3 * 64, 128)
    for coarse, fine, lateral, out in ((128, 112, 64, 128), (128, 40, 64, 64), (32, 24, 32, 32)):
        joined = coarse + lateral
        count += conv_bn(fine, lateral) + 9 * joined + 2 * joined + conv_bn(joined, out)
    return count + conv_bn(64, 32) + score(32)


COUNTS = {
    'deeplabv3plus_resnet50': deeplabv3plus_resnet50(),
    'efficientnet_lite_fpn': efficientnet_lite_fpn(),
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
    'efficientnet_lite_fpn': {(360, 640): (72, 128), (353, 641): (71, 129), (33, 47): (7, 10)},
    'unet': {size: size for size in EIGHTH},
    **dict.fromkeys(('fast_scnn', 'fcn8s_vgg16', 'fcn_resnet50', 'pspnet_resnet50'), EIGHTH),
    **{f'segformer_b{size}': QUARTER for size in range(6)},
}

# Logits in training mode, those of auxiliary heads included.
OUTPUTS = {'efficientnet_lite_fpn': 2, 'fast_scnn': 3, 'pspnet_resnet50': 2}


# The largest have more of the same blocks.
LARGEST = {'segformer_b3', 'segformer_b4', 'segformer_b5'}


@pytest.fixture(
    scope='module', params=all_but_slow(ARCHITECTURES, quick=set(ARCHITECTURES) - LARGEST)
)
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
    assert len(outputs) == OUTPUTS.get(name, 1)
    assert all(output.shape[:2] == (2, CLASSES) for output in outputs)
    sum(output.square().mean() for output in outputs).backward()
    without = [
        key
        for key, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    network.zero_grad(set_to_none=True)
    assert without == []


def test_stages_are_maps_from_fine_to_coarse_that_the_logits_depend_on(zoo):
    name, network = zoo
    maps = {}

    def keep(stage):
        def hook(module, inputs, output):
            maps[stage] = output

        return hook

    hooks = [
        network.get_submodule(path).register_forward_hook(keep(stage))
        for stage, path in stages_of(name).items()
    ]
    logits = network.eval()(torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0)))
    for hook in hooks:
        hook.remove()
    assert list(maps)[-1] == 'decoder'
    assert sum(stage.startswith('stage') for stage in maps) >= 3
    gradients = torch.autograd.grad(logits.square().sum(), list(maps.values()))
    for (stage, features), gradient in zip(maps.items(), gradients, strict=True):
        assert features.dim() == 4, stage
        assert gradient.abs().sum() > 0, stage
    areas = [m.shape[2] * m.shape[3] for s, m in maps.items() if s.startswith('stage')]
    assert areas == sorted(areas, reverse=True)
