# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The node's parameters: the one table from which everything else about them is made.

Descriptors, the defaults in config/seg.yaml and the table in docs/parameters.md come from SPECS.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from drivseg_ros.base.topics import OUTPUTS
from drivseg_ros.engines import ENGINE_NAMES
from drivseg_ros.engines.base import MAX_THREADS
from drivseg_ros.engines.registry import DEVICES
from drivseg_ros.errors import ParameterError
from drivseg_ros.images.arrays import MAX_DECODED_PIXELS, MAX_PIXELS
from drivseg_ros.model.card import PRECISIONS
from drivseg_ros.model.smoothing import TEMPORAL
from drivseg_ros.model.store import DEFAULT_MODEL
from drivseg_ros.node.ground_parameters import GROUND_SPECS, grid_spec, read_pose
from drivseg_ros.node.parameter_spec import Change, Kind, ParameterSpec
from drivseg_ros.node.trust import TrustLimits

ENGINE_PARAMETERS = ('model', 'engine', 'device', 'precision', 'threads')
"""The parameters whose change means another network beside the one in use."""

ON_UNTRUSTED = ('publish', 'unknown', 'silent')
"""What may become of an untrusted frame."""

_LIMITS = TrustLimits()


def _share(name: str, description: str) -> ParameterSpec:
    """A limit of frames that is a share."""
    return ParameterSpec(
        name=name,
        kind=Kind.NUMBER,
        default=getattr(_LIMITS, name),
        description=description,
        minimum=0.0,
        maximum=2.0,
        change=Change.ANY_TIME,
    )


