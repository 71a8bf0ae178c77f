# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""README and documentation show what the code and the committed measurements say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / 'README.md'
DOCS = ROOT / 'docs'

pytestmark = pytest.mark.skipif(not README.is_file(), reason='the tests run without a checkout')


def between(page: str, name: str) -> str:
    """The text between a pair of markers."""
    text = (ROOT / page).read_text()
    match = re.search(rf'<!-- {name} -->\n(.*?)<!-- /{name} -->', text, re.DOTALL)
    assert match, f'{page} has no markers {name!r}'
    return match[1]


def test_what_is_generated_is_what_the_code_prints(request: pytest.FixtureRequest) -> None:
    from drivseg_ros.engines.registry import runtimes_table
    from drivseg_ros.node.parameters import parameters_table, parameters_yaml

    tables = {
        ('docs/engines.md', 'runtimes'): runtimes_table(),
        ('docs/parameters.md', 'parameters'): parameters_table(),
    }
    config = ROOT / 'config' / 'seg.yaml'
    if request.config.getoption('--rewrite'):
        for (page, name), text in tables.items():
            whole, path = (ROOT / page).read_text(), ROOT / page
            path.write_text(whole.replace(between(page, name), text))
        config.write_text(parameters_yaml())
    how = "write it anew: python -m pytest test/test_documentation.py -k generated --rewrite 'why'"
    assert {at: between(*at) for at in tables} == tables, how
    assert config.read_text() == parameters_yaml(), how


def test_every_output_and_every_metric_has_its_row() -> None:
    from drivseg_ros.base.topics import OUTPUTS
    from drivseg_ros.evaluation.metric import OF_A_TARGET, TIMES, WHOLE

    topics = (DOCS / 'topics.md').read_text()
    assert [name for name in OUTPUTS if f'| `segmentation/{name}` |' not in topics] == []
    metrics = set(re.findall(r'`([\w/]+?)(?:/CLASS)?`', (DOCS / 'evaluating.md').read_text()))
    assert {one.name for one in (*WHOLE, *OF_A_TARGET, *TIMES)} <= metrics


def test_bench_node() -> None:
    pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")
    from drivseg_ros.bench.node import markdown_table

    report = json.loads((ROOT / 'docs' / 'bench_node.json').read_text())
    for page in ('README.md', 'docs/benchmarks.md'):
        assert between(page, 'bench node') == markdown_table(report)


@pytest.mark.parametrize('name', ['parity', 'parity twinlitenet'])
def test_parity(name: str) -> None:
    from drivseg_ros.evaluation.parity.run import markdown_table

    report = json.loads((ROOT / 'docs' / f'{name.replace(" ", "_")}.json').read_text())
    assert between('docs/parity.md', name) == markdown_table(report)


def test_bench_engine() -> None:
    from drivseg_ros.bench.engine_table import markdown_table

    report = json.loads((ROOT / 'docs' / 'bench_engine.json').read_text())
    assert between('docs/benchmarks.md', 'bench engine') == markdown_table(report)


def test_bench_ground() -> None:
    from drivseg_ros.bench.ground import markdown_table

    report = json.loads((ROOT / 'docs' / 'bench_ground.json').read_text())
    assert between('docs/benchmarks.md', 'bench ground') == markdown_table(report)


def test_bench_graph() -> None:
    from drivseg_ros.bench.graph.table import markdown_table, summary_table

    report = json.loads((ROOT / 'docs' / 'bench_graph.json').read_text())
    assert between('docs/benchmarks.md', 'bench graph') == summary_table(report)
    assert markdown_table(report) in (ROOT / 'docs' / 'bench_graph.md').read_text()


def test_figures_are_of_the_shipped_models() -> None:
    from drivseg_ros.model.store import find_model

    for name in ('bench_engine', 'parity', 'bench_node', 'bench_graph'):
        text = (ROOT / 'docs' / f'{name}.json').read_text()
        hashes = dict(re.findall(r'"file": "(\w+)\.onnx",\s+"sha256": "(\w+)"', text))
        assert hashes, name
        for model, sha256 in hashes.items():
            assert find_model(model).sha256 == sha256, (name, model)


def test_encodings() -> None:
    from drivseg_ros.images.encodings import ENCODINGS

    text = (ROOT / 'docs' / 'topics.md').read_text()
    for name in ENCODINGS:
        if not name.startswith('bayer_'):
            assert re.search(rf'\b{name}\b', text), name


