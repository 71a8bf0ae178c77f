# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import struct

import pytest

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")
pytest.importorskip('safetensors', reason="safetensors is not installed: pip install '.[train]'")

from drivseg_ros.errors import ModelError  # noqa: E402
from drivseg_ros.model.card import BDD100K_CLASSES, ModelCard  # noqa: E402
from drivseg_ros.networks.checkpoint import load_checkpoint, save_checkpoint  # noqa: E402
from drivseg_ros.networks.fast_scnn import FastSCNN  # noqa: E402

CARD = ModelCard('c', BDD100K_CLASSES, 96, 56, provenance={'seed': 1})


@pytest.fixture
def checkpoint(tmp_path):
    torch.manual_seed(0)
    network = FastSCNN(3).eval()
    path = tmp_path / 'sub' / 'c.safetensors'
    return network, save_checkpoint(network, path, architecture='fast_scnn', card=CARD)


def test_weights_and_card_come_back(checkpoint):
    network, path = checkpoint
    loaded, card = load_checkpoint(path)
    assert card == CARD
    assert not loaded.training
    x = torch.randn(1, 3, 56, 96)
    with torch.inference_mode():
        assert torch.equal(loaded(x), network(x))


def header_of(content):
    (length,) = struct.unpack('<Q', content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def with_header(change):
    """The file with a changed header: the format is a length, JSON, and the tensors."""

    def rewrite(content):
        header, tensors = header_of(content)
        change(header)
        text = json.dumps(header).encode()
        return struct.pack('<Q', len(text)) + text + tensors

    return rewrite


def metadata(**changes):
    def change(header):
        for key, value in changes.items():
            key = f'drivseg.{key}'
            if value is None:
                del header['__metadata__'][key]
            else:
                header['__metadata__'][key] = value

    return with_header(change)


def rename_tensor(header):
    header['other'] = header.pop('fusion.fine.0.weight')


def with_nan(content):
    header, tensors = header_of(content)
    start, _ = header['fusion.fine.0.weight']['data_offsets']
    nan = struct.pack('<f', float('nan'))
    return content[: -len(tensors)] + tensors[:start] + nan + tensors[start + 4 :]


TWO_CLASSES = ModelCard('c', BDD100K_CLASSES[:2], 96, 56).to_json()


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        pytest.param(lambda c: c[: len(c) // 2], 'cannot be read as safetensors', id='cut'),
        pytest.param(lambda c: b'', 'cannot be read as safetensors', id='empty'),
        pytest.param(lambda c: b'\x80\x04' + c, 'cannot be read as safetensors', id='pickle'),
        pytest.param(metadata(card=None), r"lacks the metadata \['drivseg.card'\]", id='no card'),
        pytest.param(metadata(architecture=None), 'lacks the metadata', id='no architecture'),
        pytest.param(metadata(card='{'), 'the card is not JSON', id='card'),
        pytest.param(
            metadata(architecture='resnet'), "unknown architecture 'resnet'", id='architecture'
        ),
        pytest.param(metadata(card=TWO_CLASSES), 'does not fit its architecture', id='classes'),
        pytest.param(with_nan, "not finite in 1 tensors.*'fusion.fine.0.weight'", id='nan'),
        pytest.param(with_header(rename_tensor), r"'fusion.fine.0.weight'.*none", id='tensor'),
    ],
)
def test_a_broken_file_is_refused(checkpoint, damage, message):
    _, path = checkpoint
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelError, match=message) as error:
        load_checkpoint(path)
    assert str(path) in str(error.value)


def test_only_safetensors_are_read_or_written(tmp_path):
    pickled = tmp_path / 'c.pt'
    torch.save(FastSCNN(3).state_dict(), pickled)
    with pytest.raises(ModelError, match='never loaded'):
        load_checkpoint(pickled)
    with pytest.raises(ModelError, match=r'must end in .safetensors'):
        save_checkpoint(FastSCNN(3), tmp_path / 'c.onnx', architecture='fast_scnn', card=CARD)
    with pytest.raises(ModelError, match='no model file at'):
        load_checkpoint(tmp_path / 'absent.safetensors')


def test_a_card_of_another_network_is_not_written(tmp_path):
    path = tmp_path / 'c.safetensors'
    with pytest.raises(ModelError, match='does not fit'):
        save_checkpoint(FastSCNN(5), path, architecture='fast_scnn', card=CARD)
    assert not path.exists()
