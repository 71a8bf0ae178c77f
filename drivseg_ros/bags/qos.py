# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Quality of service as bags keep it: what a topic's publishers offered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2.metadata import parse_qos

from drivseg_ros.base.yaml_data import is_tame
from drivseg_ros.errors import ParameterError

RELIABILITIES = ('reliable', 'best_effort')
DURABILITIES = ('volatile', 'transient_local')

# How rmw writes "no limit" (RMW_DURATION_INFINITE, rmw/time.h).
_INFINITE = QosTime(9223372036, 854775807)


@dataclass(frozen=True)
class TopicQos:
    """The policies that decide whether two ends of a topic match, and how much is kept.

    Attributes:
        reliability: 'reliable' or 'best_effort'.
        durability: 'volatile', or 'transient_local' for what late joiners must still get.
        depth: messages kept (keep last).
    """

    reliability: str = 'reliable'
    durability: str = 'volatile'
    depth: int = 10

    def __post_init__(self) -> None:
        if self.reliability not in RELIABILITIES:
            raise ParameterError(
                f"reliability '{self.reliability}' is unknown; allowed: {', '.join(RELIABILITIES)}"
            )
        if self.durability not in DURABILITIES:
            raise ParameterError(
                f"durability '{self.durability}' is unknown; allowed: {', '.join(DURABILITIES)}"
            )
        if self.depth < 1:
            raise ParameterError(f'depth {self.depth} is too small; give 1 or more')

    def __str__(self) -> str:
        return f'{self.reliability}, {self.durability}, depth {self.depth}'


LATCHED = TopicQos(durability='transient_local', depth=1)


def from_rosbags(recorded: Qos) -> TopicQos:
    """One recorded offer; what discovery does not have (history, depth) gets defaults."""
    best_effort = recorded.reliability == QosReliability.BEST_EFFORT
    latched = recorded.durability == QosDurability.TRANSIENT_LOCAL
    return TopicQos(
        reliability='best_effort' if best_effort else 'reliable',
        durability='transient_local' if latched else 'volatile',
        depth=recorded.depth if recorded.depth > 0 else TopicQos.depth,
    )


def parse_offers(text: str) -> tuple[TopicQos, ...]:
    """The offers in the YAML text that storage files keep beside a topic; none if it is damaged."""
    try:
        return tuple(from_rosbags(q) for q in parse_qos(text)) if is_tame(text) else ()
    except Exception:  # rosbags raises whatever a damaged text provokes
        return ()


def to_rosbags(qos: TopicQos) -> Qos:
    """An offer in the form that bags keep."""
    return Qos(
        QosHistory.KEEP_LAST,
        qos.depth,
        QosReliability[qos.reliability.upper()],
        QosDurability[qos.durability.upper()],
        _INFINITE,
        _INFINITE,
        QosLiveliness.AUTOMATIC,
        _INFINITE,
        avoid_ros_namespace_conventions=False,
    )


def offer_for(recorded: Sequence[TopicQos]) -> TopicQos:
    """What a player offers for a topic with these recorded offers.

    If the publishers differed there is no offer that stands for all; as in ``ros2 bag play``, the
    default (reliable, volatile) is used then, which every volatile subscriber matches.
    """
    policies = {(q.reliability, q.durability) for q in recorded}
    if len(policies) != 1:
        return TopicQos()
    reliability, durability = policies.pop()
    return TopicQos(reliability, durability, max(q.depth for q in recorded))


def request_for(offered: Sequence[TopicQos], *, depth: int) -> TopicQos:
    """What a recorder requests so that it matches every publisher and loses as little as possible.

    A request stronger than one publisher's offer would not match that publisher.
    """
    reliable = all(q.reliability == 'reliable' for q in offered)
    latched = all(q.durability == 'transient_local' for q in offered)
    return TopicQos(
        reliability='reliable' if offered and reliable else 'best_effort',
        durability='transient_local' if offered and latched else 'volatile',
        depth=depth,
    )
