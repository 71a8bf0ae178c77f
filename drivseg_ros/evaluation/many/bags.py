# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Many bags in one evaluation: each alone, in a process of its own, and then put together."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import drivseg_ros
from drivseg_ros.base.json_data import from_plain
from drivseg_ros.errors import DataError, DrivsegError, ParameterError
from drivseg_ros.evaluation.gate import Check
from drivseg_ros.evaluation.live.ros_domain import need_rclpy
from drivseg_ros.evaluation.many.identity import identify
from drivseg_ros.evaluation.many.kept_results import KeptResults
from drivseg_ros.evaluation.many.runs import Finished, Runs
from drivseg_ros.evaluation.many.worker import BagRequest
from drivseg_ros.evaluation.measured import Terms
from drivseg_ros.evaluation.request import EvaluationRequest
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.sink import SinkRecipe
from drivseg_ros.frames.known_labels import read_labels
from drivseg_ros.model.file import ModelFile
from drivseg_ros.model.store import find_model

CheckTerms = Callable[[Terms], None]
"""Raises if the classes or settings of a bag are not those that are needed."""


class Watcher(Protocol):
    """Learns how far the bags are."""

    def kept(self, index: int) -> None:
        """A bag was done earlier."""

    def note(self, index: int, note: Mapping[str, Any]) -> None:
        """A bag has so many 'frames', or so many are 'done'."""

    def finished(self, index: int, error: str) -> None:
        """A bag is done, or failed if there is an error."""


@dataclass(frozen=True, eq=False)
class ManyResult:
    """What was found in many bags.

    Attributes:
        results: by the place of the bag among those asked for; without those that failed.
        broken: why the others failed, by the text that asked for them.
    """

    results: Mapping[int, Evaluation]
    broken: Mapping[str, str]

    def merge(self) -> Evaluation:
        """All bags together, in the order in which they were asked for.

        Raises:
            DataError: if all failed.
        """
        if not self.results:
            text = next(iter(self.broken.values()))
            raise DataError(
                f'none of {len(self.broken)} bags could be evaluated; the first: {text}'
            )
        first, *others = (self.results[index] for index in sorted(self.results))
        return first.merge(*others)

    def check(self) -> Check:
        """Whether every bag could be evaluated, to its end."""
        count = len(self.results) + len(self.broken)
        return Check(
            'every bag could be evaluated',
            not self.broken,
            f'{len(self.broken)} of {count} failed',
            tuple(f'{given}: {text}' for given, text in self.broken.items()),
        )


def entitle(requests: Sequence[EvaluationRequest]) -> list[EvaluationRequest]:
    """Gives bags of one name the shortest titles that tell them apart.

    Frames are drawn in groups by the titles of their bags (docs/evaluating.md, Intervals), and
    'monday/drive' is not 'tuesday/drive'.

    Raises:
        ParameterError: if a bag is given twice, or a file beside the bag that it is of.
    """
    places = [_place(request.frames) for request in requests]
    for place, request in zip(places, requests, strict=True):
        if places.count(place) > 1:
            raise ParameterError(f'{request.frames} is given twice; leave one out')
        for other, whole in zip(places, requests, strict=True):
            if place != other == place[: len(other)]:
                raise ParameterError(
                    f'{request.frames} is inside of {whole.frames}, which is given, too; leave '
                    'one out'
                )
    return [
        dataclasses.replace(request, title='/'.join(_shortest(place, places)))
        for place, request in zip(places, requests, strict=True)
    ]