SPECS = (
    ParameterSpec(
        name='model',
        kind=Kind.STRING,
        default=DEFAULT_MODEL,
        description='Name of a model (`drivseg models` lists them) or path of an .onnx or '
        '.safetensors file',
        change=Change.ANY_TIME,
    ),
    ParameterSpec(
        name='engine',
        kind=Kind.STRING,
        default='auto',
        description='Runtime of the network; auto takes the first that works, GPUs first, and '
        'never one that must be built',
        choices=ENGINE_NAMES,
        change=Change.ANY_TIME,
    ),
    ParameterSpec(
        name='device',
        kind=Kind.STRING,
        default='auto',
        description=f'Device of the engine: {DEVICES}',
        change=Change.ANY_TIME,
    ),
    ParameterSpec(
        name='precision',
        kind=Kind.STRING,
        default='auto',
        description="Arithmetic of the network; auto is the model file's own",
        choices=('auto', *PRECISIONS),
        change=Change.ANY_TIME,
    ),
    ParameterSpec(
        name='threads',
        kind=Kind.INTEGER,
        default=0,
        description='CPU threads of the engine; 0 leaves room for others',
        minimum=0,
        maximum=MAX_THREADS,
        change=Change.ANY_TIME,
    ),
    ParameterSpec(
        name='image_topics',
        kind=Kind.STRING_LIST,
        default=('image',),
        description='Camera topics, each in a namespace of its own, without /compressed',
    ),
    ParameterSpec(
        name='image_transport',
        kind=Kind.STRING,
        default='raw',
        description='raw: sensor_msgs/Image; compressed: sensor_msgs/CompressedImage (JPEG, PNG) '
        'on TOPIC/compressed',
        choices=('raw', 'compressed'),
    ),
    ParameterSpec(
        name='max_pixels',
        kind=Kind.INTEGER,
        default=MAX_DECODED_PIXELS,
        description='Width x height of the largest image that is decoded; a larger one fails by '
        'its header, before it costs time and memory',
        minimum=1,
        maximum=MAX_PIXELS,
        change=Change.ANY_TIME,
    ),
    ParameterSpec(
        name='outputs',
        kind=Kind.STRING_LIST,
        default=OUTPUTS,
        description='Outputs on offer; each is computed only while somebody subscribes to it',
        choices=OUTPUTS,
    ),
    ParameterSpec(
        name='overlay_alpha',
        kind=Kind.NUMBER,
        default=0.5,
        description='Opacity of the colours in the overlay',
        minimum=0.0,
        maximum=1.0,
        change=Change.ANY_TIME,
    ),
    ParameterSpec(
        name='overlay_transport',
        kind=Kind.STRING,
        default='raw',
        description='raw: the overlay as Image; compressed: as JPEG on overlay/compressed; or both',
        choices=('raw', 'compressed', 'both'),
    ),
    ParameterSpec(
        name='max_rate_hz',
        kind=Kind.NUMBER,
        default=0.0,
        description='Highest rate by camera at which frames are processed; 0: no limit',
        minimum=0.0,
        maximum=1000.0,
        change=Change.ANY_TIME,
    ),
    ParameterSpec(
        name='stale_after_s',
        kind=Kind.NUMBER,
        default=1.0,
        description='Age of the newest output, or of the newest frame, at which a camera is stale',
        minimum=0.05,
        maximum=3600.0,
    ),
    ParameterSpec(
        name='qos_reliability',
        kind=Kind.STRING,
        default='best_effort',
        description='What the image subscriptions ask for; best_effort takes both kinds of '
        'publishers',
        choices=('best_effort', 'reliable'),
    ),
    ParameterSpec(
        name='diagnostics_period_s',
        kind=Kind.NUMBER,
        default=1.0,
        description='Time between two messages on /diagnostics, and of status while no frame comes',
        minimum=0.05,
        maximum=3600.0,
    ),
    ParameterSpec(
        name='temporal',
        kind=Kind.STRING,
        default='none',
        description='smooth: a pixel changes its class only when the evidence of the last 0.15 s '
        'is for the new one: less flicker, 0.1 s later; none: each mask is of its frame alone',
        choices=TEMPORAL,
        change=Change.ANY_TIME,
    ),
    ParameterSpec(
        name='min_confidence',
        kind=Kind.NUMBER,
        default=0.0,
        description='Confidence below which a pixel of the mask is 255, unknown; 0: none',
        minimum=0.0,
        maximum=1.0,
        change=Change.ANY_TIME,
    ),
    ParameterSpec(
        name='on_untrusted',
        kind=Kind.STRING,
        default='publish',
        description='What an untrusted frame gives: publish: all outputs; unknown: a mask of 255 '
        'everywhere; silent: its status only',
        choices=ON_UNTRUSTED,
        change=Change.ANY_TIME,
    ),
    ParameterSpec(
        name='status_frames',
        kind=Kind.INTEGER,
        default=_LIMITS.status_frames,
        description='How many frames in a row change the status, in both directions',
        minimum=1,
        maximum=1000,
        change=Change.ANY_TIME,
    ),
    ParameterSpec(
        name='status_frozen',
        kind=Kind.BOOL,
        default=_LIMITS.status_frozen,
        description='Whether pixels that repeat with new stamps are untrusted; false where a '
        'simulator stands still',
        change=Change.ANY_TIME,
    ),
    _share('degraded_dark', 'Share of dark pixels at which a frame is degraded; above 1: never'),
    _share('untrusted_dark', 'Share of dark pixels at which a frame is untrusted'),
    _share('degraded_overexposed', 'Share of white pixels at which a frame is degraded'),
    _share('untrusted_overexposed', 'Share of white pixels at which a frame is untrusted'),
    _share('degraded_blocked', 'Share of plain or blurred blocks at which a frame is degraded'),
    _share('untrusted_blocked', 'Share of plain or blurred blocks at which a frame is untrusted'),
    _share(
        'min_road_confidence',
        'Mean confidence of the road below which a frame is degraded; 0: never',
    ),
    ParameterSpec(
        name='max_inference_ms',
        kind=Kind.NUMBER,
        default=_LIMITS.max_inference_ms,
        description='Time of the engine beyond which a frame is degraded; 0: no limit',
        minimum=0.0,
        maximum=1e6,
        change=Change.ANY_TIME,
    ),
    *GROUND_SPECS,
    ParameterSpec(
        name='autostart',
        kind=Kind.BOOL,
        default=True,
        description='Configure and activate at start; if false, `ros2 lifecycle` does it',
        change=Change.NEVER,
    ),
)

