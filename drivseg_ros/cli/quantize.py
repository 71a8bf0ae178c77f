# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg quantize`: an int8 model for CPUs, if it gives the same masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from drivseg_ros.base.output_files import check_output_files
from drivseg_ros.cli.console import err, out, progress_bar
from drivseg_ros.cli.options import (
    Data,
    ImageTopic,
    Labels,
    LabelTopic,
    MaxMiouChange,
    MinAgreement,
    ModelArgument,
    ModelOutput,
    Overwrite,
    Threads,
)
from drivseg_ros.errors import ModelError, ParameterError

_WORTH_IT = 1.1  # times faster
_RUNS = 50  # of each network and runtime

if TYPE_CHECKING:
    from drivseg_ros.lab.quantising.quantiser import Quantised


def quantize(
    model: ModelArgument,
    data: Data,
    output: ModelOutput,
    calibration_frames: Annotated[
        int, typer.Option(min=8, help='Calibrate on at most so many frames.')
    ] = 128,
    evaluation_data: Annotated[
        str | None,
        typer.Option(
            metavar='FRAMES',
            help='Frames to evaluate on, given as --data.',
            show_default='other frames of --data',
        ),
    ] = None,
    evaluation_frames: Annotated[
        int, typer.Option(min=8, help='Evaluate on at most so many frames.')
    ] = 128,
    labels: Labels = None,
    image_topic: ImageTopic = None,
    label_topic: LabelTopic = None,
    keep_float: Annotated[
        str,
        typer.Option(
            metavar='auto|N',
            help='Number of most sensitive layers kept in float; auto: as many as it takes.',
        ),
    ] = 'auto',
    min_agreement: MinAgreement = 99.5,
    max_miou_change: MaxMiouChange = 0.3,
    allow_failed_parity: Annotated[
        bool, typer.Option('--allow-failed-parity', help='Write it even if it breaks a bound.')
    ] = False,
    overwrite: Overwrite = False,
    threads: Threads = 0,
) -> None:
    """Make an int8 model for CPUs: calibrate it, and evaluate it.

    It is calibrated on frames like those it will meet, and evaluated on others. It is written only
    if it gives the masks of the fp32 model on every CPU runtime installed. Without labels, only
    pixels are compared.
    """
    from drivseg_ros.engines.spec import EngineSpec
    from drivseg_ros.evaluation.parity.agreement import ParityBounds
    from drivseg_ros.lab.comparing.speed import time_networks
    from drivseg_ros.lab.quantising.frames import choose_frames
    from drivseg_ros.lab.quantising.quantiser import (
        Settings,
        load_graph,
        quantise,
        write_quantised,
    )
    from drivseg_ros.lab.quantising.verdict import cpu_runtimes
    from drivseg_ros.model.store import find_model

    settings = Settings(
        keep_float=_parse_keep_float(keep_float),
        bounds=ParityBounds(min_agreement=min_agreement, max_miou_change=max_miou_change),
        threads=threads,
    )
    source = find_model(model)
    check_output_files([output], overwrite=overwrite, sources=[source.path], suffixes=['.onnx'])
    load_graph(source)  # refuses before anything is read
    calibration, evaluation = choose_frames(
        data,
        evaluation_data,
        card=source.card,
        calibrate=calibration_frames,
        evaluate=evaluation_frames,
        labels=labels,
        image_topic=image_topic,
        label_topic=label_topic,
    )
    with progress_bar() as progress:
        task = progress.add_task('', total=None)
        quantised = quantise(
            source,
            calibration,
            evaluation,
            settings=settings,
            on_step=lambda what, done, total: progress.update(
                task, description=what, completed=done, total=total
            ),
        )
    for frame_set in (calibration, evaluation):
        for name, reason in frame_set.failed.items():
            err.print(f'left out {name}: {reason}', markup=False, soft_wrap=True)
    if quantised.failures and not allow_failed_parity:
        _print_parity(quantised, {})
        raise ModelError(
            f'{output} is not written, for its masks are not those of {source.path.name}: '
            + '; '.join(quantised.failures)
            + f'. Keep more layers in float (--keep-float {len(quantised.kept_float) + 4}), '
            'calibrate on more frames like those it is evaluated on, or take it as it is with '
            '--allow-failed-parity'
        )
    file = write_quantised(quantised, output)
    image = next(iter(evaluation)).pixels()
    with progress_bar() as progress:
        task = progress.add_task('timing', total=None)
        times, _ = time_networks(
            [source, file],
            [EngineSpec(name, device='cpu') for name in cpu_runtimes()],
            size=(image.shape[1], image.shape[0]),
            runs=_RUNS,
            threads=threads,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    speeds = _speeds(*times)
    _print_parity(quantised, speeds)
    kept = len(quantised.kept_float)
    sizes = [f'{path.stat().st_size / 1e6:.1f} MB' for path in (file.path, source.path)]
    out.print(
        f'calibrated on {len(calibration)} frames of {calibration.source.title}, evaluated on '
        f'{len(evaluation)} others of {evaluation.source.title}; {kept} of {quantised.layers} '
        f'layers kept in float for their sensitivity\n{file.path}: {sizes[0]} (fp32: {sizes[1]})',
        markup=False,
        soft_wrap=True,
    )
    if speeds and max(before / after for before, after in speeds.values()) < _WORTH_IT:
        err.print(
            'int8 gains next to nothing here: the network has much that is no convolution, or '
            'this CPU no instructions for it (VNNI); fp32 will do',
            markup=False,
            soft_wrap=True,
        )
    for failure in quantised.failures:
        err.print(f'written although it fails: {failure}', markup=False, soft_wrap=True)
    for verdict in quantised.verdicts.values():
        if verdict.failures and not verdict.decides:
            err.print(
                'for CPUs only: TensorRT needs a form with half the levels behind each ReLU, in '
                f'which {"; ".join(verdict.failures)}',
                markup=False,
                soft_wrap=True,
            )


def _speeds(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> dict[str, tuple[float, float]]:
    """Milliseconds of the network alone in fp32 and int8, by runtime; none of what cannot run."""
    return {
        row['engine']: (row['infer']['median_ms'], other['infer']['median_ms'])
        for row, other in zip(before, after, strict=True)
        if not row['problem'] and not other['problem']
    }


def _print_parity(quantised: Quantised, speeds: Mapping[str, tuple[float, float]]) -> None:
    names = {verdict.result.decisive for verdict in quantised.verdicts.values()} - {'', 'miou'}
    changed = 'Δ' + (', '.join(names) or 'mIoU')
    table = Table('on', 'equal', 'worst frame', changed, 'fp32', 'int8', 'faster')
    for name, verdict in quantised.verdicts.items():
        result, times = verdict.result, speeds.get(name)
        change = result.change(result.decisive)
        table.add_row(
            name,
            f'{result.agreement:.3f} %',
            f'{result.worst_agreement:.2f} %',
            '' if change is None else f'{change:+.3f}',
            *([''] * 3 if times is None else [f'{ms:.1f} ms' for ms in times]),
            *([] if times is None else [f'{times[0] / times[1]:.2f} ×']),
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
