# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runs in MLflow: a local store, a run that goes on, a store that is not there."""

from __future__ import annotations

import fcntl
import shutil

import pytest
from tiny_recipes import tiny_recipe

for library in ('torch', 'lightning', 'matplotlib'):
    pytest.importorskip(library, reason=f'training needs {library}')
mlflow = pytest.importorskip('mlflow', reason='mlflow is not installed: pip install mlflow')

from drivseg_ros.errors import TrainingError  # noqa: E402
from drivseg_ros.lab.training.run import train  # noqa: E402
from drivseg_ros.lab.training.tracking import EXPERIMENT, MlflowTracker, local_store  # noqa: E402

OPTIONS = {'device': 'cpu', 'threads': 1}


@pytest.fixture(scope='module')
def empty_store(tmp_path_factory):
    """A database with MLflow's tables, whose making takes seconds."""
    folder = tmp_path_factory.mktemp('store')
    mlflow.MlflowClient(local_store(folder)).get_experiment_by_name(EXPERIMENT)
    return folder / 'mlflow.db'


@pytest.fixture
def store(empty_store, tmp_path):
    shutil.copy(empty_store, tmp_path)
    return local_store(tmp_path)


class Interrupter:
    def say(self, text):
        pass

    def step(self, epoch, step, steps):
        if (epoch, step) == (2, 2):
            raise KeyboardInterrupt

    def epoch(self, row, best):
        pass


def test_a_run_is_kept_and_goes_on(store, tmp_path):
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
    assert min(m.value for m in history) == result.metrics['dice_loss']
    files = {f.path for f in client.list_artifacts(kept.info.run_id)}
    assert files == {'recipe.yaml', 'data.txt', 'metrics.csv', 'curves.png', 'samples.png'}


def test_epochs_that_a_kill_kept_from_the_store_are_brought_there(store, tmp_path):
    rows = [{'epoch': e, 'dice_loss': 1 / e} for e in (1.0, 2.0, 3.0)]
    note = tmp_path / 'note.json'
    first = MlflowTracker(store, tiny_recipe(), note)
    first.start(None)
    first.epoch(rows[0])
    for again in (2, 3):  # killed behind the second and the third epoch's state
        MlflowTracker(store, tiny_recipe(), note).start(rows[:again])
    client = mlflow.MlflowClient(store)
    (kept,) = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])
    history = client.get_metric_history(kept.info.run_id, 'dice_loss')
    assert [(m.step, m.value) for m in history] == [(e, 1 / e) for e in (1, 2, 3)]


def test_one_run_after_the_other_opens_a_local_store(tmp_path):
    class Watched(MlflowTracker):
        """Looks, instead of opening the store, whether another run could open it meanwhile."""

        def _open(self, resumed):
            with (tmp_path / '.mlflow.db.lock').open() as file, pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.looked = True

    tracker = Watched(local_store(tmp_path), tiny_recipe(), tmp_path / 'note.json')
    tracker.start(None)
    assert tracker.looked


@pytest.mark.parametrize('uri', ['sqlite:///{folder}', 'http://127.0.0.1:9', 'nonsense://x'])
def test_a_store_that_cannot_be_used_stops_the_run_before_it_begins(uri, tmp_path):
    (tmp_path / 'folder').mkdir()
    tracker = MlflowTracker(
        uri.format(folder=tmp_path / 'folder'), tiny_recipe(), tmp_path / 'note.json'
    )
    with pytest.raises(TrainingError, match='--no-mlflow'):
        tracker.start(None)
    assert not (tmp_path / 'note.json').exists()


def test_a_store_that_is_lost_costs_a_warning(store, tmp_path, caplog):
    tracker = MlflowTracker(store, tiny_recipe(), tmp_path / 'note.json')
    tracker.start(None)
    tracker._client.delete_run(tracker._run)
    row = {'epoch': 1.0, 'dice_loss': 0.5, 'miou': float('nan')}
    for _ in range(2):
        tracker.epoch(row)
    tracker.finish([])
    assert len([r for r in caplog.records if 'metrics.csv' in r.getMessage()]) == 1
