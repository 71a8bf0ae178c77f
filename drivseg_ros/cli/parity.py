# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg parity`: do all engines and precisions give the same masks?"""

from __future__ import annotations

from typing import Annotated

import typer

from drivseg_ros.cli.console import err, out, progress_bar, write_json
from drivseg_ros.cli.options import (
    Device,
    ImageTopic,
    JsonFile,
    Labels,
    LabelTopic,
    MaxMiouChange,
    MinAgreement,
    Threads,
)
from drivseg_ros.cli.output_file import check_writable


def parity(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar='MODEL[=ENGINES]...',
            help='Names or paths; the first, in fp32, is the reference. A model with engines of '
            'its own: int8.onnx=openvino.',
        ),
    ],
    data: Annotated[
        str, typer.Option(help='A bag, a folder of pictures, a video, or KIND[:PART]=ROOT.')
    ],
    engines: Annotated[
        # In brackets, @DEVICE would be markup, and not be shown.
        str,
        typer.Option(
            help='ENGINE, then :PRECISION and @DEVICE if need be; commas between several.'
        ),
    ] = 'onnxruntime,openvino',
    labels: Labels = None,
    image_topic: ImageTopic = None,
    label_topic: LabelTopic = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help='So many frames only, spread over the set.')
    ] = None,
    device: Device = 'cpu',
    threads: Threads = 0,
    min_agreement: MinAgreement = 99.5,
    max_miou_change: MaxMiouChange = 0.3,
    skip_missing: Annotated[
        bool, typer.Option('--skip-missing', help='Pass over runtimes that are not installed.')
    ] = False,
    json: JsonFile = None,
) -> None:
    """Compare engines and precisions, pixel by pixel and by mIoU, with the fp32 reference.

    The reference is the first model by onnxruntime on the CPU. Without labels the masks are
    compared only. The exit status is 1 if a row breaks a bound or cannot be run.
    """
    from drivseg_ros.engines.spec import EngineSpec
    from drivseg_ros.evaluation.parity.agreement import ParityBounds
    from drivseg_ros.evaluation.parity.run import (
        Candidate,
        failures,
        markdown_table,
        run_parity,
    )
    from drivseg_ros.model.store import find_model

    if json is not None:
        check_writable(json)
    candidates = []
    default = EngineSpec.parse_list(engines, device=device)
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
