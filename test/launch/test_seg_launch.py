# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""seg.launch.py: its arguments, what it makes of them, and the node that it starts."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from drivseg_ros.errors import ParameterError
from drivseg_ros.node.parameters import SPECS

# Not `launch`: as a folder of this repository, that can always be imported.
pytest.importorskip(
    'launch_ros', reason='launch_ros is not installed; it comes with ROS 2 only, no wheel has it'
)

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch_harness import Node, ask, context_of, load, onlooker, run
from launch_ros.actions import LifecycleNode
from lifecycle_msgs.srv import GetState
from node_harness import wait_for
from rcl_interfaces.srv import GetParameters
from rclpy.parameter import parameter_value_to_python

FILE = 'seg.launch.py'


def test_every_argument_is_described_and_every_parameter_is_one(prefix: Path) -> None:
    arguments = load(prefix, FILE).generate_launch_description().get_launch_arguments()
    assert {a.name: a.description for a in arguments if not a.description.strip()} == {}
    names = [a.name for a in arguments]
    assert len(names) == len(set(names))
    others = [
        'use_sim_time',
        'params_file',
        'namespace',
        'node_name',
        'dds_profile',
        'rviz',
        'log_level',
    ]
    assert set(names) == {spec.name for spec in SPECS} | set(others)


@pytest.mark.parametrize(
    ('given', 'expected'),
    [
        ({}, {}),
        ({'model': '2024', 'engine': 'auto'}, {'model': '2024', 'engine': 'auto'}),
        ({'threads': '2'}, {'threads': 2}),
        ({'overlay_alpha': '1', 'max_rate_hz': '7.5'}, {'overlay_alpha': 1.0, 'max_rate_hz': 7.5}),
        (
            {'autostart': 'false', 'use_sim_time': 'true'},
            {'autostart': False, 'use_sim_time': True},
        ),
        ({'image_topics': '/cam/a'}, {'image_topics': ('/cam/a',)}),
        ({'image_topics': '/cam/a, cam/b'}, {'image_topics': ('/cam/a', 'cam/b')}),
        ({'image_topics': '[/cam/a, cam/b]'}, {'image_topics': ('/cam/a', 'cam/b')}),
        ({'image_topics': '["/cam/a", \'cam/b\']'}, {'image_topics': ('/cam/a', 'cam/b')}),
        ({'engine': 'foo'}, (RuntimeError, r'engine.*foo.*auto.*onnxruntime')),
        ({'autostart': 'maybe'}, (RuntimeError, r'autostart.*maybe.*true.*false')),
        ({'threads': 'few'}, (ParameterError, "threads is 'few'.*whole number from 0")),
        ({'threads': '-1'}, (ParameterError, 'threads is -1')),
        ({'overlay_alpha': '1.5'}, (ParameterError, 'overlay_alpha is 1.5.*0.0 to 1.0')),
        ({'overlay_alpha': '[1, '}, (ParameterError, r"overlay_alpha is '\[1, '")),
        ({'image_topics': 'a,,b'}, (ParameterError, 'image_topics')),
        ({'outputs': 'mask,depth'}, (ParameterError, 'outputs.*depth.*overlay')),
    ],
)
def test_only_what_is_given_becomes_a_parameter(
    prefix: Path, given: dict[str, str], expected: dict[str, Any] | tuple[type[Exception], str]
) -> None:
    module = load(prefix, FILE)
    description = module.generate_launch_description()
    if isinstance(expected, dict):
        assert module.given_parameters(context_of(description, **given)) == expected
        return
    with pytest.raises(expected[0], match=expected[1]):
        module.given_parameters(context_of(description, **given))


@pytest.mark.parametrize(
    ('given', 'camera', 'folder'),
    [
        ({}, 'image', 'segmentation'),
        (
            {'image_topics': ('/cam/front/image_raw', '/cam/left/image_raw')},
            '/cam/front/image_raw',
            '/cam/front/segmentation',
        ),
    ],
)
def test_rviz_shows_the_first_camera(
    prefix: Path, given: dict[str, Any], camera: str, folder: str
) -> None:
    module = load(prefix, FILE)
    shown = [(f'segmentation/{name}', f'{folder}/{name}') for name in module.SHOWN]
    assert module.rviz_remappings(given) == [('image', camera), *shown]
    view = yaml.safe_load((prefix / 'share/drivseg_ros/config/rviz/seg.rviz').read_text())
    topics = {d['Topic']['Value'] for d in view['Visualization Manager']['Displays']}
    assert topics == {'image', *(name for name, _ in shown)}


def set_profiles() -> set[str]:
    names = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
    return {os.environ[name] for name in names if os.environ.get(name)}


