# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures are of the worst and the best frames, and show what label and mask say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from color_bag import color_image, write_color_bag
from evaluation_cases import BDD100K, classes
from tiny_model import write_tiny_model

from drivseg_ros.bags import messages
from drivseg_ros.bags.source import BagSource
from drivseg_ros.bags.topics import BagTopics
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.evaluation.comparison import describe_baseline
from drivseg_ros.evaluation.network import RecordedMasks, RunNetwork
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.run import evaluate
from drivseg_ros.evaluation.settings import EvaluationSettings
from drivseg_ros.frames.labels import plain_labels
from drivseg_ros.frames.matching import Area, Matching
from drivseg_ros.model.card import BDD100K_CLASSES, UNLABELLED
from drivseg_ros.report.page.chosen_frames import choose_frames
from drivseg_ros.report.page.difference import (
    COLORS,
    Difference,
    difference_ids,
    paint_difference,
)
from drivseg_ros.report.page.kept_frames import COUNT, EarlierRun, KeptFrames, recipe
from drivseg_ros.report.page.pictures import MAX_SIDE
from drivseg_ros.segmenter import Segmenter

TOPICS = BagTopics('/cam/image_raw', '/cam/label')
WRONG = 3
COLORS_OF = np.array([c.color for c in BDD100K_CLASSES], np.uint8)


@pytest.fixture
def segmenter(tiny_model: Path) -> Iterator[Segmenter]:
    with Segmenter.open(tiny_model, engine='onnxruntime') as segmenter:
        yield segmenter


def look_at(
    path: Path, segmenter: Segmenter | None, kept: KeptFrames, topics: BagTopics = TOPICS
) -> Evaluation:
    """Evaluates a bag while frames are kept."""
    labels = plain_labels('bdd100k', BDD100K_CLASSES)
    source = BagSource(path, topics, labels, with_images=True)
    network = (
        RecordedMasks('masks', BDD100K_CLASSES, {'masks': topics.mask})
        if segmenter is None
        else RunNetwork(segmenter)
    )
    return evaluate(source, network, settings=EvaluationSettings(sequence=True), sinks=[kept])


