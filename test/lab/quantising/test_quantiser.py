# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a model file to an int8 model file, or to a refusal that leaves nothing behind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from convolution_model import (
    LAYERS,
    colour_image,
    write_colour_frames,
    write_convolution_model,
)
from onnx import numpy_helper
from tiny_model import write_tiny_model

from drivseg_ros.errors import DataError, ModelError, ParameterError
from drivseg_ros.evaluation.open_source import open_source
from drivseg_ros.frames.source import ReadableFrames, spread
from drivseg_ros.lab.quantising.frames import split_frames
from drivseg_ros.lab.quantising.quantiser import (
    Quantised,
    Settings,
    load_graph,
    quantise,
    write_quantised,
)
from drivseg_ros.lab.quantising.verdict import TENSORRT_FORM, cpu_runtimes
from drivseg_ros.model.file import CHECKPOINT_SUFFIX, METADATA_KEY, ModelFile, read_model_file
from drivseg_ros.segmenter import Segmenter

# So much that 8 bits leave nothing of the colours on top.
LIFT = 300.0


def frames(folder: Path, labels: str | None = 'labels') -> tuple[ReadableFrames, ReadableFrames]:
    """To calibrate on, and to evaluate on; labels None leaves them out."""
    images = folder / 'images'
    source = open_source(images) if labels is None else open_source(images, labels=labels)
    return split_frames(source, calibrate=16, evaluate=12)


def run(source: Path, colour_frames: Path, **settings: object) -> Quantised:
    calibration, evaluation = frames(colour_frames)
    return quantise(
        read_model_file(source),
        calibration,
        evaluation,
        settings=Settings(threads=1, **settings),  # type: ignore[arg-type]
    )


def test_the_masks_are_those_of_the_model_in_float(
    source: Path, colour_frames: Path, tmp_path: Path
) -> None:
    steps: set[str] = set()
    calibration, evaluation = frames(colour_frames)
    quantised = quantise(
        read_model_file(source),
        calibration,
        evaluation,
        settings=Settings(threads=1),
        on_step=lambda what, done, total: steps.add(what) if done <= total else None,
    )
    assert quantised.failures == []
    assert (quantised.layers, quantised.kept_float) == (len(LAYERS), ())
    assert steps >= {'calibrating', 'choosing layers to keep in float', 'evaluating'}
    output = tmp_path / 'new' / 'int8.onnx'
    write_quantised(quantised, output)
    assert [p.name for p in output.parent.iterdir()] == ['int8.onnx']
    onnx.checker.check_model(onnx.load(output), full_check=True)
    # Images that neither calibration nor evaluation saw; some pixels lie between two colours.
    for runtime in cpu_runtimes():
        equal = []
        with (
            Segmenter.open(source, engine='onnxruntime', device='cpu') as exact,
            Segmenter.open(output, engine=runtime, device='cpu') as coarse,
        ):
            assert coarse.engine.precision == 'int8'
            for seed in range(1000, 1010):
                image = [colour_image(seed)]
                wanted, got = exact.segment(image)[0], coarse.segment(image, confidence=True)[0]
                equal.append(np.mean(wanted.class_ids == got.class_ids))
                assert got.confidence is not None
        assert np.mean(equal) > 0.99


def test_the_card_says_how_it_was_made(source: Path, colour_frames: Path, tmp_path: Path) -> None:
    write_convolution_model(source, provenance={'recipe': 'by hand'}, license='none')
    card = write_quantised(run(source, colour_frames), tmp_path / 'int8.onnx').card
    assert (card.name, card.precision, card.license) == ('colours_int8', 'int8', 'none')
    assert card.provenance['source'] == {'recipe': 'by hand'}
    said = card.provenance['quantisation']
    assert said['source'] == {
        'name': 'colours',
        'sha256': hashlib.sha256(source.read_bytes()).hexdigest(),
    }
    assert said['calibration'] == {'data': 'images', 'frames': 16}
    assert said['evaluated_on'] == {'data': 'images', 'frames': 12, 'with_labels': True}
    assert said['kept_float'] == []
    assert said['layers'] == len(LAYERS)
    assert {'onnx', 'onnxruntime', 'numpy', 'python'} <= set(said['versions'])
    assert set(said['parity']) == {*cpu_runtimes(), TENSORRT_FORM}
    for metrics in said['parity'].values():
        assert metrics['agreement_percent'] >= 99.5
        assert abs(metrics['miou_change_points']) <= 0.3
        assert metrics['keeps_bounds'] is True


