# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The report of a run: plain data that goes to JSON as it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from drivseg_ros.base.environment import describe_hardware, describe_versions
from drivseg_ros.base.frame_ledger import FrameCounts
from drivseg_ros.base.json_data import json_text, to_plain
from drivseg_ros.base.latency import LatencySummary
from drivseg_ros.base.whole_file import write_whole
from drivseg_ros.engines import Engine
from drivseg_ros.evaluation.confusion_matrix import ConfusionMatrix
from drivseg_ros.evaluation.figures import Figures
from drivseg_ros.model.card import ModelCard


def describe_accuracy(matrix: ConfusionMatrix, card: ModelCard) -> dict[str, Any]:
    """Figures of a global confusion matrix; a figure that is not defined is None."""
    return {
        **Figures.of(matrix, card).to_dict(),
        'confusion_matrix': {
            'rows_are_labels_columns_are_predictions': list(card.class_names),
            'pixels': matrix.counts.tolist(),
        },
    }


def describe_times(values_ms: Sequence[float]) -> dict[str, Any]:
    """Median, tail and number of times in milliseconds; None where there are none."""
    summary = LatencySummary.of(values_ms)
    return {
        'count': summary.count,
        'p50_ms': _number(summary.p50),
        'p95_ms': _number(summary.p95),
        'p99_ms': _number(summary.p99),
        'max_ms': _number(summary.largest),
    }


def describe_frames(counts: FrameCounts) -> dict[str, Any]:
    """The frame ledger."""
    return to_plain(counts)


def describe_engine(engine: Engine) -> dict[str, Any]:
    """The model and the engine that ran it."""
    return {
        'model': engine.model.card.name,
        'file': str(engine.model.path),
        'sha256': engine.model.sha256,
        'engine': engine.name,
        'device': engine.device,
        'precision': engine.precision,
        'threads': engine.threads,
    }


def write_report(path: str | Path, content: dict[str, Any]) -> None:
    """Writes a report with date, hardware and versions before its content.

    Raises:
        DataError: if it cannot be written.
    """
    whole = {
        'created': datetime.now(timezone.utc).isoformat(timespec='seconds'),
        'hardware': describe_hardware(),
        'versions': describe_versions(),
        **content,
    }
    write_whole(Path(path), json_text(whole))


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 6)
