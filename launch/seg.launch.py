# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Starts the segmentation node, and RViz if asked.

An argument left empty leaves the value of `params_file` alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from drivseg_ros.engines.registry import ENGINE_NAMES

PACKAGE = 'drivseg_ros'
KEEP = ''  # the value of an argument that was not given
BOOL = ('true', 'false')
# Fast DDS 3 reads the first name, Fast DDS 2 the second.
PROFILE_VARIABLES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
OUTPUTS = ('overlay', 'mask_color')


def _argument(
    name: str, description: str, *, default: Any = KEEP, choices: tuple[str, ...] | None = None
) -> DeclareLaunchArgument:
    allowed = None
    if choices is not None:
        allowed = [*choices, KEEP] if default == KEEP else list(choices)
    return DeclareLaunchArgument(
        name, default_value=default, description=description, choices=allowed
    )


def _share(*parts: str) -> PathJoinSubstitution:
    return PathJoinSubstitution([FindPackageShare(PACKAGE), *parts])


ARGUMENTS = [
    _argument('model', 'Name of a model (see `drivseg models`) or path of an .onnx file'),
    _argument('engine', 'Runtime of the network', choices=ENGINE_NAMES),
    _argument('device', 'Device of the engine, such as auto, cpu, cuda, cuda:1'),
    _argument(
        'precision', 'Precision of the network', choices=('auto', 'fp32', 'fp16', 'bf16', 'int8')
    ),
    _argument('threads', 'CPU threads of the engine; 0: a default that leaves room for others'),
    _argument(
        'image_topics',
        'Camera topics, one or more: [/cam/left/image_raw, /cam/right/image_raw] '
        'or the same without brackets',
    ),
    _argument(
        'image_transport',
        'raw: sensor_msgs/Image; compressed: sensor_msgs/CompressedImage at TOPIC/compressed',
        choices=('raw', 'compressed'),
    ),
    _argument('overlay_alpha', 'Opacity of the colours in the overlay, 0 to 1'),
    _argument('max_rate_hz', 'Highest rate by camera at which frames are processed; 0: no limit'),
    _argument('use_sim_time', 'Take the time from /clock', choices=BOOL),
    _argument(
        'autostart',
        'Configure and activate the node at once; else use `ros2 lifecycle`',
        choices=BOOL,
    ),
    _argument('params_file', 'Parameter file of the node', default=_share('config', 'seg.yaml')),
    _argument('namespace', 'Namespace of the node and of its relative topics'),
    _argument('node_name', 'Name of the node', default='segmentation'),
    _argument(
        'dds_profile',
        'Let Fast DDS carry images through 64 MB of shared memory '
        '(a profile already set in the environment is kept)',
        default='true',
        choices=BOOL,
    ),
    _argument(
        'rviz',
        'Show camera, overlay and mask of the first camera in RViz',
        default='false',
        choices=BOOL,
    ),
    _argument(
        'log_level',
        'Lowest level that is logged',
        default='info',
        choices=('debug', 'info', 'warn', 'error', 'fatal'),
    ),
]


def parse_topics(text: str) -> list[str]:
    """The topics named by `image_topics`, as a YAML list or separated by commas.

    Raises:
        ValueError: if it is neither.
    """
    try:
        topics = yaml.safe_load(text if text.lstrip().startswith('[') else f'[{text}]')
    except yaml.YAMLError:
        topics = None
    if not topics or not all(isinstance(topic, str) and topic for topic in topics):
        raise ValueError(
            f'image_topics:={text!r} is not a list of topics; '
            'write image_topics:=/cam/image_raw or image_topics:="[/cam/a, /cam/b]"'
        )
    return topics


def _number(name: str, kind: Callable[[str], Any]) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            word = 'whole number' if kind is int else 'number'
            raise ValueError(f'{name}:={text!r} is not a {word}') from None

    return convert


def _text(text: str) -> ParameterValue:
    return ParameterValue(text, value_type=str)  # a model called 2024 stays a text


PARAMETERS: dict[str, Callable[[str], Any]] = {
    'model': _text,
    'engine': _text,
    'device': _text,
    'precision': _text,
    'threads': _number('threads', int),
    'image_topics': parse_topics,
    'image_transport': _text,
    'overlay_alpha': _number('overlay_alpha', float),
    'max_rate_hz': _number('max_rate_hz', float),
    'use_sim_time': lambda text: text == 'true',
    'autostart': lambda text: text == 'true',
}


def given_parameters(context: LaunchContext) -> dict[str, Any]:
    """The node's parameters that the launch arguments name."""
    given = context.launch_configurations
    return {
        name: convert(given[name])
        for name, convert in PARAMETERS.items()
        if given.get(name, KEEP) != KEEP
    }


def _dds_profile(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    wanted = context.launch_configurations['dds_profile'] == 'true'
    if not wanted or any(context.environment.get(name) for name in PROFILE_VARIABLES):
        return []
    path = _share('config', 'dds', 'fastdds_images.xml')
    return [SetEnvironmentVariable(name, path) for name in PROFILE_VARIABLES]


def _node(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    params_file = Path(LaunchConfiguration('params_file').perform(context)).expanduser()
    if not params_file.is_file():  # launch_ros would go on without it
        raise FileNotFoundError(f'params_file:={params_file} is not a file')
    parameters: list[Any] = [params_file]
    given = given_parameters(context)
    if given:
        parameters.append(given)
    return [
        Node(
            package=PACKAGE,
            executable='segmentation_node',
            # With both given, the values above are stronger than any section of params_file.
            name=LaunchConfiguration('node_name'),
            namespace=LaunchConfiguration('namespace'),
            parameters=parameters,
            ros_arguments=['--log-level', LaunchConfiguration('log_level')],
            output='screen',
        )
    ]


def _rviz(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    given = given_parameters(context)
    remappings = []
    if 'image_topics' in given:
        camera = given['image_topics'][0]
        folder = camera.rpartition('/')[0]
        outputs = f'{folder}/segmentation' if '/' in camera else 'segmentation'
        remappings = [('image', camera)]
        remappings += [(f'segmentation/{name}', f'{outputs}/{name}') for name in OUTPUTS]
    return [
        Node(
            package='rviz2',
            executable='rviz2',
            namespace=LaunchConfiguration('namespace'),
            arguments=['-d', _share('config', 'rviz', 'seg.rviz')],
            parameters=[{'use_sim_time': given.get('use_sim_time', False)}],
            remappings=remappings,
            output='log',
            condition=IfCondition(LaunchConfiguration('rviz')),
        )
    ]


def generate_launch_description() -> LaunchDescription:
    """Arguments, DDS profile, node, RViz."""
    steps = [OpaqueFunction(function=step) for step in (_dds_profile, _node, _rviz)]
    return LaunchDescription([*ARGUMENTS, *steps])
