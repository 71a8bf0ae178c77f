# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures are of the worst and the best frames, and show what label and mask say."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from color_bag import color_image, write_color_bag
from evaluation_cases import BDD100K, classes
from tiny_model import write_tiny_model

from drivseg_ros.bags.source import BagSource
from drivseg_ros.bags.topics import BagTopics
from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.comparison import describe_baseline
from drivseg_ros.evaluation.evaluate import evaluate_source
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.settings import EvaluationSettings
from drivseg_ros.frames.labels import plain_labels
from drivseg_ros.frames.matching import Area, Matching
from drivseg_ros.model.card import BDD100K_CLASSES, UNLABELLED
from drivseg_ros.report.page.difference import (
    COLORS,
    Difference,
    difference_ids,
    paint_difference,
)
from drivseg_ros.report.page.pictures import MAX_SIDE, draw_pictures
from drivseg_ros.segmenter import Segmenter

TOPICS = BagTopics('/cam/image_raw', '/cam/label')
WRONG = 3
COLORS_OF = np.array([c.color for c in BDD100K_CLASSES], np.uint8)


@pytest.fixture
def segmenter(tiny_model: Path) -> Segmenter:
    with Segmenter.open(tiny_model, engine='onnxruntime') as segmenter:
        yield segmenter


def source(path: Path, topics: BagTopics = TOPICS) -> BagSource:
    return BagSource(path, topics, plain_labels('bdd100k', BDD100K_CLASSES))


def judged(path: Path, segmenter: Segmenter) -> Evaluation:
    return evaluate_source(
        source(path),
        segmenter,
        EvaluationSettings(sequence=True),
        network={'model': 'tiny'},
        network_classes=BDD100K_CLASSES,
    )


def decoded(data: bytes | None) -> np.ndarray:
    assert data is not None
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_the_worst_frame_first(tmp_path: Path, segmenter: Segmenter) -> None:
    path = write_color_bag(tmp_path / 'bag', frames=8, wrong_label=WRONG).path
    result = judged(path, segmenter)
    pictures = draw_pictures(result, [source(path)], segmenter)
    assert [p.chosen.which for p in pictures] == ['worst'] * 5 + ['best'] * 3
    assert len({p.chosen.name for p in pictures}) == 8
    first = pictures[0]
    assert first.chosen.name == result.rows[WRONG].name
    assert first.chosen.metric == 'mIoU'
    assert first.chosen.value == min(p.chosen.value for p in pictures) < 0.5
    image = color_image(WRONG)
    assert (first.width, first.height) == (image.shape[1], image.shape[0])
    assert np.abs(decoded(first.image).astype(int) - image).mean() < 30
    assert (decoded(first.prediction) == COLORS_OF[image.argmax(-1)]).all()
    assert (decoded(first.label) == COLORS_OF[2]).all()
    # What is direct or alternative was invented, the rest is right.
    invented = decoded(first.difference).astype(int)
    there = cv2.erode((image.argmax(-1) < 2).astype(np.uint8), np.ones((9, 9))) > 0
    right = cv2.erode((image.argmax(-1) == 2).astype(np.uint8), np.ones((9, 9))) > 0
    assert np.abs(invented[there] - COLORS[Difference.INVENTED]).mean() < 60
    assert np.ptp(invented[right], axis=-1).mean() < 20


def test_frames_that_became_worse_come_first_with_both_predictions(
    tmp_path: Path, segmenter: Segmenter
) -> None:
    path = write_color_bag(tmp_path / 'bag', frames=8, wrong_label=WRONG).path
    before = judged(path, segmenter)
    # At 8x6 pixels, it sees less.
    with Segmenter.open(
        write_tiny_model(tmp_path / 'worse.onnx', width=8, height=6), engine='onnxruntime'
    ) as worse:
        after = judged(path, worse)
        baseline = describe_baseline('before.json', before, after)
        pictures = draw_pictures(
            after, [source(path)], worse, count=2, baseline=baseline, earlier=segmenter
        )
    assert [p.chosen.which for p in pictures] == ['worse'] * 2 + ['worst'] * 2 + ['best'] * 2
    assert len({p.chosen.name for p in pictures}) == 6
    names = [row.name for row in after.rows]
    for one in pictures[:2]:
        index = names.index(one.chosen.name)
        assert one.chosen.before == before.frame_values[index]['miou']
        assert one.chosen.value == after.frame_values[index]['miou'] < one.chosen.before
        right = COLORS_OF[color_image(index).argmax(-1)]
        assert (decoded(one.was_prediction) == right).all()
        assert (decoded(one.prediction) != right).any()
        # What was right then has no colour.
        assert np.ptp(decoded(one.was_difference).astype(int), axis=-1).mean() < 10
        assert np.ptp(decoded(one.difference).astype(int), axis=-1).mean() > 10
    assert {p.was_prediction for p in pictures[2:]} == {None}
    assert {p.chosen.before for p in pictures[2:]} == {None}


