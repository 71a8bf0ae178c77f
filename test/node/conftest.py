# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures for tests with a live node; what they give is in node_harness.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from node_harness import Live, Peer
    from rclpy.context import Context


@pytest.fixture
def ros_context(ros_domain: int) -> Iterator[Context]:
    """An initialised context in a domain of its own."""
    import rclpy
    from rclpy.context import Context

    context = Context()
    rclpy.init(context=context)
    yield context
    context.try_shutdown()


@pytest.fixture
def make_live(ros_context: Context) -> Iterator[Callable[..., Live]]:
    """Makes live nodes and closes them; parameters by keyword, node arguments in `node`.

    They subscribe reliably unless told otherwise: with best effort, frames are lost until both
    ends know of each other, and a test could not count on the first.
    """
    from node_harness import Live

    made: list[Live] = []

    def make(*, node: dict[str, Any] | None = None, **parameters: Any) -> Live:
        defaults = {'diagnostics_period_s': 0.1, 'qos_reliability': 'reliable'}
        live = Live(ros_context, {**defaults, **parameters}, **(node or {}))
        made.append(live)
        return live

    yield make
    for live in made:
        live.close()


@pytest.fixture
def peer(ros_context: Context) -> Iterator[Peer]:
    from node_harness import Peer

    made = Peer(ros_context)
    yield made
    made.close()
