# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What to know about figures that are not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivseg_ros.evaluation.bootstrap import MIN_GROUPS
from drivseg_ros.evaluation.sums import MIOU


def interval_note(content: Mapping[str, Any]) -> str:
    """What the intervals are drawn of, or why there are none.

    Args:
        content: what `evaluation_file.describe` gave.
    """
    settings, number = content['settings']['bootstrap'], int(content['groups'])
    by = ', '.join(sorted({str(part['source']['resampled_by']) for part in content['parts']}))
    groups = f'{number} group{"" if number == 1 else "s"} ({by})'
    if any(one['low'] is not None for one in content['figures'].values()):
        return f'interval: {100 * float(settings["level"]):g} % of the draws of {groups}'
    if settings['draws']:
        return f'no intervals: {groups}, and at least {MIN_GROUPS} are needed'
    return 'no intervals: none were drawn'


def notes(content: Mapping[str, Any]) -> list[str]:
    """Why an evaluation lacks figures, a sentence each.

    Args:
        content: what `evaluation_file.describe` gave.
    """
    told = 'only changes are told' if content['settings']['sequence'] else 'nothing is told'
    if not content['labels_sha256']:
        return [f'no frame has a label, so {told}; in a bag, name --label-topic']
    labelled = sum(map(sum, content['confusion_matrix']['pixels']))
    if not labelled:
        return [f'no pixel has a label: all are unlabelled, so {told}']
    found = [
        f'{name} IoU: the labels tell it, no class of the network has such a role'
        for name in content['unanswered']
    ]
    if MIOU not in content['figures']:
        found.append(
            'mIoU: the classes of network and labels do not match, so only roles are judged'
        )
    calibration = content['calibration']
    if calibration is not None and (sure := sum(calibration['pixels'])) < labelled:
        found.append(
            f'calibration error: only {100 * sure / labelled:.1f} % of the labelled pixels have a '
            'confidence'
        )
    return found
