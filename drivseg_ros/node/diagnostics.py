# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Messages for /diagnostics, in the form that diagnostic_updater gives them.

diagnostic_updater itself is not on the package index of Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from rclpy.node import Node

from drivseg_ros.base.diagnostics import NONE, Key, number, write_counts, write_stages
from drivseg_ros.base.gpu_memory import gpu_memory_used_mb
from drivseg_ros.base.usage import own_memory_mb
from drivseg_ros.engines.base import BuildProgress
from drivseg_ros.node.camera_monitor import CameraReport
from drivseg_ros.node.health import Level, Phase
from drivseg_ros.node.trust import FrameMeasures, Verdict
from drivseg_ros.segmenter import Segmenter

_LEVELS = {
    Level.OK: DiagnosticStatus.OK,
    Level.WARN: DiagnosticStatus.WARN,
    Level.ERROR: DiagnosticStatus.ERROR,
}


@dataclass(frozen=True)
class EngineReport:
    """The engine and the node at one moment.

    Attributes:
        phase: the lifecycle state of the node.
        enabled: whether processing is switched on by ~/enable.
        problem: why the node could not be configured, or ''.
        building: how far an engine is that has to be built, or None.
        clock_missing: whether the node waits for a /clock that nobody publishes.
        wanted_model: the parameter `model`.
        segmenter: the network in use, or None.
        hanging_s: how long the engine has not answered, in seconds, if that is too long; else 0.
        dds_profile: the Fast DDS profile in use.
    """

    phase: Phase
    enabled: bool
    problem: str
    building: BuildProgress | None
    clock_missing: bool
    wanted_model: str
    segmenter: Segmenter | None
    hanging_s: float
    dds_profile: str


def engine_status(report: EngineReport, *, node_name: str) -> DiagnosticStatus:
    """The status of the engine and the node."""
    if report.problem:
        level, message = Level.ERROR, report.problem
    elif report.hanging_s:
        level = Level.ERROR
        message = f'the engine has worked on one batch for {report.hanging_s:.1f} s'
    elif report.clock_missing:
        level = Level.WARN
        message = 'use_sim_time is true, but no /clock arrives: set it to false, or publish /clock'
    elif report.phase is Phase.ACTIVE and not report.enabled:
        level, message = Level.OK, 'disabled by ~/enable'
    else:
        level, message = Level.OK, report.phase.value
    build = 'none'
    if report.building is not None:
        build = f'{report.building.step}: {100 * report.building.fraction:.0f} %'
        message = f'{message}; {build}'
    values = {
        Key.STATE: report.phase.value,
        Key.ENABLED: str(report.enabled),
        Key.MODEL_PARAMETER: report.wanted_model,
        Key.BUILD: build,
        Key.DDS_PROFILE: report.dds_profile,
        Key.MEMORY: f'{own_memory_mb():.0f}',
    }
    hardware = ''
    if report.segmenter is not None:
        engine = report.segmenter.engine
        hardware = engine.device
        values |= {
            Key.MODEL: engine.model.card.name,
            Key.FILE: str(engine.model.path),
            Key.SHA256: engine.model.sha256,
            Key.CLASSES: ', '.join(engine.model.card.class_names),
            Key.CONFIDENCE: 'yes' if engine.model.has_confidence else 'no',
            Key.ENGINE: engine.name,
            Key.CHOICE: engine.choice,
            Key.DEVICE: engine.device,
            Key.PRECISION: engine.precision,
            Key.THREADS: str(engine.threads),
        }
        kind, _, index = engine.device.partition(':')
        if kind == 'cuda' and (used_mb := gpu_memory_used_mb(int(index or 0))) is not None:
            values[Key.GPU_MEMORY] = f'{used_mb:.0f}'
    return _status(f'{node_name}: engine', level, message, hardware, values)


def camera_status(
    report: CameraReport,
    *,
    node_name: str,
    topic: str,
    level: Level,
    message: str,
    verdict: Verdict | None,
    ground_errors_m: Mapping[float, float],
) -> DiagnosticStatus:
    """The status of a camera."""
    values = {
        Key.RATE_IN: number(report.rate_in_hz),
        Key.RATE_OUT: number(report.rate_out_hz),
        Key.AGE: number(report.age_s, digits=3),
        Key.RATE_STAMPS: number(report.rate_stamps_hz),
        Key.RATE_NODE: number(report.rate_in_hz),
        Key.DELAY: number(1e3 * report.delay_s),
        Key.LOST: str(report.lost),
        Key.MISSING: str(report.missing),
        **_verdict_values(verdict),
        **write_counts(report.counts),
        **write_stages(report.latencies_ms),
        **{f'error at {ring:g} m (m)': number(m, digits=2) for ring, m in ground_errors_m.items()},
    }
    return _status(f'{node_name}: camera {topic}', level, message, topic, values)


def trust_status(
    verdict: Verdict,
    *,
    node_name: str,
    topic: str,
    outputs: str,
    measures: FrameMeasures | None,
) -> DiagnosticStatus:
    """The status that goes with each mask; see `Camera.publish_status`."""
    values = {**_verdict_values(verdict), Key.OUTPUTS: outputs}
    if measures is not None:
        values |= {name: number(value, digits=3) for name, value in measures.values().items()}
    level = Level(verdict.trust)
    return _status(f'{node_name}: camera {topic}', level, str(verdict), topic, values)


def name_in_diagnostics(node: Node) -> str:
    """With the namespace: two robots' nodes are not one in an aggregator."""
    return node.get_fully_qualified_name().lstrip('/')


def _verdict_values(verdict: Verdict | None) -> dict[str, str]:
    if verdict is None:
        return {Key.TRUST: NONE, Key.CAUSES: NONE}
    return {Key.TRUST: str(verdict.trust), Key.CAUSES: verdict.names or NONE}


def _status(
    name: str, level: Level, message: str, hardware_id: str, values: dict[str, str]
) -> DiagnosticStatus:
    return DiagnosticStatus(
        level=_LEVELS[level],
        name=name,
        message=message,
        hardware_id=hardware_id,
        values=[KeyValue(key=key, value=value) for key, value in values.items()],
    )