def test_without_labels_pixels_are_compared(source: Path, colour_frames: Path) -> None:
    calibration, evaluation = frames(colour_frames, labels=None)
    quantised = quantise(
        read_model_file(source), calibration, evaluation, settings=Settings(threads=1)
    )
    parity = quantised.card.provenance['quantisation']['parity']['onnxruntime']
    assert 'miou_change_points' not in parity
    assert parity['agreement_percent'] >= 99.5


def test_a_fixed_batch(tmp_path: Path, colour_frames: Path) -> None:
    source = write_convolution_model(tmp_path / 'two.onnx', batch=2)
    quantised = run(source, colour_frames)
    assert quantised.failures == []
    assert write_quantised(quantised, tmp_path / 'int8.onnx').batch == 2


def test_layers_that_do_not_bear_it_are_found(tmp_path: Path, colour_frames: Path) -> None:
    source = write_convolution_model(tmp_path / 'lifted.onnx', lift=LIFT)
    quantised = run(source, colour_frames)
    assert set(quantised.kept_float) == {'lift', 'lower'}
    assert quantised.failures == []
    assert set(quantised.card.provenance['quantisation']['kept_float']) == {'lift', 'lower'}


def test_lost_parity_is_said(tmp_path: Path, colour_frames: Path) -> None:
    source = write_convolution_model(tmp_path / 'lifted.onnx', lift=LIFT)
    quantised = run(source, colour_frames, keep_float=0)
    assert quantised.kept_float == ()
    assert len(quantised.failures) == 2 * len(cpu_runtimes())
    assert 'onnxruntime: ' in quantised.failures[0]
    assert 'less than the bound of 99.5 %' in quantised.failures[0]
    assert 'miou changes by -' in quantised.failures[1]


@pytest.mark.parametrize('keep_float', [1, 3])
def test_a_number_of_layers_in_float(source: Path, colour_frames: Path, keep_float: int) -> None:
    quantised = run(source, colour_frames, keep_float=keep_float)
    assert len(quantised.kept_float) == keep_float
    names = {t.name for t in quantised.model.graph.initializer}
    for layer in LAYERS:
        assert (f'{layer}_weight_quantized' in names) is not (layer in quantised.kept_float)


def test_nothing_left_to_quantise(source: Path, colour_frames: Path) -> None:
    with pytest.raises(ModelError, match=r'6 layers were to be kept in float.* keep fewer'):
        run(source, colour_frames, keep_float=6)


def test_too_few_frames_that_can_be_used(source: Path, colour_frames: Path) -> None:
    calibration, evaluation = frames(colour_frames)
    with pytest.raises(DataError, match=r'has 7 frames to calibrate on; at least 8'):
        quantise(
            read_model_file(source), calibration.take(range(7)), evaluation, settings=Settings()
        )


@pytest.mark.parametrize(('broken', 'left'), [(5, 7), (12, 0)])
def test_frames_that_cannot_be_decoded(
    broken: int, left: int, source: Path, tmp_path: Path
) -> None:
    folder = write_colour_frames(tmp_path / 'colours', 24)
    images = open_source(folder / 'images')
    calibration, _ = split_frames(images, calibrate=16, evaluate=8)
    evaluation = ReadableFrames(spread(images, 8))
    for frame in list(calibration)[:broken]:
        (folder / 'images' / f'{frame.name}.png').write_bytes(b'no picture')
    with pytest.raises(DataError, match=rf'has {left} frames .*\({broken} cannot be decoded\)'):
        quantise(read_model_file(source), calibration, evaluation, settings=Settings())


