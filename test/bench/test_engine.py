# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every configuration is measured as often as asked, and the table says what the figures are."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import drivseg
from tiny_model import write_tiny_model

from drivseg_ros.bench.bare_runtimes import open_bare
from drivseg_ros.bench.engine import Choice, benchmark_engines
from drivseg_ros.bench.engine_table import markdown_table
from drivseg_ros.bench.engine_worker import Bench
from drivseg_ros.bench.streets import streets
from drivseg_ros.engines.spec import EngineSpec
from drivseg_ros.errors import EngineError
from drivseg_ros.model.store import find_model


def choices(*rows: tuple[Path, str, int, bool]) -> list[Choice]:
    return [
        Choice(find_model(str(model)), EngineSpec.parse(text, device='cpu'), batch, bare)
        for model, text, batch, bare in rows
    ]


@pytest.fixture(scope='module')
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp('bench')
    quick = write_tiny_model(folder / 'quick.onnx', name='quick')
    slow = write_tiny_model(folder / 'slow.onnx', name='slow', work=12)
    fixed = write_tiny_model(folder / 'fixed.onnx', name='fixed', batch=1, width=32)
    rows = [
        (quick, 'onnxruntime', 2, False),
        (quick, 'onnxruntime', 2, True),
        (slow, 'onnxruntime', 2, False),
        (quick, 'onnxruntime:bf16', 2, False),
        (fixed, 'onnxruntime', 1, False),
        (fixed, 'onnxruntime', 3, False),
    ]
    return benchmark_engines(choices(*rows), sizes=[(64, 48), (128, 96)], runs=7)


def test_every_configuration_is_run_as_often_as_asked(report: dict[str, Any]) -> None:
    able = [row for row in report['rows'] if not row['problem']]
    assert [row['engine']['engine'] for row in able] == [
        'onnxruntime',
        'onnxruntime (bare)',
        'onnxruntime',
        'onnxruntime',
    ]
    for row in able:
        timed = [row['infer'], *row['segment']]
        assert len(timed) == (1 if 'bare' in row['engine']['engine'] else 3)
        for figures in timed:
            assert figures['count'] == 7
            quartiles = [
                figures[name] for name in ('lower_quartile_ms', 'median_ms', 'upper_quartile_ms')
            ]
            assert 0 < quartiles[0] <= quartiles[1] <= quartiles[2]
            rate = row['batch'] / figures['median_ms'] * 1e3
            assert figures['images_per_s'] == pytest.approx(rate, rel=1e-2)
        assert row['memory']['process_mb'] > row['memory']['engine_mb']
        assert row['engine']['threads'] >= 1


def test_ratios_are_to_the_fastest_of_the_same_network_and_batch(report: dict[str, Any]) -> None:
    *same, fixed = [row for row in report['rows'] if not row['problem']]
    fastest = min(row['infer']['median_ms'] for row in same)
    for row in same:
        expected = row['infer']['median_ms'] / fastest
        assert row['infer']['ratio'] == pytest.approx(expected, abs=1e-3)
    assert fixed['infer']['ratio'] == 1
    for place in (0, 1):
        figures = [row['segment'][place] for row in same if row['segment']]
        low = min(f['median_ms'] for f in figures)
        assert [f['ratio'] for f in figures] == [
            pytest.approx(f['median_ms'] / low, abs=1e-3) for f in figures
        ]


def test_what_cannot_be_run_is_a_row_with_the_reason(report: dict[str, Any]) -> None:
    problems = [row['problem'] for row in report['rows'] if row['problem']]
    assert len(problems) == 2
    assert "'bf16'" in problems[0]
    assert 'takes batches of 1 only, and 3 was asked for' in problems[1]


def test_the_table_has_a_line_for_each_row_and_names_what_was_run(report: dict[str, Any]) -> None:
    table = markdown_table(report)
    lines = [line for line in table.splitlines() if line.startswith('|')]
    assert len(lines) == 2 + len(report['rows'])
    assert len({line.count('|') for line in lines}) == 1
    assert '| segment 128×96, ms |' in lines[0]
    infer = report['rows'][0]['infer']
    assert f'| {infer["median_ms"]:.1f} (' in lines[2]
    assert f'| {infer["ratio"]:.2f} | {infer["images_per_s"]:.1f} |' in lines[2]
    assert lines.count(next(line for line in lines if 'bf16' in line)) == 1
    assert '| cannot be run | – |' in next(line for line in lines if 'bf16' in line)
    for row in report['rows']:
        assert f'{row["engine"]["file"]} ({row["engine"]["sha256"][:12]})' in table
    assert report['hardware']['cpu'] in table
    assert table == markdown_table(json.loads(json.dumps(report)))


