# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the cameras that the parameters name."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.callback_groups import CallbackGroup
from rclpy.exceptions import InvalidTopicNameException
from rclpy.lifecycle import LifecycleNode
from rclpy.validate_topic_name import validate_topic_name

from drivseg_ros.base.topics import output_topic
from drivseg_ros.errors import ParameterError
from drivseg_ros.images.jpeg_library import damage_goes_unnoticed
from drivseg_ros.node.camera import Camera
from drivseg_ros.node.ground_messages import find_nav_msgs
from drivseg_ros.node.ground_outputs import GroundSettings
from drivseg_ros.node.ground_parameters import grid_spec, read_pose
from drivseg_ros.node.label_info import find_vision_msgs
from drivseg_ros.node.merged_grid import MergedGrid
from drivseg_ros.node.parameters import Settings
from drivseg_ros.node.publishers import Offer
from drivseg_ros.node.transforms import Transforms


def resolve_image_topics(node: LifecycleNode, topics: tuple[str, ...]) -> tuple[str, ...]:
    """The topics with namespace and remappings applied.

    Raises:
        ParameterError: if one is no topic name, or the outputs of two would be the same topics.
    """
    resolved = []
    for topic in topics:
        try:
            validate_topic_name(topic)
            resolved.append(node.resolve_topic_name(topic))  # refuses more, such as /a//b
        except (InvalidTopicNameException, RuntimeError) as error:
            reason = str(error).split(':')[1].partition(', at ')[0].strip()
            raise ParameterError(
                f'parameter image_topics has {topic!r}, which is no topic name '
                f'({reason}); give one such as /camera/image_raw'
            ) from None
    by_output: dict[str, str] = {}
    for topic in resolved:
        mask = output_topic(topic, 'mask')
        if mask in by_output:
            raise ParameterError(
                f'the cameras {by_output[mask]} and {topic} would both publish {mask}; give each '
                'camera a namespace of its own, such as /camera/left/image_raw and '
                '/camera/right/image_raw (by remapping, if the drivers cannot)'
            )
        by_output[mask] = topic
    return tuple(resolved)


def make_cameras(
    node: LifecycleNode,
    settings: Settings,
    *,
    callback_group: CallbackGroup,
    wake: Callable[[], None],
) -> tuple[Camera, ...]:
    """Makes the cameras and offers their outputs; nothing is subscribed to yet.

    Args:
        node: the node.
        settings: the parameters.
        callback_group: the group that frames and QoS events are handled in.
        wake: called after a frame arrived.

    Raises:
        ParameterError: if the topics are not allowed.
    """
    topics = resolve_image_topics(node, settings.image_topics)
    logger = node.get_logger()
    vision_msgs = find_vision_msgs()
    if 'label_info' in settings.outputs and vision_msgs is None:
        logger.warning(
            'label_info is not published: vision_msgs 4 is not installed '
            '(apt install ros-$ROS_DISTRO-vision-msgs)',
            once=True,
        )

    compressed = settings.image_transport == 'compressed'
    if compressed and (missing := damage_goes_unnoticed()):
        logger.warning(missing, once=True)
    nav_msgs = find_nav_msgs()
    if nav_msgs is None and {'grid', 'corridor'} & set(settings.outputs):
        logger.warning(
            'the grid and the paths of the corridor are not published: nav_msgs is not '
            'installed (apt install ros-$ROS_DISTRO-nav-msgs, or pip install ros-nav-msgs)',
            once=True,
        )
    merged = None
    if 'grid' in settings.outputs and nav_msgs is not None and len(topics) > 1:
        merged = MergedGrid(
            node,
            nav_msgs=nav_msgs,
            spec=grid_spec(vars(settings)),
            window_s=settings.grid_merge_window_s,
            callback_group=callback_group,
        )
    offer = Offer(
        outputs=settings.outputs,
        overlay_transport=settings.overlay_transport,
        vision_msgs=vision_msgs,
        nav_msgs=nav_msgs,
        merged=merged,
    )
    transforms = Transforms(node, ground_frame=settings.ground_frame)
    poses = settings.camera_poses
    if len(poses) == 1:
        poses *= len(topics)
    return tuple(
        Camera(
            node,
            image_topic=topic,
            compressed=compressed,
            reliability=settings.qos_reliability,
            offer=offer,
            ground=GroundSettings(
                frame=settings.ground_frame,
                grid=grid_spec(vars(settings)),
                pose=read_pose(pose),
                rectified=_is_rectified(topic, settings.rectified),
            ),
            transforms=transforms,
            callback_group=callback_group,
            wake=wake,
            warn=logger.warning,
        )
        for topic, pose in zip(topics, poses, strict=True)
    )


def _is_rectified(image_topic: str, rectified: str) -> bool:
    if rectified == 'auto':
        return image_topic.rpartition('/')[2].startswith('image_rect')
    return rectified == 'always'