@pytest.mark.parametrize(
    ('wanted', 'already', 'expected'),
    [
        ('true', '', 'fastdds_images.xml'),
        ('true', '/mine.xml', '/mine.xml'),
        ('false', '', None),
        ('false', '/mine.xml', '/mine.xml'),
    ],
)
def test_the_dds_profile_is_set_unless_there_is_one(
    prefix: Path,
    no_profile: None,
    monkeypatch: pytest.MonkeyPatch,
    wanted: str,
    already: str,
    expected: str | None,
) -> None:
    monkeypatch.setenv('FASTDDS_DEFAULT_PROFILES_FILE', already)
    description = load(prefix, FILE).generate_launch_description()
    context = context_of(description, dds_profile=wanted)
    pending = description.visit(context)
    while pending:
        entity = pending.pop(0)
        if not isinstance(entity, Node):
            pending = [*(entity.visit(context) or []), *pending]
    assert {Path(p).name if not already else p for p in set_profiles()} == {expected} - {None}
    assert os.environ['DRIVSEG_DDS_PROFILE'] == ('off' if wanted == 'false' else '')


def test_without_rviz_nothing_is_started(
    prefix: Path, tiny_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    try:
        get_package_prefix('rviz2')
    except PackageNotFoundError:
        pass
    else:
        pytest.skip('RViz is installed')
    status, _ = run(prefix, FILE, {'rviz': 'true', 'model': str(tiny_model)})
    assert status == 1
    assert 'RViz is not installed: apt install' in caplog.text
    assert 'process started' not in caplog.text


def test_a_missing_params_file_is_refused(prefix: Path, tmp_path: Path) -> None:
    status, _ = run(prefix, FILE, {'params_file': str(tmp_path / 'none.yaml')})
    assert status == 1


def test_it_starts_the_node_which_becomes_active(
    prefix: Path, tmp_path: Path, tiny_model: Path, ros_domain: int
) -> None:
    params_file = tmp_path / 'mine.yaml'
    params_file.write_text(
        '/car/seg:\n  ros__parameters: {max_rate_hz: 3.0, overlay_alpha: 0.25, threads: 1}\n'
    )
    names = ['model', 'max_rate_hz', 'overlay_alpha', 'image_topics']

    def during() -> tuple[list[Any], set[str]]:
        with onlooker() as peer:

            def active() -> bool:
                state = ask(peer, GetState, '/car/seg/get_state', GetState.Request())
                return state.current_state.label == 'active'

            wait_for(active, 'the node is active')
            request = GetParameters.Request(names=names)
            answer = ask(peer, GetParameters, '/car/seg/get_parameters', request)
            topics = {name for name, _ in peer.node.get_topic_names_and_types()}
            return [parameter_value_to_python(value) for value in answer.values], topics

    arguments = {
        'params_file': str(params_file),
        'model': str(tiny_model),
        'max_rate_hz': '9',
        'image_topics': 'front/image_raw,/rear/image_raw',
        'namespace': 'car',
        'node_name': 'seg',
    }
    status, (values, topics) = run(prefix, FILE, arguments, during=during)
    assert status == 0
    assert values == [str(tiny_model), 9.0, 0.25, ['front/image_raw', '/rear/image_raw']]
    assert {'/car/front/segmentation/mask', '/rear/segmentation/mask'} <= topics


STEPS = (
    "LifecycleTransition(lifecycle_node_names=['/car/seg'],"
    'transition_ids=[T.TRANSITION_CONFIGURE, T.TRANSITION_ACTIVATE])'
)


@pytest.mark.parametrize(
    ('own', 'argument', 'steps'),
    [(False, '', STEPS), (False, 'autostart=True', ''), (True, 'autostart=True', '')],
    ids=['transitions', 'autostart', 'both'],
)
def test_launch_may_do_the_transitions(
    prefix: Path, tiny_model: Path, ros_domain: int, own: bool, argument: str, steps: str
) -> None:
    if argument and 'autostart' not in inspect.signature(LifecycleNode.__init__).parameters:
        pytest.skip('the LifecycleNode of this launch_ros has no autostart')
    (prefix / 'share/drivseg_ros/launch/mine.launch.py').write_text(
        'from launch import LaunchDescription\n'
        'from launch_ros.actions import LifecycleNode, LifecycleTransition\n'
        'from lifecycle_msgs.msg import Transition as T\n'
        'def generate_launch_description():\n'
        "    node = LifecycleNode(package='drivseg_ros', executable='segmentation_node',\n"
        f"        name='seg', namespace='car', output='screen', {argument or '**{}'},\n"
        f"        parameters=[{{'autostart': {own}, 'model': {str(tiny_model)!r}}}])\n"
        f'    return LaunchDescription([node, {steps}])\n'
    )

    def during() -> None:
        with onlooker() as peer:

            def active() -> bool:
                state = ask(peer, GetState, '/car/seg/get_state', GetState.Request())
                return state.current_state.label == 'active'

            wait_for(active, 'the node is active')

    status, _ = run(prefix, 'mine.launch.py', {}, during=during)
    assert status == 0
