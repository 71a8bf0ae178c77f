# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the import's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def build_plan() -> Callable[[Path], int]:
    """Builds a TensorRT plan, which needs no GPU, and gives its size; fails with its words."""
    trt = pytest.importorskip(
        'tensorrt_rtx', reason="tensorrt_rtx is not installed: pip install '.[tensorrt-rtx]'"
    )

    def build(path: Path) -> int:
        logger = trt.Logger(trt.Logger.ERROR)
        builder = trt.Builder(logger)
        network = builder.create_network(0)
        parser = trt.OnnxParser(network, logger)
        parsed = parser.parse_from_file(str(path))
        assert parsed, [str(parser.get_error(i)) for i in range(parser.num_errors)]
        config = builder.create_builder_config()
        image = network.get_input(0)
        if image.shape[0] == -1:
            profile = builder.create_optimization_profile()
            one, most = (1, *image.shape[1:]), (2, *image.shape[1:])
            profile.set_shape(image.name, one, one, most)
            config.add_optimization_profile(profile)
        plan = builder.build_serialized_network(network, config)
        assert plan is not None
        return plan.nbytes

    return build
