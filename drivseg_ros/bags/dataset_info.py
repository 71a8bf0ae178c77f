# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a bag made of a data set states about it: the classes of its labels, its frames' names.

The classes are in the bag's custom_data (custom_data.py); and, by name alone, in a
vision_msgs/LabelInfo beside the labels, which a new recording keeps. The frames' names are messages
of std_msgs/Header on a topic of their own: the stamp is the image's, frame_id the frame's name. The
drives, where the data set knows them, are on another one in the same way. So they go with the
frames by stamp, as labels do, through `ros2 bag convert`, replay and recording; a std_msgs/String
has no stamp to go by, and an image's own frame_id belongs to its camera.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from drivseg_ros.bags.custom_data import read_custom_data
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.typestore import HEADER
from drivseg_ros.base.json_data import from_plain, parse_json, to_plain
from drivseg_ros.errors import BagError, ModelError
from drivseg_ros.model.card import ModelClass

NAME, DRIVE = 'name', 'drive'
"""The topics of frames' names and drives, beside their images (`base.topics.beside`)."""
LABELS = 'label_info'
"""The topic of what the ids in labels or masks are called, beside these."""
DATASET_KEY = 'drivseg.dataset'
"""The key in custom_data; its value is the JSON of a DatasetInfo."""


@dataclass(frozen=True)
class DatasetInfo:
    """The data set that a bag was made of.

    Attributes:
        name: kind and part, for people.
        identity: equal for the same frames (`datasets.base.Dataset.identity`).
        image_topic: where its images are.
        label_topic: where its labels are; '' if it has none.
        name_topic: where its frames' names are; '' if they are nowhere.
        classes: what the ids in its labels mean; none if it has no labels.
        drive_topic: where its frames' drives are; '' if each is a drive of its own.
    """

    name: str
    identity: str
    image_topic: str
    label_topic: str
    name_topic: str
    classes: tuple[ModelClass, ...]
    drive_topic: str = ''

    def to_json(self) -> str:
        """The JSON that `from_json` reads."""
        return json.dumps(to_plain(self))

    @classmethod
    def from_json(cls, text: str) -> DatasetInfo:
        """Reads it; keys that this version does not know are left alone.

        Raises:
            BagError: if it is damaged.
        """
        what = f"the bag's {DATASET_KEY}"
        try:
            info = from_plain(cls, parse_json(text, what, error=BagError), what, error=BagError)
        except ModelError as error:
            raise BagError(f'{what} is damaged ({error}); make the bag again') from None
        ids = [c.id for c in info.classes]
        if ids != list(range(len(ids))):
            raise BagError(
                f'{what} has the class ids {ids}; allowed are 0, 1, 2, ...: make the bag again'
            )
        return info


def read_dataset_info(bag: Path) -> DatasetInfo | None:
    """The data set that a bag was made of; None if it was made of none.

    Raises:
        BagError: if that is damaged.
    """
    text = read_custom_data(bag).get(DATASET_KEY)
    return None if text is None else DatasetInfo.from_json(text)


def read_frame_names(reader: BagReader, topic: str) -> dict[int, str]:
    """The names on a topic, of frames or of their drives, by stamp in nanoseconds.

    Raises:
        BagError: if the topic is not there, or is none of names.
    """
    found = reader.topic(topic)
    if found.msgtype != HEADER:
        raise BagError(
            f"the topic '{topic}' has the type {found.msgtype}; frames' names are {HEADER}"
        )
    names: dict[int, str] = {}
    for message in reader.messages([topic]):
        stamp = message.message.stamp
        names[stamp.sec * 1_000_000_000 + stamp.nanosec] = message.message.frame_id
    return names