def test_settings() -> None:
    with pytest.raises(ParameterError, match='-1 layers were to be kept in float; 0 or more'):
        Settings(keep_float=-1)


def quantised_already(path: Path) -> Path:
    model = onnx.load(write_convolution_model(path))
    model.graph.initializer.append(numpy_helper.from_array(np.float32(1), 's'))
    model.graph.initializer.append(numpy_helper.from_array(np.uint8(0), 'z'))
    convolution = next(n for n in model.graph.node if n.output[0] == 'blur')
    convolution.input[0] = 'back'
    nodes = [
        onnx.helper.make_node('QuantizeLinear', ['spread', 's', 'z'], ['there']),
        onnx.helper.make_node('DequantizeLinear', ['there', 's', 'z'], ['back']),
    ]
    for node in reversed(nodes):
        model.graph.node.insert(3, node)
    onnx.save(model, path)
    return path


def branching(path: Path) -> Path:
    model = onnx.load(write_convolution_model(path))
    inner = onnx.helper.make_graph(
        [onnx.helper.make_node('Identity', ['blur'], ['same'])],
        'inner',
        [],
        [onnx.helper.make_tensor_value_info('same', onnx.TensorProto.FLOAT, None)],
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), 'yes'))
    node = onnx.helper.make_node('If', ['yes'], ['chosen'], then_branch=inner, else_branch=inner)
    next(n for n in model.graph.node if n.output[0] == 'mix').input[0] = 'chosen'
    model.graph.node.insert(4, node)
    onnx.save(model, path)
    return path


def checkpoint(path: Path) -> Path:
    path = path.with_suffix(CHECKPOINT_SUFFIX)
    card = read_model_file(write_tiny_model(path.with_suffix('.onnx'))).card.to_json()
    metadata = {METADATA_KEY: card, 'drivseg.architecture': 'fast_scnn'}
    header = json.dumps({'__metadata__': metadata}).encode()
    path.write_bytes(len(header).to_bytes(8, 'little') + header)
    return path


@pytest.mark.parametrize(
    ('write', 'message'),
    [
        (lambda p: write_convolution_model(p, precision='int8'), r'is int8; only fp32 .* made of'),
        (lambda p: write_convolution_model(p, precision='fp16'), r'is fp16; only fp32'),
        (quantised_already, r'is int8; only fp32'),
        (lambda p: write_convolution_model(p, opset=12), r'opset 12, and int8 needs 13'),
        (branching, r'has branches or loops.*one fixed case'),
        (write_tiny_model, r'has no convolutions.*nothing to quantise'),
        (checkpoint, r'is a checkpoint.*export it first'),
    ],
    ids=[
        'int8',
        'fp16',
        'int8 graph',
        'opset',
        'branches',
        'no convolutions',
        'checkpoint',
    ],
)
def test_what_cannot_be_quantised(
    write: Callable[[Path], Path], message: str, tmp_path: Path
) -> None:
    model: ModelFile = read_model_file(write(tmp_path / 'm.onnx'))
    with pytest.raises(ModelError, match=message):
        load_graph(model)


def test_a_file_that_cannot_be_written(source: Path, colour_frames: Path, tmp_path: Path) -> None:
    quantised = run(source, colour_frames)
    blocked = tmp_path / 'file'
    blocked.write_text('not a folder')
    with pytest.raises(DataError, match=r'cannot be written .*another folder'):
        write_quantised(quantised, blocked / 'int8.onnx')
    folder = tmp_path / 'taken.onnx'
    (folder / 'inside').mkdir(parents=True)
    with pytest.raises(DataError, match=r'cannot be written'):
        write_quantised(quantised, folder)
    assert sorted(p.name for p in tmp_path.iterdir()) == ['colours.onnx', 'file', 'taken.onnx']
