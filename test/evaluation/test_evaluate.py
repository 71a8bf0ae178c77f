# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluation of a folder, and of a bag of the same frames."""

from __future__ import annotations

import dataclasses
import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from color_bag import color_image
from evaluation_bags import (
    FRAMES,
    IMAGE,
    LABEL,
    SETTINGS,
    evaluated,
    folder_source,
    in_bag,
    labelled,
    stamp,
    write_bag,
    write_folder,
)
from evaluation_cases import accuracy

from drivseg_ros.bags import messages
from drivseg_ros.bags.from_dataset import bag_from_dataset
from drivseg_ros.bags.image_bag import ImageBagOptions
from drivseg_ros.bags.topics import BagTopics
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.breakdown import bands, extremes, slices
from drivseg_ros.evaluation.evaluation_file import describe, read_evaluation, write_evaluation
from drivseg_ros.evaluation.metric import metrics_of
from drivseg_ros.evaluation.open_source import open_source
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.frames.known_labels import read_labels
from drivseg_ros.frames.labels import plain_labels
from drivseg_ros.frames.paired_files import PairedFiles
from drivseg_ros.frames.registry import open_dataset
from drivseg_ros.frames.source import DatasetSource


def test_a_folder_and_a_bag_of_the_same_frames_give_the_same_numbers(
    tmp_path: Path, tiny_model: Path
) -> None:
    folder = evaluated(folder_source(write_folder(tmp_path / 'folder')), tiny_model)
    bag = evaluated(in_bag(write_bag(tmp_path / 'bag', labelled()), by_drive=False), tiny_model)
    assert accuracy(folder) == accuracy(bag)
    assert folder.metrics['miou'].low is not None
    assert (folder.labels_sha256, folder.images_sha256) == (bag.labels_sha256, bag.images_sha256)
    np.testing.assert_array_equal(folder.bands, bag.bands)
    assert bands(folder) == bands(bag)
    assert folder.counts == bag.counts
    assert folder.counts.processed == FRAMES
    # The tiny model's confidence is the strongest channel, 255 in every pixel.
    wrong = 1 - bag.metrics['pixel_accuracy'].value
    assert bag.metrics['ece'].value == pytest.approx(wrong)


def test_a_bag_of_a_data_set_has_its_drives(tmp_path: Path, tiny_model: Path) -> None:
    """So the intervals are the same, and the flicker, if its frames are said to follow."""
    plain = open_dataset('folder', write_folder(tmp_path / 'folder'), classes='bdd100k')
    pairs = getattr(plain, 'pairs', ())
    pairs = [dataclasses.replace(p, group=f'drive {5 * i // FRAMES}') for i, p in enumerate(pairs)]
    dataset = PairedFiles('folder', plain_labels('bdd100k', plain.classes), tuple(pairs))
    bag_from_dataset(dataset, ImageBagOptions(output=tmp_path / 'bag'))
    settings = dataclasses.replace(SETTINGS, sequence=True)
    folder, bag, single = (
        evaluated(source, tiny_model, settings=settings)
        for source in (
            DatasetSource('folder', dataset),
            open_source(tmp_path / 'bag'),
            DatasetSource('folder', dataset, by_drive=False),
        )
    )
    assert accuracy(bag) == accuracy(folder)
    assert folder.metrics['flicker'].value is not None
    assert folder.metrics['miou'].low != single.metrics['miou'].low
    assert set(bag.groups) == set(folder.groups) == {f'drive {i}' for i in range(5)}
    assert bag.parts[0].source['resampled_by'] == folder.parts[0].source['resampled_by'] == 'drive'


def test_frames_without_drives_follow_each_other_if_that_is_said(
    tmp_path: Path, tiny_model: Path
) -> None:
    source = folder_source(write_folder(tmp_path / 'folder'))
    found = evaluated(source, tiny_model, settings=dataclasses.replace(SETTINGS, sequence=True))
    assert found.total.change[1] == (FRAMES - 1) * 96 * 128


@pytest.mark.parametrize('order', ['labels first', 'images first', 'turned'])
def test_the_order_of_the_topics_does_not_matter(
    tmp_path: Path, tiny_model: Path, order: str
) -> None:
    planes = labelled()
    if order == 'turned':
        planes = [plane for i in range(0, len(planes), 2) for plane in planes[i : i + 2][::-1]]
    else:
        planes.sort(key=lambda plane: plane[0], reverse=order == 'labels first')
    bag = write_bag(tmp_path / 'bag', planes)
    settings = dataclasses.replace(SETTINGS, sequence=True)
    found = evaluated(in_bag(bag), tiny_model, settings=settings)
    plain = evaluated(
        in_bag(write_bag(tmp_path / 'plain', labelled())), tiny_model, settings=settings
    )
    assert accuracy(found) == accuracy(plain)
    assert found.metrics['flicker'].value is not None
    assert found.unmatched_labels == found.unlabelled == 0


