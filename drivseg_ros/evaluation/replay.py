# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Replay: every frame of a bag, in order, through the Segmenter. No ROS is needed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivseg_ros.bags.image_messages import IMAGE, decode, image_rate_hz, stamp_ns
from drivseg_ros.bags.messages import image as image_message
from drivseg_ros.bags.reader import BagMessage, BagReader
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.base.frame_ledger import FrameLedger
from drivseg_ros.base.topics import output_topic, raw_topic
from drivseg_ros.errors import BagError, ImageError
from drivseg_ros.evaluation.label_matcher import LabelMatcher, match_labels
from drivseg_ros.evaluation.report import (
    describe_accuracy,
    describe_engine,
    describe_frames,
    describe_times,
)
from drivseg_ros.images.codec import decode_labels
from drivseg_ros.model.segmentation import Segmentation
from drivseg_ros.report.showcase import Showcase
from drivseg_ros.segmenter import Segmenter


@dataclass(frozen=True)
class ReplayFiles:
    """What a replay writes; None leaves a file out.

    Args:
        output: a bag with the masks, and the confidence if the model has it.
        video: an .mp4 with the overlay.
        contact_sheet: a .png with frames from the whole bag.
        overwrite: whether an output bag that is there may be replaced.
    """

    output: Path | None = None
    video: Path | None = None
    contact_sheet: Path | None = None
    overwrite: bool = False


class Replay:
    """Runs a bag through a Segmenter.

    Args:
        segmenter: the Segmenter; it stays the caller's.
        image_topic: raw or compressed images.
        label_topic: labels by pixel (mono8) with the images' stamps; or None.
        labels: what their values mean, for `read_labels`; None: as the bag says.
        overlay_alpha: opacity of the overlay in video and contact sheet.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        *,
        image_topic: str,
        label_topic: str | None = None,
        labels: str | None = None,
        overlay_alpha: float = 0.5,
    ) -> None:
        self._segmenter = segmenter
        self._image_topic = image_topic
        self._label_topic = label_topic
        self._labels = labels
        self._alpha = overlay_alpha
        self._matcher = LabelMatcher(segmenter.card.num_classes)
        self._judged = segmenter.card
        self._ledger = FrameLedger()
        self._first_stamp_ns: int | None = None
        self._times: dict[str, list[float]] = {'decode': [], 'infer': [], 'restore': []}
        self._hash = hashlib.sha256()
        self._interrupted = False

    def run(
        self, bag: Path, files: ReplayFiles, *, on_frame: Callable[[int, int], None]
    ) -> dict[str, Any]:
        """Runs the whole bag.

        A KeyboardInterrupt ends it early; everything written until then is finished and readable,
        and the report says so.

        Args:
            bag: the bag.
            files: what to write.
            on_frame: called with the frames done and the frames of the topic.

        Returns:
            The content of the report.

        Raises:
            BagError: if the bag or a topic cannot be read, or the output not be written.
            DrivsegError: if labels do not fit the model.
            EngineError: if the engine fails.
        """
        self._matcher, self._judged = match_labels(
            bag, self._label_topic, self._segmenter.card, labels=self._labels
        )
        with ExitStack() as stack:
            reader = stack.enter_context(BagReader(bag))
            rate_hz = image_rate_hz(reader, self._image_topic)
            topics = [self._image_topic]
            if self._label_topic is not None:
                topics.append(self._label_topic)
            total = reader.topic(self._image_topic).count
            writer = None
            if files.output is not None:
                writer = stack.enter_context(BagWriter(files.output, overwrite=files.overwrite))
            showcase = stack.enter_context(
                Showcase(
                    video=files.video,
                    contact_sheet=files.contact_sheet,
                    rate_hz=rate_hz,
                    alpha=self._alpha,
                )
            )
            outputs = self._add_topics(writer)
            self._segmenter.warm_up()
            try:
                for message in reader.messages(topics):
                    if message.topic == self._label_topic:
                        self._take_label(message)
                        continue
                    self._take_image(message, writer, outputs, showcase)
                    on_frame(self._ledger.counts().offered, total)
            except KeyboardInterrupt:
                self._interrupted = True
        return self._report(bag)

    @property
    def interrupted(self) -> bool:
        """Whether the run was ended early."""
        return self._interrupted

    def _add_topics(self, writer: BagWriter | None) -> dict[str, str]:
        names = ['mask'] + ['confidence'] * self._segmenter.engine.model.has_confidence
        outputs = {name: output_topic(raw_topic(self._image_topic), name) for name in names}
        if writer is not None:
            for topic in outputs.values():
                writer.add_topic(topic, IMAGE)
        return outputs

    def _take_label(self, message: BagMessage) -> None:
        try:
            self._matcher.add_label(stamp_ns(message), decode_labels(message.message))
        except ImageError as error:
            raise BagError(f'the label topic {self._label_topic!r}: {error}') from None

    def _take_image(
        self,
        message: BagMessage,
        writer: BagWriter | None,
        outputs: dict[str, str],
        showcase: Showcase,
    ) -> None:
        self._ledger.offer()
        self._hash.update(message.data)
        started = time.perf_counter()
        try:
            image = decode(message)
        except ImageError as error:
            self._ledger.fail(error.kind, str(error))
            return
        decoded = time.perf_counter()
        result = self._segmenter.segment([image], confidence='confidence' in outputs)[0]
        self._ledger.process()
        timings = result.timings
        if timings is not None:
            self._times['decode'].append((decoded - started) * 1e3 + timings.prepare_ms)
            self._times['infer'].append(timings.infer_ms)
            self._times['restore'].append(timings.restore_ms)
        stamp = stamp_ns(message)
        if self._label_topic is not None:
            self._matcher.add_prediction(stamp, result.class_ids)
        if writer is not None:
            _write_planes(writer, outputs, message, result)
        if self._first_stamp_ns is None:
            self._first_stamp_ns = stamp
        seconds = (stamp - self._first_stamp_ns) / 1e9
        number = self._ledger.counts().offered
        showcase.add(image, result, caption=f'frame {number}   {seconds:.2f} s')

    def _report(self, bag: Path) -> dict[str, Any]:
        report: dict[str, Any] = {
            'kind': 'replay',
            'interrupted': self._interrupted,
            'input': {
                'bag': str(bag),
                'image_topic': self._image_topic,
                'label_topic': self._label_topic,
                'images_sha256': self._hash.hexdigest(),
            },
            'engine': describe_engine(self._segmenter.engine),
            'frames': describe_frames(self._ledger.counts()),
            'stages': {name: describe_times(times) for name, times in self._times.items()},
            'accuracy': None,
        }
        if self._label_topic is not None:
            report['accuracy'] = {
                'frames': self._matcher.matched,
                'unmatched_labels': self._matcher.unmatched_labels,
                'unmatched_predictions': self._matcher.unmatched_predictions,
                **describe_accuracy(self._matcher.matrix, self._judged),
            }
        return report


def _write_planes(
    writer: BagWriter, outputs: dict[str, str], message: BagMessage, result: Segmentation
) -> None:
    for name, plane in (('mask', result.class_ids), ('confidence', result.confidence)):
        if name in outputs and plane is not None:
            mono8 = image_message(
                plane,
                encoding='mono8',
                stamp_ns=stamp_ns(message),
                frame_id=message.message.header.frame_id,
            )
            writer.write(outputs[name], message.time_ns, mono8)
