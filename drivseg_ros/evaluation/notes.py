# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What to know when reading an evaluation: what it lacks, and what looks wrong in it."""

from __future__ import annotations

from drivseg_ros.evaluation.bootstrap import MIN_GROUPS
from drivseg_ros.evaluation.metric import MIOU
from drivseg_ros.evaluation.result import Evaluation

_OR_255 = ' (255 is unlabelled; if it is a class here, give a label map with --labels)'


def interval_note(evaluation: Evaluation) -> str:
    """What the intervals are drawn of, or why there are none."""
    settings, number = evaluation.settings.bootstrap, len(evaluation.groups)
    by = ', '.join(sorted({str(part.source['resampled_by']) for part in evaluation.parts}))
    groups = f'{number} group{"" if number == 1 else "s"} ({by})'
    if any(one.low is not None for one in evaluation.metrics.values()):
        return f'interval: {100 * settings.level:g} % of the draws of {groups}'
    if settings.draws:
        return f'no intervals: {groups}, and at least {MIN_GROUPS} are needed'
    return 'no intervals: none were drawn'


def none_processed(evaluation: Evaluation) -> str:
    """Why there is nothing, where no frame could be processed."""
    counts = evaluation.counts
    last = f'; the last: {counts.last_error}' if counts.last_error else ''
    return f'none of {counts.offered} frames could be evaluated{last}'


def notes(evaluation: Evaluation) -> list[str]:
    """What an evaluation lacks and what looks wrong in it, a sentence each."""
    found = []
    if evaluation.interrupted:
        found.append('the run was ended early: the metrics are of what was done before')
    said = (str(part.source.get('contradiction', '')) for part in evaluation.parts)
    found += dict.fromkeys(one for one in said if one)
    if not evaluation.counts.processed:
        return [*found, none_processed(evaluation)]
    only = 'only changes are measured' if evaluation.settings.sequence else 'nothing is measured'
    if not evaluation.labels_sha256:
        return [*found, f'no frame has a label, so {only}; in a bag, name --label-topic']
    labelled = int(evaluation.total.table.sum())
    if not labelled:
        return [*found, f'no pixel has a label: all are unlabelled{_OR_255}, so {only}']
    found += [
        f'{area.value} IoU: the labels have such areas, and no class of the network has the role'
        for area in evaluation.matching.unanswered
    ]
    if MIOU not in evaluation.metrics:
        found.append(
            'mIoU: the classes of network and labels do not match, so only roles are compared'
        )
    calibration = evaluation.calibration
    if calibration is not None and (sure := int(calibration.pixels.sum())) < labelled:
        found.append(
            f'calibration error: only {100 * sure / labelled:.1f} % of the labelled pixels have a '
            'confidence'
        )
    return found + _suspicious(evaluation)


def _suspicious(evaluation: Evaluation) -> list[str]:
    """Classes that never occur, and areas that labels and masks never agree on."""
    table, found = evaluation.total.table, []
    for where, classes, pixels in (
        ('labels', evaluation.matching.truth, table.sum(1)),
        ('masks', evaluation.matching.network, table.sum(0)),
    ):
        absent = [c.name for c in classes if not pixels[c.id]]
        if absent:
            hint = _OR_255 if where == 'labels' and len(absent) == len(classes) - 1 else ''
            found.append(f'never in the {where}: {", ".join(absent)}{hint}')
    never = [
        target.name.replace('_', ' ')
        for target, counts in zip(
            evaluation.matching.targets, evaluation.measured.targets, strict=True
        )
        if not counts.hits and counts.labelled + counts.predicted
    ]
    if never:
        found.append(
            f'IoU 0, labels and masks agree nowhere: {", ".join(never)}; do their ids mean the '
            'same (--labels)?'
        )
    return found
