# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What ids in a bag mean is read from a label_info or the data set, or refused; never guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from color_bag import color_image

from drivseg_ros.bags import messages
from drivseg_ros.bags.dataset_info import DATASET_KEY, DatasetInfo
from drivseg_ros.bags.labels import labels_of_topic
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.typestore import LABEL_INFO, standard_types
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.errors import DataError
from drivseg_ros.frames.known_labels import read_labels
from drivseg_ros.frames.labels import Labels
from drivseg_ros.model.card import BDD100K_CLASSES, ModelCard, ModelClass, Role

LANES = ModelCard(
    'lanes',
    (
        *BDD100K_CLASSES[:2],
        ModelClass(2, 'other_road', (155, 89, 182), Role.ROAD),
        ModelClass(3, 'background', (0, 0, 0), Role.NONE),
    ),
    64,
    48,
)
OWN = (ModelClass(0, 'kerb', (9, 9, 9)), ModelClass(1, 'street', (7, 7, 7), Role.DRIVABLE))


def info_message(names: dict[int, str]):
    """Of ids of any kind, in any order, as other tools publish it."""
    types = standard_types().types
    classes = [types['vision_msgs/msg/VisionClass'](i, name) for i, name in names.items()]
    return types[LABEL_INFO](header=messages.header(0, ''), class_map=classes, threshold=0.0)


def write_bag(
    path: Path,
    *infos: dict[int, str],
    topic: str = '/cam/label',
    dataset: tuple[ModelClass, ...] = (),
    storage: str = 'mcap',
) -> Path:
    """One image with a label, LabelInfos beside it, the data set it is said to be of."""
    told = DatasetInfo('mine', '', '/cam/image_raw', topic, '', dataset)
    data = {DATASET_KEY: told.to_json()} if dataset else None
    with BagWriter(path, custom_data=data, storage=storage) as writer:
        writer.add_topic('/cam/image_raw', 'sensor_msgs/msg/Image')
        writer.add_topic(topic, 'sensor_msgs/msg/Image')
        if infos:
            writer.add_topic(f'{topic.rpartition("/")[0]}/label_info', LABEL_INFO)
        for number, names in enumerate(infos):
            writer.write(f'{topic.rpartition("/")[0]}/label_info', number, info_message(names))
        image, ids = color_image(0), color_image(0).argmax(-1).astype(np.uint8)
        for name, pixels, encoding in (('/cam/image_raw', image, 'rgb8'), (topic, ids, 'mono8')):
            message = messages.image(pixels, encoding=encoding, stamp_ns=5, frame_id='c')
            writer.write(name, 100, message)
    return path


def read(bag: Path, topic: str = '/cam/label', **options) -> Labels | None:
    from drivseg_ros.bags.dataset_info import read_dataset_info

    return labels_of_topic(bag, topic, read_dataset_info(bag), LANES, **options)


def names(labels: Labels | None) -> dict[str, Role]:
    assert labels is not None
    return {c.name: c.role for c in labels.classes}


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_a_label_info_gives_the_names_and_names_give_the_roles(
    tmp_path: Path, storage: str
) -> None:
    bag = write_bag(tmp_path / 'b', {0: 'background', 7: 'other_road', 3: 'road'}, storage=storage)
    found = read(bag)
    # As the network calls it; as every known list does; and as nobody's.
    assert names(found) == {
        'background': Role.NONE,
        'other_road': Role.ROAD,
        'road': Role.DRIVABLE,
    }
    assert found is not None
    assert found.values == {0: 0, 7: 1, 3: 2}
    assert found.apply(np.array([[0, 7, 3, 255]], np.uint8)).tolist() == [[0, 1, 2, 255]]


def test_a_mask_has_the_label_info_of_its_node(tmp_path: Path) -> None:
    topic = '/cam/segmentation/mask'
    card = {c.id: c.name for c in LANES.classes}
    found = read(write_bag(tmp_path / 'b', card, card, topic=topic), topic)
    assert names(found) == {c.name: c.role for c in LANES.classes}


def test_the_data_set_gives_colours_and_roles_of_classes_of_its_own(tmp_path: Path) -> None:
    own = {c.id: c.name for c in OWN}
    for bag in (
        write_bag(tmp_path / 'a', dataset=OWN),
        write_bag(tmp_path / 'b', own, dataset=OWN),
    ):
        found = read(bag)
        assert found is not None
        assert found.classes == OWN
    # What is recorded beside the labels stands before what the bag was once made of.
    other = read(write_bag(tmp_path / 'c', {0: 'street', 1: 'kerb'}, dataset=OWN))
    assert names(other) == {'street': Role.DRIVABLE, 'kerb': Role.NONE}


def test_what_the_user_says_comes_first(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / 'b', {0: 'background'}, dataset=OWN)
    given = read_labels('bdd100k')
    assert read(bag, given=given) is given


def test_ids_of_which_nobody_says_the_meaning_are_refused(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / 'b')
    with pytest.raises(DataError) as error:
        read(bag)
    for words in (
        'nothing says what the values 0 to 2 on /cam/label mean',
        'lanes has the classes direct (direct), alternative (alternative), other_road (road), back',
        'say it with --labels: bdd100k,',
        'or a model whose class ids they are',
    ):
        assert words in str(error.value)
    with pytest.raises(DataError, match='say it with --mask-classes'):
        read(bag, option='--mask-classes')


def test_a_label_info_that_changes_is_refused(tmp_path: Path) -> None:
    """The node had another model in the course of the recording."""
    bag = write_bag(tmp_path / 'b', {0: 'road', 1: 'rest'}, {0: 'rest', 1: 'road'})
    with pytest.raises(DataError, match=r'says different things of /cam/label .*--labels'):
        read(bag)


def test_an_empty_label_info_says_nothing(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / 'b', {}, {255: 'unlabelled'})
    with BagReader(bag) as reader:
        assert reader.topics['/cam/label_info'].msgtype == LABEL_INFO
    with pytest.raises(DataError):
        read(bag)
