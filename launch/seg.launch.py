# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Starts the segmentation node, and RViz if asked.

Every parameter of the node is an argument; one left empty leaves the value in params_file alone.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import yaml
from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from drivseg_ros.base.topics import output_topic
from drivseg_ros.node.dds_profile import SWITCH_VARIABLE, use_image_profile
from drivseg_ros.node.parameter_spec import Kind, ParameterSpec
from drivseg_ros.node.parameters import SPECS, SPECS_BY_NAME

PACKAGE = 'drivseg_ros'
KEEP = ''  # the value of an argument that was not given
BOOL = ['true', 'false']
# In RViz, beside the camera.
SHOWN = (
    *('overlay', 'mask_color', 'grid', 'scan'),
    *('corridor/left', 'corridor/right', 'corridor/centre'),
)


def _share(*parts: str) -> PathJoinSubstitution:
    return PathJoinSubstitution([FindPackageShare(PACKAGE), *parts])


def _argument_of(spec: ParameterSpec) -> DeclareLaunchArgument:
    choices = None
    if spec.kind is Kind.BOOL:
        choices = [*BOOL, KEEP]
    elif spec.kind is Kind.STRING and spec.choices:
        choices = [*spec.choices, KEEP]
    description = spec.description if choices else spec.meaning
    if spec.kind is Kind.STRING_LIST:
        description += '; one, or several with commas between'
    return DeclareLaunchArgument(
        spec.name, default_value=KEEP, description=description, choices=choices
    )


ARGUMENTS = [
    *map(_argument_of, SPECS),
    DeclareLaunchArgument(
        'use_sim_time',
        default_value=KEEP,
        choices=[*BOOL, KEEP],
        description='Take the time from /clock',
    ),
    DeclareLaunchArgument(
        'params_file',
        default_value=_share('config', 'seg.yaml'),
        description='Parameter file of the node',
    ),
    DeclareLaunchArgument(
        'namespace',
        default_value='',
        description='Namespace of the node and of its relative topics',
    ),
    DeclareLaunchArgument(
        'node_name', default_value='segmentation', description='Name of the node'
    ),
    DeclareLaunchArgument(
        'dds_profile',
        default_value='true',
        choices=BOOL,
        description='Let Fast DDS carry images through 64 MB of shared memory; '
        'a profile that is set in the environment is kept',
    ),
    DeclareLaunchArgument(
        'rviz',
        default_value='false',
        choices=BOOL,
        description='Show camera, overlay and mask of the first of image_topics in RViz',
    ),
    DeclareLaunchArgument(
        'log_level',
        default_value='info',
        choices=['debug', 'info', 'warn', 'error', 'fatal'],
        description='Lowest level of what is logged',
    ),
]


def parameter_value(spec: ParameterSpec, text: str) -> Any:
    """The value of a parameter as it was written on the command line.

    Raises:
        ParameterError: if it is not allowed.
    """
    value: Any = text
    if spec.kind is not Kind.STRING:
        with contextlib.suppress(yaml.YAMLError):  # then it is refused as the text that it is
            value = yaml.safe_load(text)
    if spec.kind is Kind.STRING_LIST and isinstance(value, str):
        value = [item.strip() for item in value.split(',')]
    return spec.check(value)


def given_parameters(context: LaunchContext) -> dict[str, Any]:
    """The parameters that the launch arguments name, and their values."""
    texts = {name: text for name, text in context.launch_configurations.items() if text != KEEP}
    given = {s.name: parameter_value(s, texts[s.name]) for s in SPECS if s.name in texts}
    if 'use_sim_time' in texts:
        given['use_sim_time'] = texts['use_sim_time'] == 'true'
    return given


def _check_rviz(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Refuses before anything is started: launch_ros would leave the node running alone."""
    if context.launch_configurations['rviz'] == 'true':
        try:
            get_package_prefix('rviz2')
        except PackageNotFoundError:
            raise RuntimeError(
                'rviz:=true, but RViz is not installed: apt install ros-$ROS_DISTRO-rviz2, or '
                'give rviz:=false'
            ) from None
    return []


def _dds_profile(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    if context.launch_configurations['dds_profile'] == 'false':
        return [SetEnvironmentVariable(SWITCH_VARIABLE, 'off')]
    use_image_profile()  # in this process's environment, as SetEnvironmentVariable would
    return []


def _node(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    params_file = Path(LaunchConfiguration('params_file').perform(context)).expanduser()
    if not params_file.is_file():  # launch_ros would go on without it
        raise FileNotFoundError(f'params_file:={params_file} is not a file')
    given: dict[str, Any] = {
        # launch_ros would take a model called 2024 for a number.
        name: ParameterValue(value, value_type=str) if isinstance(value, str) else value
        for name, value in given_parameters(context).items()
    }
    return [
        Node(
            package=PACKAGE,
            executable='segmentation_node',
            # With both of these, the values given are stronger than any section of params_file.
            name=LaunchConfiguration('node_name'),
            namespace=LaunchConfiguration('namespace'),
            parameters=[params_file, given] if given else [params_file],
            ros_arguments=['--log-level', LaunchConfiguration('log_level')],
            output='screen',
        )
    ]


def rviz_remappings(given: dict[str, Any]) -> list[tuple[str, str]]:
    """From the topics in seg.rviz to the first camera's."""
    camera = given.get('image_topics', SPECS_BY_NAME['image_topics'].default)[0]
    shown = [(output_topic('image', name), output_topic(camera, name)) for name in SHOWN]
    return [('image', camera), *shown]


def _rviz(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    given = given_parameters(context)
    return [
        Node(
            package='rviz2',
            executable='rviz2',
            namespace=LaunchConfiguration('namespace'),
            arguments=[
                *('-d', _share('config', 'rviz', 'seg.rviz')),
                *('-f', given.get('ground_frame', SPECS_BY_NAME['ground_frame'].default)),
            ],
            parameters=[{'use_sim_time': given.get('use_sim_time', False)}],
            remappings=rviz_remappings(given),
            output='log',
            condition=IfCondition(LaunchConfiguration('rviz')),
        )
    ]


def generate_launch_description() -> LaunchDescription:
    """Arguments, DDS profile, node, RViz."""
    steps = (_check_rviz, _dds_profile, _node, _rviz)
    return LaunchDescription([*ARGUMENTS, *(OpaqueFunction(function=step) for step in steps)])