def test_the_table_shows_what_is_around_the_network_where_that_is_known(
    report: dict[str, Any],
) -> None:
    changed = json.loads(json.dumps(report))
    row = changed['rows'][0]
    row['network_alone'] = {**row['infer'], 'median_ms': 12.34}
    row['segment'][1]['around_the_network'] = 0.187
    row['memory']['gpu_mb'] = 567.8
    lines = [line for line in markdown_table(changed).splitlines() if line.startswith('|')]
    assert len({line.count('|') for line in lines}) == 1
    assert '| network alone, ms |' in lines[0]
    assert '| 12.3 (' in lines[2]
    assert '| +19 % |' in lines[2]
    assert lines[2].endswith('| 568 |')


def test_the_command(tmp_path: Path, tiny_model: Path) -> None:
    bench = partial(drivseg, 'bench', 'engine')
    output = tmp_path / 'figures.json'
    result = bench(
        *('--model', tiny_model, '--engine', 'onnxruntime', '--engine', 'onnxruntime:fp16'),
        *('--size', '64x48', '--runs', 3, '--bare', '--json', output),
    )
    assert result.returncode == 1  # not all of them could be run
    written = json.loads(output.read_text())
    assert markdown_table(written) in result.stdout
    assert len(written['rows']) == 4
    assert result.stderr.count('cannot be run: ') == 2
    result = bench('--model', tiny_model, '--size', '64x48', '--runs', 1)
    assert result.returncode == 0, result.stderr
    assert '| onnxruntime fp32, cpu |' in result.stdout
    assert 'torch' not in result.stdout.partition('\n\n')[0]
    assert bench('--engine', 'onnx').returncode == 1
    odd = bench('--size', '²x²')
    assert odd.returncode == 1
    assert 'is not understood; write it like' in odd.stderr
    refused = bench('--model', tiny_model, '--engine', 'onnxruntime', '--json', tmp_path)
    assert (refused.returncode, refused.stdout) == (1, '')
    assert 'is a folder; name a file' in refused.stderr


def test_images_are_the_same_in_every_run() -> None:
    first, second = (streets(2, 64, 48) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert [image.shape for image in first] == [(48, 64, 3)] * 2
    assert (first[0] != first[1]).any()


@pytest.mark.parametrize('engine', ['onnxruntime', 'openvino'])
def test_bare_calls_run_the_same_network(tiny_model: Path, engine: str) -> None:
    pytest.importorskip(engine, reason=f"{engine} is not installed: pip install '.[{engine}]'")
    model = find_model(str(tiny_model))
    call, used = open_bare(model, EngineSpec(engine), batch=2, threads=1)
    batch = np.random.default_rng(0).integers(0, 256, (2, 48, 64, 3), np.uint8)
    result = call(batch)
    class_ids = result[0] if engine == 'onnxruntime' else result['class_ids']
    np.testing.assert_array_equal(class_ids, batch.argmax(-1))
    assert used == {'device': 'cpu', 'precision': 'fp32', 'threads': 1}


@pytest.mark.parametrize('text', ['torch', 'onnxruntime:bf16', 'onnxruntime@cuda'])
def test_there_is_no_other_bare_call(tiny_model: Path, text: str) -> None:
    model = find_model(str(tiny_model))
    with pytest.raises(EngineError, match='there is no bare call of'):
        open_bare(model, EngineSpec.parse(text, device='cpu'), batch=1, threads=1)


def test_the_network_alone_is_timed_where_the_engine_can(tiny_checkpoint: Path) -> None:
    bench = Bench()
    (choice,) = choices((tiny_checkpoint, 'torch', 2, False))
    loaded = bench.handle(
        {
            'do': 'load',
            'choice': {
                'model': str(choice.model.path),
                'spec': vars(choice.spec),
                'bare': False,
                'batch': 2,
                'sizes': [[64, 48]],
                'threads': 1,
            },
        },
        lambda note: None,
    )
    assert loaded['times_network']
    times = bench.handle({'do': 'network', 'runs': 3}, lambda note: None)
    assert len(times) == 3
    assert min(times) > 0
