# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Requests that load a network, answered beside everything else, and how a load is given up.

Loading a network takes seconds, building an engine minutes, and a hostile file has no end. Such
requests are worked on in a thread, one after the other, while the executor answers the others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.lifecycle import LifecycleNode
from rclpy.task import Future

from drivseg_ros.node.health import Phase
from drivseg_ros.node.parameters import ENGINE_PARAMETERS

Result = TypeVar('Result')
Answer = Callable[[Any, Any], Any]

_STARTS = (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)
_SHUTDOWNS = (
    Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
    Transition.TRANSITION_INACTIVE_SHUTDOWN,
    Transition.TRANSITION_ACTIVE_SHUTDOWN,
)
_NAMES = {
    Transition.TRANSITION_CONFIGURE: 'configure',
    Transition.TRANSITION_ACTIVATE: 'activate',
    Transition.TRANSITION_DEACTIVATE: 'deactivate',
    Transition.TRANSITION_CLEANUP: 'cleanup',
    **dict.fromkeys(_SHUTDOWNS, 'shutdown'),
}


class LongRequests:
    """Takes over the services of a node that may load a network.

    While a network is being loaded, a deactivation, cleanup or shutdown gives the load up and is
    done next, and so does a change of a parameter of the engine; to configure or activate is
    refused. Parameters that load nothing are changed at once. Once the network is loaded, the next
    transition waits for the end of the one at work: launch_ros asks to activate as soon as it sees
    that the node is inactive, which it may be before `configure` was answered.

    Args:
        node: the node, its services made.
        find_phase: gives the lifecycle state of the node.
    """

    def __init__(self, node: LifecycleNode, *, find_phase: Callable[[], Phase]) -> None:
        self.given_up = ''
        """What made the load under way pointless, or ''; the load looks at it while it waits."""
        self.loading = False
        """Whether a network is being loaded."""
        self.group = ReentrantCallbackGroup()
        self._node = node
        self._find_phase = find_phase
        self._last: Future | None = None
        self._requests = 0
        self._newest_giver = 0  # the number of the last request that gave a load up
        answers = {
            ChangeState: self._change_state,
            SetParameters: self._set_parameters,
            SetParametersAtomically: self._set_parameters,
        }
        for service in node.services:
            if service.srv_type in answers:
                service.callback = partial(answers[service.srv_type], service.callback)
                service.callback_group = self.group
                self.group.add_entity(service)

    @property
    def busy(self) -> bool:
        """Whether a request is being worked on, or waits."""
        return self._last is not None and not self._last.done()

    async def run(self, work: Callable[[], Result]) -> Result:
        """Does work in a thread of its own, after what is being worked on; for async callbacks.

        Raises:
            BaseException: what `work` raised.
        """
        self._requests += 1
        number = self._requests
        # Each waits for the one before it: in the order in which they came, on every rclpy.
        before, self._last = self._last, Future()
        done = self._last
        if before is not None:
            await before
        # What gave up the load under way gives up those that were waiting behind it, too.
        if number >= self._newest_giver:
            self.given_up = ''
        results: list[Result] = []
        errors: list[BaseException] = []

        def target() -> None:
            try:
                results.append(work())
            except BaseException as error:  # it is raised where it was asked for
                errors.append(error)
            done.set_result(None)
            executor = self._node.executor
            with suppress(Exception):  # it may be gone: then nobody waits
                if executor is not None:
                    executor.wake()

        threading.Thread(target=target, name='request', daemon=True).start()
        await done
        if errors:
            raise errors[0]
        return results[0]

    def _give_up(self, reason: str) -> None:
        """Gives up what is worked on or waits, for the request that is run next."""
        self.given_up = reason
        self._newest_giver = self._requests + 1

    async def _change_state(
        self, inherited: Answer, request: ChangeState.Request, response: ChangeState.Response
    ) -> ChangeState.Response:
        wanted = request.transition
        name = _name(wanted)
        starts = wanted.id in _STARTS or wanted.label in ('configure', 'activate')
        configuring = self._find_phase() is Phase.CONFIGURING
        if self.loading or configuring or (self.busy and not starts):
            if starts:
                self._node.get_logger().error(
                    f'no transition {name} while a network is being loaded: ask again when it '
                    'is, or give it up by cleanup, deactivate or another model'
                )
                response.success = False
                return response
            self._give_up(f'the transition {name}')
            if configuring and wanted.id not in _SHUTDOWNS and wanted.label != 'shutdown':
                # What it leads to from here is the state that giving up leads to.
                await self.run(lambda: None)
                response.success = self._find_phase() is Phase.UNCONFIGURED
                return response
        return await self.run(lambda: self._answered(inherited, request, response))

    def _answered(
        self, inherited: Answer, request: ChangeState.Request, response: ChangeState.Response
    ) -> ChangeState.Response:
        """Makes an impossible transition a refusal; rclpy of Jazzy raises and never answers."""
        try:
            return inherited(request, response)
        except Exception as error:
            self._node.get_logger().error(
                f'no transition {_name(request.transition)} from {self._find_phase().value}: '
                f'{str(error).partition(", at ")[0]}'
            )
            response.success = False
            return response

    async def _set_parameters(self, inherited: Answer, request: Any, response: Any) -> Any:
        names = {parameter.name for parameter in request.parameters}
        changed = sorted(names.intersection(ENGINE_PARAMETERS))
        if not changed:
            return inherited(request, response)
        if self.busy:
            self._give_up(f'a change of {", ".join(changed)}')
        return await self.run(lambda: inherited(request, response))


def _name(transition: Transition) -> str:
    return transition.label or _NAMES.get(transition.id) or f'number {transition.id}'
