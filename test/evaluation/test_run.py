# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The one pass: what sinks get, in what order, and what is left when it stops or fails."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from color_bag import ColorBag, color_image, write_color_bag
from evaluation_bags import (
    FRAMES,
    IMAGE,
    evaluated,
    folder_source,
    in_bag,
    label_of,
    labelled,
    write_bag,
    write_folder,
)

from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.topics import BagTopics
from drivseg_ros.errors import BagError, DataError
from drivseg_ros.evaluation.mask_bag import MaskBag
from drivseg_ros.evaluation.measured import Terms
from drivseg_ros.evaluation.network import RunNetwork
from drivseg_ros.evaluation.notes import none_processed
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.run import evaluate
from drivseg_ros.evaluation.settings import EvaluationSettings
from drivseg_ros.evaluation.sink import Sink
from drivseg_ros.evaluation.tally import FrameRow
from drivseg_ros.frames.labelled_frame import LabelledFrame, LostFrame
from drivseg_ros.frames.source import FrameSource
from drivseg_ros.images.codec import decode_labels
from drivseg_ros.model.segmentation import Segmentation
from drivseg_ros.segmenter import Segmenter


class Seen(Sink):
    """Writes down what it gets."""

    def __init__(self, *, fails_at: str = '') -> None:
        self.events: list[str] = []
        self.masks: list[np.ndarray] = []
        self._fails_at = fails_at

    def begin(self, terms: Terms) -> None:
        self.events.append(f'begin {len(terms.matching.truth)}')

    def add(self, frame: LabelledFrame, segmentation: Segmentation, row: FrameRow) -> None:
        if frame.name == self._fails_at:
            raise DataError('the disk is full')
        assert row.name == frame.name
        self.events.append(frame.name)
        self.masks.append(segmentation.class_ids)

    def lose(self, frame: LostFrame) -> None:
        self.events.append(f'lost {frame.name}')

    def finish(self, evaluation: Evaluation) -> None:
        self.events.append(f'finish {evaluation.counts.processed}')

    def abort(self) -> None:
        self.events.append('abort')


def run(source: FrameSource, model: Path, *sinks: Sink, stop_after: int = -1) -> Evaluation:
    done: list[int] = []
    with Segmenter.open(model, engine='onnxruntime', device='cpu', threads=1) as segmenter:
        return evaluate(
            source,
            RunNetwork(segmenter),
            settings=EvaluationSettings(),
            sinks=sinks,
            on_frame=lambda number, total: done.append(number),
            stop=lambda: len(done) == stop_after,
        )


def test_sinks_get_every_frame_in_order(tmp_path: Path, tiny_model: Path) -> None:
    root = write_folder(tmp_path / 'folder')
    (root / 'images' / '3.png').write_bytes(b'torn')
    first, second = Seen(), Seen()
    found = run(folder_source(root), tiny_model, first, second)
    names = [f'{i}' if i != 3 else 'lost 3' for i in range(FRAMES)]
    assert first.events == second.events == ['begin 3', *names, f'finish {FRAMES - 1}']
    for number, mask in zip([0, 1, 2, 4, 5, 6, 7], first.masks, strict=True):
        np.testing.assert_array_equal(mask, color_image(number).argmax(-1))
    assert not found.interrupted


def test_stopped_it_completes_what_was_done(tmp_path: Path, tiny_model: Path) -> None:
    seen = Seen()
    found = run(folder_source(write_folder(tmp_path / 'd')), tiny_model, seen, stop_after=3)
    assert seen.events == ['begin 3', '0', '1', '2', 'finish 3']
    assert found.interrupted
    assert (found.counts.offered, found.counts.processed) == (3, 3)
    assert found.metrics['miou'].value is not None


def test_a_sink_that_fails_ends_it_and_all_take_back(tmp_path: Path, tiny_model: Path) -> None:
    first, second = Seen(), Seen(fails_at='2')
    with pytest.raises(DataError, match='disk is full'):
        run(folder_source(write_folder(tmp_path / 'd')), tiny_model, first, second)
    assert first.events == ['begin 3', '0', '1', '2', 'abort']
    assert second.events == ['begin 3', '0', '1', 'abort']


