# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Lets `python -m drivseg_ros.cli` be the command `drivseg`."""

from drivseg_ros.cli.main import main

main()
