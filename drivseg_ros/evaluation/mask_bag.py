# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A sink that writes masks into a bag, as the node would have published them."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from drivseg_ros.bags.image_messages import IMAGE
from drivseg_ros.bags.messages import image as image_message
from drivseg_ros.bags.messages import label_info
from drivseg_ros.bags.qos import LATCHED
from drivseg_ros.bags.typestore import LABEL_INFO
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.base.topics import output_topic, raw_topic
from drivseg_ros.errors import BagError, DataError
from drivseg_ros.evaluation.measured import Terms
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.sink import Sink
from drivseg_ros.evaluation.tally import FrameRow
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.model.card import ModelClass
from drivseg_ros.model.segmentation import Segmentation


class MaskBag(Sink):
    """Masks, the confidence if there is one, and what the ids mean; with the headers of the images.

    Args:
        path: the bag's folder.
        image_topic: the topic of the images.
        confidence: whether there is a confidence.
        overwrite: whether a bag that is there may be replaced.
    """

    def __init__(
        self, path: Path, image_topic: str, *, confidence: bool, overwrite: bool = False
    ) -> None:
        self._path = path
        names = ('mask', 'confidence') if confidence else ('mask',)
        self._topics = {name: output_topic(raw_topic(image_topic), name) for name in names}
        self._label_info = output_topic(raw_topic(image_topic), 'label_info')
        self._classes: tuple[ModelClass, ...] = ()
        self._overwrite = overwrite
        self._writer: BagWriter | None = None

    def begin(self, terms: Terms) -> None:
        """Makes the bag.

        Raises:
            BagError: if it cannot be made.
        """
        self._writer = BagWriter(self._path, overwrite=self._overwrite)
        for topic in self._topics.values():
            self._writer.add_topic(topic, IMAGE)
        self._writer.add_topic(self._label_info, LABEL_INFO, qos=LATCHED)
        self._classes = terms.matching.network

    def add(self, frame: LabelledFrame, segmentation: Segmentation, row: FrameRow) -> None:
        """See `Sink`."""
        if self._writer is None or frame.stamp_ns is None or frame.time_ns is None:
            raise DataError(f'the frame {frame.name} has no stamp; only frames of a bag have one')
        if self._classes:  # before the first mask, as the node does
            self._writer.write(self._label_info, frame.time_ns, label_info(self._classes))
            self._classes = ()
        planes = {'mask': segmentation.class_ids, 'confidence': segmentation.confidence}
        for name, topic in self._topics.items():
            plane = planes[name]
            if plane is not None:
                message = image_message(
                    plane, encoding='mono8', stamp_ns=frame.stamp_ns, frame_id=frame.frame_id
                )
                self._writer.write(topic, frame.time_ns, message)

    def finish(self, evaluation: Evaluation) -> None:
        """See `Sink`; without a mask no bag is left."""
        if self._writer is not None:
            self._writer.close()
            if not any(self._writer.counts.values()):
                shutil.rmtree(self._path)

    def abort(self) -> None:
        """See `Sink`."""
        if self._writer is not None:
            with suppress(BagError):  # most often the error that ended it
                self._writer.close()
            shutil.rmtree(self._path, ignore_errors=True)
