# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of a live run: what the node got, what it gave, how late, how good."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from drivseg_ros.bags.image_messages import decode, image_rate_hz, stamp_ns
from drivseg_ros.bags.reader import BagMessage, BagReader
from drivseg_ros.bags.stamped import StampedMessages
from drivseg_ros.base.diagnostics import DIAGNOSTICS_TOPIC, STAGES, all_values, read_stages
from drivseg_ros.base.frame_ledger import FrameCounts
from drivseg_ros.errors import DrivsegError
from drivseg_ros.evaluation.label_matcher import match_labels
from drivseg_ros.evaluation.live.run import LiveRun, PlayedFrame, read_play_log
from drivseg_ros.evaluation.report import describe_accuracy, describe_frames, describe_times
from drivseg_ros.images.codec import decode_labels
from drivseg_ros.model.card import ModelCard
from drivseg_ros.model.segmentation import Segmentation
from drivseg_ros.report.showcase import Showcase


@dataclass(frozen=True)
class Recorded:
    """What the recording says besides the masks' pixels.

    Attributes:
        received_ns: wall time of receipt of each mask, by the stamp of its header.
        diagnostics: the node's last status of the camera and of the engine, key to value.
        masks: how many there are, those with a stamp that came before included.
        confidences: the stamps of the confidence planes.
        stages: by stage the median and 95th percentile that each of the diagnostics told, in ms.
    """

    received_ns: Mapping[int, int]
    diagnostics: Mapping[str, str]
    masks: int = 0
    confidences: frozenset[int] = frozenset()
    stages: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)


def read_recording(run: LiveRun) -> Recorded:
    """Reads a recording's times and what the diagnostics told.

    Raises:
        BagError: if it cannot be read.
    """
    received: dict[int, int] = {}
    masks = 0
    confidences = set()
    diagnostics: dict[str, str] = {}
    stages: dict[str, list[tuple[float, float]]] = {}
    confidence_topic = run.topic_of('confidence')
    with BagReader(run.recording) as reader:
        wanted = (run.mask_topic, confidence_topic, DIAGNOSTICS_TOPIC)
        for message in reader.messages([topic for topic in wanted if topic in reader.topics]):
            if message.topic == run.mask_topic:
                masks += 1
                received.setdefault(stamp_ns(message), message.time_ns)
            elif message.topic == confidence_topic:
                confidences.add(stamp_ns(message))
            else:
                values = all_values(message.message)
                diagnostics.update(values)
                for name, told in read_stages(values).items():
                    stages.setdefault(name, []).append(told)
    return Recorded(
        received_ns=received,
        diagnostics=diagnostics,
        masks=masks,
        confidences=frozenset(confidences),
        stages={name: tuple(rows) for name, rows in stages.items()},
    )


def describe_network(diagnostics: Mapping[str, str]) -> dict[str, Any]:
    """The model and the engine that ran it, as `describe_engine` tells them."""
    names = {'model': 'model', 'file': 'model file', 'sha256': 'model sha256'}
    names |= {name: name for name in ('engine', 'device', 'precision', 'threads')}
    found: dict[str, Any] = {key: diagnostics.get(name, 'unknown') for key, name in names.items()}
    if found['threads'].isdecimal():
        found['threads'] = int(found['threads'])
    return found


def check_stamps(played: Sequence[PlayedFrame], recorded: Recorded) -> None:
    """Looks whether every mask is of a frame that was played.

    Raises:
        DrivsegError: if one is not.
    """
    strangers = recorded.received_ns.keys() - {frame.stamp_ns for frame in played}
    if strangers:
        raise DrivsegError(
            f'{len(strangers)} masks carry stamps that were not played, the first {min(strangers)} '
            'ns; is another node publishing to the same topic?'
        )


def count_frames(played: list[PlayedFrame], recorded: Recorded) -> FrameCounts:
    """The frame ledger as seen from outside: a frame lost on the way counts as dropped.

    Raises:
        DrivsegError: if masks came for frames that nobody played.
    """
    check_stamps(played, recorded)
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
    labels: str | None = None,
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
        labels: what their values mean, for `read_labels`; None: as the bag says.
        video: an .mp4 to write, or None.
        contact_sheet: a .png to write, or None.
        overlay_alpha: opacity of the overlay.
        on_frame: called with the frames looked at and the frames there are.

    Raises:
        BagError: if bag or recording cannot be read.
        DrivsegError: if labels or stamps do not fit.
    """
    recorded = read_recording(run)
    played = read_play_log(run.play_log)
    due_ns = {frame.stamp_ns: frame.due_ns for frame in played}
    counts = count_frames(played, recorded)
    latencies = [
        (received - due_ns[stamp]) / 1e6 for stamp, received in recorded.received_ns.items()
    ]
    matcher, judged = match_labels(run.bag, label_topic, card, labels=labels)
    images_hash = hashlib.sha256()
    stamps = recorded.received_ns.keys()
    with (
        BagReader(run.bag) as source,
        StampedMessages(run.recording, run.mask_topic, stamps) as masks,
    ):
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
                mask = masks.plane(stamp) if stamp in recorded.received_ns else None
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
        'engine': describe_network(recorded.diagnostics),
        'frames': describe_frames(counts),
        'latency': describe_times(latencies),
        'stages': {},
        'stages_by_the_node_ms': {
            f'{stage}_{p}': recorded.diagnostics.get(f'{stage} {p} (ms)')
            for stage in STAGES
            for p in ('p50', 'p95')
        },
        'accuracy': None,
    }
    if label_topic:
        report['accuracy'] = {
            'frames': matcher.matched,
            'unmatched_labels': matcher.unmatched_labels,
            'unmatched_predictions': matcher.unmatched_predictions,
            **describe_accuracy(matcher.matrix, judged),
        }
    return report


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