def test_network_figures_are_those_of_the_comparison() -> None:
    from drivseg_ros.model.store import DEFAULT_MODEL, find_model

    text = between('docs/networks.md', 'network')
    default = find_model(DEFAULT_MODEL)
    assert default.card.name in text
    assert default.card.architecture.split(' (')[0] in text
    rows = json.loads((ROOT / 'docs' / 'default_network.json').read_text())['rows']
    assert default.sha256 in {row['file']['sha256'] for row in rows}
    values = [
        value
        for row in rows
        if row['title'] != 'fast_scnn_bdd100k'
        for found in row['accuracy'].values()
        for value in found['by_role'].values()
    ]
    assert len(values) >= 15
    for value in values:
        assert f'{100 * value:.1f}' in text


@pytest.mark.parametrize('name', ['comparison_bdd100k', 'default_network'])
def test_tables_are_those_of_the_figures(name: str) -> None:
    from drivseg_ros.lab.comparing.table import markdown

    report = json.loads((ROOT / 'docs' / f'{name}.json').read_text())
    assert (ROOT / 'docs' / f'{name}.md').read_text() == markdown(report)


def test_comparison() -> None:
    report = json.loads((ROOT / 'docs' / 'comparison_bdd100k.json').read_text())
    lines = between('docs/networks.md', 'comparison').splitlines()[2:]
    assert len(lines) == len(report['rows']) == 8
    for line, row in zip(lines, report['rows'], strict=True):
        (found,) = row['accuracy'].values()
        shares = [found['miou'], found['by_role']['drivable'], *found['iou_by_class'].values()]
        cells = [cell.strip() for cell in line.strip('| ').split('|')]
        assert cells[0] == row['title'].removesuffix('_bdd100k')
        assert cells[1:6] == [f'{100 * share:.1f}' for share in shares]
        assert cells[6:8] == [f'{row["parameters"] / 1e6:.2f}', f'{row["gmacs"]:.2f}']
        assert cells[8] == f'{row["times"][0]["infer"]["median_ms"]:.1f}'


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 250


@pytest.mark.parametrize(
    'page', ['README.md', *sorted(f'docs/{p.name}' for p in DOCS.glob('*.md'))]
)
def test_links_lead_somewhere(page: str) -> None:
    path = ROOT / page
    for target in re.findall(r'\]\(([^)#]+)(?:#[^)]*)?\)', path.read_text()):
        if '://' not in target:
            assert (path.parent / target).is_file(), target


def test_the_readme_has_the_figures_of_the_page_on_the_networks() -> None:
    table = between('README.md', 'network').strip()
    assert table.count('\n') >= 4
    assert table in between('docs/networks.md', 'network')


def test_the_site_builds(tmp_path: Path) -> None:
    """Every page is in the navigation, every link and every reference leads somewhere."""
    pytest.importorskip('mkdocs', reason="mkdocs is not installed: pip install '.[docs]'")
    command = [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--site-dir', str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    commands = (tmp_path / 'commands' / 'index.html').read_text()
    assert 'drivseg evaluate' in commands


@pytest.mark.parametrize('script', ['scripts/demo', 'scripts/test'])
def test_scripts_are_executable(script: str) -> None:
    path = ROOT / script
    assert path.stat().st_mode & 0o111
    assert subprocess.run(['bash', '-n', str(path)], check=False).returncode == 0


def test_the_example_of_ones_own_model_works(tmp_path: Path) -> None:
    """The code block makes a model that is accepted."""
    import onnx
    from tiny_model import write_tiny_model

    text = (ROOT / 'docs' / 'model_file.md').read_text()
    (code,) = re.findall(r'```python\n(.*?)```', text, re.DOTALL)
    network = write_tiny_model(tmp_path / 'network.onnx', width=640, height=360, card=None)
    # The example has two classes; without the noted shapes the graph does not tell its number.
    model = onnx.load(network)
    del model.graph.value_info[:]
    onnx.save(model, network)
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    subprocess.run([sys.executable, '-c', code], cwd=tmp_path, env=environment, check=True)
    from drivseg_ros.model.file import read_model_file

    assert read_model_file(tmp_path / 'mine.onnx').card.class_names == ('road', 'other')
