# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What every room needs: whole files, child processes, times, and facts about this machine."""
