# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The program `segmentation_node`, and how it behaves when it is asked to end.

Nothing heavy is imported before the signals are handled: loading rclpy and onnxruntime takes a
good part of a second, in which Ctrl-C shall not end in a traceback.
"""

from __future__ import annotations

import sys

from drivseg_ros.node.stop_signals import StopSignals

_NAME = 'segmentation_node'


def main(args: list[str] | None = None) -> int:
    """Runs the node until SIGINT or SIGTERM.

    Args:
        args: the arguments, sys.argv by default.

    Returns:
        The exit status: 0 after help, 1 if the node could not be started; after a signal the
        process ends here.
    """
    stop = StopSignals()
    from drivseg_ros.base.program import prepare_console, report_error, run_program
    from drivseg_ros.errors import DrivsegError
    from drivseg_ros.node.arguments import help_text, wants_help
    from drivseg_ros.node.freed_memory import keep_freed_memory

    prepare_console()
    words = sys.argv[1:] if args is None else args
    try:
        if wants_help(words):
            run_program(_NAME, lambda: sys.stdout.write(help_text()))
        keep_freed_memory()  # the libraries start threads when they are loaded
        try:
            from drivseg_ros.node.run import run
        except ModuleNotFoundError as error:
            from drivseg_ros.base.install_hint import install_hint

            raise DrivsegError(
                f'the node needs the Python package {error.name!r}, which is not installed; '
                f'source the setup.bash of ROS 2, or {install_hint("ros")}'
            ) from None
        run(args, stop=stop)
    except Exception as error:
        return report_error(_NAME, error)
    finally:
        stop.ignore()