SPECS_BY_NAME: Mapping[str, ParameterSpec] = {spec.name: spec for spec in SPECS}


@dataclass(frozen=True)
class Settings:
    """The values of all parameters, each checked by its spec; see SPECS for what they mean.

    Raises:
        ParameterError: if the values do not fit together.
    """

    model: str
    engine: str
    device: str
    precision: str
    threads: int
    image_topics: tuple[str, ...]
    image_transport: str
    max_pixels: int
    outputs: tuple[str, ...]
    overlay_alpha: float
    overlay_transport: str
    max_rate_hz: float
    stale_after_s: float
    qos_reliability: str
    diagnostics_period_s: float
    temporal: str
    min_confidence: float
    on_untrusted: str
    status_frames: int
    status_frozen: bool
    degraded_dark: float
    untrusted_dark: float
    degraded_overexposed: float
    untrusted_overexposed: float
    degraded_blocked: float
    untrusted_blocked: float
    min_road_confidence: float
    max_inference_ms: float
    ground_frame: str
    camera_poses: tuple[str, ...]
    rectified: str
    grid_x_min_m: float
    grid_x_max_m: float
    grid_y_min_m: float
    grid_y_max_m: float
    grid_resolution_m: float
    grid_merge_window_s: float
    ground_pitch_error_deg: float
    ground_max_error_m: float
    ground_near_m: float
    ground_ego_width_m: float
    ground_scan_step_deg: float
    ground_points_step: int
    autostart: bool

    def __post_init__(self) -> None:
        for topic in self.image_topics:
            if topic.endswith('/compressed'):
                raise ParameterError(
                    f'image_topics has {topic!r}; leave out /compressed and set image_transport '
                    'to compressed'
                )
        for what in ('dark', 'overexposed', 'blocked'):
            degraded, untrusted = (getattr(self, f'{n}_{what}') for n in ('degraded', 'untrusted'))
            if degraded > untrusted:
                raise ParameterError(
                    f'degraded_{what} is {degraded} and untrusted_{what} {untrusted}; a frame is '
                    f'degraded before it is untrusted: set degraded_{what} to {untrusted} or less'
                )

        if len(self.camera_poses) not in (1, len(self.image_topics)):
            raise ParameterError(
                f'camera_poses has {len(self.camera_poses)} entries for {len(self.image_topics)} '
                'cameras; give one for all, or one for each'
            )
        for text in self.camera_poses:
            read_pose(text)
        grid_spec(vars(self))

    @property
    def trust_limits(self) -> TrustLimits:
        """Where frames stop being good."""
        return TrustLimits(**{f.name: getattr(self, f.name) for f in fields(TrustLimits)})

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Settings:
        """Checks values by name.

        Raises:
            ParameterError: if one of them, or their combination, is not allowed.
        """
        return cls(**{spec.name: spec.check(values[spec.name]) for spec in SPECS})


def parameters_table() -> str:
    """The table of parameters for the documentation, in Markdown."""
    lines = [
        '| parameter | type | default | may be changed | meaning |',
        '|---|---|---|---|---|',
    ]
    for spec in SPECS:
        lines.append(
            f'| `{spec.name}` | {spec.kind.value} | `{spec.default_yaml}` | {spec.change.value} '
            f'| {spec.meaning} |'
        )
    return '\n'.join(lines) + '\n'


def parameters_yaml() -> str:
    """The content of config/seg.yaml: every parameter with its default and its description."""
    lines = [
        '# Copyright 2026 The drivseg_ros authors',
        '# SPDX-License-Identifier: Apache-2.0',
        '# The parameters of the segmentation node with their defaults. A test compares this file',
        '# with drivseg_ros/node/parameters.py.',
        '/**:',
        '  ros__parameters:',
    ]
    for spec in SPECS:
        comment = textwrap.wrap(spec.meaning, 90, break_on_hyphens=False)
        lines += [*(f'    # {line}' for line in comment), f'    {spec.name}: {spec.default_yaml}']
    return '\n'.join(lines) + '\n'
