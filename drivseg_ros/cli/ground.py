# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg ground`: where a camera is above the ground."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivseg_ros.base.output_files import check_output_files
from drivseg_ros.cli.console import err, out, progress_bar, write_json, write_text
from drivseg_ros.cli.options import (
    Bag,
    Device,
    EngineName,
    ImageTopic,
    JsonFile,
    Limit,
    Model,
    Overwrite,
    Precision,
    Threads,
)
from drivseg_ros.model.store import DEFAULT_MODEL

if TYPE_CHECKING:
    from drivseg_ros.ground.calibration import Calibration

ROUGH_PITCH_DEG, ROUGH_HEIGHT = 1.0, 0.15
"""Frames that differ by more are not to be relied on."""

app = typer.Typer(help='Find out where a camera is above the ground.', no_args_is_help=True)


@app.callback()
def ground() -> None:
    """Find out where a camera is above the ground."""


@app.command()
def calibrate(
    bag: Bag,
    lane_width: Annotated[
        float, typer.Option(help='Width of the ego lane between its markings, in metres.')
    ],
    roll: Annotated[
        float, typer.Option(help='Roll of the camera in degrees, positive leans to the right.')
    ] = 0.0,
    model: Model = DEFAULT_MODEL,
    engine: EngineName = 'auto',
    device: Device = 'auto',
    precision: Precision = 'auto',
    threads: Threads = 0,
    image_topic: ImageTopic = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            help="The camera's intrinsics: a camera_info .yaml, or calib_cam_to_cam.txt of KITTI.",
            show_default='camera_info in the bag',
        ),
    ] = None,
    limit: Limit = None,
    output: Annotated[
        Path | None,
        typer.Option(
            '--output',
            '-o',
            help='Write intrinsics and mounting for `segment --bird`, .yaml.',
            show_default=False,
        ),
    ] = None,
    json: JsonFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Estimate pitch, yaw and height of a camera from a drive.

    The road has marked lanes. Where the edges of the ego lane meet is straight ahead; the width of
    the lane then gives the height. The median over the drive counts. Roll cannot be seen so, and is
    given.
    """
    check_output_files([json], overwrite=overwrite)
    check_output_files([output], overwrite=overwrite, suffixes=['.yaml', '.yml'])
    from drivseg_ros.bags.calibration import read_calibration
    from drivseg_ros.bags.camera_info import recorded_calibration
    from drivseg_ros.cli.evaluation_run import Complaints, run_shown
    from drivseg_ros.errors import ModelError
    from drivseg_ros.evaluation.lane_sights import LaneSights
    from drivseg_ros.evaluation.network import RunNetwork
    from drivseg_ros.evaluation.open_source import open_source
    from drivseg_ros.evaluation.request import OfflineEvaluation
    from drivseg_ros.evaluation.settings import PLAIN
    from drivseg_ros.ground.calibration import calibrate as estimate
    from drivseg_ros.ground.calibration import check_lane_width
    from drivseg_ros.model.card import Role
    from drivseg_ros.report.camera_file import camera_file_text, intrinsics_of
    from drivseg_ros.segmenter import Segmenter

    check_lane_width(lane_width)
    camera = (
        recorded_calibration(bag, image_topic=image_topic)
        if calibration is None
        else read_calibration(calibration)
    )
    frames = open_source(bag, with_labels=False, image_topic=image_topic, limit=limit, evenly=True)
    with (
        Segmenter.open(
            model, engine=engine, device=device, precision=precision, threads=threads
        ) as segmenter,
        progress_bar() as progress,
    ):
        lanes = [one.id for one in segmenter.card.classes if one.role is Role.DIRECT]
        if not lanes:
            raise ModelError(
                f'{segmenter.card.name} has no class of the role direct, the ego lane; give a '
                'network that separates lanes (--model)'
            )
        sights = LaneSights(intrinsics_of(camera), lane_ids=lanes, roll_deg=roll)
        opened = OfflineEvaluation(frames, RunNetwork(segmenter), PLAIN)
        found, interrupted = run_shown(opened, progress, 'frames', sinks=[Complaints(), sights])
    if found.interrupted:
        err.print('interrupted: nothing was estimated', markup=False)
        raise typer.Exit(interrupted)
    result = estimate(sights.found, lane_width_m=lane_width)
    _print(result, found.counts.processed, roll)
    if output is not None:
        mounting = {'roll_deg': roll} if roll else {}
        mounting |= {
            'height_m': result.height_m.value,
            'pitch_deg': result.pitch_deg.value,
            'yaw_deg': result.yaw_deg.value,
        }
        write_text(output, camera_file_text(camera, mounting))
    write_json(json, result)


def _print(result: Calibration, processed: int, roll: float) -> None:
    out.print(
        f'{result.frames} of {processed} frames show both edges of the ego lane', markup=False
    )
    for name, one, unit in (
        ('pitch', result.pitch_deg, '°, positive looks down'),
        ('yaw', result.yaw_deg, '°, positive looks left'),
        ('height', result.height_m, ' m'),
    ):
        line = f'  {name:<6} {one.value:7.2f} ± {one.margin:.2f}{unit}'
        out.print(f'{line} (single frames ± {one.spread:.2f})', markup=False, soft_wrap=True)
    pose = (
        f'height={result.height_m.value:.2f} pitch={result.pitch_deg.value:.2f} '
        f'yaw={result.yaw_deg.value:.2f}'
    )
    pose += f' roll={roll:g}' if roll else ''
    out.print(
        f'camera_poses: ["{pose}"]  (add x and y of the camera)', markup=False, soft_wrap=True
    )
    if result.pitch_deg.spread > ROUGH_PITCH_DEG or result.height_m.spread > (
        ROUGH_HEIGHT * result.height_m.value
    ):
        err.print(
            'the frames differ a lot: the masks do not show the lane well, or it is no road of '
            'constant width; take another drive, or measure the mounting',
            markup=False,
            soft_wrap=True,
        )
