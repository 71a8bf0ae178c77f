# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""QoS profiles of the node's topics, and sentences about those of others that do not fit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rclpy.duration import Infinite
from rclpy.node import Node
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSCompatibility,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
)
from rclpy.qos_overriding_options import QoSOverridingOptions

# A few images deep, so that a reliable subscriber may lag by a few frames before it loses one;
# more would only make its frames older.
_OUTPUT_DEPTH = 5
# How rmw names a node that it has not heard of yet, or that is none of ROS.
_UNKNOWN_NODE = '_NODE_NAME_UNKNOWN_'


def image_qos(reliability: str) -> QoSProfile:
    """What an image subscription asks for: the newest frame only, volatile.

    Args:
        reliability: 'best_effort' or 'reliable'.
    """
    return _profile(depth=1, reliability=ReliabilityPolicy[reliability.upper()])


def output_qos() -> QoSProfile:
    """What an output offers: reliable, which serves both kinds of subscribers."""
    return _profile(depth=_OUTPUT_DEPTH)


def latched_qos() -> QoSProfile:
    """What label_info offers: reliable, and the last message for those who come later."""
    return _profile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def overriding_options() -> QoSOverridingOptions:
    """The policies that a user may override by qos_overrides.TOPIC.publisher.* and the like."""
    return QoSOverridingOptions(
        policy_kinds=(
            QoSPolicyKind.HISTORY,
            QoSPolicyKind.DEPTH,
            QoSPolicyKind.RELIABILITY,
            QoSPolicyKind.DURABILITY,
        )
    )


def describe_qos(profile: QoSProfile) -> str:
    """The two policies that decide most about who hears whom."""
    return f'{profile.reliability.name.lower()}, {profile.durability.name.lower()}'


def subscription_conflict(node: Node, topic: str, profile: QoSProfile) -> str:
    """Names the publishers of a topic that a subscription cannot hear.

    Args:
        node: the node that has the subscription.
        topic: the topic, fully resolved.
        profile: the subscription's profile.

    Returns:
        A sentence without a full stop; '' if it can hear all of them.
    """
    others = [
        info
        for info in node.get_publishers_info_by_topic(topic)
        if not _fits(info.qos_profile, profile)
    ]
    if not others:
        return ''
    return (
        f'QoS: {_names(others)} offers {describe_qos(others[0].qos_profile)}, but the '
        f'subscription asks for {describe_qos(profile)}; '
        + _advice(others[0].qos_profile, profile, topic=topic, end='subscription')
    )


def publisher_conflict(node: Node, topic: str, profile: QoSProfile) -> str:
    """Names the subscriptions that cannot hear a publisher; else as `subscription_conflict`."""
    others = [
        info
        for info in node.get_subscriptions_info_by_topic(topic)
        if not _fits(profile, info.qos_profile)
    ]
    if not others:
        return ''
    return (
        f'QoS: {_names(others)} asks for {describe_qos(others[0].qos_profile)}, but the '
        f'publisher offers {describe_qos(profile)}; '
        + _advice(profile, others[0].qos_profile, topic=topic, end='publisher')
    )


def _profile(
    *,
    depth: int,
    reliability: ReliabilityPolicy = ReliabilityPolicy.RELIABLE,
    durability: DurabilityPolicy = DurabilityPolicy.VOLATILE,
) -> QoSProfile:
    # What rclpy leaves open it compares as 0 with the infinite periods that the graph reports, and
    # every subscriber seems to ask for more than is offered.
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=reliability,
        durability=durability,
        deadline=Infinite,
        liveliness=LivelinessPolicy.AUTOMATIC,
        liveliness_lease_duration=Infinite,
    )


def _fits(offered: QoSProfile, asked: QoSProfile) -> bool:
    compatibility, _ = qos_check_compatible(offered, asked)
    return compatibility != QoSCompatibility.ERROR


def _names(infos: Iterable[Any]) -> str:
    """Of rclpy's TopicEndpointInfo, whose module is another one from Lyrical on."""
    names = {
        'a node whose name is unknown'
        if info.node_name == _UNKNOWN_NODE
        else f'{info.node_namespace.rstrip("/")}/{info.node_name}'
        for info in infos
    }
    return ' and '.join(sorted(names))


def _advice(offered: QoSProfile, asked: QoSProfile, *, topic: str, end: str) -> str:
    """Which parameter of the node to change: of its subscription or of its publisher."""
    if (offered.reliability, asked.reliability) == (
        ReliabilityPolicy.BEST_EFFORT,
        ReliabilityPolicy.RELIABLE,
    ):
        if end == 'subscription':
            return (
                'set the parameter qos_reliability to best_effort, which hears both kinds '
                f'(or qos_overrides.{topic}.subscription.reliability, if that is set)'
            )
        return f'set the parameter qos_overrides.{topic}.publisher.reliability to reliable'
    if (offered.durability, asked.durability) == (
        DurabilityPolicy.VOLATILE,
        DurabilityPolicy.TRANSIENT_LOCAL,
    ):
        value = 'volatile' if end == 'subscription' else 'transient_local'
        return f'set the parameter qos_overrides.{topic}.{end}.durability to {value}'
    return 'change deadline, liveliness or lease duration at the other end'
