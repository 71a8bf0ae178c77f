# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What networks, folders and bags are called in console, page and files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def evaluation_title(content: Mapping[str, Any]) -> tuple[str, str]:
    """What was evaluated, and on what.

    Args:
        content: what `evaluation_file.describe` gave.
    """
    network, parts = content['network'], content['parts']
    made = f'Masks on {network["masks"]}' if 'masks' in network else network_title(network)
    if content['mode'] == 'live':
        made += ' (live)'
    return made, part_title(parts[0]) if len(parts) == 1 else f'{len(parts)} folders and bags'


def network_title(network: Mapping[str, Any]) -> str:
    """What a network is called, with its file where that has another name."""
    name, file = str(network['model']), Path(str(network.get('file', '')))
    return name if file.stem in ('', name) else f'{name} ({file.name})'


def masks_title(network: Mapping[str, Any]) -> str:
    """What made the masks: a network and the engine that ran it, or the topic of the masks."""
    if 'masks' in network:
        return f'masks on {network["masks"]}'
    keys = ('device', 'precision')
    runtime = ', '.join(str(network[key]) for key in keys if key in network)
    engine = f' on {network["engine"]} ({runtime})' if 'engine' in network else ''
    return network_title(network) + engine


def part_title(part: Mapping[str, Any]) -> str:
    """What a folder or bag is called."""
    return str(part.get('title') or part['source']['given'])
