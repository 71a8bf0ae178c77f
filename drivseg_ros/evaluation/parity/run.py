# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Models x engines x precisions against one fp32 reference: the report of `drivseg parity`.

The reference runs once and its masks are kept in files; each row then runs in a process of its
own, so that a runtime that crashes ends its row only.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivseg_ros.base import markdown
from drivseg_ros.base.child import Worker
from drivseg_ros.base.environment import describe_run
from drivseg_ros.base.json_data import from_plain, to_plain
from drivseg_ros.engines.spec import EngineSpec
from drivseg_ros.errors import DrivsegError, MissingDependencyError, ModelError
from drivseg_ros.evaluation.open_source import open_source
from drivseg_ros.evaluation.parity.agreement import ParityBounds
from drivseg_ros.evaluation.parity.worker import RunAnswer, RunRequest
from drivseg_ros.model.file import ModelFile

REFERENCE = EngineSpec('onnxruntime', 'fp32', 'cpu')
_MODULE = 'drivseg_ros.evaluation.parity.worker'


@dataclass(frozen=True)
class Candidate:
    """A row: a model on an engine."""

    model: ModelFile
    spec: EngineSpec

    def __str__(self) -> str:
        return f'{self.model.path.name} on {self.spec}'


def run_parity(
    candidates: Sequence[Candidate],
    data: Mapping[str, Any],
    *,
    threads: int = 0,
    bounds: ParityBounds | None = None,
    skip_missing: bool = False,
    on_progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> dict[str, Any]:
    """Compares every candidate with the first one's model in fp32 by onnxruntime on the CPU.

    Args:
        candidates: the rows; a row that is the reference itself is not run twice.
        data: the frames: the arguments of `open_source`, plain data.
        threads: CPU threads of every engine; 0 leaves the choice to it.
        bounds: what is still the same.
        skip_missing: whether runtimes that are not installed are passed over; else they fail.
        on_progress: called with what is run, the frames done and the frames there are.

    Returns:
        The content of the report: verdict, hardware, versions, input, bounds, reference, rows.

    Raises:
        ModelError: if the first model cannot be a reference.
        DataError: if there are no frames or they do not fit the models.
        DrivsegError: if the reference cannot be run.
    """
    bounds = bounds or ParityBounds()
    reference_model = candidates[0].model
    if reference_model.is_checkpoint or reference_model.card.precision != REFERENCE.precision:
        kind = 'a checkpoint' if reference_model.is_checkpoint else reference_model.card.precision
        raise ModelError(
            f'the first model is the reference, and {reference_model.path} is {kind}; name the '
            '.onnx file in fp32 that it belongs to before it'
        )
    source = open_source(**data, card=reference_model.card)
    # Taken before anything runs: these files are what is compared.
    hashes = {candidate.model.path: candidate.model.sha256 for candidate in candidates}
    with tempfile.TemporaryDirectory(prefix='drivseg-parity-') as folder:
        path = str(reference_model.path)
        wanted = RunRequest(path, REFERENCE, threads, data, Path(folder), path)

        def ask(name: str, request: RunRequest) -> RunAnswer:
            on_progress(name, 0, len(source))
            with Worker(name, _MODULE) as worker:
                answer = worker.ask(
                    request, on_note=lambda note: on_progress(name, note['done'], len(source))
                )
            return from_plain(RunAnswer, answer, f'the answer of {name}')

        reference = ask(f'the reference, {reference_model.path.name} on {REFERENCE}', wanted)
        wanted = dataclasses.replace(wanted, reference=reference.result.metrics)
        rows = []
        for candidate in candidates:
            if candidate.model == reference_model and _is_reference(candidate):
                rows.append(_row(reference, 'reference', ()))
                continue
            request = dataclasses.replace(
                wanted, model=str(candidate.model.path), spec=candidate.spec
            )
            try:
                answer = ask(str(candidate), request)
            except DrivsegError as error:
                missing = isinstance(error, MissingDependencyError) and skip_missing
                verdict = 'skipped' if missing else 'not run'
                rows.append(_row_not_run(candidate, hashes[candidate.model.path], error, verdict))
            else:
                broken = bounds.failures(answer.result)
                rows.append(_row(answer, 'fail' if broken else 'pass', broken))
    failed = any(row['verdict'] in ('fail', 'not run') for row in rows)
    return {
        'kind': 'parity',
        'verdict': 'fail' if failed else 'pass',
        **describe_run(),
        'input': {
            'data': source.title,
            'labels': None if source.labels is None else source.labels.name,
            'frames': reference.result.frames,
            'failed': dict(reference.failed),
            'images_sha256': reference.images_sha256,
            'labels_sha256': reference.labels_sha256,
        },
        'bounds': to_plain(bounds),
        'reference': {
            'engine': dict(reference.engine),
            'metrics': _to_digits(reference.result.metrics),
        },
        'rows': rows,
    }


def failures(report: Mapping[str, Any]) -> list[str]:
    """One sentence for each row that fails: which, and by how much."""
    return [
        f'{row["engine"]["file"]} on {row["engine"]["engine"]} '
        f'({row["engine"]["precision"]}, {row["engine"]["device"]}): ' + '; '.join(row['reasons'])
        for row in report['rows']
        if row['verdict'] in ('fail', 'not run')
    ]


def markdown_table(report: Mapping[str, Any]) -> str:
    """The rows as a table in Markdown, with what they were measured on."""
    heads = [
        'model',
        'engine',
        'same class, % (worst frame)',
        'confidence off, mean / most',
        'mIoU, %',
        'change',
        'drivable IoU, %',
        'change',
        '',
    ]
    rows = []
    for row in report['rows']:
        engine = row['engine']
        cells = [engine['model'], f'{engine["engine"]} {engine["precision"]}, {engine["device"]}']
        if row['verdict'] in ('not run', 'skipped'):
            rows.append([*cells, *[markdown.NOTHING] * 6, row['verdict']])
            continue
        worst, confidence = row['worst_frame'], row['confidence_steps_of_255']
        cells += [
            f'{row["agreement_percent"]:.3f} ({worst["agreement_percent"]:.2f})',
            markdown.NOTHING
            if confidence is None
            else f'{confidence["mean"] / 2.55:.2f} % / {confidence["largest"] / 2.55:.0f} %',
            _percent(row['metrics'].get('miou')),
            _signed(row['miou_change_points']),
            _percent(row['metrics'].get('drivable_iou')),
            _signed(row['drivable_iou_change_points']),
            row['verdict'],
        ]
        rows.append(cells)
    return f'{markdown.table(heads, rows)}\n\n{_basis(report)}\n'


def _basis(report: Mapping[str, Any]) -> str:
    given, bounds = report['input'], report['bounds']
    reference = report['reference']['engine']
    text = (
        f'{given["frames"]} frames ({given["data"]}, images {given["images_sha256"][:12]}), '
        + (
            f'labels {given["labels"]} ({given["labels_sha256"][:12]}). '
            if given['labels']
            else 'no labels: the masks alone are compared. '
        )
        + f'Reference: {reference["model"]} ({reference["sha256"][:12]}), {reference["engine"]} '
        f'{reference["precision"]}, {reference["device"]}. Bounds: at least '
        f'{bounds["min_agreement"]:g} % of the pixels the same, mIoU within '
        f'{bounds["max_miou_change"]:g} points.'
    )
    if given['failed']:
        text += f' {len(given["failed"])} frames could not be decoded and are left out.'
    return f'{text} {markdown.machine(report)}'


def _is_reference(candidate: Candidate) -> bool:
    spec = candidate.spec
    precision = candidate.model.card.precision if spec.precision == 'auto' else spec.precision
    return dataclasses.replace(spec, precision=precision) == REFERENCE


def _row(answer: RunAnswer, verdict: str, reasons: Sequence[str]) -> dict[str, Any]:
    result, confidence = answer.result, answer.result.confidence
    return {
        'engine': dict(answer.engine),
        'verdict': verdict,
        'reasons': list(reasons),
        'frames': result.frames,
        'agreement_percent': round(result.agreement, 5),
        'worst_frame': {
            'name': result.worst_frame,
            'agreement_percent': round(result.worst_agreement, 4),
        },
        'confidence_steps_of_255': None
        if confidence is None
        else {'mean': round(confidence.mean, 5), 'largest': confidence.largest},
        'miou_change_points': _rounded(result.change('miou'), 5),
        'drivable_iou_change_points': _rounded(result.change('drivable_iou'), 5),
        'metrics': _to_digits(result.metrics),
    }


def _row_not_run(
    candidate: Candidate, sha256: str, error: DrivsegError, verdict: str
) -> dict[str, Any]:
    return {
        'engine': {
            'model': candidate.model.card.name,
            'file': candidate.model.path.name,
            'sha256': sha256,
            'engine': candidate.spec.engine,
            'device': candidate.spec.device,
            'precision': candidate.spec.precision,
        },
        'verdict': verdict,
        'reasons': [str(error)],
    }


def _to_digits(metrics: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: _rounded(value, 6) for name, value in metrics.items()}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _percent(value: float | None) -> str:
    return markdown.NOTHING if value is None else f'{100 * value:.2f}'


def _signed(value: float | None) -> str:
    # Adding 0 makes 0 of -0.
    return markdown.NOTHING if value is None else f'{round(value, 3) + 0.0:+.3f}'
