# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The int8 network that ships in config/models is what its card says."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys

import cv2
import numpy as np
import onnx
import pytest
from shared_split import part_of

from drivseg_ros.base.share import share_directory
from drivseg_ros.frames.split import Part
from drivseg_ros.lab.quantising.verdict import TENSORRT_FORM
from drivseg_ros.model.file import read_model_file
from drivseg_ros.segmenter import Segmenter

FOLDER = share_directory() / 'config' / 'models'
SOURCE = FOLDER / 'fast_scnn_bdd100k.onnx'
PATH = FOLDER / 'fast_scnn_bdd100k_int8.onnx'


def test_it_is_smaller_than_what_it_was_made_of():
    assert PATH.stat().st_size < 0.45 * SOURCE.stat().st_size


def test_it_has_the_form_of_the_contract():
    file, source = read_model_file(PATH), read_model_file(SOURCE)
    model = onnx.load(PATH)
    onnx.checker.check_model(model, full_check=True)
    assert (file.batch, file.has_confidence) == (source.batch, source.has_confidence)
    assert [n.op_type for n in model.graph.node if 'image' in n.input] == ['Cast']
    assert file.card.classes == source.card.classes
    integers = [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.INT8]
    assert sum(int(np.prod(t.dims)) for t in integers if len(t.dims) == 4) > 1_000_000


def test_its_card_says_how_it_was_made():
    file, source = read_model_file(PATH), read_model_file(SOURCE)
    assert (file.card.name, file.card.precision) == (PATH.stem, 'int8')
    assert file.card.license == source.card.license
    assert file.card.provenance['source'] == source.card.provenance
    said = file.card.provenance['quantisation']
    assert said['source']['sha256'] == hashlib.sha256(SOURCE.read_bytes()).hexdigest()
    assert Part.TRAINING.value in said['calibration']['data']
    assert Part.HELD_OUT.value in said['judged_by']['data']
    assert said['judged_by'] == {**said['judged_by'], 'frames': 84, 'with_labels': True}
    assert {'onnxruntime', 'openvino', TENSORRT_FORM} == set(said['parity'])
    for metrics in said['parity'].values():
        assert metrics['agreement_percent'] >= 99.5
        assert abs(metrics['miou_change_points']) <= 0.3


MASKS = """
import sys
from drivseg_ros.scenes import random_frame
from drivseg_ros.segmenter import Segmenter
image = random_frame(3_000_001, 640, 360).image
with Segmenter.open(sys.argv[1], engine='openvino', device='cpu') as segmenter:
    class_ids = segmenter.segment([image])[0].class_ids
    sys.stdout.buffer.write(class_ids.tobytes())
"""


def test_its_masks_do_not_depend_on_the_cpu():
    """oneDNN, inside OpenVINO, is held to the instructions of older CPUs.

    Without VNNI it computes with pairs of products in 16 bits, where larger weights overflow. What
    is left of a difference are roundings between the layers.
    """
    if importlib.util.find_spec('openvino') is None:
        pytest.skip("openvino is not installed: pip install '.[openvino]'")
    masks = []
    for instructions in ('ALL', 'AVX2'):
        result = subprocess.run(
            [sys.executable, '-c', MASKS, str(PATH)],
            env={**os.environ, 'ONEDNN_MAX_CPU_ISA': instructions},
            capture_output=True,
            check=True,
        )
        masks.append(np.frombuffer(result.stdout, np.uint8))
    assert masks[0].size == 360 * 640
    assert np.mean(masks[0] != 2) > 0.05  # a road is seen
    assert np.mean(masks[0] == masks[1]) > 0.9999


@pytest.mark.parametrize('runtime', ['onnxruntime', 'openvino'])
def test_its_masks_are_those_of_the_model_in_float(runtime, shared_data):
    """Some of the frames that nothing was calibrated or trained on; counted without our code."""
    pytest.importorskip(runtime, reason=f"{runtime} is not installed: pip install '.[{runtime}]'")
    images = shared_data / 'bdd100k_drivable' / 'images'
    paths = [p for p in sorted(images.iterdir()) if part_of(p.stem) is Part.HELD_OUT][::4]
    equal = []
    with (
        Segmenter.open(SOURCE, engine='onnxruntime', device='cpu') as exact,
        Segmenter.open(PATH, engine=runtime, device='cpu') as coarse,
    ):
        for path in paths:
            image = [cv2.imread(str(path))[..., ::-1]]
            wanted, got = exact.segment(image)[0].class_ids, coarse.segment(image)[0].class_ids
            equal.append((wanted == got).mean())
    assert len(equal) == 21
    assert np.mean(equal) >= 0.995
