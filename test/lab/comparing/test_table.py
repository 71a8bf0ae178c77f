# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The tables in Markdown, cell by cell, and what the plot shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import pytest

from drivseg_ros.lab.comparing.table import markdown


def accuracy(miou: float | None, drivable: float | None) -> dict[str, Any]:
    return {
        'miou': miou,
        'by_role': {'drivable': drivable},
        'iou_by_class': {'lane': miou, 'rest': None},
        'pixel_accuracy': miou,
    }


def row(title: str, **changes: Any) -> dict[str, Any]:
    times = [{'problem': '', 'infer': {'median_ms': 12.345}, 'segment': {'median_ms': 20.0}}]
    whole = {
        'title': title,
        'problem': '',
        'network': {'width': 640, 'height': 360},
        'file': {'name': f'{title}.onnx', 'sha256': 'f' * 64, 'bytes': 4_560_000},
        'parameters': 1_234_567,
        'gmacs': 7.891,
        'epochs': '11 of 12',
        'accuracy': {'Set': accuracy(0.5, 0.6)},
        'times': times,
    }
    return whole | changes


def report(*rows: dict[str, Any], titles: tuple[str, ...] = ('Set',)) -> dict[str, Any]:
    return {
        'created': '2026-01-01T00:00:00+00:00',
        'command': 'drivseg compare a b',
        'hardware': {'cpu': 'Some CPU', 'cpus_usable': 2, 'memory_gib': 8.0, 'gpus': ['Some GPU']},
        'versions': {'numpy': '1.26'},
        'data': [
            {
                'title': title,
                'frames': 87,
                'identity': 'a' * 64,
                'content_sha256': 'b' * 64,
                'classes': {'lane': 'direct', 'rest': 'none'},
                'share_of_labelled_pixels': {'lane': 0.25, 'rest': 0.75},
                'areas': ['drivable'],
            }
            for title in titles
        ],
        'timing': {
            'engines': ['onnxruntime@cpu'],
            'runs': 50,
            'threads': 2,
            'width': 1280,
            'height': 720,
        },
        'rows': list(rows),
    }


def cells(text: str, number: int = 0) -> list[dict[str, str]]:
    """The rows of a table of the page, by the heads of its columns."""
    tables = [part for part in text.split('\n\n') if part.startswith('|')]
    lines = [line.strip('|').split('|') for line in tables[number].splitlines()]
    heads = [head.strip() for head in lines[0]]
    return [dict(zip(heads, [c.strip() for c in line], strict=True)) for line in lines[2:]]


def test_one_data_set_stands_in_one_table() -> None:
    better = row('b', accuracy={'Set': accuracy(0.75, 0.55)})
    text = markdown(report(row('a'), better))
    assert cells(text)[0] == {
        'network': 'a',
        'mIoU': '50.00',
        'drivable IoU': '**60.00**',
        'IoU lane': '50.00',
        'IoU rest': '–',
        'pixel accuracy': '50.00',
        'parameters, M': '1.23',
        'file, MB': '4.6',
        'GMACs': '7.89',
        'input': '640x360',
        'epochs': '11 of 12',
        'onnxruntime@cpu: network, ms': '12.3',
        'onnxruntime@cpu: frame, ms': '20.0',
    }
    assert cells(text)[1]['mIoU'] == '**75.00**'
    for told in ('Some CPU', 'Some GPU', 'numpy 1.26', 'drivseg compare a b', '87 frames', '2 CPU'):
        assert told in text
    assert f'`{"a" * 16}`' in text
    assert f'`{"b" * 16}`' in text


def test_several_data_sets_have_columns_of_their_own() -> None:
    both = {'Set': accuracy(0.5, 0.6), 'Other': accuracy(None, 0.7)}
    text = markdown(report(row('a', accuracy=both), titles=('Set', 'Other')))
    (first,) = cells(text)
    assert (first['Set: mIoU'], first['Other: mIoU']) == ('50.00', '–')
    assert first['Other: drivable IoU'] == '70.00'
    assert 'IoU lane' not in first
    assert cells(text, 1)[0]['IoU lane'] == '50.00'
    assert cells(text, 2)[0] == {
        'network': 'a',
        'mIoU': '–',
        'drivable IoU': '70.00',
        'IoU lane': '–',
        'IoU rest': '–',
        'pixel accuracy': '–',
    }


