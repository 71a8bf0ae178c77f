# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of a live run: what the node got, what it gave, how late, how good."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drivseg_ros.bags.reader import BagMessage, BagReader
from drivseg_ros.errors import BagError, DrivsegError
from drivseg_ros.evaluation.label_matcher import LabelMatcher
from drivseg_ros.evaluation.live import LiveRun, PlayedFrame, read_play_log
from drivseg_ros.evaluation.replay import decode, image_rate_hz, stamp_ns
from drivseg_ros.evaluation.report import describe_accuracy, describe_frames, describe_times
from drivseg_ros.evaluation.showcase import Showcase
from drivseg_ros.frame_ledger import FrameCounts
from drivseg_ros.image_codec import decode_labels
from drivseg_ros.model_card import ModelCard
from drivseg_ros.segmentation import Segmentation

_DIAGNOSTICS = '/diagnostics'
_STAGES = ('wait', 'decode', 'infer', 'publish', 'total')


@dataclass(frozen=True)
class Recorded:
    """What the recording says besides the masks' pixels.

    Attributes:
        received_ns: wall time of receipt of each mask, by the stamp of its header.
        diagnostics: the node's last status of the camera and of the engine, key to value.
    """

    received_ns: dict[int, int]
    diagnostics: dict[str, str]


def read_recording(run: LiveRun) -> Recorded:
    """Reads a recording's times and its last diagnostics.

    Raises:
        BagError: if it cannot be read.
    """
    received: dict[int, int] = {}
    diagnostics: dict[str, str] = {}
    with BagReader(run.recording) as reader:
        topics = [t for t in (run.mask_topic, _DIAGNOSTICS) if t in reader.topics]
        for message in reader.messages(topics):
            if message.topic == run.mask_topic:
                received.setdefault(stamp_ns(message), message.time_ns)
            else:
                for status in message.message.status:
                    diagnostics.update((pair.key, pair.value) for pair in status.values)
    return Recorded(received_ns=received, diagnostics=diagnostics)


def count_frames(played: list[PlayedFrame], recorded: Recorded) -> FrameCounts:
    """The frame ledger as seen from outside: a frame lost on the way counts as dropped.

    Raises:
        DrivsegError: if masks came for frames that nobody played.
    """
    stamps = {frame.stamp_ns for frame in played}
    strangers = recorded.received_ns.keys() - stamps
    if strangers:
        raise DrivsegError(
            f'{len(strangers)} masks carry stamps that were not played, the first {min(strangers)} '
            'ns; is another node publishing to the same topic?'
        )
    processed = sum(frame.stamp_ns in recorded.received_ns for frame in played)
    prefix = 'frames failed: '
    by_kind = {
        key.removeprefix(prefix): int(value)
        for key, value in recorded.diagnostics.items()
        if key.startswith(prefix)
    }
    failed = min(sum(by_kind.values()), len(played) - processed)
    if failed != sum(by_kind.values()):
        by_kind = {'unknown': failed} if failed else {}
    return FrameCounts(
        offered=len(played),
        processed=processed,
        dropped=len(played) - processed - failed,
        failed=failed,
        failed_by_kind=by_kind,
        last_error=recorded.diagnostics.get('last error', '') if failed else '',
    )


