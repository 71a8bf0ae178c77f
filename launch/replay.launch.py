# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Plays a recorded bag to the segmentation node and shows what it makes of it.

Ends when the bag does, and with an error when there is nothing to see: no topic of that name in the
bag, a model that cannot be loaded, a node or player that fails. All arguments of seg.launch.py are
taken as well.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
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
from launch.event_handlers import OnProcessExit, OnProcessIO
from launch.events.process import ProcessExited, ProcessIO
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import FindExecutable, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from drivseg_ros.bags.reader import BagReader
from drivseg_ros.node.parameters import SPECS_BY_NAME

PACKAGE = 'drivseg_ros'
BOOL = ['true', 'false']
DISPLAYS = ('DISPLAY', 'WAYLAND_DISPLAY')
NO_BAR = '--progress-bar-update-rate'  # of newer `ros2 bag play`s; 0 switches it off
LAST_FRAMES_S = 1.0  # what is in flight when the bag ends still gets its mask


def _can_show() -> bool:
    try:
        get_package_prefix('rviz2')
    except PackageNotFoundError:
        return False
    return any(map(os.environ.get, DISPLAYS))


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
        'rviz',
        default_value='true' if _can_show() else 'false',
        choices=BOOL,
        description='Show camera, overlay and mask; by default where there are a display and RViz',
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
    if _player_has(NO_BAR):
        command += [NO_BAR, '0']
    return command


def _player_has(option: str) -> bool:
    try:
        play = importlib.util.find_spec('ros2bag.verb.play')
    except ModuleNotFoundError:
        return False
    return play is not None and play.origin is not None and option in Path(play.origin).read_text()


def check_topics(context: LaunchContext) -> None:
    """Compares the topics that the node subscribes to with those in the bag.

    Those in a params_file are not known here.

    Raises:
        ValueError: if one is not in the bag.
    """
    given = context.launch_configurations
    text = given.get('image_topics', '')
    if not text and given.get('params_file'):
        return
    wanted = SPECS_BY_NAME['image_topics'].default
    if text:
        wanted = [item.strip(' \'"') for item in text.strip('[] ').split(',')]
    transport = given.get('image_transport') or SPECS_BY_NAME['image_transport'].default
    suffix = '/compressed' if transport == 'compressed' else ''
    namespace = given.get('namespace', '').strip('/')
    with BagReader(Path(given['bag']).expanduser()) as reader:
        images = sorted(t.name for t in reader.topics.values() if t.msgtype.endswith('Image'))
        known = set(reader.topics)
    for name in wanted:
        topic = name if name.startswith('/') else '/'.join(['', *filter(None, [namespace]), name])
        if topic + suffix not in known:
            raise ValueError(
                f'{topic + suffix} is not in bag:={given["bag"]}; the images in it are '
                f'{", ".join(images) or "none"}: give image_topics:=TOPIC (without /compressed, '
                'with image_transport:=compressed, if that is its end)'
            )


def _prepare(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    play_command(context)  # a wrong argument is refused before anything is started
    check_topics(context)
    clock = _number(context, 'clock', zero=True)
    if not clock or context.launch_configurations.get('use_sim_time'):
        return []
    return [SetLaunchConfiguration('use_sim_time', 'true')]


def _play(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    player = ExecuteProcess(
        cmd=[FindExecutable(name='ros2'), *play_command(context)], name='bag_play', output='screen'
    )

    def end(event: ProcessExited, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        if context.is_shutdown:
            return []
        if event.returncode:
            return [_failure(f'`ros2 bag play` failed with status {event.returncode}')]
        last = Shutdown(reason='the bag has been played')
        return [TimerAction(period=LAST_FRAMES_S, actions=[last])]

    return [RegisterEventHandler(OnProcessExit(target_action=player, on_exit=end)), player]


def _is_segmentation(action: Action) -> bool:
    return isinstance(action, Node) and action.node_package == PACKAGE


def _node_ended(event: ProcessExited, context: LaunchContext) -> list[LaunchDescriptionEntity]:
    if context.is_shutdown:
        return []
    return [_failure(f'the segmentation node ended with status {event.returncode}')]


def _node_wrote(event: ProcessIO) -> list[LaunchDescriptionEntity]:
    """A node that cannot load its model waits for orders; a replay has nobody who gives them."""
    lines = event.text.decode(errors='replace').splitlines()
    found = [line for line in lines if 'configure failed: ' in line]
    return [_failure(found[0].partition('configure failed: ')[2])] if found else []


def _failure(reason: str) -> OpaqueFunction:
    """Ends the launch with status 1, which Shutdown alone does not."""

    def fail(_context: LaunchContext) -> None:
        raise RuntimeError(reason)

    return OpaqueFunction(function=fail)


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
            RegisterEventHandler(
                OnProcessIO(
                    target_action=_is_segmentation, on_stdout=_node_wrote, on_stderr=_node_wrote
                )
            ),
            IncludeLaunchDescription(PythonLaunchDescriptionSource(segmentation)),
            OpaqueFunction(function=_play),
        ]
    )
