# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg export`: the file it writes, and what it refuses."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from command_line import drivseg
from typer.testing import CliRunner

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[torch]'")
pytest.importorskip('safetensors', reason="safetensors is not installed: pip install '.[torch]'")

from drivseg_ros.cli.app import app  # noqa: E402
from drivseg_ros.model.card import BDD100K_CLASSES, ModelCard  # noqa: E402
from drivseg_ros.model.file import read_model_file  # noqa: E402
from drivseg_ros.networks.checkpoint import save_checkpoint  # noqa: E402
from drivseg_ros.networks.fast_scnn import FastSCNN  # noqa: E402

CARD = ModelCard('of_a_checkpoint', BDD100K_CLASSES, 96, 56, provenance={'seed': 1})


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / 'c.safetensors'
    return save_checkpoint(FastSCNN(3).eval(), path, architecture='fast_scnn', card=CARD)


export = partial(drivseg, 'export')


def test_it_writes_a_model_with_the_card_of_the_checkpoint(checkpoint: Path) -> None:
    output = checkpoint.parent / 'new' / 'm.onnx'
    result = export(checkpoint, '--output', output)
    assert (result.returncode, result.stderr) == (0, '')
    for text in (str(output), 'of_a_checkpoint', '96x56', '3 classes', '1.14 M parameters'):
        assert text in result.stdout
    assert read_model_file(output).card == CARD
    output.write_text('old')
    refused = export(checkpoint, '--output', output)
    assert (refused.returncode, refused.stdout) == (1, '')
    assert len(refused.stderr.strip().splitlines()) == 1
    assert output.read_text() == 'old'
    assert export(checkpoint, '--output', output, '--overwrite').returncode == 0
    assert read_model_file(output).card == CARD


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['c.safetensors', '-o', 'm.safetensors'], "m.safetensors' must end in .onnx"),
        (['c.safetensors', '-o', 'there.onnx'], r"there.onnx' exists; .*--overwrite"),
        (['c.safetensors', '-o', 'there.onnx/m.onnx'], "m.onnx' cannot be written"),
        (['there.onnx', '-o', 'there.onnx', '--overwrite'], 'is read, and would be replaced'),
        (['absent.safetensors', '-o', 'm.onnx'], 'no model file at absent.safetensors'),
        (['c.pt', '-o', 'm.onnx'], 'c.pt is no checkpoint: .*never loaded'),
        (['cut.safetensors', '-o', 'm.onnx'], 'cut.safetensors cannot be read as safetensors'),
    ],
)
def test_refusals(
    arguments: list[str], message: str, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checkpoint.parent
    monkeypatch.chdir(folder)
    (folder / 'there.onnx').write_text('precious')
    (folder / 'c.pt').write_bytes(b'\x80\x04')
    (folder / 'cut.safetensors').write_bytes(checkpoint.read_bytes()[:1000])
    before = sorted(folder.rglob('*'))
    result = CliRunner().invoke(app, ['export', *arguments])
    assert result.exit_code == 1
    with pytest.raises(Exception, match=message) as raised:
        raise result.exception or AssertionError
    assert type(raised.value).__module__ == 'drivseg_ros.errors'
    assert sorted(folder.rglob('*')) == before
    assert (folder / 'there.onnx').read_text() == 'precious'