def test_labels_that_mean_nothing_end_it(tmp_path: Path, tiny_model: Path) -> None:
    planes = [*labelled(2), (IMAGE, 2, color_image(2)), ('/cam/label', 2, label_of(2) * 0 + 7)]
    seen = Seen()
    with pytest.raises(DataError, match='stray values: 7'):
        run(in_bag(write_bag(tmp_path / 'bag', planes)), tiny_model, seen)
    assert seen.events[-1] == 'abort'


def test_where_no_frame_can_be_read_all_is_said(tmp_path: Path, tiny_model: Path) -> None:
    root = write_folder(tmp_path / 'folder')
    for path in (root / 'images').iterdir():
        path.write_bytes(b'torn')
    seen = Seen()
    found = run(folder_source(root), tiny_model, seen)
    assert seen.events[-1] == 'finish 0'
    assert found.counts.failed == FRAMES
    assert none_processed(found).startswith('none of 8 frames could be evaluated; the last: ')
    assert '7.png' in none_processed(found)
    assert {one.value for one in found.metrics.values()} == {None}


def test_reading_is_timed_apart(tmp_path: Path, tiny_model: Path) -> None:
    found = run(folder_source(write_folder(tmp_path / 'd')), tiny_model)
    times = found.parts[0].times
    assert times is not None
    assert times.stages == ('read', 'prepare', 'infer', 'restore')
    assert min(times.stage_ms('read')) > 0
    for total, *stages in zip(
        times.total_ms, *(times.stage_ms(name) for name in times.stages[1:]), strict=True
    ):
        assert total == pytest.approx(sum(stages), abs=0.002)


def mask_bag(bag: ColorBag, model: Path, output: Path, **options: bool) -> Evaluation:
    source = in_bag(bag.path, topics=BagTopics(image=IMAGE, label='/cam/label'))
    return evaluated(source, model, sinks=[MaskBag(output, IMAGE, confidence=True, **options)])


def test_masks_in_a_bag_keep_their_headers(
    tmp_path: Path, tiny_model: Path, color_bag: ColorBag
) -> None:
    output = tmp_path / 'out'
    found = mask_bag(color_bag, tiny_model, output)
    with BagReader(output) as reader:
        masks = list(reader.messages(['/cam/segmentation/mask']))
        assert reader.topic('/cam/segmentation/confidence').count == 10
    assert [m.header_stamp_ns for m in masks] == color_bag.stamps_ns
    assert [m.time_ns for m in masks] == [s + 7 for s in color_bag.stamps_ns]
    assert {m.message.header.frame_id for m in masks} == {'camera'}
    for message, image in zip(masks, color_bag.images, strict=True):
        np.testing.assert_array_equal(decode_labels(message.message), image.argmax(-1))
    assert found.metrics['miou'].value == 1
    with pytest.raises(BagError, match='is there already'):
        mask_bag(color_bag, tiny_model, output)
    mask_bag(color_bag, tiny_model, output, overwrite=True)


def test_a_bag_of_masks_is_taken_back_after_an_error(tmp_path: Path, tiny_model: Path) -> None:
    bag = write_color_bag(tmp_path / 'bag', frames=4)
    source = in_bag(bag.path, topics=BagTopics(image=IMAGE))
    sinks = [
        MaskBag(tmp_path / 'out', IMAGE, confidence=True),
        Seen(fails_at='1700000000.100000000'),
    ]
    with pytest.raises(DataError, match='disk is full'):
        evaluated(source, tiny_model, sinks=sinks)
    assert not (tmp_path / 'out').exists()


def test_frames_of_no_bag_have_no_headers(tmp_path: Path, tiny_model: Path) -> None:
    sink = MaskBag(tmp_path / 'out', IMAGE, confidence=True)
    with pytest.raises(DataError, match='only frames of a bag have one'):
        evaluated(folder_source(write_folder(tmp_path / 'd')), tiny_model, sinks=[sink])
    assert not (tmp_path / 'out').exists()
