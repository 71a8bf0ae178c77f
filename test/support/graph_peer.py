# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A node whose faults are known, run as a process to be measured.

    python graph_peer.py IMAGE_TOPICS [--work S] [--lose N] [--twice N] [--lie N] [--die N] [--mute]
        [--note FILE]

It answers every image with its header and one pixel, reliably and from a queue of 10: after S
seconds of sleep; but every Nth not at all, twice, or with a stamp that nobody sent; it dies at the
Nth, or never says a word. Into FILE it adds a line when it begins.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from sensor_msgs.msg import Image


class Peer(Node):
    """Answers as its options say."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__('graph_peer')
        self.options = options
        self.cameras = [self.add(topic) for topic in options.topics.strip('[]').split(', ')]

    def add(self, topic: str) -> object:
        namespace = topic.rpartition('/')[0]
        publisher = self.create_publisher(Image, f'{namespace}/segmentation/mask', 10)
        counter = iter(range(1, sys.maxsize))

        def receive(message: Image) -> None:
            self.answer(publisher, message, next(counter))

        return self.create_subscription(Image, topic, receive, 10)

    def answer(self, publisher: Any, message: Image, number: int) -> None:
        options = self.options
        if options.mute:
            return
        if options.die and number == options.die:
            sys.stderr.write('something terrible happened\n')
            os.kill(os.getpid(), signal.SIGSEGV)
        if options.work:
            time.sleep(options.work)
        if options.lose and number % options.lose == 0:
            return
        answer = Image(height=1, width=1, encoding='mono8', step=1)
        answer.data.append(0)
        answer.header = message.header
        if options.lie and number % options.lie == 0:
            answer.header.stamp.sec += 1000
        publisher.publish(answer)
        if options.twice and number % options.twice == 0:
            publisher.publish(answer)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('topics')
    parser.add_argument('--work', type=float, default=0.0)
    for fault in ('lose', 'twice', 'lie', 'die'):
        parser.add_argument(f'--{fault}', type=int, default=0)
    parser.add_argument('--mute', action='store_true')
    parser.add_argument('--note')
    options = parser.parse_args()
    if options.note:
        with open(options.note, 'a') as file:
            file.write('begun\n')
    sys.stderr.write('the peer begins\n')
    rclpy.init(args=[])
    try:
        rclpy.spin(Peer(options))
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()


if __name__ == '__main__':
    main()
