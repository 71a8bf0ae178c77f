# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg quantize`: an int8 model for CPUs, if it gives the same masks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from drivseg_ros.cli.console import err, out, progress_bar
from drivseg_ros.cli.options import (
    ImageTopic,
    LabelTopic,
    MaxMiouChange,
    MinAgreement,
    Threads,
)
from drivseg_ros.cli.output_file import check_output
from drivseg_ros.errors import ModelError, ParameterError

_WORTH_IT = 1.1  # times faster

if TYPE_CHECKING:
    from drivseg_ros.lab.quantising.judgement import Speed
    from drivseg_ros.lab.quantising.quantiser import Quantised


def quantize(
    model: Annotated[str, typer.Argument(help='An fp32 model: a name or a path.')],
    data: Annotated[
        Path, typer.Option(help='Frames like those it will meet: a folder of pictures, or a bag.')
    ],
    output: Annotated[Path, typer.Option('--output', '-o', help='The model file to write, .onnx.')],
    frames: Annotated[int, typer.Option(min=8, help='Frames to calibrate on, at most.')] = 128,
    judge: Annotated[
        Path | None,
        typer.Option(help='Judge by this folder or bag; otherwise by other frames of DATA.'),
    ] = None,
    judge_frames: Annotated[int, typer.Option(min=8, help='Frames to judge by, at most.')] = 128,
    labels: Annotated[
        str | None,
        typer.Option(
            help="The folder with labels (PNG, the model's class ids) of what it is judged by."
        ),
    ] = None,
    image_topic: ImageTopic = None,
    label_topic: LabelTopic = None,
    keep_float: Annotated[
        str,
        typer.Option(
            metavar='auto|N',
            help='So many of the most sensitive layers stay in float; auto: as many as it takes.',
        ),
    ] = 'auto',
    min_agreement: MinAgreement = 99.5,
    max_miou_change: MaxMiouChange = 0.3,
    allow_failed_parity: Annotated[
        bool, typer.Option('--allow-failed-parity', help='Write it even if it breaks a bound.')
    ] = False,
    overwrite: Annotated[
        bool, typer.Option('--overwrite', help='Replace the output if it is there.')
    ] = False,
    threads: Threads = 0,
) -> None:
    """Make an int8 model for CPUs: calibrate on real frames, and judge by others.

    It is written only if it gives the masks of the fp32 model on every CPU runtime installed.
    Without labels, pixels are compared only.
    """
    from drivseg_ros.evaluation.parity.agreement import ParityBounds
    from drivseg_ros.frames.evaluated import is_bag, open_frames
    from drivseg_ros.lab.quantising.frames import split_frames
    from drivseg_ros.lab.quantising.judgement import measure_speed
    from drivseg_ros.lab.quantising.quantiser import (
        Settings,
        load_graph,
        quantise,
        write_quantised,
    )
    from drivseg_ros.model.store import find_model

    settings = Settings(
        keep_float=_parse_keep_float(keep_float),
        bounds=ParityBounds(min_agreement=min_agreement, max_miou_change=max_miou_change),
        threads=threads,
    )
    source = find_model(model)
    check_output(output, source.path, purpose='quantise', overwrite=overwrite)
    load_graph(source)  # refuses before anything is read
    if judge is None:
        whole = open_frames(data, labels=labels, image_topic=image_topic, label_topic=label_topic)
        calibration, judged = split_frames(whole, calibrate=frames, judge=judge_frames)
    else:
        if judge.exists() and data.exists() and judge.samefile(data):
            raise ParameterError(
                f'{judge} is what it is calibrated on, and nothing is judged by that; leave '
                '--judge out to judge by other frames of it, or name another set'
            )
        # The topic is that of whichever is a bag.
        for_data, for_judge = (
            image_topic if path.exists() and is_bag(path) else None for path in (data, judge)
        )
        if image_topic is not None and for_data is for_judge is None:
            raise ParameterError(
                f'neither {data} nor {judge} is a bag, and a topic was given; leave --image-topic '
                'out'
            )
        calibration = open_frames(data, image_topic=for_data, limit=frames)
        judged = open_frames(
            judge,
            labels=labels,
            image_topic=for_judge,
            label_topic=label_topic,
            limit=judge_frames,
        )
    with progress_bar() as progress:
        task = progress.add_task('', total=None)
        quantised = quantise(
            source,
            calibration,
            judged,
            settings=settings,
            on_step=lambda what, done, total: progress.update(
                task, description=what, completed=done, total=total
            ),
        )
    for frame_set in (calibration, judged):
        for name, reason in frame_set.failed.items():
            err.print(f'left out {name}: {reason}', markup=False, soft_wrap=True)
    if quantised.failures and not allow_failed_parity:
        _print_parity(quantised, {})
        raise ModelError(
            f'{output} is not written, for its masks are not those of {source.path.name}: '
            + '; '.join(quantised.failures)
            + f'. Keep more layers in float (--keep-float {len(quantised.kept_float) + 4}), '
            'calibrate on more frames like those it is judged by, or take it as it is with '
            '--allow-failed-parity'
        )
    file = write_quantised(quantised, output)
    image = next(iter(judged)).image
    speeds = measure_speed(source, file, image, threads=threads)
    _print_parity(quantised, speeds)
    kept = len(quantised.kept_float)
    out.print(
        f'calibrated on {len(calibration)} frames of {calibration.description}, judged by '
        f'{len(judged)} others of {judged.description}; {kept} of {quantised.layers} layers kept '
        f'in float for their sensitivity\n{file.path}: {file.path.stat().st_size / 1e6:.1f} MB '
        f'(fp32: {source.path.stat().st_size / 1e6:.1f} MB)',
        markup=False,
        soft_wrap=True,
    )
    if max(speed.ratio for speed in speeds.values()) < _WORTH_IT:
        err.print(
            'int8 gains next to nothing here: the network has much that is no convolution, or '
            'this CPU no instructions for it (VNNI); fp32 will do',
            markup=False,
            soft_wrap=True,
        )
    for failure in quantised.failures:
        err.print(f'written although it fails: {failure}', markup=False, soft_wrap=True)
    for judgement in quantised.judgements.values():
        if judgement.failures and not judgement.decides:
            err.print(
                'for CPUs only: TensorRT needs a form with half the levels behind each ReLU, in '
                f'which {"; ".join(judgement.failures)}',
                markup=False,
                soft_wrap=True,
            )


def _print_parity(quantised: Quantised, speeds: dict[str, Speed]) -> None:
    table = Table('on', 'equal', 'worst frame', 'ΔmIoU', 'fp32', 'int8', 'faster')
    for name, judgement in quantised.judgements.items():
        result, speed = judgement.result, speeds.get(name)
        change = result.miou_change
        table.add_row(
            name,
            f'{result.agreement:.3f} %',
            f'{result.worst_agreement:.2f} %',
            '' if change is None else f'{change:+.3f}',
            '' if speed is None else f'{speed.float_ms:.1f} ms',
            '' if speed is None else f'{speed.int8_ms:.1f} ms',
            '' if speed is None else f'{speed.ratio:.2f} ×',
        )
    out.print(table)


def _parse_keep_float(text: str) -> int | None:
    if text == 'auto':
        return None
    if not (text.isascii() and text.isdigit()):
        raise ParameterError(
            f"--keep-float {text!r} is not understood; give 'auto' or a number of layers, 0 or more"
        )
    return int(text)