def evaluate_many(
    requests: Sequence[EvaluationRequest],
    runs: Runs,
    *,
    watcher: Watcher,
    check_terms: CheckTerms = lambda terms: None,
    kept: KeptResults | None = None,
    resume: bool = False,
    command: str = '',
    sink: Callable[[EvaluationRequest], SinkRecipe] | None = None,
    on_export: Callable[[int, Any], None] = lambda index, exported: None,
) -> ManyResult:
    """Evaluates bags; those that fail are reported, and the rest go on.

    Args:
        requests: the bags, from `entitle`; all of one network.
        runs: where they are evaluated.
        watcher: learns how far they are.
        check_terms: called with those of bags as soon as they are known, until one is let pass;
            what it raises before ends all. Bags that are not like the first fail.
        kept: where each result is written as soon as it is there.
        resume: whether what is there already is taken instead of done again.
        command: the command line, for the reports.
        sink: gives what else is to be made of the frames of each bag.
        on_export: called with the place of a bag and what its sink exported; not of one whose
            result was there already.

    Raises:
        MissingDependencyError: if live runs need what is not installed.
        ModelError: if the network is not available.
        ParameterError: if a label map is not valid.
        DataError: if a result cannot be written.
    """
    first = requests[0]
    # All bags would fail for the same reason.
    if first.live:
        need_rclpy('a live run')
    model = None if first.model is None else find_model(first.model)
    if first.labels is not None:
        read_labels(first.labels)
    if first.mask_classes is not None:
        read_labels(first.mask_classes)
    found: dict[int, Evaluation] = {}
    broken: dict[int, str] = {}
    identities: dict[int, dict[str, Any]] = {}
    terms = _Terms(check_terms)
    for index, request in enumerate(requests if kept is not None else ()):
        try:
            identities[index] = identify(request, model)
        except DrivsegError as error:
            broken[index] = str(error)
            watcher.finished(index, str(error))
            continue
        if resume and kept is not None:
            result = kept.find(str(request.title), identities[index])
            if result is not None:
                terms.check(request, result.terms)
                found[index] = result
                watcher.kept(index)
    left = [i for i in range(len(requests)) if i not in found and i not in broken]

    def on_note(place: int, note: Mapping[str, Any]) -> None:
        if 'terms' in note:
            found = from_plain(Terms, note['terms'], 'the note of a worker')
            terms.check(requests[left[place]], found)
        watcher.note(left[place], note)

    asked = [
        BagRequest(requests[i], command, None if sink is None else sink(requests[i])) for i in left
    ]
    with closing(runs.run(asked, on_note=on_note)) as finished:
        for one in finished:
            index = left[one.index]
            try:
                found[index] = _read(one, model)
            except DrivsegError as error:
                broken[index] = str(error)
            else:
                terms.check(requests[index], found[index].terms)
                if kept is not None and one.content is not None:
                    kept.keep(str(requests[index].title), identities[index], one.content)
                if one.sink is not None:
                    on_export(index, one.sink)
            watcher.finished(index, broken.get(index, ''))
    _leave_out_others(found, broken, check_terms)
    return ManyResult(found, {requests[i].frames: broken[i] for i in sorted(broken)})


class _Terms:
    """Whether the bags have the classes and settings that are needed.

    One that has not is left out in the end; if the first has not, none is worth the work.
    """

    def __init__(self, check: CheckTerms) -> None:
        self._check = check
        self._agreed = False

    def check(self, request: EvaluationRequest, found: Terms) -> None:
        if self._agreed:
            return
        try:
            self._check(found)
        except DrivsegError as error:
            raise type(error)(f'{request.frames}: {error}') from None
        self._agreed = True


def _read(finished: Finished, model: ModelFile | None) -> Evaluation:
    if finished.content is None:
        raise DataError(finished.error)
    result = Evaluation.from_plain(finished.content)
    version = finished.content['versions']['drivseg_ros']
    if version != drivseg_ros.__version__:
        raise DataError(
            f'it was evaluated by drivseg_ros {version}, and this is {drivseg_ros.__version__}; '
            'install one version on all machines'
        )
    if model is not None and result.network['sha256'] != model.sha256:
        raise DataError(
            f'it was evaluated with another {result.network["file"]} than that of this machine; '
            'copy the same model to all machines'
        )
    return result


def _leave_out_others(
    found: dict[int, Evaluation], broken: dict[int, str], check_terms: CheckTerms
) -> None:
    """Moves to the broken ones what is not as needed, or not like the first that is."""
    first: Evaluation | None = None
    for index in sorted(found):
        result = found[index]
        try:
            check_terms(result.terms)
            first = first or result
            first.check_same(result)
        except DrivsegError as error:
            broken[index] = str(error)
            del found[index]


def _place(text: str) -> tuple[str, ...]:
    """The parts of a bag's path; a data set as it was written."""
    path = Path(text)
    if not path.exists() and '=' in text:
        return (text,)
    return path.resolve().parts


def _shortest(place: tuple[str, ...], places: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    for length in range(1, len(place)):
        tail = place[-length:]
        if [other[-length:] for other in places].count(tail) == 1:
            return tail
    return place
