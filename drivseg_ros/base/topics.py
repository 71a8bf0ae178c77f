# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The outputs of a camera, and where they stand, seen from their input (docs/design.md)."""

from __future__ import annotations

from drivseg_ros.errors import ParameterError

COMPRESSED = '/compressed'
"""What image_transport appends to the topic of compressed images."""
IMAGE_OUTPUTS = ('mask', 'overlay', 'mask_color', 'confidence')
"""The outputs of a camera that are images."""
GROUND_TOPICS = {
    'grid': ('grid',),
    'scan': ('scan',),
    'points': ('points', 'points/mask', 'points/confidence'),
    'corridor': (
        'corridor/left',
        'corridor/right',
        'corridor/centre',
        'corridor/polygon',
        'corridor/pose',
    ),
}
"""The outputs of a camera that are in metres, and their topics below `segmentation/`."""
GROUND_OUTPUTS = tuple(GROUND_TOPICS)
"""Their names."""
OUTPUTS = (*IMAGE_OUTPUTS, 'label_info', 'status', *GROUND_OUTPUTS)
"""All outputs of a camera. But for those of GROUND_TOPICS, each is a topic of that name."""


def output_topic(image_topic: str, output: str) -> str:
    """The topic of an output, for instance 'mask'.

    It lies beside the input in `segmentation/`: '/cam/front/image_raw' gives
    '/cam/front/segmentation/mask', and 'image' gives 'segmentation/mask'.

    Args:
        image_topic: the raw topic, without the suffix '/compressed'.
        output: the output's name.

    Raises:
        ParameterError: if the input is no topic name.
    """
    if not image_topic.strip('/') or image_topic.endswith('/'):
        raise ParameterError(
            f'{image_topic!r} is no image topic; give one such as /camera/image_raw or image'
        )
    namespace, slash, _ = image_topic.rpartition('/')
    return f'{namespace}{slash}segmentation/{output}'


def beside(image_topic: str, name: str) -> str:
    """The topic of what goes with the images of a topic, such as 'label' or 'camera_info'."""
    return f'{raw_topic(image_topic).rpartition("/")[0]}/{name}'


def raw_topic(image_topic: str) -> str:
    """The topic without the suffix of the compressed transport."""
    return image_topic.removesuffix(COMPRESSED)
