# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Cameras above the ground for tests: some of the kinds that there are, and any."""

from __future__ import annotations

from hypothesis import strategies as st

from drivseg_ros.errors import ParameterError
from drivseg_ros.ground.camera import GroundCamera
from drivseg_ros.ground.intrinsics import Intrinsics
from drivseg_ros.ground.lens import make_lens
from drivseg_ros.ground.pose import CameraPose

LENSES = {
    'pinhole': ('plumb_bob', (0.0,) * 5),
    'dash camera': ('plumb_bob', (-0.31, 0.11, 0.0006, -0.0004, -0.018)),
    'KITTI 2011_09_26': ('plumb_bob', (-0.3692, 0.1968, 0.001353, 0.000568, -0.0677)),
    'pincushion': ('plumb_bob', (0.12, 0.05, 0.0, 0.001)),
    'rational': (
        'rational_polynomial',
        (6.1, 2.4, 0.00008, -0.00006, 0.12, 6.5, 4.2, 0.7),
    ),
    'fisheye': ('equidistant', (-0.03, 0.004, -0.003, 0.0006)),
}


def intrinsics(lens: str) -> Intrinsics:
    """Of a camera at 1280 x 720 with its principal point near the middle."""
    return Intrinsics(1280, 720, 1024, 1014, 647, 355, lens=make_lens(*LENSES[lens]))


def camera(lens: str = 'pinhole', *, height_m: float = 1.5, **turned: float) -> GroundCamera:
    """A camera that looks ahead, at 640 x 360."""
    eye = intrinsics(lens).at_size(640, 360)
    return GroundCamera(eye, CameraPose.mounted(height_m=height_m, **turned))


@st.composite
def any_camera(draw: st.DrawFn) -> GroundCamera | None:
    """Any lens, size and pose, upside down included; None for one that looks at the sky."""
    number = st.floats(allow_nan=False, allow_infinity=False, width=32)
    width, height = draw(st.integers(1, 2000)), draw(st.integers(1, 2000))
    middle = st.floats(-0.3, 1.3)
    eye = Intrinsics(
        width,
        height,
        fx=draw(st.floats(1.0, 4000.0)),
        fy=draw(st.floats(1.0, 4000.0)),
        cx=width * draw(middle),
        cy=height * draw(middle),
        skew=draw(st.sampled_from((0.0, 0.5))),
        lens=make_lens(*LENSES[draw(st.sampled_from(sorted(LENSES)))]),
    )
    angle = st.floats(-180, 180)
    pose = CameraPose.mounted(
        height_m=draw(st.floats(0.1, 30.0)),
        pitch_deg=draw(angle | st.floats(-10, 30)),
        roll_deg=draw(angle | st.floats(-5, 5)),
        yaw_deg=draw(angle),
        x_m=draw(number.filter(lambda value: abs(value) < 100)),
        y_m=draw(st.floats(-3, 3)),
    )
    try:
        return GroundCamera(eye, pose)
    except ParameterError as error:
        if 'looks at the sky' not in str(error):
            raise
        return None
