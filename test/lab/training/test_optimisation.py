# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Optimiser, schedule and the running mean, against their formulas."""

from __future__ import annotations

import math

import pytest
from tiny_recipes import tiny_recipe

torch = pytest.importorskip('torch', reason='training needs torch')

from drivseg_ros.lab.training.averaging import averaged_copy, update_average  # noqa: E402
from drivseg_ros.lab.training.optimisation import create_optimizer, create_schedule  # noqa: E402


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4)),
        torch.nn.Conv2d(4, 2, 1),
    )


def one_cycle(step, steps, peak, ascent):
    """Smith and Topin: cosine from peak / 25 to the peak, and down to peak / 250,000."""
    top = ascent * steps - 1
    if step <= top:
        low, share = peak / 25, step / top
        return low + (peak - low) * (1 - math.cos(math.pi * share)) / 2
    low, share = peak / 25e4, (step - top) / (steps - 1 - top)
    return low + (peak - low) * (1 + math.cos(math.pi * share)) / 2


@pytest.mark.parametrize(('steps', 'ascent'), [(20, 0.3), (10, 0.5), (400, 0.05)])
def test_the_learning_rate_goes_up_and_down(steps, ascent):
    recipe = tiny_recipe(ascent=ascent, learning_rate=0.02, rates={'0': 0.5})
    optimizer = create_optimizer(network(), recipe)
    schedule = create_schedule(optimizer, recipe, steps)
    for step in range(steps):
        wanted = one_cycle(step, steps, 0.02, ascent)
        rates = sorted(group['lr'] for group in optimizer.param_groups)
        assert rates == pytest.approx([wanted / 2, wanted])
        optimizer.step()
        schedule.step()


@pytest.mark.parametrize(('steps', 'ascent'), [(1, 0.3), (2, 0.5), (3, 0.3), (10, 0.1), (4, 0.25)])
def test_short_runs_have_a_learning_rate(steps, ascent):
    recipe = tiny_recipe(ascent=ascent)
    optimizer = create_optimizer(network(), recipe)
    schedule = create_schedule(optimizer, recipe, steps)
    for _ in range(steps):
        assert 0 < optimizer.param_groups[0]['lr'] <= recipe.learning_rate * (1 + 1e-9)
        optimizer.step()
        schedule.step()


def test_a_constant_rate_has_no_schedule():
    recipe = tiny_recipe(schedule='constant')
    assert create_schedule(create_optimizer(network(), recipe), recipe, 10) is None


@pytest.mark.parametrize(
    ('name', 'kind'),
    [('adam', torch.optim.Adam), ('adamw', torch.optim.AdamW), ('sgd', torch.optim.SGD)],
)
def test_decay_is_for_kernels_and_rates_for_parts(name, kind):
    recipe = tiny_recipe(
        optimizer=name, weight_decay=0.01, learning_rate=0.1, rates={'0': 0.5, '0.1': 0.2}
    )
    made = network()
    optimizer = create_optimizer(made, recipe)
    assert type(optimizer) is kind
    found = {
        id(p): (group['lr'], group['weight_decay'])
        for group in optimizer.param_groups
        for p in group['params']
    }
    wanted = {
        '0.0.weight': (0.05, 0.01),
        '0.0.bias': (0.05, 0),
        '0.1.weight': (pytest.approx(0.02), 0),
        '0.1.bias': (pytest.approx(0.02), 0),
        '1.weight': (0.1, 0.01),
        '1.bias': (0.1, 0),
    }
    assert {n: found[id(p)] for n, p in made.named_parameters()} == wanted


def test_the_mean_follows_fast_at_first():
    made = network()
    average = averaged_copy(made)
    value = made[1].weight.detach().clone()
    mean = value.clone()
    for step in range(1, 40):
        with torch.no_grad():
            made[1].weight += 0.1 * step
            made[0][1].running_mean += 1
            made[0][1].num_batches_tracked += 1
        share = min(0.6, step / (step + 10))
        mean = share * mean + (1 - share) * made[1].weight.detach()
        update_average(average, made, decay=0.6, step=step)
    assert torch.allclose(average[1].weight, mean, atol=1e-4)
    assert float(average[0][1].num_batches_tracked) == 39
    assert 36 < float(average[0][1].running_mean[0]) < 39
    assert not any(p.requires_grad for p in average.parameters())
