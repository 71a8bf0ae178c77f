# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runtimes behind one small protocol: read base.py, runtime.py and one engine to add another."""

from drivseg_ros.engines.base import Engine, EngineOptions, ImageEngine
from drivseg_ros.engines.registry import ENGINE_NAMES, create_engine

__all__ = ['ENGINE_NAMES', 'Engine', 'EngineOptions', 'ImageEngine', 'create_engine']
