# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")
F = torch.nn.functional

from drivseg_ros.errors import ModelError  # noqa: E402
from drivseg_ros.lab.exporting.export import export_onnx, replace_card  # noqa: E402
from drivseg_ros.model.card import BDD100K_CLASSES, ModelCard  # noqa: E402
from drivseg_ros.model.file import read_model_file  # noqa: E402
from drivseg_ros.networks.fast_scnn import FastSCNN  # noqa: E402


def card(width=96, height=56, classes=BDD100K_CLASSES, **changes):
    return ModelCard('random', classes, width, height, **changes)


def patches(batch, *, seed):
    """Random coloured patches, uint8 [batch, 56, 96, 3]: something to tell apart."""
    coarse = np.random.default_rng(seed).integers(0, 256, (batch, 7, 12, 3), dtype=np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


def random_network(classes=3, *, seed=0):
    """Random weights, but batch norms that know their inputs, so that the answers vary."""
    torch.manual_seed(seed)
    network = FastSCNN(classes, dropout=0.0)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    x = torch.from_numpy(patches(8, seed=seed).astype(np.float32) / 64 - 2).permute(0, 3, 1, 2)
    with torch.no_grad():
        logits = network.train()(x)[0]
        network.classifier[-1].bias.sub_(logits.mean(dim=(0, 2, 3)))
    return network.eval()


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
    network = random_network()
    return network, export_onnx(network, tmp_path_factory.mktemp('export') / 'm.onnx', card())


def textbook(network, images):
    """The same answer in torch's own words: softmax, bilinear interpolation, maximum."""
    mean = np.array([123.675, 116.28, 103.53], np.float32)
    deviation = np.array([58.395, 57.12, 57.375], np.float32)
    x = torch.from_numpy((images.astype(np.float32) - mean) / deviation).permute(0, 3, 1, 2)
    with torch.inference_mode():
        p = F.softmax(network(x.contiguous()), dim=1)
        p = F.interpolate(p, size=images.shape[1:3], mode='bilinear', align_corners=False)
    return p.numpy()


@pytest.mark.parametrize('batch', [1, 2, 5])
def test_file_agrees_with_the_network_for_any_batch(exported, batch):
    network, path = exported
    images = patches(batch, seed=batch)
    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    ids, confidence = session.run(['class_ids', 'confidence'], {'image': images})
    p = textbook(network, images)
    ordered = np.sort(p, axis=1)
    clear = ordered[:, -1] - ordered[:, -2] > 1e-4
    assert ids.dtype == confidence.dtype == np.uint8
    assert ids.shape == confidence.shape == (batch, 56, 96)
    assert len(np.unique(ids)) > 1, 'a constant answer would prove nothing'
    assert clear.mean() > 0.9
    assert (ids == p.argmax(1))[clear].all()
    assert np.abs(confidence - 255 * p.max(1)).max() < 1


def test_graph_has_the_form_of_the_contract(exported):
    _, path = exported
    model = onnx.load(path)
    file = read_model_file(path)
    reading = [node.op_type for node in model.graph.node if 'image' in node.input]
    assert reading == ['Cast']
    assert model.graph.node[0].op_type == 'Cast'
    assert (file.batch, file.has_confidence) == (None, True)
    assert max(o.version for o in model.opset_import) <= 18
    # Nothing that only computes shapes, and nothing that onnxruntime alone understands.
    kinds = {node.op_type for node in model.graph.node}
    assert not kinds & {'Shape', 'Gather', 'Identity', 'Constant', 'BatchNormalization', 'Resize'}
    assert {node.domain for node in model.graph.node} == {''}
    assert not any('auxiliary' in tensor.name for tensor in model.graph.initializer)


def test_card_comes_back(tmp_path):
    given = card(description='a test', license='none', provenance={'figures': {'miou': 0.5}})
    path = export_onnx(random_network(), tmp_path / 'sub' / 'm.onnx', given)
    assert read_model_file(path).card == given
    other = card(description='measured')
    assert read_model_file(replace_card(path, other)).card == other
    with pytest.raises(ModelError, match='card says'):
        replace_card(path, card(width=64))


def test_a_card_of_other_classes_is_refused(tmp_path):
    with pytest.raises(ModelError, match='has 3 classes, but its card names 2'):
        export_onnx(random_network(), tmp_path / 'm.onnx', card(classes=BDD100K_CLASSES[:2]))
    assert not (tmp_path / 'm.onnx').exists()


def test_a_file_that_disagrees_is_not_left_behind(tmp_path):
    class Moody(torch.nn.Module):
        def forward(self, image):
            return torch.rand_like(image)

    path = tmp_path / 'm.onnx'
    with pytest.raises(ModelError, match='disagrees with the network'):
        export_onnx(Moody(), path, card())
    assert list(tmp_path.iterdir()) == []
    path.write_bytes(b'before')
    with pytest.raises(ModelError, match='disagrees with the network'):
        export_onnx(Moody(), path, card())
    assert [(f.name, f.read_bytes()) for f in tmp_path.iterdir()] == [('m.onnx', b'before')]


def test_a_card_that_does_not_fit_changes_nothing(exported, tmp_path):
    path = tmp_path / 'm.onnx'
    path.write_bytes(exported[1].read_bytes())
    with pytest.raises(ModelError):
        replace_card(path, card(width=64))
    assert path.read_bytes() == exported[1].read_bytes()
    assert list(tmp_path.iterdir()) == [path]


def test_the_network_that_was_given_stays_as_it_is(tmp_path):
    network = random_network().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    export_onnx(network, tmp_path / 'm.onnx', card())
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
