# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures that tests of several rooms share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from color_bag import ColorBag, write_color_bag
from lyrical import use_lyrical
from many_bags import TRUNCATED, truncate, write_bags
from tiny_model import write_tiny_model

from drivseg_ros.base.share import share_directory
from drivseg_ros.evaluation.live.ros_domain import private_domain

# Two participants in one process, which only tests have, can lock each other up for ever when they
# tell each other directly of endpoints that go (seen in Fast DDS 3.2: PDP::removeWriterProxyData).
_NO_INTRAPROCESS = """
  <library_settings>
    <intraprocess_delivery>OFF</intraprocess_delivery>
  </library_settings>
"""


# Where several processes test side by side, each has one core; their children inherit it.
# pytest-xdist sets both in its processes, and a console made under them keeps to their width.
for size in ('COLUMNS', 'LINES'):
    os.environ.pop(size, None)
if os.environ.get('PYTEST_XDIST_WORKER'):
    os.environ.setdefault('OMP_NUM_THREADS', '1')

# A shell starts jobs in the background with SIGINT ignored; child processes inherit that, and those
# that the tests interrupt would go on.
signal.signal(signal.SIGINT, signal.default_int_handler)


TESTS = Path(__file__).parent
# What runs on the car, and what reads and writes files by libraries that have changed.
OLDEST = (
    *('base', 'model', 'images', 'ground', 'node', 'launch', 'bags', 'frames', 'evaluation/live'),
    *('engines/test_every_engine.py', 'engines/test_onnxruntime_engine.py', 'cli/test_smoke.py'),
    *('cli/test_grammar.py', 'cli/test_completion.py', 'cli/test_main.py'),
    'test_segmenter.py',
)
# Markers by place; a single test elsewhere has its own.
TIERS = {
    'process': (
        *('base/test_child.py', 'base/test_leash.py', 'bench/graph', 'bench/test_engine.py'),
        *('bench/test_node.py', 'cli/test_doctor.py', 'cli/test_evaluate_live.py'),
        *('cli/test_evaluate_many.py', 'doctor/test_trial.py', 'engines/test_killed_builds.py'),
        *('evaluation/live', 'evaluation/many', 'node/test_freed_memory.py'),
        *('node/test_process.py', 'test_privacy.py'),
    ),
    'train': (
        *('cli/test_train.py', 'lab/comparing/test_runs.py', 'lab/training/test_failures.py'),
        *(
            'lab/training/test_resume.py',
            'lab/training/test_run.py',
            'networks/test_overfitting.py',
        ),
    ),
    'browser': ('report/page/test_browser.py',),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        '--oldest',
        action='store_true',
        help='only the tests that depend on rclpy or on the oldest libraries',
    )
    parser.addoption(
        '--lyrical',
        metavar='CLONE',
        nargs='?',
        const='',
        help="with rclpy's module as Lyrical calls it; with all Python files of Lyrical's, if "
        'the folder of a clone of ros2-gbp/rclpy-release follows',
    )
    parser.addoption(
        '--rewrite',
        metavar='REASON',
        help='of test/characterisation and generated tables: keep what is there now',
    )


def pytest_configure(config: pytest.Config) -> None:
    if (clone := config.getoption('--lyrical')) is not None:
        folder = TemporaryDirectory(prefix='lyrical')
        config.add_cleanup(folder.cleanup)
        use_lyrical(Path(folder.name), clone=clone)
    places = [*OLDEST, *(name for names in TIERS.values() for name in names)]
    if absent := [name for name in places if not (TESTS / name).exists()]:
        raise pytest.UsageError(f'test/conftest.py names what is not there: {", ".join(absent)}')


def lies_in(path: Path, places: Sequence[str]) -> bool:
    return any(path.is_relative_to(TESTS / name) for name in places)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if config.getoption('--oldest') and collection_path.suffix == '.py':
        return not lies_in(collection_path, OLDEST) or None
    return None


def shares_a_fixture(item: pytest.Item) -> bool:
    fixtures = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
    return any(one.scope == 'module' for definitions in fixtures.values() for one in definitions)


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their markers, and sent to processes
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if 'ros_domain' in getattr(item, 'fixturenames', ()):
            item.add_marker('ros')
        for tier, places in TIERS.items():
            if lies_in(item.path, places):
                item.add_marker(tier)
        # What the tests of a file share is made once, not by each process.
        if shares_a_fixture(item) and not item.get_closest_marker('xdist_group'):
            item.add_marker(pytest.mark.xdist_group(str(item.path.relative_to(TESTS))))
    # What takes long in one piece begins first, so that no process waits for it at the end.
    items.sort(key=lambda item: item.get_closest_marker('first') is None)


@pytest.fixture
def tiny_model(tmp_path: Path) -> Path:
    """A model file that knows red from green from blue."""
    return write_tiny_model(tmp_path / 'models' / 'tiny.onnx')


@pytest.fixture
def tiny_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same as a checkpoint, whose architecture this process's registry knows meanwhile."""
    pytest.importorskip('torch', reason="torch is not installed: pip install '.[torch]'")
    pytest.importorskip('safetensors', reason="not installed: pip install '.[torch]'")
    from checkpoints import STRONGEST_CHANNEL, StrongestChannel, write_tiny_checkpoint

    from drivseg_ros.networks import registry

    monkeypatch.setitem(registry.ARCHITECTURES, STRONGEST_CHANNEL, StrongestChannel)  # type: ignore[arg-type]
    return write_tiny_checkpoint(tmp_path / 'models' / 'tiny.safetensors')


@pytest.fixture
def ros_domain(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """A ROS domain that nobody else on this machine uses, kept to this machine.

    Everything is set in os.environ, so that child processes are in the same domain.
    """
    pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")
    profile = tmp_path_factory.mktemp('dds') / 'profile.xml'
    packaged = (share_directory() / 'config/dds/fastdds_images.xml').read_text()
    profile.write_text(packaged.replace('</dds>', f'{_NO_INTRAPROCESS}</dds>'))
    for name in ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE'):
        monkeypatch.setenv(name, str(profile))
    with private_domain() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield int(variables['ROS_DOMAIN_ID'])


@pytest.fixture(scope='session')
def shared_data() -> Path:
    """Real footage and labels; tests that use it skip where it is absent."""
    named = os.environ.get('DRIVSEG_DATA')
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / 'shared' / 'data'
    if not (folder / 'bdd100k_drivable').is_dir():
        pytest.skip(f'no real footage at {folder} (set DRIVSEG_DATA to its folder)')
    return folder


@pytest.fixture
def color_bag(tmp_path: Path) -> ColorBag:
    """Ten labelled frames."""
    return write_color_bag(tmp_path / 'color_bag')


@pytest.fixture(scope='module')
def eight_bags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight bags, one of them truncated, and a model that makes mistakes."""
    folder = tmp_path_factory.mktemp('many')
    truncate(write_bags(folder)[TRUNCATED], 60)
    write_tiny_model(folder / 'tiny.onnx', width=8, height=6)
    return folder
