# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Why a YAML file cannot be read, in one line."""

from __future__ import annotations

from ruamel.yaml.error import MarkedYAMLError


def yaml_reason(error: Exception) -> str:
    """What was wrong and in which line, if the parser says so."""
    if isinstance(error, MarkedYAMLError) and error.problem and error.problem_mark:
        told = ', '.join(text for text in (error.context, error.problem) if text)
        return f'{told}, in line {error.problem_mark.line + 1}'
    return ' '.join(str(error).split())