def test_what_failed_is_named() -> None:
    text = markdown(report(row('a'), {'title': 'b', 'problem': 'out of memory'}))
    assert '- b: out of memory' in text
    assert set(list(cells(text)[1].values())[1:]) == {'–'}
    assert 'What failed' not in markdown(report(row('a')))


def test_names_are_shown_letter_by_letter() -> None:
    text = markdown(report(row('a|b *c* <i> `d`'), {'title': 'b', 'problem': 'first\n\n| second'}))
    assert r'| a\|b \*c\* \<i> \`d\` | ' in text
    assert r'- b: first \| second' in text


def test_how_networks_were_trained_is_told() -> None:
    recipe = {
        'limit_batches': 5,
        'batch': 8,
        'optimizer': 'adam',
        'schedule': 'onecycle',
        'learning_rate': 3e-4,
        'weights': 'none',
        'augmentation': None,
        'seed': 1,
        'train': [
            {'dataset': 'bdd100k', 'part': 'training'},
            {'dataset': 'folder', 'root': '${data}/mine'},
            {'dataset': 'gone', 'root': '${data}/old', 'part': ''},
            {'dataset': 'scenes'},
        ],
    }
    run = row('a', recipe=recipe, training_seconds=90, trained_on='a CPU')
    text = markdown(report(run, row('b')))
    assert (
        '- a: on bdd100k (training), mine, old, scenes; best epoch 11 of 12, at most 5 batches an '
        'epoch, batch 8, precision 32, adam, onecycle to 0.0003, weights none, no augmentation, '
        'seed 1, 1.5 min on a CPU\n'
    ) in text
    assert '- b: on' not in text
    assert 'How they were trained' not in markdown(report(row('b')))


def test_times_of_an_engine_that_failed_are_left_out() -> None:
    failed = row('a', problem='torch@cuda: none', times=[{'problem': 'none'}])
    assert cells(markdown(report(failed)))[0]['onnxruntime@cpu: network, ms'] == '–'
    untimed = report(row('a', times=[])) | {'timing': {}}
    assert not any('ms' in head for head in cells(markdown(untimed))[0])


def test_the_plot_shows_a_figure_that_all_networks_have(tmp_path: Path) -> None:
    pytest.importorskip('adjustText', reason="adjustText is missing: pip install '.[report]'")
    from drivseg_ros.lab.comparing.plot import draw_plot, points_of

    lanes = row('a')
    told = report(lanes, row('b', parameters=0, accuracy={'Set': accuracy(0.75, 0.55)}))
    name, points = points_of(told, 'Set')
    assert name == 'mIoU'
    assert [(p.title, p.percent) for p in points] == [('a', 50), ('b', 75)]
    name, points = points_of(report(lanes, row('c', accuracy={'Set': accuracy(None, 0.9)})), 'Set')
    assert name == 'drivable IoU'
    assert [(p.title, p.percent) for p in points] == [('a', 60), ('c', 90)]
    assert points[0].millions == pytest.approx(1.234567)
    assert draw_plot(told, tmp_path / 'new' / 'p.png')
    picture = cv2.imread(str(tmp_path / 'new' / 'p.png'))
    assert picture.shape[1] > picture.shape[0] > 500
    assert not draw_plot(report({'title': 'b', 'problem': 'x'}), tmp_path / 'no.png')
    assert not (tmp_path / 'no.png').exists()


def test_a_plot_of_an_earlier_comparison_goes(tmp_path: Path) -> None:
    pytest.importorskip('adjustText', reason="adjustText is missing: pip install '.[report]'")
    from drivseg_ros.lab.comparing.plot import draw_plot

    there = tmp_path / 'comparison.png'
    there.write_text('of another table')
    failed = report({'title': 'b', 'problem': 'out of memory'})
    assert not draw_plot(failed, there)
    assert not there.exists()


def test_names_with_dollars_are_no_formulas(tmp_path: Path) -> None:
    pytest.importorskip('adjustText', reason="adjustText is missing: pip install '.[report]'")
    from drivseg_ros.lab.comparing.plot import draw_plot

    broken = r'$\frac{$'
    shown = report(row(broken, accuracy={broken: accuracy(0.5, 0.6)}), titles=(broken,))
    assert draw_plot(shown, tmp_path / 'p.png')