@pytest.mark.parametrize('limit', [1, 3, FRAMES, 100])
def test_a_limit_takes_the_first_frames_with_their_labels(
    tmp_path: Path, tiny_model: Path, limit: int
) -> None:
    planes = sorted(labelled(), key=lambda plane: plane[0])
    source = in_bag(write_bag(tmp_path / 'bag', planes)).take(range(min(limit, FRAMES)))
    found = evaluated(source, tiny_model)
    some = evaluated(in_bag(write_bag(tmp_path / 'some', labelled(min(limit, FRAMES)))), tiny_model)
    assert found.counts.offered == min(limit, FRAMES)
    assert found.labels_sha256 == some.labels_sha256
    assert found.unmatched_labels == 0


def test_a_broken_frame_costs_that_frame(tmp_path: Path, tiny_model: Path) -> None:
    root = write_folder(tmp_path / 'folder')
    (root / 'images' / '3.png').write_bytes(b'torn')
    found = evaluated(folder_source(root), tiny_model)
    assert (found.counts.processed, found.counts.failed) == (FRAMES - 1, 1)
    assert '3.png' in found.parts[0].failures['3']


def test_a_broken_message_and_stamps_that_come_twice_cost_their_frames(
    tmp_path: Path, tiny_model: Path
) -> None:
    planes = [*labelled(3), (IMAGE, 2, color_image(5))]
    bag = write_bag(tmp_path / 'bag', planes)
    found = evaluated(in_bag(bag), tiny_model)
    assert found.counts.failed_by_kind == {'stamp': 2}
    assert found.counts.processed == 2
    assert '(2 of /cam/image_raw, 1 of /cam/label)' in ' '.join(found.parts[0].failures.values())
    other = tmp_path / 'other'
    with BagWriter(other) as writer:
        writer.add_topic(IMAGE, 'sensor_msgs/msg/Image')
        for number in range(2):
            message = messages.image(
                color_image(0), encoding='rgb8', stamp_ns=stamp(number), frame_id='camera'
            )
            if number == 1:
                message = dataclasses.replace(message, data=message.data[:100])
            writer.write(IMAGE, stamp(number), message)
    found = evaluated(in_bag(other, topics=BagTopics()), tiny_model)
    assert (found.counts.processed, found.counts.failed, found.unlabelled) == (1, 1, 1)


def test_labels_that_mean_nothing_end_the_run(tmp_path: Path, tiny_model: Path) -> None:
    planes = [(IMAGE, 0, color_image(0)), (LABEL, 0, np.full((96, 128), 7, np.uint8))]
    bag = write_bag(tmp_path / 'bag', planes)
    with pytest.raises(DataError, match=r'the label has stray values: 7 .*; bdd100k has 0 to 2'):
        evaluated(in_bag(bag), tiny_model)
    cityscapes = evaluated(in_bag(bag, labels=read_labels('cityscapes')), tiny_model)
    assert cityscapes.metrics['road_iou'].value is not None
    assert 'miou' not in cityscapes.metrics
    assert cityscapes.calibration is None


def test_a_label_of_another_size_is_not_stretched(tmp_path: Path, tiny_model: Path) -> None:
    planes = [(IMAGE, 0, color_image(0)), (LABEL, 0, np.zeros((4, 4), np.uint8))]
    found = evaluated(in_bag(write_bag(tmp_path / 'bag', planes)), tiny_model)
    assert found.counts.failed_by_kind == {'size': 1}


def test_slices_and_bands_are_sums_of_their_own(tmp_path: Path, tiny_model: Path) -> None:
    attributes = {f'{i}': {'timeofday': 'night' if i % 2 else 'daytime'} for i in range(FRAMES - 1)}
    source = folder_source(write_folder(tmp_path / 'folder'))
    found = evaluated(source, tiny_model, attributes=attributes)
    names = {one.name: one for one in slices(found)}
    assert {name: one.frames for name, one in names.items()} == {
        'timeofday=daytime': 4,
        'timeofday=night': 3,
        'timeofday=unknown': 1,
    }
    night = [row.sums.table for row in found.rows if row.name in ('1', '3', '5')]
    table = np.sum(night, axis=0)
    assert names['timeofday=night'].pixels == table.sum()
    wanted = np.trace(table) / table.sum()
    assert names['timeofday=night'].metrics['pixel_accuracy'] == pytest.approx(wanted, abs=1e-6)
    assert sum(one.pixels for one in names.values()) == found.total.table.sum()
    assert [one.name for one in bands(found)] == [
        f'rows {25 * i} to {25 * i + 25} %' for i in range(4)
    ]
    np.testing.assert_array_equal(found.bands.sum(0), found.total.table)
    assert {name for name, _ in extremes(found)['worst'][:2]} == {'2', '5'}


def test_the_file_holds_all_of_it(tmp_path: Path, tiny_model: Path) -> None:
    settings = dataclasses.replace(SETTINGS, sequence=True, bands=2)
    bag = write_bag(tmp_path / 'bag', labelled())
    found = evaluated(in_bag(bag), tiny_model, settings=settings)
    write_evaluation(tmp_path / 'deep' / 'e.json', describe(found, command='drivseg evaluate'))
    text = (tmp_path / 'deep' / 'e.json').read_text()
    assert not any(word in text for word in ('NaN', 'Infinity'))
    again = read_evaluation(tmp_path / 'deep' / 'e.json')
    assert again.metrics == found.metrics
    assert again.to_plain() == found.to_plain()
    assert all(math.isfinite(m.value) for m in again.metrics.values() if m.value is not None)
    assert len(text.splitlines()) < 200


