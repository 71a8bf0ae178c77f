# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Plays a recorded bag to the segmentation node and shows what it makes of it.

Ends when the bag does. All arguments of seg.launch.py are taken as well.
"""

from __future__ import annotations

from pathlib import Path

from launch import Action, LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
    SetLaunchConfiguration,
    Shutdown,
    TimerAction,
)
from launch.event_handlers import OnProcessExit
from launch.events.process import ProcessExited
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import FindExecutable, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

PACKAGE = 'drivseg_ros'
BOOL = ['true', 'false']
LAST_FRAMES_S = 1.0  # what is in flight when the bag ends still gets its mask

ARGUMENTS = [
    DeclareLaunchArgument('bag', description='Bag to play: a rosbag2 folder, an .mcap or a .db3'),
    DeclareLaunchArgument('rate', default_value='1.0', description='Speed; 1: as recorded'),
    DeclareLaunchArgument(
        'loop', default_value='false', choices=BOOL, description='Start again at the end, for ever'
    ),
    DeclareLaunchArgument(
        'clock',
        default_value='100',
        description='Rate of /clock in Hz; 0: no /clock, and the node takes the time of the day',
    ),
    DeclareLaunchArgument(
        'delay',
        default_value='3.0',
        description='Seconds before the first message: the node loads its model meanwhile',
    ),
    DeclareLaunchArgument(
        'start_paused',
        default_value='false',
        choices=BOOL,
        description='Wait for `ros2 service call /rosbag2_player/resume rosbag2_interfaces/srv/'
        'Resume`',
    ),
    DeclareLaunchArgument(
        'rviz', default_value='true', choices=BOOL, description='Show camera, overlay and mask'
    ),
]


def _number(context: LaunchContext, name: str, *, zero: bool) -> float:
    text = context.launch_configurations[name]
    try:
        value = float(text)
    except ValueError:
        value = float('nan')
    if not (value >= 0 if zero else value > 0):
        rule = 'a number of at least 0' if zero else 'a number above 0'
        raise ValueError(f'{name}:={text} is not {rule}')
    return value


def play_command(context: LaunchContext) -> list[str]:
    """The arguments of `ros2` that play the bag.

    Raises:
        ValueError: if an argument is out of its range.
        FileNotFoundError: if there is no such bag.
    """
    given = context.launch_configurations
    bag = Path(given['bag']).expanduser()
    if not bag.exists():
        raise FileNotFoundError(f'bag:={bag} does not exist; name a rosbag2 folder, .mcap or .db3')
    command = ['bag', 'play', str(bag), '--disable-keyboard-controls']
    command += ['--rate', str(_number(context, 'rate', zero=False))]
    for name in ('delay', 'clock'):  # `ros2 bag play` refuses 0
        value = _number(context, name, zero=True)
        if value:
            command += [f'--{name}', str(value)]
    if given['loop'] == 'true':
        command.append('--loop')
    if given['start_paused'] == 'true':
        command.append('--start-paused')
    return command


def _prepare(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    play_command(context)  # a wrong argument is refused before anything is started
    clock = _number(context, 'clock', zero=True)
    if not clock or context.launch_configurations.get('use_sim_time'):
        return []
    return [SetLaunchConfiguration('use_sim_time', 'true')]


def _play(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    player = ExecuteProcess(
        cmd=[FindExecutable(name='ros2'), *play_command(context)], name='bag_play', output='screen'
    )

    def end(event: ProcessExited, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        if event.returncode:
            return [Shutdown(reason=f'`ros2 bag play` failed with status {event.returncode}')]
        last = Shutdown(reason='the bag has been played')
        return [TimerAction(period=LAST_FRAMES_S, actions=[last])]

    return [RegisterEventHandler(OnProcessExit(target_action=player, on_exit=end)), player]


def _is_segmentation(action: Action) -> bool:
    return isinstance(action, Node) and action.node_package == PACKAGE


def _node_ended(event: ProcessExited, context: LaunchContext) -> list[LaunchDescriptionEntity]:
    if context.is_shutdown:
        return []
    return [Shutdown(reason=f'the segmentation node ended with status {event.returncode}')]


def generate_launch_description() -> LaunchDescription:
    """Arguments, node and RViz by seg.launch.py, and the player."""
    segmentation = PathJoinSubstitution([FindPackageShare(PACKAGE), 'launch', 'seg.launch.py'])
    return LaunchDescription(
        [
            *ARGUMENTS,
            OpaqueFunction(function=_prepare),
            RegisterEventHandler(
                OnProcessExit(target_action=_is_segmentation, on_exit=_node_ended)
            ),
            IncludeLaunchDescription(PythonLaunchDescriptionSource(segmentation)),
            OpaqueFunction(function=_play),
        ]
    )
