# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every architecture can learn one batch by heart: nothing between image and logits is broken."""

from __future__ import annotations

import pytest
from network_zoo import all_but_slow, network_or_skip

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")
F = torch.nn.functional

from drivseg_ros.networks.fcn8s import FCN8sVGG16  # noqa: E402
from drivseg_ros.networks.registry import ARCHITECTURES  # noqa: E402

CLASSES, HEIGHT, WIDTH = 3, 32, 64
QUICK = ('efficientnet_lite_fpn', 'fast_scnn', 'segformer_b0', 'unet')
# The deep transformers need smaller steps, the narrow networks may take larger ones.
RATES = {'efficientnet_lite_fpn': 3e-3, 'fast_scnn': 3e-3} | {
    f'segformer_b{size}': 3e-4 for size in (2, 3, 4, 5)
}


@pytest.fixture(scope='module')
def batch():
    """Two noisy images of coloured patches, and the class of every pixel."""
    generator = torch.Generator().manual_seed(1)
    patches = torch.tensor([[[0, 1], [2, 0]], [[2, 1], [1, 0]]])
    target = patches.repeat_interleave(HEIGHT // 2, 1).repeat_interleave(WIDTH // 2, 2)
    colours = torch.randn(CLASSES, 3, generator=generator)
    noise = torch.randn(2, 3, HEIGHT, WIDTH, generator=generator)
    return colours[target].permute(0, 3, 1, 2) + 0.2 * noise, target


def dice_loss(logits, target):
    """1 - the mean Dice coefficient of the classes over the batch (Milletari et al., 2016)."""
    wanted = F.one_hot(target, CLASSES).permute(0, 3, 1, 2).float()
    found = logits.softmax(dim=1)
    both = (wanted * found).sum(dim=(0, 2, 3))
    return 1 - (2 * both / (wanted + found).sum(dim=(0, 2, 3))).mean()


def learn(network, batch, *, rate, steps=80):
    """Dice loss of the main logits after training on one batch until it is small."""
    image, target = batch
    for module in network.modules():
        if isinstance(module, (torch.nn.Dropout, torch.nn.Dropout2d)):
            module.p = 0.0
        if hasattr(module, 'drop_prob'):  # stochastic depth
            module.drop_prob = 0.0
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    network.train()
    for _ in range(steps):
        outputs = network(image)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        outputs = [
            F.interpolate(o, size=(HEIGHT, WIDTH), mode='bilinear', align_corners=False)
            for o in outputs
        ]
        dice = dice_loss(outputs[0], target)
        if dice < 0.04:
            break
        optimizer.zero_grad()
        weights = [1.0] + [0.4] * (len(outputs) - 1)
        losses = [F.cross_entropy(o, target) + dice_loss(o, target) for o in outputs]
        sum(w * loss for w, loss in zip(weights, losses, strict=True)).backward()
        optimizer.step()
    return float(dice.detach())


# FCN-8s follows below: a step of its 134 M parameters takes seconds.
@pytest.mark.parametrize(
    'architecture', all_but_slow(ARCHITECTURES.keys() - {'fcn8s_vgg16'}, quick=QUICK)
)
def test_one_batch_is_learned_by_heart(architecture, batch):
    torch.manual_seed(0)
    network = network_or_skip(architecture, CLASSES)
    assert learn(network, batch, rate=RATES.get(architecture, 1e-3)) < 0.05


@pytest.mark.slow
def test_a_narrow_fcn8s_learns_it_too(batch):
    """The same but for the width of its former fully connected layers."""
    torch.manual_seed(0)
    assert learn(FCN8sVGG16(CLASSES, hidden=32), batch, rate=1e-3) < 0.05


def test_dice_loss_is_that_of_the_books():
    target = torch.tensor([[[0, 0, 1, 2]]])
    right = F.one_hot(target, CLASSES).permute(0, 3, 1, 2).float() * 1e3
    assert dice_loss(right, target) == pytest.approx(0, abs=1e-6)
    # All three thirds everywhere: 2 n/3 over (n + 4/3), with n = 2, 1, 1 pixels.
    wanted = 1 - (4 / 3 / (2 + 4 / 3) + 2 * (2 / 3 / (1 + 4 / 3))) / 3
    assert dice_loss(torch.zeros(1, 3, 1, 4), target) == pytest.approx(wanted)
