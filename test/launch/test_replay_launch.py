# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""replay.launch.py: its arguments, the command that plays the bag, and a bag played to the end."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import pytest
from color_bag import write_color_bag

# Not `launch`: as a folder of this repository, that can always be imported.
pytest.importorskip(
    'launch_ros', reason='launch_ros is not installed; it comes with ROS 2 only, no wheel has it'
)

from launch import LaunchContext, LaunchDescription
from launch.actions import OpaqueFunction
from launch_harness import context_of, load, onlooker, run
from sensor_msgs.msg import Image

FILE = 'replay.launch.py'
OWN = {'bag', 'rate', 'loop', 'clock', 'delay', 'start_paused', 'rviz'}


def test_it_takes_the_arguments_of_the_node_too(prefix: Path) -> None:
    arguments = load(prefix, FILE).generate_launch_description().get_launch_arguments()
    seg = load(prefix, 'seg.launch.py').generate_launch_description().get_launch_arguments()
    assert {a.name for a in arguments} == OWN | {a.name for a in seg}
    assert {a.name: a.description for a in arguments if not a.description.strip()} == {}
    assert [a.name for a in arguments if a.default_value is None] == ['bag']


@pytest.mark.parametrize(
    ('given', 'expected'),
    [
        ({}, '--rate 1.0 --delay 3.0 --clock 100.0'),
        ({'rate': '0.5', 'delay': '0', 'clock': '0'}, '--rate 0.5'),
        ({'loop': 'true', 'delay': '0'}, '--rate 1.0 --clock 100.0 --loop'),
        ({'start_paused': 'true'}, '--rate 1.0 --delay 3.0 --clock 100.0 --start-paused'),
        ({'rate': '0'}, (ValueError, 'rate:=0 is not a number above 0')),
        ({'rate': 'fast'}, (ValueError, 'rate:=fast is not')),
        ({'clock': '-1'}, (ValueError, 'clock:=-1 is not a number of at least 0')),
        ({'delay': 'nan'}, (ValueError, 'delay:=nan is not')),
        ({'loop': 'twice'}, (RuntimeError, 'loop.*twice.*true.*false')),
        ({'bag': '/nowhere/bag'}, (FileNotFoundError, 'bag:=/nowhere/bag does not exist')),
    ],
)
def test_the_bag_is_played_as_asked(
    prefix: Path,
    tmp_path: Path,
    given: dict[str, str],
    expected: str | tuple[type[Exception], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = load(prefix, FILE)
    bag = tmp_path / 'bag'
    bag.mkdir()
    description = module.generate_launch_description()
    monkeypatch.setattr(module, '_player_has', lambda _option: False)
    arguments = {'bag': str(bag), **given}
    if isinstance(expected, str):
        command = module.play_command(context_of(description, **arguments))
        start = ['bag', 'play', str(bag), '--disable-keyboard-controls']
        assert command == [*start, *expected.split()]
        return
    with pytest.raises(expected[0], match=expected[1]):
        module.play_command(context_of(description, **arguments))


@pytest.mark.parametrize(
    ('given', 'expected'),
    [
        ({}, 'true'),
        ({'clock': '0'}, ''),
        ({'use_sim_time': 'false'}, 'false'),
    ],
)
def test_the_node_follows_the_clock_of_the_bag(
    prefix: Path, tmp_path: Path, given: dict[str, str], expected: str
) -> None:
    description = load(prefix, FILE).generate_launch_description()
    bag = write_color_bag(tmp_path / 'bag', frames=1)
    context = context_of(description, bag=str(bag.path), image_topics='/cam/image_raw', **given)
    prepare = next(e for e in description.entities if isinstance(e, OpaqueFunction))
    for action in prepare.execute(context) or []:
        action.execute(context)
    assert context.launch_configurations['use_sim_time'] == expected


@pytest.mark.parametrize(
    ('given', 'expected'),
    [
        ({'image_topics': '/cam/image_raw'}, ''),
        ({'image_topics': '[/cam/image_raw]'}, ''),
        ({'image_topics': 'image_raw', 'namespace': 'cam'}, ''),
        ({'params_file': 'mine.yaml'}, ''),
        ({}, '/image is not in bag'),
        ({'image_topics': '/cam/image'}, '/cam/image is not in bag.*images in it are.*image_raw'),
        (
            {'image_topics': '/cam/image_raw', 'image_transport': 'compressed'},
            '/cam/image_raw/compressed is not in bag',
        ),
    ],
)
def test_the_topics_are_looked_for_in_the_bag(
    prefix: Path, tmp_path: Path, given: dict[str, str], expected: str
) -> None:
    module = load(prefix, FILE)
    bag = write_color_bag(tmp_path / 'bag', frames=1)
    context = LaunchContext()
    context.launch_configurations.update({'bag': str(bag.path), **given})
    if not expected:
        module.check_topics(context)
        return
    with pytest.raises(ValueError, match=expected):
        module.check_topics(context)


def test_rviz_needs_a_display_and_rviz(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = []
    index = prefix / 'share/ament_index/resource_index/packages'
    for display, installed in (('', True), (':0', False), (':0', True)):
        (index / 'rviz2').unlink(missing_ok=True)
        if installed:
            (index / 'rviz2').touch()
        monkeypatch.setenv('WAYLAND_DISPLAY', '')
        monkeypatch.setenv('DISPLAY', display)
        module = load(prefix, FILE)
        (rviz,) = (a for a in module.ARGUMENTS if a.name == 'rviz')
        defaults.append(context_of(LaunchDescription([rviz])).launch_configurations['rviz'])
    assert defaults == ['false', 'false', 'true']


def test_a_model_that_cannot_be_loaded_ends_the_replay(
    prefix: Path, tmp_path: Path, ros_domain: int, caplog: pytest.LogCaptureFixture
) -> None:
    bag = write_color_bag(tmp_path / 'bag', frames=2)
    (tmp_path / 'bad.onnx').write_text('no model')
    program = tmp_path / 'ros2'  # stands for a player that goes on for long
    program.write_text('#!/bin/sh\nexec sleep 100\n')
    program.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('PATH', f'{tmp_path}{os.pathsep}{os.environ["PATH"]}')
        arguments = {
            'bag': str(bag.path),
            'model': str(tmp_path / 'bad.onnx'),
            'image_topics': '/cam/image_raw',
            'rviz': 'false',
        }
        status, _ = run(prefix, FILE, arguments)
    assert status == 1
    assert 'bad.onnx cannot be read as ONNX' in caplog.text
    assert 'bag play` failed' not in caplog.text


def test_a_played_bag_ends_the_launch(
    prefix: Path, tmp_path: Path, tiny_model: Path, ros_domain: int
) -> None:
    if shutil.which('ros2') is None or importlib.util.find_spec('ros2bag') is None:
        pytest.skip('ros2 bag is not installed; it comes with ROS 2 only, there is no wheel of it')
    bag = write_color_bag(tmp_path / 'bag', frames=20)
    masks: list[Image] = []
    arguments = {
        'bag': str(bag.path),
        'model': str(tiny_model),
        'image_topics': '/cam/image_raw',
        'rviz': 'false',
    }
    with onlooker() as peer:
        peer.node.create_subscription(Image, '/cam/segmentation/mask', masks.append, 50)
        status, _ = run(prefix, FILE, arguments)
    assert status == 0
    stamps = [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for m in masks]
    assert len(stamps) > 0
    assert stamps == sorted(set(stamps))
    assert set(stamps) <= set(bag.stamps_ns)