def evaluate_live(
    run: LiveRun,
    *,
    card: ModelCard,
    label_topic: str | None,
    video: Path | None,
    contact_sheet: Path | None,
    overlay_alpha: float,
    on_frame: Callable[[int, int], None],
) -> dict[str, Any]:
    """The report of a live run; it also draws video and contact sheet from the recorded masks.

    Args:
        run: the run.
        card: of the network that ran.
        label_topic: labels in the played bag, or None.
        video: an .mp4 to write, or None.
        contact_sheet: a .png to write, or None.
        overlay_alpha: opacity of the overlay.
        on_frame: called with the frames looked at and the frames there are.

    Raises:
        BagError: if bag or recording cannot be read.
        DrivsegError: if labels or stamps do not fit.
    """
    recorded = read_recording(run)
    played = read_play_log(run.play_log, run.image_topic)
    due_ns = {frame.stamp_ns: frame.due_ns for frame in played}
    counts = count_frames(played, recorded)
    latencies = [
        (received - due_ns[stamp]) / 1e6 for stamp, received in recorded.received_ns.items()
    ]
    matcher = LabelMatcher(card.num_classes)
    images_hash = hashlib.sha256()
    with BagReader(run.bag) as source, BagReader(run.recording) as recording:
        masks = _Masks(
            recording.messages([run.mask_topic]) if run.mask_topic in recording.topics else iter(())
        )
        total = source.topic(run.image_topic).count
        with Showcase(
            video=video,
            contact_sheet=contact_sheet,
            rate_hz=image_rate_hz(source, run.image_topic),
            alpha=overlay_alpha,
        ) as showcase:
            topics = [run.image_topic] + ([label_topic] if label_topic else [])
            done = 0
            for message in source.messages(topics):
                stamp = stamp_ns(message)
                if message.topic == label_topic:
                    if stamp in recorded.received_ns:
                        matcher.add_label(stamp, decode_labels(message.message))
                    continue
                done += 1
                on_frame(done, total)
                if stamp not in due_ns:
                    continue  # the run was ended before
                images_hash.update(message.data)
                mask = masks.take(stamp) if stamp in recorded.received_ns else None
                if mask is not None and label_topic:
                    matcher.add_prediction(stamp, mask)
                _show(showcase, message, mask, card, number=done)
    report: dict[str, Any] = {
        'kind': 'live',
        'interrupted': run.interrupted,
        'input': {
            'bag': str(run.bag),
            'image_topic': run.image_topic,
            'label_topic': label_topic,
            'images_sha256': images_hash.hexdigest(),
        },
        'engine': {
            key: recorded.diagnostics.get(name, 'unknown')
            for key, name in (
                ('model', 'model'),
                ('file', 'model file'),
                ('sha256', 'model sha256'),
                ('engine', 'engine'),
                ('device', 'device'),
                ('precision', 'precision'),
                ('threads', 'threads'),
            )
        },
        'frames': describe_frames(counts),
        'latency': describe_times(latencies),
        'stages': {},
        'stages_by_the_node_ms': {
            f'{stage}_{p}': recorded.diagnostics.get(f'{stage} {p} (ms)')
            for stage in _STAGES
            for p in ('p50', 'p95')
        },
        'accuracy': None,
    }
    if label_topic:
        report['accuracy'] = {
            'frames': matcher.matched,
            'unmatched_labels': matcher.unmatched_labels,
            'unmatched_predictions': matcher.unmatched_predictions,
            **describe_accuracy(matcher.matrix, card),
        }
    return report


class _Masks:
    """The recorded masks, asked for in the order of their frames."""

    def __init__(self, messages: Iterator[BagMessage]) -> None:
        self._messages = messages
        self._ahead: dict[int, np.ndarray] = {}

    def take(self, stamp: int) -> np.ndarray:
        """The mask with that stamp, uint8 [H, W]."""
        while stamp not in self._ahead:
            message = next(self._messages, None)
            if message is None:
                raise BagError(f'the recorded mask with the stamp {stamp} ns is gone')
            self._ahead.setdefault(stamp_ns(message), decode_labels(message.message))
        return self._ahead.pop(stamp)


def _show(
    showcase: Showcase,
    message: BagMessage,
    mask: np.ndarray | None,
    card: ModelCard,
    *,
    number: int,
) -> None:
    segmentation = None
    if mask is not None:
        segmentation = Segmentation(class_ids=mask, confidence=None, card=card)
    caption = f'frame {number}' + ('' if mask is not None else '   no mask: dropped or failed')
    try:
        image = decode(message)
    except DrivsegError:
        return  # the node counted it as failed
    showcase.add(image, segmentation, caption=caption)
