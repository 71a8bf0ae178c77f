# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""vision_msgs/LabelInfo: what the class ids mean, for those who read masks.

vision_msgs (4.x) is part of ROS 2 distributions but not of the package index of Python, so it may
be absent. Its definitions:

    LabelInfo    std_msgs/Header header · VisionClass[] class_map · float32 threshold
    VisionClass  uint16 class_id · string class_name
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from drivseg_ros.model.card import ModelCard
from drivseg_ros.model.segmentation import UNKNOWN


def find_vision_msgs() -> ModuleType | None:
    """vision_msgs.msg if it is installed and has LabelInfo (4.0 and later), else None."""
    try:
        messages = importlib.import_module('vision_msgs.msg')
    except ImportError:
        return None
    return messages if hasattr(messages, 'LabelInfo') else None


def make_label_info(messages: ModuleType, card: ModelCard, *, unknown: bool = False) -> Any:
    """Makes the message of a model.

    The header is left empty: the meaning of the ids belongs to no frame and no time. The
    threshold is 0, because every pixel gets its most probable class.

    Args:
        messages: the module vision_msgs.msg.
        card: the model's card.
        unknown: whether masks may be UNKNOWN.

    Returns:
        A LabelInfo with one VisionClass for each class of the card, and one for UNKNOWN.
    """
    info = messages.LabelInfo()
    classes = [(c.id, c.name) for c in card.classes]
    if unknown:
        classes.append((UNKNOWN, 'unknown'))
    for class_id, name in classes:
        entry = messages.VisionClass()
        entry.class_id = class_id
        entry.class_name = name
        info.class_map.append(entry)
    info.threshold = 0.0
    return info
