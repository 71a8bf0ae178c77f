# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg explain`: the files it writes, and what it refuses."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[torch]'")
pytest.importorskip('safetensors', reason="safetensors is not installed: pip install '.[torch]'")
pytest.importorskip('matplotlib', reason="matplotlib is not installed: pip install '.[report]'")

from drivseg_ros.cli.app import app  # noqa: E402
from drivseg_ros.model.card import BDD100K_CLASSES, ModelCard  # noqa: E402
from drivseg_ros.networks.checkpoint import save_checkpoint  # noqa: E402
from drivseg_ros.networks.fast_scnn import FastSCNN  # noqa: E402


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    torch.manual_seed(0)
    card = ModelCard('to_explain', BDD100K_CLASSES, 96, 64)
    network = FastSCNN(3).eval()
    save_checkpoint(network, tmp_path / 'c.safetensors', architecture='fast_scnn', card=card)
    image = np.random.default_rng(0).integers(0, 256, (100, 200, 3), np.uint8)
    cv2.imwrite(str(tmp_path / 'frame.png'), image)
    (tmp_path / 'text.png').write_text('no picture')
    (tmp_path / 'there.png').write_text('precious')
    (tmp_path / 'm.onnx').write_text('a network')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str):
    return CliRunner().invoke(app, ['explain', *arguments])


def test_it_writes_the_page_and_the_numbers(folder: Path) -> None:
    call = ['frame.png', '--model', 'c.safetensors', '-o', 'out/p.png', '--at', '5,6']
    result = run(*call, '--at', '7,6', '--json', 'out/n.json', '--npz', 'out/n.npz')
    assert (result.exit_code, result.exception) == (0, None)
    for text in ('to_explain', 'the pixel 5,6 and the pixel 7,6', 'p.png', 'n.json', 'n.npz'):
        assert text in result.stdout
    assert cv2.imread('out/p.png') is not None
    told = json.loads(Path('out/n.json').read_text())
    arrays = np.load('out/n.npz')
    assert sorted(arrays) == ['alternative', 'direct']
    for heat in told['maps']:
        np.testing.assert_allclose(heat['values'], arrays[heat['name']], rtol=1e-5)
    assert run(*call, '--overwrite').exit_code == 0


def test_without_room_no_half_of_a_page_is_left(folder: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        result = run('frame.png', '--model', 'c.safetensors', '-o', 'out/p.png')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "'out/p.png' cannot be written (File too large)" in str(result.exception)
    assert not list((folder / 'out').iterdir())


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['frame.png', '--model', 'm.onnx'], 'm.onnx cannot be explained.*give the checkpoint'),
        (['frame.png', '--model', 'efficientnet_lite_fpn_lanes'], 'cannot be explained'),
        (['frame.png', '--model', 'absent.safetensors'], 'no model file at absent.safetensors'),
        (['absent.png'], "'absent.png' cannot be read"),
        (['text.png'], "'text.png' cannot be used"),
        (['frame.png', '-o', 'there.png'], "there.png' exists.*--overwrite"),
        (['frame.png', '-o', 'p.jpg'], "p.jpg' must end in .png"),
        (['frame.png', '-o', 'frame.png', '--overwrite'], 'is read, and would be replaced'),
        (['frame.png', '--npz', 'n.txt'], "n.txt' must end in .npz"),
        (['frame.png', '--at', '5;6'], "'5;6' is not understood; write --at X,Y"),
        (['frame.png', '--at', '5,-6'], 'whole pixels'),
        (['frame.png', '--region', '1,2,3'], 'write --region X,Y,WIDTH,HEIGHT'),
        (['frame.png', '--region', ''], 'write --region X,Y,WIDTH,HEIGHT'),
        (['frame.png', '--at', '5,6', '--region', '1,2,3,4'], 'give one of the two'),
        (['frame.png', '--at', '200,6'], 'outside of the image, which is 200x100'),
    ],
)
def test_refusals(arguments: list[str], message: str, folder: Path) -> None:
    defaults = {'--model': 'c.safetensors', '-o': 'p.png'}
    given = [
        part for key, value in defaults.items() if key not in arguments for part in (key, value)
    ]
    before = {path: path.read_bytes() for path in folder.rglob('*')}
    result = run(*arguments, *given)
    assert result.exit_code == 1
    with pytest.raises(Exception, match=message) as raised:
        raise result.exception or AssertionError
    assert type(raised.value).__module__ == 'drivseg_ros.errors'
    assert {path: path.read_bytes() for path in folder.rglob('*')} == before
