# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The publishers of a player, one a topic, as the bag describes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drivseg_ros.bags.live import installed_definition, message_class, to_rclpy
from drivseg_ros.bags.qos import TopicQos, offer_for
from drivseg_ros.bags.reader import BagReader, TopicInfo
from drivseg_ros.bags.topics import find_topic
from drivseg_ros.bags.typestore import layout, starts_with_header, store_from_text
from drivseg_ros.errors import BagError, MissingDependencyError

_CLOCK = '/clock'


@dataclass(frozen=True, eq=False)
class Outlet:
    """One topic that is played.

    Attributes:
        topic: where it is published.
        msgtype: its type.
        qos: what is offered.
        has_header: its messages begin with a header.
        publisher: the rclpy publisher; it takes bytes.
    """

    topic: str
    msgtype: str
    qos: TopicQos
    has_header: bool
    publisher: Any


def open_outlets(
    node: Any,
    reader: BagReader,
    topics: Sequence[str],
    remap: Mapping[str, str],
    *,
    own_clock: bool,
) -> tuple[dict[str, Outlet], dict[str, str]]:
    """Makes the publishers.

    Args:
        node: the node.
        reader: the bag.
        topics: names of the topics wanted, without /compressed; empty for all.
        remap: recorded name to published name.
        own_clock: /clock is published by the player, so the recorded one is left out.

    Returns:
        The outlets by recorded topic, and by topic why others are left out.

    Raises:
        BagError: if a topic is not there, a name is not allowed, or nothing is left to play.
    """
    remap = {find_topic(reader, name): target for name, target in remap.items()}
    names = [find_topic(reader, name) for name in topics] or list(reader.topics)
    outlets: dict[str, Outlet] = {}
    skipped: dict[str, str] = {}
    for info in map(reader.topic, names):
        target = remap.get(info.name, info.name)
        target = target if target.startswith('/') else f'/{target}'
        if own_clock and target == _CLOCK:
            skipped[info.name] = 'the clock is published by the player itself'
            continue
        try:
            outlets[info.name] = _open(node, info, target)
        except MissingDependencyError as error:
            skipped[info.name] = str(error)
        except _LayoutDiffersError as error:
            skipped[info.name] = str(error)
    if not outlets:
        reasons = '; '.join(f'{t}: {r}' for t, r in skipped.items()) or 'it has no topics'
        raise BagError(f'nothing of bag {reader.path} can be played: {reasons}')
    return outlets, skipped


class _LayoutDiffersError(Exception):
    """The installed type is not the recorded one, so its bytes would be misread."""


def _open(node: Any, info: TopicInfo, target: str) -> Outlet:
    from rclpy.exceptions import InvalidTopicNameException

    installed = store_from_text(installed_definition(info.msgtype).text, info.msgtype)
    try:
        recorded = info.types
    except BagError:
        recorded = installed  # an old bag that keeps no definitions: there is nothing to compare
    if layout(recorded, info.msgtype) != layout(installed, info.msgtype):
        raise _LayoutDiffersError(
            f'the recorded {info.msgtype} has other fields than the installed one; '
            'install the version it was recorded with'
        )
    qos = offer_for(info.qos)
    try:
        publisher = node.create_publisher(message_class(info.msgtype), target, to_rclpy(qos))
    except InvalidTopicNameException as error:
        reason = str(error).splitlines()[0].rstrip(':')
        raise BagError(
            f"'{target}' is no topic name that ROS 2 allows ({reason}); "
            f'choose another with --remap {info.name}:=/name'
        ) from error
    has_header = starts_with_header(installed, info.msgtype)
    return Outlet(target, info.msgtype, qos, has_header, publisher)
