# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the checks say of machines that are as they should be, and of odd ones."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny_model import write_tiny_model

from drivseg_ros.base import gpus as gpus_module
from drivseg_ros.base.gpus import Gpu
from drivseg_ros.doctor import libraries, machine, models, ros, transport
from drivseg_ros.doctor.finding import Finding, Level, note, problem, run_checks

OK, NOTE, PROBLEM = Level.OK, Level.NOTE, Level.PROBLEM


def told(findings: Iterable[Finding]) -> dict[str, Level]:
    return {
        f'{finding.name}: {finding.value} > {finding.advice}': finding.level for finding in findings
    }


def check(findings: Iterable[Finding], *expected: tuple[str, Level]) -> None:
    """Each expected text is in the finding at its place, which has that level."""
    texts = told(findings)
    assert len(texts) == len(expected), texts
    for (text, level), (part, wanted) in zip(texts.items(), expected, strict=True):
        assert part in text
        assert level is wanted


def test_a_problem_says_what_to_do() -> None:
    with pytest.raises(ValueError, match='says not what to do'):
        problem('name', 'value', '')
    with pytest.raises(ValueError, match='is no problem'):
        note('name', 'value', stops=True)


def test_a_check_that_fails_is_a_note_and_costs_only_itself() -> None:
    def fails() -> Iterable[Finding]:
        yield Finding('first', 'is kept')
        raise OSError(5, 'Input/output error')

    section = run_checks('title', {'odd': fails, 'fine': lambda: [Finding('fine', 'it is')]})
    check(
        section.findings,
        ('first', OK),
        ('odd: not to be found out (OSError: [Errno 5] Input/output error)', NOTE),
        ('fine', OK),
    )


@pytest.mark.parametrize(
    ('version', 'level'), [((3, 9), NOTE), ((3, 10), OK), ((3, 14), OK), ((3, 15), NOTE)]
)
def test_python(version: tuple[int, int], level: Level) -> None:
    check(machine.check_python(version), (sys.executable, level))


@pytest.mark.parametrize(
    ('text', 'part'),
    [
        ('max 100000', ' usable'),
        ('50000 100000', 'a control group allows 0.5 at a time'),
        ('99999999 100000', ' usable'),
        ('nonsense', ' usable'),
        (None, ' usable'),
    ],
)
def test_cores(tmp_path: Path, text: str | None, part: str) -> None:
    if text is not None:
        (tmp_path / 'cpu.max').write_text(text)
    cores = list(machine.check_processor(tmp_path))[1]
    assert part in cores.value
    assert cores.level is (NOTE if 'allows' in part else OK)


def test_a_processor_without_avx2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, 'cpu_features', lambda: ())
    monkeypatch.setattr(machine.platform, 'machine', lambda: 'x86_64')
    first = next(iter(machine.check_processor()))
    assert (first.level, 'with no vector extensions' in first.value) == (NOTE, True)


@pytest.mark.parametrize(('available', 'level'), [(8 << 30, OK), (500 << 20, NOTE)])
def test_memory(available: int, level: Level) -> None:
    total = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30
    expected = f'{available / 2**30:.1f} of {total:.1f} GiB available'
    check(machine.check_memory(available), (expected, level))


@pytest.mark.parametrize(('free_mb', 'level'), [(1000, OK), (64, PROBLEM)])
def test_shared_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_mb: int, level: Level
) -> None:
    usage = SimpleNamespace(total=2_000_000_000, free=free_mb * 1_000_000)
    monkeypatch.setattr(shutil, 'disk_usage', lambda _: usage)
    for name in ('fastdds_1', 'fastrtps_2', 'sem.other'):
        (tmp_path / name).write_bytes(bytes(2_000_000))
    check(
        machine.check_shared_memory(tmp_path),
        (f'{free_mb} of 2000 MB free, 4 MB in 2 files of Fast DDS', level),
    )


def test_libraries_of_this_machine() -> None:
    findings = libraries.check_libraries().findings
    assert {'numpy', 'OpenCV', 'others'} <= {finding.name for finding in findings}
    assert not any(finding.stops for finding in findings)


@pytest.mark.parametrize(
    ('text', 'part'),
    [
        (None, 'not installed'),
        ('raise ImportError("libGL.so.1: cannot open")', 'imported: libGL.so.1: cannot open'),
        ('raise AttributeError("_ARRAY_API not found")', 'imported: _ARRAY_API not found'),
        ('import nothing_of_the_kind', "imported: No module named 'nothing_of_the_kind'"),
    ],
)
def test_a_library_that_cannot_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, part: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    if text is not None:
        (tmp_path / 'some_odd_library.py').write_text(text)
    finding = libraries._imported('it', 'some_odd_library', 'the cure')
    assert part in finding.value
    assert (finding.level, finding.stops, finding.advice) == (PROBLEM, True, 'the cure')
    sys.modules.pop('some_odd_library', None)


