# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runs in MLflow: a local store, a run that goes on, a store that is not there."""

from __future__ import annotations

import pytest
from tiny_recipes import tiny_recipe

for library in ('torch', 'lightning', 'matplotlib'):
    pytest.importorskip(library, reason=f'training needs {library}')
mlflow = pytest.importorskip('mlflow', reason='mlflow is not installed: pip install mlflow')

from drivseg_ros.errors import TrainingError  # noqa: E402
from drivseg_ros.training.run import train  # noqa: E402
from drivseg_ros.training.tracking import EXPERIMENT, MlflowTracker, local_store  # noqa: E402

OPTIONS = {'device': 'cpu', 'threads': 1}


class Interrupter:
    def say(self, text):
        pass

    def step(self, epoch, step, steps):
        if (epoch, step) == (2, 2):
            raise KeyboardInterrupt

    def epoch(self, row, best):
        pass


def test_a_run_is_kept_and_goes_on(tmp_path):
    store = local_store(tmp_path)
    recipe = tiny_recipe(epochs=3)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / 'run', mlflow=store, reporter=Interrupter(), **OPTIONS)
    client = mlflow.MlflowClient(store)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment.artifact_location.startswith(tmp_path.as_uri())
    (killed,) = client.search_runs([experiment.experiment_id])
    assert killed.info.status == 'KILLED'
    result = train(recipe, tmp_path / 'run', mlflow=store, resume=True, **OPTIONS)
    (kept,) = client.search_runs([experiment.experiment_id])
    assert (kept.info.status, kept.info.run_name) == ('FINISHED', 'tiny')
    assert kept.data.params['architecture'] == 'fast_scnn'
    assert kept.data.params['train.0.options.seeds.1'] == '14'
    history = client.get_metric_history(kept.info.run_id, 'dice_loss')
    assert [m.step for m in history] == [1, 2, 3]
    assert min(m.value for m in history) == result.figures['dice_loss']
    files = {f.path for f in client.list_artifacts(kept.info.run_id)}
    assert files == {'recipe.yaml', 'data.txt', 'metrics.csv', 'curves.png', 'samples.png'}


def test_epochs_that_a_kill_kept_from_the_store_are_brought_there(tmp_path):
    rows = [{'epoch': e, 'dice_loss': 1 / e} for e in (1.0, 2.0, 3.0)]
    store, note = local_store(tmp_path), tmp_path / 'note.json'
    first = MlflowTracker(store, tiny_recipe(), note)
    first.start(None)
    first.epoch(rows[0])
    for again in (2, 3):  # killed behind the second and the third epoch's state
        MlflowTracker(store, tiny_recipe(), note).start(rows[:again])
    client = mlflow.MlflowClient(store)
    (kept,) = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])
    history = client.get_metric_history(kept.info.run_id, 'dice_loss')
    assert [(m.step, m.value) for m in history] == [(e, 1 / e) for e in (1, 2, 3)]


@pytest.mark.parametrize('uri', ['sqlite:///{folder}', 'http://127.0.0.1:9', 'nonsense://x'])
def test_a_store_that_cannot_be_used_stops_the_run_before_it_begins(uri, tmp_path):
    (tmp_path / 'folder').mkdir()
    tracker = MlflowTracker(
        uri.format(folder=tmp_path / 'folder'), tiny_recipe(), tmp_path / 'note.json'
    )
    with pytest.raises(TrainingError, match='--no-mlflow'):
        tracker.start(None)
    assert not (tmp_path / 'note.json').exists()


def test_a_store_that_is_lost_costs_a_warning(tmp_path, caplog):
    tracker = MlflowTracker(local_store(tmp_path), tiny_recipe(), tmp_path / 'note.json')
    tracker.start(None)
    tracker._client.delete_run(tracker._run)
    row = {'epoch': 1.0, 'dice_loss': 0.5, 'miou': float('nan')}
    for _ in range(2):
        tracker.epoch(row)
    tracker.finish([])
    assert len([r for r in caplog.records if 'metrics.csv' in r.getMessage()]) == 1