def test_bags_whose_frames_have_the_same_names(tmp_path: Path, segmenter: Segmenter) -> None:
    paths = [
        write_color_bag(tmp_path / 'one', frames=4).path,
        write_color_bag(tmp_path / 'two', frames=4, wrong_label=1).path,
    ]
    result = judged(paths[0], segmenter).merge(judged(paths[1], segmenter))
    sources = [source(path) for path in paths]
    pictures = draw_pictures(result, sources, segmenter, count=2)
    assert len(pictures) == 4
    assert (pictures[0].chosen.part, pictures[0].chosen.value < 0.5) == (1, True)
    left = draw_pictures(result, [sources[0], None], segmenter, count=2)
    assert {p.chosen.part for p in left} == {0}
    with pytest.raises(DataError, match='1 folders and bags were given for pictures of 2'):
        draw_pictures(result, sources[:1], segmenter)


def test_without_a_network_image_and_label_are_shown(tmp_path: Path, segmenter: Segmenter) -> None:
    path = write_color_bag(tmp_path / 'bag', frames=2).path
    (one, _) = draw_pictures(judged(path, segmenter), [source(path)], None, count=1)
    assert one.image is not None
    assert one.label is not None
    assert one.overlay is one.prediction is one.difference is None


def test_frames_that_are_gone_are_told(tmp_path: Path, segmenter: Segmenter) -> None:
    result = judged(write_color_bag(tmp_path / 'bag', frames=4).path, segmenter)
    shorter = source(write_color_bag(tmp_path / 'shorter', frames=1).path)
    with pytest.raises(DataError, match=r'shorter has no frame .* any more'):
        draw_pictures(result, [shorter], segmenter)


def test_large_images_become_small(tmp_path: Path, segmenter: Segmenter) -> None:
    from drivseg_ros.bags import messages
    from drivseg_ros.bags.writer import BagWriter

    image = color_image(1, height=1200, width=1600)
    with BagWriter(tmp_path / 'large') as writer:
        for topic, pixels, encoding in (
            ('/cam/image_raw', image, 'rgb8'),
            ('/cam/label', image.argmax(-1).astype(np.uint8), 'mono8'),
        ):
            writer.add_topic(topic, 'sensor_msgs/msg/Image')
            message = messages.image(pixels, encoding=encoding, stamp_ns=5, frame_id='camera')
            writer.write(topic, 5, message)
    (one,) = draw_pictures(
        judged(tmp_path / 'large', segmenter), [source(tmp_path / 'large')], segmenter
    )
    assert (one.width, one.height) == (MAX_SIDE, 480)
    for data in (one.image, one.overlay, one.label, one.prediction, one.difference):
        assert decoded(data).shape == (480, MAX_SIDE, 3)


ROAD_ONLY = Matching(
    classes('other', 'road:drivable'), classes('a:direct', 'b', 'c:road'), (Area.ROAD,)
)


@pytest.mark.parametrize(
    ('matching', 'label', 'mask', 'expected'),
    [
        (BDD100K, 0, 0, Difference.RIGHT),
        (BDD100K, 0, 1, Difference.CONFUSED),
        (BDD100K, 0, 2, Difference.MISSED),
        (BDD100K, 2, 1, Difference.INVENTED),
        (BDD100K, 2, 2, Difference.RIGHT),
        (BDD100K, UNLABELLED, 1, Difference.UNKNOWN),
        # Classes that do not match: only what the role tells.
        (ROAD_ONLY, 1, 0, Difference.RIGHT),
        (ROAD_ONLY, 1, 1, Difference.MISSED),
        (ROAD_ONLY, 0, 2, Difference.INVENTED),
        (ROAD_ONLY, 0, 1, Difference.RIGHT),
    ],
)
def test_differences(matching: Matching, label: int, mask: int, expected: Difference) -> None:
    planes = [np.full((2, 3), value, np.uint8) for value in (label, mask)]
    found = difference_ids(planes[0], planes[1], matching)
    assert (found == expected).all()
    painted = paint_difference(found, None)
    assert (np.ptp(painted, axis=-1) > 0).all() == (expected in COLORS)


def test_masks_that_are_there_are_drawn_over_their_images(tmp_path: Path) -> None:
    path = write_color_bag(tmp_path / 'bag', frames=3).path
    # The labels are taken for masks: there are no others in this bag.
    topics = BagTopics(image='/cam/image_raw', mask='/cam/label')
    judged_source = source(path, topics)
    result = evaluate_source(
        judged_source,
        None,
        EvaluationSettings(sequence=True),
        network={'masks': '/cam/label'},
        network_classes=BDD100K_CLASSES,
    )
    assert result.images_sha256 == ''
    pictures = draw_pictures(result, [judged_source], None)
    assert {p.chosen.metric for p in pictures} == {'change between frames'}
    one = pictures[0]
    index = [row.name for row in result.rows].index(one.chosen.name)
    assert (decoded(one.prediction) == COLORS_OF[color_image(index).argmax(-1)]).all()
    assert np.abs(decoded(one.image).astype(int) - color_image(index)).mean() < 30
    assert one.overlay is not None
    assert one.difference is None
