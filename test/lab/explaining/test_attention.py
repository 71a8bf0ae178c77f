# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SegFormer's attention against the module's own arithmetic, written out."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[torch]'")

from drivseg_ros.errors import ModelError  # noqa: E402
from drivseg_ros.lab.explaining.attention import (  # noqa: E402
    attention_of,
    by_stage,
    has_attention,
)
from drivseg_ros.lab.explaining.subject import Subject  # noqa: E402
from drivseg_ros.networks.fast_scnn import FastSCNN  # noqa: E402


def masks(subject: Subject) -> list[np.ndarray]:
    shape = subject.predicted.shape
    single, some = np.zeros(shape, bool), np.zeros(shape, bool)
    single[60, 50] = True
    some[30:70, 5:90] = True
    return [single, some, np.ones(shape, bool)]


def test_the_maps_are_distributions_over_the_keys(segformer_subject: Subject) -> None:
    for mask in masks(segformer_subject):
        blocks = attention_of(segformer_subject.network, segformer_subject.planes, mask)
        assert [(one.stage, one.block) for one in blocks] == [
            (stage, block) for stage in (1, 2, 3, 4) for block in (1, 2)
        ]
        assert [len(one.heads) for one in blocks] == [1, 1, 2, 2, 5, 5, 8, 8]
        for one in blocks:
            for head in one.heads:
                assert head.values.min() >= 0
                assert head.values.sum() == pytest.approx(1, abs=1e-5)
    # 100x72: 18x25 positions, of which keys of 8x8 cover 16x24.
    first = blocks[0].heads[0]
    assert (first.values.shape, first.covered) == ((2, 3), (16 / 18, 24 / 25))


def written_out(module: torch.nn.Module, x: torch.Tensor, height: int, width: int) -> np.ndarray:
    """[heads, queries, keys], from the weights and the input alone."""
    weights = {name: value.double() for name, value in module.state_dict().items()}
    x, heads, ratio = x[0].double(), module.num_heads, module.sr_ratio
    source = x
    if ratio > 1:
        grid = x.T.reshape(1, -1, height, width)
        reduced = torch.nn.functional.conv2d(grid, weights['sr.weight'], weights['sr.bias'], ratio)
        source = reduced[0].flatten(1).T
        source = source - source.mean(1, keepdim=True)
        source = source / (source.square().mean(1, keepdim=True) + module.norm.eps).sqrt()
        source = source * weights['norm.weight'] + weights['norm.bias']
    channels = x.shape[1]
    q = x @ weights['q.weight'].T + weights.get('q.bias', 0)
    k = (
        source @ weights['kv.weight'][:channels].T
        + weights.get('kv.bias', torch.zeros(1))[:channels]
    )
    size = channels // heads
    result = []
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        scores = (q[:, part] @ k[:, part].T / size**0.5).exp()
        result.append((scores / scores.sum(1, keepdim=True)).numpy())
    return np.stack(result)


def test_it_is_the_softmax_of_the_modules_own_q_and_k(segformer_subject: Subject) -> None:
    network, planes = segformer_subject.network, segformer_subject.planes
    given: dict[str, tuple] = {}
    handles = [
        module.register_forward_pre_hook(lambda _, inputs, name=name: given.update({name: inputs}))
        for name, module in network.named_modules()
        if name.endswith('.attn')
    ]
    with torch.no_grad():
        network(planes)
    for handle in handles:
        handle.remove()
    shape = segformer_subject.predicted.shape
    for y, x in ((60, 50), (0, 0), (71, 99)):
        mask = np.zeros(shape, bool)
        mask[y, x] = True
        found = attention_of(network, planes, mask)
        for name, one in zip(given, found, strict=True):
            tokens, height, width = given[name]
            query = int((y + 0.5) / 72 * height) * width + int((x + 0.5) / 100 * width)
            wanted = written_out(network.get_submodule(name), tokens, height, width)[:, query]
            values = np.stack([head.values.ravel() for head in one.heads])
            np.testing.assert_allclose(values, wanted, atol=1e-5)
            assert values.std() > 1e-6  # the test would see a wrong row


def test_many_queries_give_the_mean_of_their_rows(segformer_subject: Subject) -> None:
    network, planes = segformer_subject.network, segformer_subject.planes
    points = [(10, 10), (40, 80), (41, 80), (71, 99)]
    together = np.zeros(segformer_subject.predicted.shape, bool)
    alone = []
    for y, x in points:
        together[y, x] = True
        mask = np.zeros_like(together)
        mask[y, x] = True
        alone.append(attention_of(network, planes, mask))
    for number, one in enumerate(attention_of(network, planes, together)):
        wanted = np.mean([[h.values for h in blocks[number].heads] for blocks in alone], axis=0)
        np.testing.assert_allclose([h.values for h in one.heads], wanted, atol=1e-6)


def test_stages_show_their_last_block_or_the_mean(segformer_subject: Subject) -> None:
    mask = masks(segformer_subject)[0]
    blocks = attention_of(segformer_subject.network, segformer_subject.planes, mask)
    last, mean = by_stage(blocks, 'last'), by_stage(blocks, 'mean')
    assert [len(row) for row in last] == [len(row) for row in mean] == [1, 2, 5, 8]
    assert [head.name for head in last[1]] == ['stage 2, head 1', 'stage 2, head 2']
    for stage in range(4):
        first, second = blocks[2 * stage : 2 * stage + 2]
        for head in range(len(last[stage])):
            pair = first.heads[head].values, second.heads[head].values
            np.testing.assert_array_equal(last[stage][head].values, pair[1])
            np.testing.assert_allclose(mean[stage][head].values, (pair[0] + pair[1]) / 2, atol=1e-7)


def test_a_network_without_attention_is_refused() -> None:
    network = FastSCNN(3).eval()
    assert not has_attention(network)
    with pytest.raises(ModelError, match=r'no attention .* grad-cam'):
        attention_of(network, torch.zeros(1, 3, 48, 64), np.ones((48, 64), bool))
