# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runs in MLflow, beside the files that every run writes."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import io
import json
import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.base.whole_file import write_whole
from drivseg_ros.errors import MissingDependencyError, TrainingError
from drivseg_ros.lab.training.recipe import Recipe
from drivseg_ros.lab.training.recipe_file import plain_recipe

EXPERIMENT = 'drivseg_ros'
_SQLITE = 'sqlite:///'
_LONGEST_VALUE = 500
_MOST_PARAMS = 100  # the servers' limit for one call

log = logging.getLogger(__name__)


def has_mlflow() -> bool:
    """Whether MLflow is installed."""
    return importlib.util.find_spec('mlflow') is not None


def local_store(folder: Path) -> str:
    """The address of the local store of all runs in a folder: a file that `mlflow ui` reads."""
    return f'{_SQLITE}{(folder / "mlflow.db").absolute()}'


class MlflowTracker:
    """One run in MLflow; see `Tracker`.

    A store that cannot be reached at the start is an error; one that is lost later costs a warning
    and no training: every metric stands in metrics.csv as well.

    Args:
        uri: The store: an address as MLflow takes it.
        recipe: The run.
        note: A file that keeps the run's name in the store, for a run that goes on.

    Raises:
        MissingDependencyError: If MLflow is not installed.
    """

    def __init__(self, uri: str, recipe: Recipe, note: Path) -> None:
        if not has_mlflow():
            raise MissingDependencyError(
                'runs are kept in MLflow by mlflow, which is not installed: '
                f'{install_hint("mlflow")}, or leave it out (--no-mlflow)'
            )
        # MLflow reports its use to its makers unless asked not to.
        os.environ.setdefault('MLFLOW_DISABLE_TELEMETRY', 'true')
        # One answer in time instead of minutes of trying, when there is no server.
        os.environ.setdefault('MLFLOW_HTTP_REQUEST_MAX_RETRIES', '1')
        os.environ.setdefault('MLFLOW_HTTP_REQUEST_TIMEOUT', '20')
        self.uri = uri
        self.recipe = recipe
        self.note = note
        self._client: Any = None
        self._run = ''
        self._lost = False

    def start(self, done: Sequence[Mapping[str, float]] | None) -> None:
        """Begins a run in the store, or goes on with one.

        Args:
            done: Of a run that goes on, the rows of its epochs; those that a kill kept from the
                store are brought there. None: the run begins.

        Raises:
            TrainingError: If the store cannot be used.
        """
        try:
            with self._alone(), _quiet():
                self._open(done is not None)
                history = self._client.get_metric_history(self._run, 'dice_loss') if done else ()
                kept = {metric.step for metric in history}
                for row in done or ():
                    if int(row['epoch']) not in kept:
                        self._log(row)
        except Exception as error:  # MLflow's own, requests', SQLAlchemy's: no common base
            raise TrainingError(
                f'the MLflow store {self.uri} cannot be used ({_short(error)}); correct '
                '--mlflow-uri, or leave it out (--no-mlflow)'
            ) from None

    def epoch(self, row: Mapping[str, float]) -> None:
        """Keeps the metrics of an epoch."""
        self._try(lambda: self._log(row))

    def _log(self, row: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [
            Metric(name, float(value), now, int(row['epoch']))
            for name, value in row.items()
            if name != 'epoch' and not math.isnan(value)
        ]
        self._client.log_batch(self._run, metrics=metrics)

    def finish(self, files: list[Path]) -> None:
        """Keeps files, and closes the run."""

        def keep() -> None:
            for path in files:
                if path.exists():
                    self._client.log_artifact(self._run, str(path))
            self._client.set_terminated(self._run, 'FINISHED')

        self._try(keep)

    def stop(self) -> None:
        """Says that the run was broken off."""
        self._try(lambda: self._client.set_terminated(self._run, 'KILLED'))

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keeps other runs from a local store: two that make its tables at once fail."""
        if not self.uri.startswith(_SQLITE):
            yield
            return
        path = Path(self.uri.removeprefix(_SQLITE))
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(f'.{path.name}.lock').open('w') as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _open(self, resumed: bool) -> None:
        from mlflow import MlflowClient
        from mlflow.entities import Param

        if self.uri.startswith(_SQLITE):
            # MLflow tries again for minutes where this fails at once.
            Path(self.uri.removeprefix(_SQLITE)).open('ab').close()
        self._client = MlflowClient(tracking_uri=self.uri)
        if resumed and self.note.exists():
            kept = json.loads(self.note.read_text())
            if kept['uri'] == self.uri:
                self._run = kept['run']
                self._client.update_run(self._run, status='RUNNING')
                return
        experiment = self._client.get_experiment_by_name(EXPERIMENT)
        if experiment is not None:
            number = experiment.experiment_id
        elif self.uri.startswith(_SQLITE):
            files = Path(self.uri.removeprefix(_SQLITE)).with_name('mlflow_files')
            number = self._client.create_experiment(EXPERIMENT, files.absolute().as_uri())
        else:
            number = self._client.create_experiment(EXPERIMENT)
        self._run = self._client.create_run(number, run_name=self.recipe.name).info.run_id
        params = [
            Param(key, str(value)[:_LONGEST_VALUE])
            for key, value in _flat(plain_recipe(self.recipe)).items()
        ]
        for start in range(0, len(params), _MOST_PARAMS):
            self._client.log_batch(self._run, params=params[start : start + _MOST_PARAMS])
        text = json.dumps({'uri': self.uri, 'run': self._run})
        write_whole(self.note, text)

    def _try(self, call: Callable[[], None]) -> None:
        """Calls MLflow, unless it has been lost; its loss costs a warning, and no training."""
        if self._lost or not self._run:
            return
        try:
            with _quiet():
                call()
        except Exception as error:  # no common base, see above
            self._lost = True
            log.warning(
                'MLflow cannot be reached any more (%s); the run goes on without it, its metrics '
                'are in metrics.csv',
                _short(error),
            )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what MLflow and the migration of its database print from the progress bar."""
    loggers = [logging.getLogger(name) for name in ('mlflow', 'alembic')]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _flat(value: Any, path: str = '') -> dict[str, Any]:
    """The leaves of nested mappings and lists, by their path."""
    if isinstance(value, Mapping):
        items = list(value.items())
    elif isinstance(value, (list, tuple)):
        items = list(enumerate(value))
    else:
        return {path: value}
    flat: dict[str, Any] = {}
    for key, v in items:
        flat |= _flat(v, f'{path}.{key}' if path else str(key))
    return flat


def _short(error: Exception) -> str:
    text = ' '.join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else f'{text[:157]}...'
