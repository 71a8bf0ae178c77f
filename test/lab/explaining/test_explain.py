# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which maps an explanation holds, and its page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from network_zoo import network_or_skip, red_and_green, strongest_color, subject_of

pytest.importorskip('torch', reason="torch is not installed: pip install '.[torch]'")

from drivseg_ros.errors import DataError, ModelError, ParameterError
from drivseg_ros.lab.explaining.explain import explain
from drivseg_ros.lab.explaining.pixels import Spot
from drivseg_ros.lab.explaining.subject import Subject
from drivseg_ros.model.card import ModelClass, Resize


@pytest.fixture
def colors() -> Subject:
    return subject_of(strongest_color(), red_and_green())


def test_the_network_sees_what_the_segmenter_gives_it(colors: Subject) -> None:
    wanted = np.zeros((96, 128), np.uint8)
    wanted[:, 64:] = 1
    np.testing.assert_array_equal(colors.class_ids, wanted)
    letterboxed = subject_of(
        strongest_color(), red_and_green(), width=64, height=64, resize=Resize.LETTERBOX
    )
    np.testing.assert_array_equal(letterboxed.class_ids, wanted)
    assert letterboxed.predicted_as(0)[:8].sum() == 0  # the grey above is no pixel of the image
    assert letterboxed.predicted_as(1).sum() == 32 * 48


def test_every_class_with_a_role_is_explained_by_its_own_pixels(colors: Subject) -> None:
    found = explain(colors, layer='features')
    assert (found.method, [heat.name for heat in found.maps]) == (
        'grad-cam',
        ['direct', 'alternative'],
    )
    direct, alternative = (heat.values for heat in found.maps)
    assert (direct[:, :32] > 0).all()
    assert not direct[:, 32:].any()
    np.testing.assert_array_equal(alternative > 0, direct == 0)
    assert found.facts['layer'] == 'features'


def test_classes_and_pixels_that_were_named(colors: Subject) -> None:
    spot = Spot(region=(100, 0, 10, 10))
    found = explain(colors, classes=['background', 'direct'], spot=spot, layer='features')
    assert [heat.name for heat in found.maps] == ['background', 'direct']
    assert found.asked is not None
    assert found.asked.sum() == 25
    # The channel of blue is negative everywhere, the one of red positive on the left.
    assert not found.maps[0].values.any()
    assert (found.maps[1].values[:, :32] > 0).all()


