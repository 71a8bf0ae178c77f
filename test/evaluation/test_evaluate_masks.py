# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluation of masks that are in a bag already, whoever made them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from color_bag import color_image
from evaluation_bags import (
    BDD100K,
    CONFIDENCE,
    FRAMES,
    IMAGE,
    LABEL,
    MASK,
    evaluated,
    in_bag,
    label_of,
    labelled,
    stamp,
    write_bag,
    write_planes,
)
from evaluation_cases import accuracy

from drivseg_ros.bags import messages
from drivseg_ros.bags.topics import BagTopics
from drivseg_ros.bags.typestore import standard_types
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.errors import BagError, DataError, ParameterError
from drivseg_ros.frames.known_labels import read_labels
from drivseg_ros.model.card import UNLABELLED


def test_recorded_masks_are_evaluated_as_if_made_here(tmp_path: Path, tiny_model: Path) -> None:
    ours = evaluated(in_bag(write_bag(tmp_path / 'ours', labelled())), tiny_model)
    planes = [
        plane
        for i in range(FRAMES)
        for plane in (
            (MASK, i, color_image(i).argmax(-1).astype(np.uint8)),
            (LABEL, i, label_of(i)),
            (CONFIDENCE, i, color_image(i).max(-1)),
        )
    ]
    topics = BagTopics(label=LABEL, mask=MASK, confidence=CONFIDENCE)
    theirs = evaluated(in_bag(write_bag(tmp_path / 'theirs', planes), topics=topics), None)
    assert accuracy(theirs) == accuracy(ours)
    assert theirs.labels_sha256 == ours.labels_sha256
    assert theirs.images_sha256 == ''


def test_masks_have_values_of_their_own(tmp_path: Path, tiny_model: Path) -> None:
    """As in BDD100K's first release: 0 background, 1 direct, 2 alternative."""
    turn = np.array([1, 2, 0], np.uint8)
    first = read_labels('bdd100k_first_release')
    said = {i: color_image(i).argmax(-1).astype(np.uint8) for i in range(FRAMES)}
    wanted = accuracy(evaluated(in_bag(write_bag(tmp_path / 'ours', labelled())), tiny_model))
    wanted['ece'] = dataclasses.replace(wanted['ece'], value=None)
    topics = BagTopics(label=LABEL, mask=MASK)
    for name, turned, masks in (('both', (LABEL, MASK), None), ('masks', (MASK,), first)):
        planes = [(LABEL, i, label_of(i)) for i in said] + [(MASK, i, said[i]) for i in said]
        planes = [
            (topic, i, np.where(p == UNLABELLED, p, turn[p % 3]) if topic in turned else p)
            for topic, i, p in planes
        ]
        bag = write_bag(tmp_path / name, planes)
        labels = first if masks is None else BDD100K
        assert evaluated(in_bag(bag, topics=topics, labels=labels, masks=masks), None).metrics == (
            wanted
        )


def test_a_mask_needs_no_class_where_nothing_is_labelled(tmp_path: Path) -> None:
    label, mask = label_of(0), np.zeros((96, 128), np.uint8)
    mask[label == UNLABELLED] = UNLABELLED
    topics = BagTopics(label=LABEL, mask=MASK)
    bag = write_bag(tmp_path / 'bag', [(LABEL, 0, label), (MASK, 0, mask), (MASK, 1, mask)])
    assert evaluated(in_bag(bag, topics=topics), None).counts.processed == 2
    mask[label == 1] = UNLABELLED
    bag = write_bag(tmp_path / 'silent', [(LABEL, 0, label), (MASK, 0, mask)])
    with pytest.raises(DataError, match=r'frame 17.*values \[255\], which stand for no class'):
        evaluated(in_bag(bag, topics=topics), None)


