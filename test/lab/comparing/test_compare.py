# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A comparison as a whole: what fails costs its own row and no other."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from tiny_model import write_tiny_model

from drivseg_ros.errors import ModelError
from drivseg_ros.frames.registry import open_dataset
from drivseg_ros.lab.comparing.candidates import Candidate, MeasuredSet, find_candidates
from drivseg_ros.lab.comparing.compare import Timing, compare
from drivseg_ros.lab.comparing.prepare import file_names
from drivseg_ros.lab.comparing.runs import Means
from drivseg_ros.lab.training.recipe import Recipe
from drivseg_ros.lab.training.recipe_parts import Source
from drivseg_ros.lab.training.reporter import Silence
from drivseg_ros.model.file import ModelFile

STREETS = MeasuredSet('streets', open_dataset('scenes', seeds=[3, 5], width=64, height=48))


def test_a_lost_file_and_a_recipe_that_cannot_be_trained(tmp_path: Path) -> None:
    pytest.importorskip('lightning', reason="lightning is not installed: pip install '.[train]'")
    write_tiny_model(tmp_path / 'm.onnx', name='there')
    (there,) = find_candidates([str(tmp_path / 'm.onnx')])
    assert isinstance(there.file, ModelFile)
    lost = Candidate('lost', file=dataclasses.replace(there.file, path=tmp_path / 'gone.onnx'))
    absent = (Source('folder', root=str(tmp_path / 'absent')),)
    recipe = Recipe('untrainable', 'fast_scnn', train=absent, validation=absent, weights='none')
    steps = []
    report = compare(
        [lost, Candidate('untrainable', recipe=recipe), there],
        [STREETS],
        tmp_path / 'out',
        means=Means(device='cpu', threads=1),
        timing=Timing(specs=()),
        reporter_of=lambda title: Silence(),
        on_progress=lambda what, done, total: steps.append(what),
    )
    problems = {row['title']: row['problem'] for row in report['rows']}
    assert 'no model file at' in problems['lost']
    assert 'absent' in problems['untrainable']
    assert problems['there'] == ''
    assert report['rows'][2]['accuracy']['streets']['frames'] == 2
    assert report['timing'] == {}
    assert steps[0] == 'read streets'
    assert 'measure there on streets' in steps


def test_a_size_that_cannot_be_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    pytest.importorskip(
        'segmentation_models_pytorch', reason="smp is not installed: pip install '.[train]'"
    )
    sets = (Source('scenes', options={'seeds': [0, 4], 'width': 64, 'height': 48}),)
    shared: dict[str, Any] = {'train': sets, 'validation': sets, 'weights': 'none', 'epochs': 1}
    good = Recipe('good', 'fast_scnn', width=64, height=48, **shared)
    bad = Recipe('bad', 'deeplabv3plus_resnet50', width=64, height=50, **shared)
    with pytest.raises(ModelError, match=r'bad: .*multiples of 8.*64x50'):
        compare(
            [Candidate(recipe.name, recipe=recipe) for recipe in (good, bad)],
            [STREETS],
            tmp_path / 'out',
            means=Means(device='cpu', threads=1),
            timing=Timing(specs=()),
            reporter_of=lambda title: Silence(),
        )
    assert not (tmp_path / 'out').exists()


def test_a_checkpoint_is_exported_and_counted_itself(tmp_path: Path) -> None:
    torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[torch]'")
    pytest.importorskip('safetensors', reason='safetensors comes with the extra torch')
    from drivseg_ros.model.card import BDD100K_CLASSES, ModelCard
    from drivseg_ros.networks.checkpoint import save_checkpoint
    from drivseg_ros.networks.complexity import gmacs, parameters
    from drivseg_ros.networks.fast_scnn import FastSCNN

    torch.manual_seed(0)
    network = FastSCNN(3).eval()
    told = {'epoch': '3 of 4', 'training_seconds': 9, 'device': 'a CPU', 'recipe': {'batch': 2}}
    card = ModelCard('a network', BDD100K_CLASSES, 64, 48, provenance=told)
    path = save_checkpoint(network, tmp_path / 'c.safetensors', architecture='fast_scnn', card=card)
    report = compare(
        find_candidates([str(path)]),
        [STREETS],
        tmp_path / 'out',
        means=Means(),
        timing=Timing(specs=()),
        reporter_of=lambda title: Silence(),
    )
    (row,) = report['rows']
    assert row['problem'] == ''
    assert row['parameters'] == parameters(network)
    assert row['gmacs'] == pytest.approx(gmacs(network, 64, 48), abs=1e-6)
    assert [row[k] for k in ('epochs', 'training_seconds', 'trained_on')] == ['3 of 4', 9, 'a CPU']
    assert row['recipe'] == {'batch': 2}
    exported = tmp_path / 'out' / 'models' / 'a_network.onnx'
    assert row['file']['bytes'] == exported.stat().st_size


def test_titles_that_differ_in_signs_only_have_files_of_their_own() -> None:
    titles = ['my net', 'my_net', 'my/net', '!!!', '..', 'x' * 300, 'x' * 301]
    names = file_names(titles)
    assert names[:5] == ['my_net', 'my_net_2', 'my_net_3', 'network', 'network_2']
    assert len(set(names)) == len(titles)
    assert max(map(len, names)) < 110


def test_what_onnxruntime_raises_costs_one_row(tmp_path: Path) -> None:
    onnx = pytest.importorskip('onnx', reason="onnx is not installed: pip install '.[models]'")
    path = write_tiny_model(tmp_path / 'broken.onnx', name='broken', work=1)
    write_tiny_model(tmp_path / 'm.onnx', name='there')
    model = onnx.load(path)
    first = model.graph.node[0]
    # Beyond the end; that shows only when it runs.
    place = onnx.helper.make_tensor('beyond', onnx.TensorProto.INT64, [1], [9])
    model.graph.initializer.append(place)
    given = first.input[0]
    gather = onnx.helper.make_node('Gather', [given, 'beyond'], ['lost'], axis=3)
    first.input[0] = 'lost'
    model.graph.node.insert(0, gather)
    onnx.save(model, path)
    report = compare(
        find_candidates([str(path), str(tmp_path / 'm.onnx')]),
        [STREETS],
        tmp_path / 'out',
        means=Means(),
        timing=Timing(specs=()),
        reporter_of=lambda title: Silence(),
    )
    broken, there = report['rows']
    assert 'INVALID_ARGUMENT' in broken['problem']
    assert '\n' not in broken['problem']
    assert (there['problem'], there['accuracy']['streets']['frames']) == ('', 2)
