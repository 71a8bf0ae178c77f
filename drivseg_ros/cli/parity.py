# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg parity`: do all engines and precisions give the same masks?"""

from __future__ import annotations

from typing import Annotated

import typer

from drivseg_ros.base.output_files import check_output_files
from drivseg_ros.cli import completion
from drivseg_ros.cli.console import err, out, progress_bar, write_json
from drivseg_ros.cli.options import (
    Data,
    Device,
    EngineSpecs,
    ImageTopic,
    JsonFile,
    Labels,
    LabelTopic,
    Limit,
    MaxMiouChange,
    MinAgreement,
    Overwrite,
    Threads,
)

_ENGINES = ['onnxruntime', 'openvino']


def parity(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar='MODEL[=ENGINE]',
            help='Models, or with an engine of its own (int8.onnx=openvino); the first one in fp32 '
            'is the reference.',
            autocompletion=completion.models,
        ),
    ],
    data: Data,
    engine: EngineSpecs = _ENGINES,
    labels: Labels = None,
    image_topic: ImageTopic = None,
    label_topic: LabelTopic = None,
    limit: Limit = None,
    device: Device = 'cpu',
    threads: Threads = 0,
    min_agreement: MinAgreement = 99.5,
    max_miou_change: MaxMiouChange = 0.3,
    skip_missing: Annotated[
        bool, typer.Option('--skip-missing', help='Leave out engines that are not installed.')
    ] = False,
    json: JsonFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Compare the masks of engines and precisions with fp32.

    The reference is the first model in fp32, run by onnxruntime on the CPU. Masks are compared
    pixel by pixel, and by mIoU where there are labels. The exit status is 1 if a row breaks a bound
    or cannot be run.
    """
    check_output_files([json], overwrite=overwrite)
    from drivseg_ros.engines.spec import EngineSpec
    from drivseg_ros.evaluation.parity.agreement import ParityBounds
    from drivseg_ros.evaluation.parity.run import (
        Candidate,
        failures,
        markdown_table,
        run_parity,
    )
    from drivseg_ros.model.store import find_model

    candidates = []
    default = [EngineSpec.parse(text, device=device) for text in engine or ()]
    for text in models:
        name, specs = EngineSpec.parse_model(text, default=default, device=device)
        model = find_model(name)
        candidates += [Candidate(model, spec) for spec in specs]
    with progress_bar() as progress:
        task = progress.add_task('', total=None)
        report = run_parity(
            candidates,
            {
                'text': data,
                'labels': labels,
                'image_topic': image_topic,
                'label_topic': label_topic,
                'limit': limit,
                'labelled_only': True,
                'evenly': True,
            },
            threads=threads,
            bounds=ParityBounds(min_agreement=min_agreement, max_miou_change=max_miou_change),
            skip_missing=skip_missing,
            on_progress=lambda what, done, total: progress.update(
                task, description=what, completed=done, total=total
            ),
        )
    out.print(markdown_table(report), markup=False, soft_wrap=True)
    write_json(json, report)
    for row in report['rows']:
        if row['verdict'] == 'skipped':
            err.print(f'skipped: {row["reasons"][0]}', markup=False, soft_wrap=True)
    for name, reason in report['input']['failed'].items():
        err.print(f'left out {name}: {reason}', markup=False, soft_wrap=True)
    if all(row['verdict'] == 'skipped' for row in report['rows']):
        err.print('nothing was compared: no runtime asked for is installed', markup=False)
    failing = failures(report)
    for sentence in failing:
        err.print(f'failed: {sentence}', markup=False, soft_wrap=True)
    if failing:
        raise typer.Exit(1)
