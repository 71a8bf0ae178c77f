# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg replay`: every frame of a bag through a network, without ROS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drivseg_ros.base.output_files import check_output_files
from drivseg_ros.cli.console import err, print_path, progress_bar
from drivseg_ros.cli.options import (
    Bag,
    Device,
    EngineName,
    ImageTopic,
    JsonFile,
    Labels,
    LabelTopic,
    Limit,
    Model,
    OverlayAlpha,
    Overwrite,
    Precision,
    Threads,
)
from drivseg_ros.model.store import DEFAULT_MODEL


def replay(
    bag: Bag,
    image_topic: ImageTopic = None,
    model: Model = DEFAULT_MODEL,
    label_topic: LabelTopic = None,
    labels: Labels = None,
    engine: EngineName = 'auto',
    device: Device = 'auto',
    precision: Precision = 'auto',
    threads: Threads = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            '--output', '-o', help='Bag to make of masks and confidence.', show_default=False
        ),
    ] = None,
    video: Annotated[
        Path | None,
        typer.Option(help='Overlay video to write, .mp4 or .gif.', show_default=False),
    ] = None,
    contact_sheet: Annotated[
        Path | None,
        typer.Option(help='Picture of frames of the whole bag to write.', show_default=False),
    ] = None,
    json: JsonFile = None,
    overlay_alpha: OverlayAlpha = 0.5,
    limit: Limit = None,
    overwrite: Overwrite = False,
) -> None:
    """Run every frame of a bag: masks, an overlay video, metrics.

    Masks carry the headers of their images. Ctrl-C ends it early and leaves what was done. The exit
    status is 1 if a frame could not be processed.
    """
    check_output_files([video, contact_sheet, json], overwrite=overwrite)
    from drivseg_ros.bags.source import BagSource
    from drivseg_ros.bags.topics import BagTopics
    from drivseg_ros.cli.evaluation_run import end, print_and_write, run_shown
    from drivseg_ros.errors import DataError
    from drivseg_ros.evaluation.mask_bag import MaskBag
    from drivseg_ros.evaluation.request import (
        EvaluationRequest,
        OfflineEvaluation,
        open_evaluation,
    )
    from drivseg_ros.evaluation.sink import Sink
    from drivseg_ros.images.overlay import Look
    from drivseg_ros.report.overlay_sinks import OverlaySheet, OverlayVideo

    look = Look(alpha=overlay_alpha)
    request = EvaluationRequest(
        str(bag),
        model,
        engine=engine,
        device=device,
        precision=precision,
        threads=threads,
        topics=BagTopics(image_topic, label_topic),
        labels=labels,
        limit=limit,
        bands=1,
        boundary=0,
        draws=0,
    )
    with open_evaluation(request) as opened, progress_bar() as progress:
        source = opened.source
        if not isinstance(source, BagSource) or not isinstance(opened, OfflineEvaluation):
            raise DataError(f"'{bag}' is no bag; `drivseg segment` takes pictures and videos")
        sinks: list[Sink] = []
        if output is not None:
            confidence = opened.network.has_confidence
            topic = str(source.topics.image)
            sinks.append(MaskBag(output, topic, confidence=confidence, overwrite=overwrite))
        if video is not None:
            sinks.append(OverlayVideo(video, rate_hz=source.rate_hz, look=look))
        if contact_sheet is not None:
            sinks.append(OverlaySheet(contact_sheet, look=look))
        found, interrupted = run_shown(opened, progress, 'frames', sinks=sinks)
    print_and_write(found, json)
    for path in (output, video, contact_sheet):
        if path is not None and path.exists():
            print_path(path)
        elif path is not None:
            err.print(
                f"'{path}' is not written: no frame was processed", markup=False, soft_wrap=True
            )
    end(found, interrupted)