@pytest.mark.parametrize(
    ('before', 'after', 'message'),
    [
        ('"drivseg evaluation"', '"a report"', 'is no evaluation'),
        ('"format": 2', '"format": 9', 'has the format 9'),
        ('"parts"', '"portions"', "lacks the key 'parts'; add it"),
        ('"part": 0', '"part": 1', 'a bag that is not listed'),
        (
            '"group": "',
            '"group": ["a"], "lost": "',
            r'\["a"\] at frames\[0\].group; needed is a text',
        ),
        (
            '"source": {',
            '"source": [3], "lost": {',
            r'has \[3\] at parts\[0\].source; needed is a mapping',
        ),
        ('"table": [[', '"table": [[1e30, ', r'damaged at frames\[0\].sums.table'),
        ('"flicker": [0, ', '"flicker": [0.5, ', 'flicker is no table of 2 integers'),
        ('"flicker": [0, ', '"flicker": [0, 0, ', 'flicker is no table of 2 integers'),
        ('"label_sha256": "', '"label_sha256": "0', 'were changed'),
        ('{', '', 'is not JSON'),
    ],
)
def test_files_that_are_refused(
    tmp_path: Path, tiny_model: Path, before: str, after: str, message: str
) -> None:
    found = evaluated(in_bag(write_bag(tmp_path / 'bag', labelled(2))), tiny_model)
    path = tmp_path / 'e.json'
    write_evaluation(path, describe(found))
    path.write_text(path.read_text().replace(before, after, 1))
    with pytest.raises(DataError, match=message):
        read_evaluation(path)


@pytest.mark.parametrize('changes', [{}, {'boundary': 0}, {'sequence': True}])
def test_the_names_of_the_metrics_are_known_before(
    tmp_path: Path, tiny_model: Path, changes: dict[str, Any]
) -> None:
    settings = dataclasses.replace(SETTINGS, **changes)
    found = evaluated(folder_source(write_folder(tmp_path / 'd')), tiny_model, settings=settings)
    assert [one.name for one in metrics_of(found.terms)] == list(found.metrics)
    assert ('flicker' in found.metrics) == bool(changes.get('sequence'))
    assert ('drivable_boundary_iou' in found.metrics) == (changes.get('boundary') != 0)


def test_two_halves_are_the_whole(tmp_path: Path, tiny_model: Path) -> None:
    planes = labelled()
    whole = evaluated(in_bag(write_bag(tmp_path / 'whole', planes), by_drive=False), tiny_model)
    halves = [
        evaluated(in_bag(write_bag(tmp_path / f'half_{i}', part), by_drive=False), tiny_model)
        for i, part in enumerate((planes[:6], planes[6:]))
    ]
    merged = halves[0].merge(Evaluation.from_plain(halves[1].to_plain()))
    values = [{n: m.value for n, m in accuracy(one).items()} for one in (whole, merged)]
    assert values[0] == values[1]
    assert merged.labels_sha256 == whole.labels_sha256
    assert [row.part for row in merged.rows] == [0] * 3 + [1] * 5
    assert merged.counts == whole.counts
    other = dataclasses.replace(halves[1], network={'model': 'other'})
    with pytest.raises(DataError, match='other networks'):
        halves[0].merge(other)


def test_labels_of_which_the_network_has_nothing_are_refused(
    tmp_path: Path, tiny_model: Path
) -> None:
    root = write_folder(tmp_path / 'folder')
    dataset = open_dataset('folder', root, classes=['sky', 'tree', 'car'])
    with pytest.raises(DataError, match=r'sky, tree, car; the network has direct .*--labels'):
        evaluated(DatasetSource('folder', dataset), tiny_model)


def test_pictures_without_labels_tell_of_changes(tmp_path: Path, tiny_model: Path) -> None:
    root = write_folder(tmp_path / 'folder')
    source = DatasetSource('pictures', open_dataset('unlabelled', root / 'images'))
    settings = dataclasses.replace(SETTINGS, sequence=True)
    found = evaluated(source, tiny_model, settings=settings)
    said = [color_image(i).argmax(-1) for i in range(FRAMES)]
    wanted = np.mean([a != b for a, b in itertools.pairwise(said)])
    assert found.metrics['change'].value == pytest.approx(wanted)
    assert found.metrics['flicker'].value is None
    assert set(accuracy(found)) == {'change', 'flicker'}
    assert found.unlabelled == FRAMES
    assert found.labels_sha256 == ''
    changes = [np.mean(a != b) for a, b in itertools.pairwise(said)]
    name, value = extremes(found)['worst'][0]
    assert (name, value) == (str(1 + np.argmax(changes)), pytest.approx(max(changes), abs=1e-6))