def test_two_opencvs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('a', 'b', 'c'):
        (tmp_path / name).mkdir()
    (tmp_path / 'a/cv2').mkdir()
    (tmp_path / 'a/cv2/__init__.py').touch()
    (tmp_path / 'c/cv2.cpython-312-x86_64-linux-gnu.so').touch()
    path = [str(tmp_path / name) for name in ('a', 'a', 'b', 'missing', 'c')]
    both = {'opencv-python': '4.10', 'opencv-python-headless': '4.14'}
    monkeypatch.setattr(libraries, 'version_of', both.get)
    check(
        libraries.check_opencv(path),
        ('OpenCV: ', OK),
        ('2 packages have written over each other: opencv-python-headless, opencv-python', PROBLEM),
        (f'there are 2: {tmp_path}/a hides that in {tmp_path}/c', NOTE),
    )


def test_rclpy_for_another_python(tmp_path: Path) -> None:
    (tmp_path / 'lib/python3.7/site-packages/rclpy').mkdir(parents=True)
    environment = {'ROS_DISTRO': 'jazzy', 'AMENT_PREFIX_PATH': f':{tmp_path}:/missing'}
    check(
        ros.check_rclpy(environment, found=False),
        ('ROS 2 jazzy has it for python3.7, and this Python is 3.', PROBLEM),
    )


def test_no_rclpy() -> None:
    check(ros.check_rclpy({}, found=False), ('not installed', NOTE))


def test_rclpy_that_cannot_be_imported(tmp_path: Path) -> None:
    (tmp_path / 'rclpy.py').write_text('raise ImportError("librcl.so: cannot open")')
    environment = {**os.environ, 'PYTHONPATH': str(tmp_path)}
    check(
        ros.check_rclpy(environment, found=True),
        ('cannot be imported: ImportError: librcl.so: cannot open', PROBLEM),
    )


def test_rclpy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")
    monkeypatch.delenv('ROS_DISTRO', raising=False)
    monkeypatch.delenv('RMW_IMPLEMENTATION', raising=False)
    rclpy, middleware = ros.check_rclpy(os.environ)
    assert rclpy.level is OK
    assert 'rmw_' in middleware.value
    check(
        ros.check_rclpy({**os.environ, 'RMW_IMPLEMENTATION': 'rmw_nobody_has'}),
        ('install the package of RMW_IMPLEMENTATION=rmw_nobody_has, or unset it', PROBLEM),
    )
    mixed = told(ros.check_rclpy({**os.environ, 'ROS_DISTRO': 'foxy'}))
    assert any('ROS_DISTRO is foxy' in text and mixed[text] is PROBLEM for text in mixed)
    for version, part, level in (
        ('3.3.16', '(Humble)', NOTE),
        ('10.0.10', '10.0.10 (Lyrical) in', OK),
        ('11.0.0', 'drivseg_ros is for Jazzy, Kilted and Lyrical', NOTE),
    ):
        monkeypatch.setattr(ros, 'version_of', {'rclpy': version}.get)
        check(list(ros.check_rclpy(os.environ))[:1], (part, level))


@pytest.mark.parametrize(
    ('environment', 'expected'),
    [
        ({}, [('0 (ROS_DOMAIN_ID is not set)', OK), ('the subnet', OK)]),
        ({'ROS_DOMAIN_ID': '7'}, [('domain: 7', OK), ('the subnet', OK)]),
        ({'ROS_DOMAIN_ID': '233'}, [("is '233'", PROBLEM), ('the subnet', OK)]),
        ({'ROS_DOMAIN_ID': 'x'}, [("is 'x'", PROBLEM), ('the subnet', OK)]),
        (
            {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'},
            [('domain', OK), ('LOCALHOST (', NOTE)],
        ),
        ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'HERE'}, [('domain', OK), ("is 'HERE'", PROBLEM)]),
        ({'ROS_LOCALHOST_ONLY': '1'}, [('domain', OK), ('this machine only', NOTE)]),
        (
            {'ROS_DISCOVERY_SERVER': '10.1.2.3:11811'},
            [('domain', OK), ('the subnet', OK), ('ROS_DISCOVERY_SERVER is set', NOTE)],
        ),
    ],
)
def test_discovery(environment: dict[str, str], expected: list[tuple[str, Level]]) -> None:
    findings = list(ros.check_discovery(environment))
    check(findings, *expected)
    assert '10.1.2.3' not in str(findings)


