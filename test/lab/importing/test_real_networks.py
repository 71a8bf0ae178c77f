# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Imported networks reach what they reach in their authors' hands, on real frames.

Here is also how each is run without any of our code, written down from its authors'
documentation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from drivseg_ros.lab.importing.card_file import find_card, read_card
from drivseg_ros.lab.importing.importer import import_network
from drivseg_ros.model.file import ModelFile, read_model_file
from drivseg_ros.segmenter import Segmenter

FRAMES = 24
POINTS = 0.5

Mask = Callable[[np.ndarray], np.ndarray]
"""From a bgr picture, uint8 [H, W, 3], to where one may drive, bool [H, W]."""


@dataclass(frozen=True)
class Case:
    file: str
    card: str
    run: Callable[[Path, int], Mask]


def _session(path: Path) -> Callable[[str, np.ndarray], np.ndarray]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    session = onnxruntime.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
    return lambda output, planes: session.run([output], {'images': planes})[0][0]


def twinlitenet(path: Path, interpolation: int) -> Mask:
    run = _session(path)

    def mask(bgr: np.ndarray) -> np.ndarray:
        small = cv2.resize(bgr, (640, 360), interpolation=interpolation)
        planes = cv2.cvtColor(small, cv2.COLOR_BGR2RGB).transpose(2, 0, 1)[None] / 255.0
        best = run('da', planes.astype(np.float32)).argmax(axis=0).astype(np.uint8)
        shape = (bgr.shape[1], bgr.shape[0])
        return cv2.resize(best, shape, interpolation=cv2.INTER_NEAREST) == 1

    return mask


def twinlitenet_plus(path: Path, interpolation: int) -> Mask:
    run = _session(path)

    def mask(bgr: np.ndarray) -> np.ndarray:
        height, width = bgr.shape[:2]
        factor = min(640 / width, 384 / height)
        inner = (round(width * factor), round(height * factor))
        left, top = (640 - inner[0]) // 2, (384 - inner[1]) // 2
        small = cv2.resize(bgr, inner, interpolation=interpolation)
        framed = cv2.copyMakeBorder(
            small,
            top,
            384 - inner[1] - top,
            left,
            640 - inner[0] - left,
            cv2.BORDER_CONSTANT,
            value=(114, 114, 114),
        )
        planes = np.moveaxis(framed[:, :, [2, 1, 0]], 2, 0)[None].astype(np.float32) / 255
        best = run('da', planes).argmax(axis=0).astype(np.uint8)
        best = best[top : top + inner[1], left : left + inner[0]]
        return cv2.resize(best, (width, height), interpolation=cv2.INTER_NEAREST) == 1

    return mask


def road_adas(path: Path, interpolation: int) -> Mask:
    openvino = pytest.importorskip(
        'openvino', reason="openvino is not installed: pip install '.[openvino]'"
    )
    core = openvino.Core()
    compiled = core.compile_model(str(path), 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})

    def mask(bgr: np.ndarray) -> np.ndarray:
        small = cv2.resize(bgr, (896, 512), interpolation=interpolation)
        planes = small.astype(np.float32).transpose(2, 0, 1)[None]
        best = next(iter(compiled(planes).values()))[0].argmax(axis=0).astype(np.uint8)
        shape = (bgr.shape[1], bgr.shape[0])
        best = cv2.resize(best, shape, interpolation=cv2.INTER_NEAREST)
        return (best == 1) | (best == 3)

    return mask


CASES = (
    Case('twinlitenet.onnx', 'twinlitenet', twinlitenet),
    Case('twinlitenetplus_small.onnx', 'twinlitenet_plus', twinlitenet_plus),
    Case('twinlitenetplus_nano.onnx', 'twinlitenet_plus', twinlitenet_plus),
    Case('road-segmentation-adas-0001.xml', 'road_segmentation_adas_0001', road_adas),
)


# The small one differs from the nano one in nothing but numbers.
PARAMETERS = [
    pytest.param(case, id=case.file, marks=pytest.mark.slow if 'small' in case.file else ())
    for case in CASES
]


@pytest.fixture(scope='module', params=PARAMETERS)
def imported(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Case, Path, ModelFile]:
    case: Case = request.param
    network = shared_data / 'networks' / case.file
    if not network.is_file():
        pytest.skip(f'no network at {network}')
    output = tmp_path_factory.mktemp('imported') / 'model.onnx'
    return case, network, import_network(network, read_card(find_card(case.card)), output).file


