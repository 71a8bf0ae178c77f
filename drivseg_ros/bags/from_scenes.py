# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A bag from a rendered drive, with exact labels and the camera's calibration."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from drivseg_ros.bags.calibration import Calibration
from drivseg_ros.bags.dataset_info import DatasetInfo
from drivseg_ros.bags.image_bag import ImageBagOptions, MadeBag, write_image_bag
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.scenes.drive import Drive


def bag_from_scenes(
    drive: Drive,
    options: ImageBagOptions,
    *,
    labels: bool = True,
    progress: Callable[[int], None] = lambda done: None,
) -> MadeBag:
    """Renders a drive into a bag, one frame at a time; the same drive gives the same bag.

    Args:
        drive: ``Drive(seed, width=..., height=..., rate_hz=..., duration_s=...)``.
        options: topics, encoding and so on; stamps begin at ``options.start_ns``.
        labels: write the label topic, class ids as in ``drive.classes``.
        progress: called with the number of frames done, of ``len(drive)``.

    Raises:
        BagError: if the bag cannot be written.
    """
    camera = drive.camera_info
    calibration = Calibration(
        camera.width, camera.height, k=camera.k, d=camera.d, r=camera.r, p=camera.p
    )

    def frames() -> Iterator[LabelledFrame]:
        for number, scene in enumerate(drive):
            stamp_ns = options.start_ns + scene.stamp_ns
            yield LabelledFrame(f'frame {number}', scene.image, scene.class_ids, stamp_ns=stamp_ns)

    shown = f'{dict(drive.description)} {camera} {len(drive)}'
    info = DatasetInfo(
        name='a rendered drive',
        identity=hashlib.sha256(shown.encode()).hexdigest(),
        image_topic=options.image_topic,
        label_topic=options.labels_on if labels else '',
        name_topic='',
        classes=drive.classes if labels else (),
    )
    return write_image_bag(
        frames(),
        options,
        has_labels=labels,
        calibration=calibration,
        info=info,
        progress=progress,
    )
