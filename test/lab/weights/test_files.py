# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where weight files are looked for, with the hub's own client and a hub on this machine."""

from __future__ import annotations

import hashlib
import http.server
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")
pytest.importorskip('huggingface_hub', reason="pip install '.[train]'")

from drivseg_ros.errors import MissingDependencyError, ModelError
from drivseg_ros.lab.weights.files import FOLDER_VARIABLE, find_weights
from drivseg_ros.lab.weights.sources import SOURCES, WeightSource, find_source

CONTENT = b'no tensors, but bytes' * 100
SHA = hashlib.sha256(CONTENT).hexdigest()
COMMIT = '0123456789abcdef0123456789abcdef01234567'
SOURCE = WeightSource('owner/name', 'none', COMMIT, SHA)


def put(folder: Path, content: bytes = CONTENT) -> Path:
    path = folder / 'owner/name/model.safetensors'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize('by', ['argument', 'variable'])
def test_a_folder_comes_first(by, tmp_path, monkeypatch):
    path = put(tmp_path)
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    if by == 'variable':
        monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert find_weights(SOURCE, folder=tmp_path if by == 'argument' else None) == path


def test_another_file_is_refused(tmp_path):
    path = put(tmp_path, CONTENT + b'.')
    with pytest.raises(ModelError, match=f'its SHA-256 is .*, not {SHA}') as error:
        find_weights(SOURCE, folder=tmp_path)
    assert str(path) in str(error.value)


class Hub(http.server.BaseHTTPRequestHandler):
    """Answers as the hub does to its client's questions about one file."""

    asked: list[str]

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        self.asked.append(self.path)
        known = self.path == f'/owner/name/resolve/{COMMIT}/model.safetensors'
        self.send_response(200 if known else 404)
        if not known:
            self.send_header('X-Error-Code', 'RevisionNotFound')
        self.send_header('X-Repo-Commit', COMMIT)
        self.send_header('ETag', f'"{SHA}"')
        self.send_header('Content-Length', str(len(CONTENT) if known else 0))
        self.end_headers()
        if body and known:
            self.wfile.write(CONTENT)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub():
    handler = type('OneFile', (Hub,), {'asked': []})
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}', handler.asked
        server.shutdown()


def fetch(tmp_path, *sources, **environment):
    """What a process of its own finds, line by line; it has a cache of its own."""
    code = (
        'from drivseg_ros.lab.weights.files import find_weights\n'
        'from drivseg_ros.lab.weights.sources import WeightSource\n'
        'from drivseg_ros.errors import DrivsegError\n'
        f'for source in {sources!r}:\n'
        '    try:\n'
        '        print(find_weights(source))\n'
        '    except DrivsegError as error:\n'
        '        print(error)\n'
    )
    kept = {n: v for n, v in os.environ.items() if not n.startswith(('HF_', FOLDER_VARIABLE))}
    done = subprocess.run(
        [sys.executable, '-c', code],
        env={**kept, 'HF_HOME': str(tmp_path / 'cache'), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_it_is_fetched_at_its_revision_once(hub, tmp_path):
    endpoint, asked = hub
    other = WeightSource('owner/name', 'none', COMMIT[::-1])
    changed = WeightSource('owner/name', 'none', COMMIT, '0' * 64)
    found = fetch(tmp_path, SOURCE, SOURCE, other, changed, HF_ENDPOINT=endpoint)
    assert Path(found[0]).read_bytes() == CONTENT
    assert Path(found[0]).is_relative_to(tmp_path / 'cache')
    assert found[1] == found[0]
    assert f'at revision {other.revision} is not on this machine and cannot be fetched' in found[2]
    assert 'its SHA-256 is' in found[3]
    files = [path for path in asked if '/resolve/' in path]  # huggingface_hub may ask for more
    assert {path.split('/')[4] for path in files} == {COMMIT, other.revision}
    assert sum(COMMIT in path for path in files) <= 2  # what is it, and the file itself


def test_offline_the_error_says_which_file_and_what_to_do(tmp_path):
    (error,) = fetch(tmp_path, find_source('fcn_resnet50', 'imagenet'), HF_HUB_OFFLINE='1')
    for part in (
        'model.safetensors of timm/resnet50.tv_in1k at revision 78f3ecfdb38e06d9b8397f662e7ab8fe',
        'cannot be fetched from the Hugging Face hub',
        'hf download timm/resnet50.tv_in1k model.safetensors --revision 78f3',
        '--local-dir FOLDER/timm/resnet50.tv_in1k',
        'in $DRIVSEG_WEIGHTS',
        '--set weights=PATH',
        '--set weights=none',
    ):
        assert part in error


def test_without_the_client_one_line_says_what_to_install(monkeypatch):
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    monkeypatch.setitem(sys.modules, 'huggingface_hub', None)
    with pytest.raises(MissingDependencyError, match=r'pip install .*\[train\]'):
        find_weights(SOURCE)


def test_every_source_is_pinned_or_says_that_it_is_not():
    unpinned = {key for key, source in SOURCES.items() if not source.revision}
    assert unpinned == {
        (f'segformer_{size}', 'cityscapes') for size in ('b0', 'b2', 'b3', 'b4', 'b5')
    }
    assert find_source('segformer_b3', f'cityscapes@{COMMIT}').revision == COMMIT
    # A hash recorded for one revision says nothing of another.
    assert find_source('fcn_resnet50', f'imagenet@{COMMIT}').sha256 == ''


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'repository': 'name'}, 'OWNER/NAME'),
        ({'revision': 'main'}, '40 hexadecimal digits'),
        ({'sha256': 'abc'}, '64 hexadecimal digits'),
        ({'file': 'pytorch_model.bin'}, 'must end in .safetensors'),
    ],
)
def test_a_source_that_is_none_is_refused(changes, message):
    with pytest.raises(ModelError, match=message):
        WeightSource(**{'repository': 'owner/name', 'license': '', **changes})


def test_revisions_are_those_the_library_asks_for():
    smp = pytest.importorskip('segmentation_models_pytorch', reason="pip install '.[train]'")
    for size in ('b0', 'b1', 'b2', 'b3', 'b4', 'b5'):
        settings = smp.encoders.encoders[f'mit_{size}']['pretrained_settings']['imagenet']
        source = find_source(f'segformer_{size}', 'imagenet')
        assert (source.repository, source.revision) == (settings['repo_id'], settings['revision'])