@pytest.mark.parametrize(
    ('environment', 'part', 'level'),
    [
        ({}, 'fastdds_images.xml (64 MB of shared memory', OK),
        ({'DRIVSEG_DDS_PROFILE': 'off'}, 'none: DRIVSEG_DDS_PROFILE is off', NOTE),
        ({'DRIVSEG_DDS_PROFILE': 'maybe'}, "is 'maybe'; allowed are", PROBLEM),
        ({'FASTDDS_DEFAULT_PROFILES_FILE': '/missing.xml'}, '/missing.xml (', PROBLEM),
    ],
)
def test_dds_profile(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], part: str, level: Level
) -> None:
    for name in ('FASTDDS_', 'FASTRTPS_'):
        monkeypatch.delenv(f'{name}DEFAULT_PROFILES_FILE', raising=False)
    monkeypatch.delenv('DRIVSEG_DDS_PROFILE', raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    check(transport.check_dds_profile(), (part, level))
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ('rmem', 'wmem', 'level', 'advice'),
    [
        (212_992, 212_992, NOTE, 'sysctl -w net.core.rmem_max=12582912 net.core.wmem_max='),
        (1 << 30, 212_992, NOTE, 'sysctl -w net.core.wmem_max=12582912'),
        (1 << 30, 1 << 30, OK, ''),
    ],
)
def test_socket_buffers(tmp_path: Path, rmem: int, wmem: int, level: Level, advice: str) -> None:
    (tmp_path / 'rmem_max').write_text(f'{rmem}\n')
    (tmp_path / 'wmem_max').write_text(f'{wmem}\n')
    check(transport.check_socket_buffers(tmp_path), (advice, level))


def test_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = Gpu(index=0, name='Made up', capability=(8, 7), memory_gib=61.4)
    monkeypatch.setattr(gpus_module, 'find_gpus', lambda: (gpu,))
    monkeypatch.setattr(gpus_module, 'driver_cuda_version', lambda: '12.8')
    check(
        machine.check_nvidia(),
        ('cuda:0: Made up, 61.4 GiB, compute capability 8.7', OK),
        ('driver: for CUDA up to 12.8', OK),
    )
    monkeypatch.setattr(gpus_module, 'find_gpus', lambda: ())
    check(machine.check_nvidia((tmp_path / 'missing',)), ('no GPU', OK))
    check(machine.check_nvidia((tmp_path,)), ('CUDA finds no GPU', PROBLEM))


@pytest.mark.parametrize(
    ('installed', 'with_gpu', 'expected'),
    [
        ({'onnxruntime'}, False, []),
        ({'onnxruntime'}, True, [('the package for CPUs, and there is', NOTE)]),
        ({'onnxruntime-gpu'}, True, []),
        ({'onnxruntime', 'onnxruntime-gpu'}, True, [('2 packages have written', PROBLEM)]),
    ],
)
def test_onnxruntime_packages(
    monkeypatch: pytest.MonkeyPatch,
    installed: set[str],
    with_gpu: bool,
    expected: list[tuple[str, Level]],
) -> None:
    gpu = Gpu(index=0, name='Made up', capability=(8, 7), memory_gib=61.4)
    monkeypatch.setattr(gpus_module, 'find_gpus', lambda: (gpu,) if with_gpu else ())
    monkeypatch.setattr(libraries, 'version_of', lambda name: '1' if name in installed else None)
    check(libraries.check_onnxruntime_packages(), *expected)


def test_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tiny_model(tmp_path / 'models/mine.onnx', batch=2)
    (tmp_path / 'models/broken.onnx').write_text('nonsense')
    folders = f'{tmp_path}/models{os.pathsep}{tmp_path}/missing'
    monkeypatch.setenv('DRIVSEG_MODEL_PATH', folders)
    check(
        models.check_model_path(),
        (f'{tmp_path}/models, {tmp_path}/missing, ', OK),
        (f'there is no folder {tmp_path}/missing > make it, or correct', PROBLEM),
    )
    found = {finding.name: finding for finding in models.check_model_files()}
    assert 'fp32, 64x48, batch 2, 3 classes, sha256 ' in found['mine'].value
    assert found['broken.onnx'].level is PROBLEM
    (default,) = models.check_default_model()
    assert default.level is OK


def test_plan_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('DRIVSEG_CACHE', str(tmp_path / 'not/yet/there'))
    check(models.check_plan_cache(), ('0.0 MB in 0 files in ', OK))
    (tmp_path / 'cache').mkdir()
    (tmp_path / 'cache/a.plan').write_bytes(bytes(3_000_000))
    monkeypatch.setenv('DRIVSEG_CACHE', str(tmp_path / 'cache'))
    check(models.check_plan_cache(), ('3.0 MB in 1 files in ', OK))
    usage = SimpleNamespace(free=400_000_000)
    monkeypatch.setattr(shutil, 'disk_usage', lambda _: usage)
    check(models.check_plan_cache(), ('0.4 GB free > make room', NOTE))
    monkeypatch.setenv('DRIVSEG_CACHE', str(tmp_path / 'cache/a.plan'))
    check(models.check_plan_cache(), ('it cannot be written > make it writable', PROBLEM))