def test_figures(imported: tuple[Case, Path, ModelFile], shared_data: Path) -> None:
    case, network, file = imported
    measured = measure(case, network, file, shared_data, every=14)
    assert measured['frames'] >= FRAMES
    assert abs(measured['imported'] - measured['own']) <= POINTS, measured
    # The same pictures give the same masks; what is left are rounding and the resize.
    assert measured['agreement'] > 99, measured


def test_form(imported: tuple[Case, Path, ModelFile]) -> None:
    _, network, file = imported
    assert file.batch is None
    assert file.has_confidence
    assert read_model_file(file.path).card == file.card
    model = onnx.load(file.path)
    assert model.graph.node[0].op_type == 'Cast'
    assert list(model.graph.node[0].input) == ['image']
    assert sum('image' in node.input for node in model.graph.node) == 1
    if network.suffix == '.onnx':
        assert file.card.provenance['outputs_left_out'] == ['ll']
        whole = onnx.load(network)
        convolutions = [
            sum('Conv' in node.op_type for node in m.graph.node) for m in (whole, model)
        ]
        assert convolutions[1] < convolutions[0]


def measure(
    case: Case,
    network: Path,
    file: ModelFile,
    shared_data: Path,
    *,
    every: int,
    interpolation: int = cv2.INTER_LINEAR,
) -> dict[str, float]:
    """Drivable IoU in percent of the imported network and of the network run its own way."""
    frames = sorted((shared_data / 'bdd100k_drivable' / 'images').glob('*.jpg'))[::every]
    own_way = case.run(network, interpolation)
    own, agreeing, pixels = np.zeros(2, int), 0, 0
    imported = np.zeros(2, int)
    with Segmenter.open(str(file.path), engine='onnxruntime') as segmenter:
        drivable = list(segmenter.card.drivable_ids)
        for path in frames:
            bgr = cv2.imread(str(path))
            label_path = path.parents[1] / 'labels' / f'{path.stem}.png'
            label = cv2.imread(str(label_path), cv2.IMREAD_UNCHANGED)
            mask = own_way(bgr)
            known, truth = label != 255, label == 1
            own += [(mask & truth & known).sum(), ((mask | truth) & known).sum()]
            (segmentation,) = segmenter.segment([bgr[..., ::-1]])
            ours = np.isin(segmentation.class_ids, drivable)
            imported += [(ours & truth & known).sum(), ((ours | truth) & known).sum()]
            agreeing += int((ours == mask).sum())
            pixels += ours.size
    return {
        'frames': len(frames),
        'own': 100 * own[0] / own[1],
        'imported': 100 * imported[0] / imported[1],
        'agreement': 100 * agreeing / pixels,
    }


def test_two_heads(shared_data: Path, tmp_path: Path, build_plan: Callable[[Path], int]) -> None:
    """The rule of yolop.yaml, with the lane lines of TwinLiteNet."""
    network = shared_data / 'networks' / 'twinlitenet.onnx'
    text = find_card('yolop').read_text()
    for old, new in (
        ('drive_area_seg', 'da'),
        ('lane_line_seg', 'll'),
        ('activation: probabilities', 'activation: softmax'),
        ('  mean: [0.485, 0.456, 0.406]\n', ''),
        ('  std: [0.229, 0.224, 0.225]\n', ''),
        ('resize: letterbox', 'resize: stretch'),
    ):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / 'card.yaml').write_text(text)
    file = import_network(network, read_card(tmp_path / 'card.yaml'), tmp_path / 'model.onnx').file
    assert file.batch is None
    run = _session(network)
    frames = sorted((shared_data / 'bdd100k_drivable' / 'images').glob('*.jpg'))[::80]
    with Segmenter.open(str(file.path), engine='onnxruntime') as segmenter:
        card = segmenter.card
        for path in frames:
            small = cv2.resize(cv2.imread(str(path)), (640, 360))[..., ::-1]
            planes = (small.transpose(2, 0, 1)[None] / 255.0).astype(np.float32)
            area, lines = (run(name, planes).argmax(0) == 1 for name in ('da', 'll'))
            (segmentation,) = segmenter.segment([small])
            names = np.array(card.class_names)[segmentation.class_ids]
            assert lines.any()
            # Paint neither tears holes into the area nor adds to it.
            assert ((segmentation.drivable == area).mean()) > 0.9999
            assert ((np.isin(names, ['lane line', 'lane line outside'])) == lines).mean() > 0.9999
            assert ((names == 'lane line outside') == (lines & ~area)).mean() > 0.9999
    assert build_plan(file.path) > 0