def test_a_class_that_is_predicted_nowhere(colors: Subject) -> None:
    red = subject_of(strongest_color(), np.full((48, 64, 3), (200, 0, 0), np.uint8))
    found = explain(red, layer='features')
    assert [heat.note for heat in found.maps] == ['', 'predicted nowhere']
    with pytest.raises(DataError, match='predicted as alternative; predicted are direct'):
        explain(red, layer='features', classes=['alternative'])


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        ({'method': 'gaze'}, ParameterError, 'allowed: auto, attention, grad-cam'),
        ({'block': 'first'}, ParameterError, 'allowed: last, mean'),
        ({'block': 'mean'}, ParameterError, 'is for attention'),
        ({'method': 'attention'}, ModelError, 'has no attention'),
        ({'method': 'attention', 'layer': 'features'}, ParameterError, 'is for grad-cam'),
        ({'classes': ['lane']}, ModelError, "no class 'lane'; it has direct, alternative"),
        ({'classes': ['direct', 'direct']}, ParameterError, "'direct' was given twice"),
        ({'layer': 'absent'}, ModelError, "no layer 'absent'"),
        ({'spot': Spot(points=((128, 0),))}, ParameterError, 'outside of the image'),
    ],
)
def test_refusals(
    colors: Subject, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        explain(colors, **options)


@pytest.mark.parametrize(
    ('layer', 'module'),
    [(None, 'features.2'), ('decoder', 'fusion'), ('features.0.1', 'features.0.1')],
)
def test_a_layer_is_a_stage_or_a_module(layer: str | None, module: str) -> None:
    subject = subject_of(network_or_skip('fast_scnn', 3), architecture='fast_scnn')
    found = explain(subject, classes=['direct'], spot=Spot(points=((5, 5),)), layer=layer)
    assert found.facts['layer'] == module


def test_an_architecture_without_named_stages_asks_for_a_layer() -> None:
    subject = subject_of(strongest_color(), red_and_green(), architecture='own')
    with pytest.raises(ModelError, match=r"encoder of 'own' ends is unknown .*name a module"):
        explain(subject)
    assert explain(subject, layer='features').facts['layer'] == 'features'


def test_a_card_without_roles_asks_for_a_class() -> None:
    classes = tuple(ModelClass(i, name, (i, 0, 0)) for i, name in enumerate('abc'))
    subject = subject_of(strongest_color(), red_and_green(), classes=classes)
    with pytest.raises(ModelError, match=r'no class with a role.*a, b, c'):
        explain(subject, layer='features')
    assert explain(subject, layer='features', classes=['a']).maps[0].values.any()


def test_attention_by_stage_and_head(segformer_subject: Subject) -> None:
    found = explain(segformer_subject)
    assert found.method == 'attention'
    assert [title for title, _ in found.rows] == [f'stage {i}' for i in (1, 2, 3, 4)]
    assert [len(maps) for _, maps in found.rows] == [1, 2, 5, 8]
    assert found.asked is not None
    assert found.asked.sum() == 1
    assert found.question == 'attention of the pixel 100,129'
    elsewhere = explain(segformer_subject, spot=Spot(points=((0, 0),)))
    assert any(
        not np.array_equal(a.values, b.values)
        for a, b in zip(found.maps, elsewhere.maps, strict=True)
    )
    both = explain(segformer_subject, spot=Spot(points=((0, 0), (100, 129))), block='mean')
    assert both.facts['block'] == 'the mean over each stage'
    name = segformer_subject.card.class_names[segformer_subject.predicted[0, 0]]
    of_class = explain(segformer_subject, classes=[name])
    np.testing.assert_array_equal(
        of_class.asked, segformer_subject.predicted == segformer_subject.predicted[0, 0]
    )
    with pytest.raises(ParameterError, match='pixels of one class'):
        explain(segformer_subject, classes=[name], spot=Spot(points=((0, 0),)))


def test_segformer_has_class_activation_maps_too(segformer_subject: Subject) -> None:
    found = explain(segformer_subject, method='grad-cam', spot=Spot(region=(0, 0, 200, 144)))
    assert found.facts['layer'] == 'network.encoder.norm4'
    assert {heat.values.shape for heat in found.maps} == {(3, 4)}


def test_the_page_shows_every_map(
    colors: Subject, segformer_subject: Subject, tmp_path: Path
) -> None:
    pytest.importorskip('matplotlib', reason="matplotlib is missing: pip install '.[report]'")
    from drivseg_ros.lab.explaining.page import draw_page

    pages = {
        'attention': explain(segformer_subject),
        'activation': explain(colors, layer='features', spot=Spot(region=(20, 20, 60, 40))),
    }
    sizes = {}
    for name, found in pages.items():
        draw_page(found, tmp_path / 'new' / f'{name}.png')
        page = cv2.imread(str(tmp_path / 'new' / f'{name}.png'))
        sizes[name] = page.shape
        assert page.std() > 5
    # Eight heads beside each other against two classes, four stages against one row.
    assert sizes['attention'][1] > 2 * sizes['activation'][1]
    assert sizes['attention'][0] > 1.5 * sizes['activation'][0]


@pytest.mark.parametrize('shape', [(700, 3), (3, 700), (1, 1)])
def test_the_page_of_an_odd_picture_stays_small(shape: tuple[int, int], tmp_path: Path) -> None:
    pytest.importorskip('matplotlib', reason="matplotlib is missing: pip install '.[report]'")
    from drivseg_ros.lab.explaining.page import draw_page

    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    names = [(r'$\frac{$', 'direct'), ('b', 'alternative'), ('c', 'none')]  # no formula
    classes = tuple(ModelClass(i, name, (i, 0, 0), role) for i, (name, role) in enumerate(names))
    subject = subject_of(strongest_color(), image, classes=classes)
    draw_page(explain(subject, layer='features'), tmp_path / 'p.png')
    page = cv2.imread(str(tmp_path / 'p.png'))
    assert max(page.shape) < 2500
    assert page.std() > 5


def test_all_of_it_is_plain_data(colors: Subject) -> None:
    found = explain(colors, layer='features').describe()
    assert json.loads(json.dumps(found)) == found
    assert found['network']['classes'] == ['direct', 'alternative', 'background']
    assert [one['name'] for one in found['maps']] == ['direct', 'alternative']
    assert len(found['maps'][0]['values']) == 48
