# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A model that is slightly different is caught, and the numbers are those of plain numpy."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from parity_models import compared, write_frames, write_shifted_model
from tiny_model import write_tiny_model

from drivseg_ros.errors import DataError, DrivsegError, ModelError, ParameterError
from drivseg_ros.evaluation.network import RunNetwork
from drivseg_ros.evaluation.open_source import open_source
from drivseg_ros.evaluation.parity.agreement import ParityBounds
from drivseg_ros.evaluation.parity.sinks import AgreementWithFolder, MaskFolder, accuracy_values
from drivseg_ros.evaluation.run import evaluate
from drivseg_ros.evaluation.settings import PLAIN
from drivseg_ros.frames.source import FrameSource
from drivseg_ros.model.card import BDD100K_CLASSES, ModelClass
from drivseg_ros.segmenter import Segmenter


def labelled(data: Path) -> FrameSource:
    return open_source(data, labels='bdd100k')


def unlabelled(data: Path) -> FrameSource:
    return open_source(data, with_labels=False)


def test_a_network_agrees_with_itself(tmp_path: Path, tiny_model: Path) -> None:
    frames = labelled(write_frames(tmp_path / 'data'))
    result = compared(tiny_model, tiny_model, frames)
    assert (result.frames, result.agreement, result.worst_agreement) == (4, 100, 100)
    assert (result.change('miou'), result.change('drivable_iou')) == (0, 0)
    assert result.decisive == 'miou'
    assert result.confidence is not None
    assert (result.confidence.mean, result.confidence.largest) == (0, 0)
    assert ParityBounds(min_agreement=100, max_miou_change=0).failures(result) == []


def test_numbers_are_those_of_numpy(tmp_path: Path, tiny_model: Path) -> None:
    data = write_frames(tmp_path / 'data')
    other = write_shifted_model(tmp_path / 'other.onnx', shift=20)
    result = compared(tiny_model, other, labelled(data))

    images = np.stack(
        [cv2.imread(str(data / 'images' / f'{i}.png'))[..., ::-1] for i in range(4)]
    ).astype(int)
    labels = np.stack([cv2.imread(str(data / 'labels' / f'{i}.png'), -1) for i in range(4)])
    raised = images + np.array([20, 0, 0])
    first, second = images.argmax(-1), raised.argmax(-1)
    same = (first == second).reshape(4, -1).mean(1) * 100
    gap = np.abs(images.max(-1) - np.minimum(raised.max(-1), 255))
    assert result.agreement == pytest.approx(same.mean())
    assert result.worst_frame == f'{same.argmin()}'
    assert result.worst_agreement == pytest.approx(same.min())
    assert result.confidence is not None
    assert result.confidence.mean == pytest.approx(gap.mean())
    assert result.confidence.largest == gap.max() == 20

    def iou(prediction: np.ndarray, classes: list[int]) -> float:
        known = labels != 255
        truth, found = np.isin(labels, classes), np.isin(prediction, classes)
        return 100 * (truth & found & known).sum() / ((truth | found) & known).sum()

    change = np.mean([iou(second, [c]) - iou(first, [c]) for c in range(3)])
    assert result.change('miou') == pytest.approx(change)
    drivable = iou(second, [0, 1]) - iou(first, [0, 1])
    assert result.change('drivable_iou') == pytest.approx(drivable)
    failures = ParityBounds().failures(result)
    assert len(failures) == 2
    assert f'{result.agreement:.3f} % of the pixels agree' in failures[0]
    assert f'{change:+.3f} points' in failures[1]


@pytest.mark.parametrize(
    ('bounds', 'failing'),
    [
        (ParityBounds(), 2),
        (ParityBounds(min_agreement=80), 1),
        (ParityBounds(min_agreement=80, max_miou_change=50), 0),
        (ParityBounds(max_miou_change=50), 1),
    ],
)
def test_bounds_decide(tmp_path: Path, bounds: ParityBounds, failing: int) -> None:
    frames = labelled(write_frames(tmp_path / 'data'))
    tiny = write_tiny_model(tmp_path / 'tiny.onnx')
    result = compared(tiny, write_shifted_model(tmp_path / 'other.onnx', shift=20), frames)
    assert len(bounds.failures(result)) == failing