def decoded(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_the_worst_frame_first(tmp_path: Path, segmenter: Segmenter) -> None:
    path = write_color_bag(tmp_path / 'bag', frames=8, wrong_label=WRONG).path
    kept = KeptFrames()
    result = look_at(path, segmenter, kept)
    pictures = kept.pictures(result)
    assert [p.chosen.which for p in pictures] == ['worst'] * 5 + ['best'] * 3
    assert len({p.chosen.name for p in pictures}) == 8
    chosen, shown = pictures[0].chosen, pictures[0].pictures
    assert chosen.name == result.rows[WRONG].name
    assert chosen.metric == 'mIoU'
    assert chosen.value == min(p.chosen.value for p in pictures) < 0.5
    image = color_image(WRONG)
    assert (shown.width, shown.height) == (image.shape[1], image.shape[0])
    assert np.abs(decoded(shown.files['image']).astype(int) - image).mean() < 30
    assert (decoded(shown.files['prediction']) == COLORS_OF[image.argmax(-1)]).all()
    assert (decoded(shown.files['label']) == COLORS_OF[2]).all()
    # What is direct or alternative was invented, the rest is right.
    invented = decoded(shown.files['difference']).astype(int)
    there = cv2.erode((image.argmax(-1) < 2).astype(np.uint8), np.ones((9, 9))) > 0
    right = cv2.erode((image.argmax(-1) == 2).astype(np.uint8), np.ones((9, 9))) > 0
    assert np.abs(invented[there] - COLORS[Difference.INVENTED]).mean() < 60
    assert np.ptp(invented[right], axis=-1).mean() < 20
    assert kept.missing == []


@pytest.mark.parametrize('elsewhere', [False, True])
def test_frames_that_became_worse_come_first_with_both_predictions(
    tmp_path: Path, segmenter: Segmenter, elsewhere: bool
) -> None:
    """Also where they were kept by another process."""
    path = write_color_bag(tmp_path / 'bag', frames=20, wrong_label=WRONG).path
    before = look_at(path, segmenter, KeptFrames())
    # At 8x6 pixels, it sees less.
    model = write_tiny_model(tmp_path / 'worse.onnx', width=8, height=6)
    earlier = EarlierRun.of(before, ['miou'])
    kept = recipe([], earlier).make() if elsewhere else KeptFrames([], earlier)
    with Segmenter.open(model, engine='onnxruntime') as worse:
        after = look_at(path, worse, kept)
    if elsewhere:
        exported = json.loads(json.dumps(kept.export()))
        kept = KeptFrames([], earlier)
        kept.begin(after.terms)
        kept.adopt(exported, 0)
    pictures = kept.pictures(after, describe_baseline('before.json', before, after))
    assert [p.chosen.which for p in pictures] == ['worse'] * 5 + ['worst'] * 5 + ['best'] * 5
    assert len({p.chosen.name for p in pictures}) == 15
    names = [row.name for row in after.rows]
    for one in pictures[:5]:
        index = names.index(one.chosen.name)
        assert one.chosen.before == before.frame_values[index]['miou']
        assert one.chosen.value == after.frame_values[index]['miou'] < one.chosen.before
        right = COLORS_OF[color_image(index).argmax(-1)]
        files = one.pictures.files
        assert (decoded(files['was_prediction']) == right).all()
        assert (decoded(files['prediction']) != right).any()
        # What was right then has no colour.
        assert np.ptp(decoded(files['was_difference']).astype(int), axis=-1).mean() < 10
        assert np.ptp(decoded(files['difference']).astype(int), axis=-1).mean() > 10
    assert {p.chosen.before for p in pictures[5:]} == {None}


@pytest.mark.parametrize('frames', [3, 40])
def test_what_is_kept_is_what_is_chosen(tmp_path: Path, segmenter: Segmenter, frames: int) -> None:
    """However many frames there are, and in whatever order the good ones come."""
    path = write_color_bag(tmp_path / 'bag', frames=frames, wrong_label=1).path
    model = write_tiny_model(tmp_path / 'worse.onnx', width=8, height=6)
    kept = KeptFrames()
    with Segmenter.open(model, engine='onnxruntime') as worse:
        result = look_at(path, worse, kept)
    pictures = kept.pictures(result)
    assert [p.chosen for p in pictures] == choose_frames(result, COUNT)
    assert len(pictures) == min(frames, 2 * COUNT)
    assert kept.missing == []
    assert len(kept.export()['frames']) <= 5 * COUNT


def test_bags_whose_frames_have_the_same_names(tmp_path: Path, segmenter: Segmenter) -> None:
    together = KeptFrames()
    results = []
    for place, wrong in ((2, None), (5, 1)):
        bag = write_color_bag(tmp_path / f'{place}', frames=4, wrong_label=wrong)
        kept = KeptFrames()
        results.append(look_at(bag.path, segmenter, kept))
        together.begin(results[0].terms)
        together.adopt(kept.export(), place)
    result = results[0].merge(results[1])
    pictures = together.pictures(result, places=[2, 5])
    assert len(pictures) == 8
    assert (pictures[0].chosen.part, pictures[0].chosen.value < 0.5) == (1, True)
    # One that was evaluated earlier has none.
    left = together.pictures(result, places=[2, 3])
    assert {p.chosen.part for p in left} == {0}
    assert together.missing == ['no pictures of 5: it was evaluated earlier']


def test_large_images_become_small(tmp_path: Path, segmenter: Segmenter) -> None:
    image = color_image(1, height=1200, width=1600)
    with BagWriter(tmp_path / 'large') as writer:
        for topic, pixels, encoding in (
            ('/cam/image_raw', image, 'rgb8'),
            ('/cam/label', image.argmax(-1).astype(np.uint8), 'mono8'),
        ):
            writer.add_topic(topic, 'sensor_msgs/msg/Image')
            message = messages.image(pixels, encoding=encoding, stamp_ns=5, frame_id='camera')
            writer.write(topic, 5, message)
    kept = KeptFrames()
    (one,) = kept.pictures(look_at(tmp_path / 'large', segmenter, kept))
    assert (one.pictures.width, one.pictures.height) == (MAX_SIDE, 480)
    assert set(one.pictures.files) == {'image', 'overlay', 'label', 'prediction', 'difference'}
    for data in one.pictures.files.values():
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


def test_recorded_masks_are_drawn_over_their_images(tmp_path: Path) -> None:
    path = write_color_bag(tmp_path / 'bag', frames=3).path
    # The labels are taken for masks: there are no others in this bag.
    topics = BagTopics(image='/cam/image_raw', mask='/cam/label')
    kept = KeptFrames()
    result = look_at(path, None, kept, topics)
    pictures = kept.pictures(result)
    assert {p.chosen.metric for p in pictures} == {'change between frames'}
    one = pictures[0]
    files = one.pictures.files
    index = [row.name for row in result.rows].index(one.chosen.name)
    assert (decoded(files['prediction']) == COLORS_OF[color_image(index).argmax(-1)]).all()
    assert np.abs(decoded(files['image']).astype(int) - color_image(index)).mean() < 30
    assert set(files) == {'image', 'overlay', 'prediction'}