def test_the_ledger_of_masks_adds_up(tmp_path: Path) -> None:
    """Five images: masks of 0, 1, 3; labels of 0, 1, 2 and of a stamp of its own."""
    mask = np.zeros((96, 128), np.uint8)
    planes = [(IMAGE, i, color_image(i)) for i in range(5)]
    planes += [(MASK, i, mask) for i in (0, 1, 3)]
    planes += [(LABEL, i, label_of(i)) for i in (0, 1, 2, 9)]
    topics = BagTopics(image=IMAGE, label=LABEL, mask=MASK)
    source = in_bag(write_bag(tmp_path / 'bag', planes), topics=topics)
    assert len(source) == 5
    found = evaluated(source, None)
    counts = found.counts
    assert (counts.offered, counts.processed, counts.dropped, counts.failed) == (5, 3, 2, 0)
    assert (found.unlabelled, found.unmatched_labels) == (1, 2)
    assert [bool(row.label_sha256) for row in found.rows] == [True, True, False]


def test_a_size_of_its_own_costs_a_frame(tmp_path: Path) -> None:
    planes = [(LABEL, i, label_of(i)) for i in range(3)]
    planes += [(MASK, i, np.zeros((96, 128) if i else (48, 64), np.uint8)) for i in range(3)]
    topics = BagTopics(label=LABEL, mask=MASK)
    found = evaluated(in_bag(write_bag(tmp_path / 'bag', planes), topics=topics), None)
    assert found.counts.failed_by_kind == {'size': 1}
    assert 'mask is 64x48, /cam/label is 128x96' in found.counts.last_error
    assert found.counts.processed == 2


def test_what_a_damaged_message_says_names_its_topic(tmp_path: Path) -> None:
    planes = [(LABEL, i, label_of(i)) for i in range(3)]
    planes += [(MASK, i, color_image(i) if i else label_of(i) % 3) for i in range(2)]
    bag = tmp_path / 'bag'
    with BagWriter(bag) as writer:
        write_planes(writer, planes)
        message = messages.image(label_of(2), encoding='mono8', stamp_ns=stamp(2), frame_id='c')
        data = bytes(standard_types().serialize_cdr(message, 'sensor_msgs/msg/Image'))
        writer.write(MASK, stamp(2), data[:60])
    found = evaluated(in_bag(bag, topics=BagTopics(label=LABEL, mask=MASK)), None)
    assert found.counts.failed_by_kind == {'encoding': 1, 'message': 1}
    texts = list(found.parts[0].failures.values())
    assert texts[0].startswith("/cam/mask: labels of the encoding 'rgb8'")
    assert texts[1].startswith('/cam/mask: a message of /cam/mask')


@pytest.mark.parametrize(
    ('topics', 'error', 'message'),
    [
        (BagTopics(), BagError, '/cam/image_raw, .*/cam/label.*; name the one'),
        (BagTopics(image='/x'), BagError, '/x'),
        (BagTopics(image=IMAGE, label='/x'), BagError, '/x'),
        (
            BagTopics(label=LABEL, mask=MASK),
            DataError,
            r'cam/label \(first stamp 1700000000\.15.* keep the stamps',
        ),
        (BagTopics(mask=LABEL, confidence='/empty'), DataError, 'no message on /empty'),
        (BagTopics(label='/file', image=IMAGE), BagError, r'allowed are .*/Image \(mono8'),
    ],
)
def test_topics_that_are_refused(
    tmp_path: Path, topics: BagTopics, error: type[Exception], message: str
) -> None:
    planes = [(IMAGE, 0, color_image(0)), (LABEL, 3, label_of(3)), (MASK, 4, label_of(4))]
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/empty', 'sensor_msgs/msg/Image')
        writer.add_topic('/file', 'sensor_msgs/msg/CompressedImage')
        write_planes(writer, planes)
    with pytest.raises(error, match=message):
        in_bag(tmp_path / 'bag', topics=topics)


def test_topics_that_contradict_each_other() -> None:
    with pytest.raises(ParameterError, match='name them'):
        BagTopics(confidence=CONFIDENCE)
    with pytest.raises(ParameterError, match='must differ'):
        BagTopics(image=IMAGE, label=IMAGE)