def test_without_labels_agreement_alone_decides(tmp_path: Path, tiny_model: Path) -> None:
    other = write_shifted_model(tmp_path / 'other.onnx', shift=20)
    result = compared(tiny_model, other, unlabelled(write_frames(tmp_path / 'data')))
    assert (result.metrics, result.decisive, result.change('miou')) == ({}, '', None)
    assert len(ParityBounds().failures(result)) == 1


def test_labels_that_label_nothing_are_said_to(tmp_path: Path, tiny_model: Path) -> None:
    data = write_frames(tmp_path / 'data', frames=1)
    cv2.imwrite(str(data / 'labels' / '0.png'), np.full((48, 64), 255, np.uint8))
    result = compared(tiny_model, tiny_model, labelled(data))
    (failure,) = ParityBounds().failures(result)
    assert failure.startswith('the change of miou is not known, for no pixel is labelled')


def test_a_lost_confidence_is_a_failure(tmp_path: Path, tiny_model: Path) -> None:
    without = write_tiny_model(tmp_path / 'other.onnx', confidence=False)
    frames = unlabelled(write_frames(tmp_path / 'data'))
    result = compared(tiny_model, without, frames)
    assert ParityBounds().failures(result) == ['it gives no confidence, and the reference does']
    assert ParityBounds().failures(compared(without, tiny_model, frames)) == []


def test_networks_of_other_sizes_are_compared_at_the_images_size(
    tmp_path: Path, tiny_model: Path
) -> None:
    other = write_tiny_model(tmp_path / 'other.onnx', width=32, height=24)
    result = compared(tiny_model, other, unlabelled(write_frames(tmp_path / 'data')))
    assert 33 < result.agreement < 90


def test_what_cannot_be_compared_is_refused(tmp_path: Path, tiny_model: Path) -> None:
    data = write_frames(tmp_path / 'data', frames=1)
    classes = (*BDD100K_CLASSES[:2], ModelClass(2, 'sky', (0, 0, 0)))
    other = write_tiny_model(tmp_path / 'other.onnx', classes=classes)
    with pytest.raises(ModelError, match='direct, alternative, sky, and the reference'):
        compared(tiny_model, other, unlabelled(data))
    cv2.imwrite(str(data / 'labels' / '0.png'), np.full((48, 64), 7, np.uint8))
    with pytest.raises(DataError, match='not one frame'):
        compared(tiny_model, tiny_model, labelled(data))
    (data / 'images' / '0.png').write_bytes(b'')
    with pytest.raises(DrivsegError, match='not one frame'):
        compared(tiny_model, tiny_model, unlabelled(data))


def test_in_two_passes_it_is_the_same(tmp_path: Path, tiny_model: Path) -> None:
    data = write_frames(tmp_path / 'data')
    (data / 'images' / '1.png').write_bytes(b'torn')
    other = write_shifted_model(tmp_path / 'other.onnx', shift=20)
    source, masks = labelled(data), tmp_path / 'masks'
    masks.mkdir()
    with Segmenter.open(tiny_model) as segmenter:
        network = RunNetwork(segmenter)
        found = evaluate(source, network, settings=PLAIN, sinks=[MaskFolder(masks)])
    second = AgreementWithFolder(masks, accuracy_values(found))
    with pytest.raises(RuntimeError, match='not over'):
        _ = second.result
    with Segmenter.open(other) as segmenter:
        evaluate(source, RunNetwork(segmenter), settings=PLAIN, sinks=[second])
    assert second.result == compared(tiny_model, other, source)
    assert second.result.frames == 3

    with Segmenter.open(other) as segmenter:
        more = labelled(write_frames(tmp_path / 'more'))
        with pytest.raises(DataError, match='frame 3 is not the one that the reference saw'):
            evaluate(
                more, RunNetwork(segmenter), settings=PLAIN, sinks=[AgreementWithFolder(masks, {})]
            )


@pytest.mark.parametrize('bounds', [{'min_agreement': 101}, {'max_miou_change': float('nan')}])
def test_impossible_bounds_are_refused(bounds: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match='0 to 100 is allowed'):
        ParityBounds(**bounds)
