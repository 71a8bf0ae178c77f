# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The lifecycle node: configure loads the network, activate subscribes and publishes."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType, JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from std_srvs.srv import SetBool

from drivseg_ros.engines.base import BuildProgress
from drivseg_ros.errors import DrivsegError, EngineError, ParameterError
from drivseg_ros.node.camera import Camera
from drivseg_ros.node.cameras import make_cameras
from drivseg_ros.node.diagnostics import EngineReport, engine_status, name_in_diagnostics
from drivseg_ros.node.diagnostics_publisher import DiagnosticsPublisher
from drivseg_ros.node.health import Phase
from drivseg_ros.node.loading import Leaving, load_segmenter
from drivseg_ros.node.long_requests import LongRequests
from drivseg_ros.node.parameter_server import ParameterServer
from drivseg_ros.node.parameters import ENGINE_PARAMETERS, Settings
from drivseg_ros.node.throttle import Throttle
from drivseg_ros.node.worker import Worker
from drivseg_ros.segmenter import Segmenter

NODE_NAME = 'segmentation'

_PROGRESS_PERIOD_S = 5.0  # of the log; the diagnostics have their own period
_PATIENCE_S = 5.0  # with an engine that works on a batch


class SegmentationNode(LifecycleNode):
    """Camera images in, class masks out.

    Callbacks are in three groups: `frames_group` has the cameras and the diagnostics,
    `requests.group` what may load a network, the default group everything else. Only the first has
    an executor of its own (executors.py); what loads a network is worked on in a thread.

    Args:
        dds_profile: what is known of the DDS profile, for the diagnostics.
        node_arguments: further arguments of rclpy's LifecycleNode.
    """

    def __init__(self, *, dds_profile: str = 'unknown', **node_arguments: Any) -> None:
        super().__init__(NODE_NAME, **node_arguments)
        self.frames_group = MutuallyExclusiveCallbackGroup()
        self.phase = Phase.UNCONFIGURED
        self.problem = ''
        self.building: BuildProgress | None = None
        self.worker: Worker | None = None
        self.cameras: tuple[Camera, ...] = ()
        self.enabled = True
        self._leaving = False
        self._settings: Settings | None = None
        self._parameter_server = ParameterServer(
            self, find_phase=lambda: self.phase, apply=self._apply
        )
        self._dds_profile = dds_profile
        self._diagnostics = DiagnosticsPublisher(
            self,
            statuses=self._statuses,
            hangs=lambda: self._hanging_s() > 0,
            alive=self.alive,
            callback_group=self.frames_group,
        )
        self._diagnostics.start(period_s=self._parameter_server.value('diagnostics_period_s'))
        self.requests = LongRequests(self, find_phase=lambda: self.phase)
        self.create_service(SetBool, '~/enable', self._enable)
        self._jump = self.get_clock().create_jump_callback(
            JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1)),
            post_callback=self._handle_jump,
        )
        if self._parameter_server.value('autostart'):
            # Not by the node's clock, which may be simulated and stand still.
            steady = Clock(clock_type=ClockType.STEADY_TIME)
            self._autostart_timer = self.create_timer(
                0.001,
                self._autostart,  # type: ignore[arg-type]  # rclpy awaits it
                clock=steady,
                callback_group=self.requests.group,
            )

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Checks the parameters, offers the outputs, loads the network and warms it up."""
        inherited = partial(super().on_configure, state)
        return self._go('configure', Phase.INACTIVE, inherited, self._configure)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribes and publishes."""
        inherited = partial(super().on_activate, state)
        return self._go('activate', Phase.ACTIVE, inherited, self._activate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stops after the batch in work; the network stays loaded."""
        inherited = partial(super().on_deactivate, state)
        return self._go('deactivate', Phase.INACTIVE, self._stop, inherited)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Takes the outputs away and gives the network back."""
        inherited = partial(super().on_cleanup, state)
        return self._go('cleanup', Phase.UNCONFIGURED, self._release, inherited)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stops for good."""
        inherited = partial(super().on_shutdown, state)
        return self._go('shutdown', Phase.FINALIZED, self._release, inherited)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Cleans up after a transition that failed in a way nobody foresaw."""
        inherited = partial(super().on_error, state)
        return self._go('clean up after the error', Phase.UNCONFIGURED, self._release, inherited)

    def leave(self, *, keep_waiting: Callable[[], bool]) -> bool:
        """Stops the work at the end of the process, when ROS may be gone already.

        Args:
            keep_waiting: asked every now and then; if it says no, the worker is left to itself.

        Returns:
            Whether the worker has ended.
        """
        self._leaving = True
        while self.requests.busy and keep_waiting():
            time.sleep(0.01)
        self._jump.unregister()
        return self.worker is None or self.worker.stop(keep_waiting=keep_waiting)

    def destroy_node(self) -> None:
        """Destroys the node, also while a thread that is left to itself holds it."""
        super().destroy_node()
        # rclpy leaves it to the garbage collector; until then it holds the handle of the node, and
        # that holds the shared memory of Fast DDS, 64 MB that would outlive the process. A node may
        # be destroyed twice: by its owner, and by the shutdown of rclpy.
        self.__dict__.pop('_state_machine', None)
        self._type_description_service._type_description_srv = None  # the same, from Lyrical on

    def now_s(self) -> float:
        """The time of the node's clock in seconds."""
        return self.get_clock().now().nanoseconds / 1e9

    def alive(self) -> bool:
        """Whether ROS runs and the process is not about to end."""
        return not self._leaving and self.context.ok()

    def _go(
        self, name: str, goal: Phase, *steps: Callable[[], TransitionCallbackReturn | None]
    ) -> TransitionCallbackReturn:
        """Makes a transition; whatever goes wrong is reported, where rclpy would swallow it."""
        try:
            for step in steps:
                result = step()
                if result not in (None, TransitionCallbackReturn.SUCCESS):
                    return self._give_up(name, 'a publisher refused it', result)
        except DrivsegError as error:
            return self._give_up(name, str(error), TransitionCallbackReturn.FAILURE)
        except Exception as error:
            return self._give_up(name, repr(error), TransitionCallbackReturn.ERROR)
        self.phase = goal
        if goal in (Phase.INACTIVE, Phase.ACTIVE):
            self.problem = ''
        self.get_logger().info(f'{name}: the node is {goal.value}')
        self._diagnostics.publish()
        return TransitionCallbackReturn.SUCCESS

    def _give_up(
        self, name: str, reason: str, result: TransitionCallbackReturn
    ) -> TransitionCallbackReturn:
        if self.alive():
            self.problem = f'{name} failed: {reason}'
            self.get_logger().error(self.problem)
            if name == 'configure':
                self.get_logger().error(self._next_step())
            self._diagnostics.publish()
        return result

    def _configure(self) -> None:
        settings = self._parameter_server.settings()
        self.problem = ''
        self._diagnostics.start(period_s=settings.diagnostics_period_s)
        self.phase = Phase.CONFIGURING
        try:
            # The topics are there while the network is loaded: nobody wonders where they are.
            self.cameras = make_cameras(
                self, settings, callback_group=self.frames_group, wake=self._wake
            )
            self.worker = Worker(
                self._load(settings),
                cameras=self.cameras,
                logger=self.get_logger(),
                alive=self.alive,
            )
        except Exception:
            self.phase = Phase.UNCONFIGURED
            self._release()
            raise
        self._settings = settings
        self._tune(self.worker, settings)

    def _activate(self) -> None:
        try:
            if self.worker is not None:
                self.worker.start()
            for camera in self.cameras:
                camera.subscribe()
        except Exception:
            self._stop()
            raise

    def _stop(self) -> None:
        for camera in self.cameras:
            camera.unsubscribe()
        if self.worker is None or self.worker.stop(keep_waiting=self._patience()):
            return
        if not self.alive():
            raise Leaving
        if self.phase is Phase.ACTIVE:
            for camera in self.cameras:
                camera.subscribe()
        raise EngineError(self._no_answer())

    def _release(self) -> None:
        self._stop()
        cameras, self.cameras = self.cameras, ()
        for camera in cameras:
            camera.close()
        worker, self.worker = self.worker, None
        if worker is not None:
            worker.close()

    def _apply(self, given: Mapping[str, Any]) -> None:
        """Puts parameters to work that may be changed at any time."""
        if self.worker is None or self._settings is None:
            raise ParameterError(f'the node is {self.phase.value}; start it again')
        settings = dataclasses.replace(self._settings, **given)
        # The same model or engine again is a wish to load it anew: its file may have changed.
        changed = any(
            getattr(settings, name) != getattr(self._settings, name) for name in ENGINE_PARAMETERS
        )
        if changed or 'model' in given or 'engine' in given:
            segmenter = self._load(settings)
            if not self.worker.swap(segmenter, keep_waiting=self._patience()):
                if not self.alive():
                    raise Leaving
                segmenter.close()
                raise EngineError(self._no_answer())
            settings = dataclasses.replace(self._settings, **given)  # others may have changed
            engine = segmenter.engine
            self.get_logger().info(
                f'the network in use is now {segmenter.card.name} on {engine.name}, '
                f'{engine.device}, {engine.precision}'
            )
        self._settings = settings
        self._tune(self.worker, settings)

    def _tune(self, worker: Worker, settings: Settings) -> None:
        worker.enabled = self.enabled
        worker.overlay_alpha = settings.overlay_alpha
        worker.max_rate_hz = settings.max_rate_hz
        worker.max_pixels = settings.max_pixels
        worker.stale_after_s = settings.stale_after_s
        worker.on_untrusted = settings.on_untrusted
        worker.min_confidence = settings.min_confidence
        worker.temporal = settings.temporal
        for camera in self.cameras:
            camera.trust.limits = settings.trust_limits

    def _load(self, settings: Settings) -> Segmenter:
        self.get_logger().info(f'loading {settings.model}')
        started_s = time.monotonic()
        throttle = Throttle(period_s=_PROGRESS_PERIOD_S)

        def report(progress: BuildProgress) -> None:
            self.building = progress
            if self.alive() and throttle.due(progress.step, now_s=time.monotonic()):
                self.get_logger().info(f'{progress.step}: {100 * progress.fraction:.0f} %')

        self.requests.loading = True
        try:
            segmenter = load_segmenter(
                model=settings.model,
                engine=settings.engine,
                device=settings.device,
                precision=settings.precision,
                threads=settings.threads,
                largest_batch=len(self.cameras),
                check=self._check_wanted,
                on_progress=report,
            )
        finally:
            self.building, self.requests.loading = None, False
        engine = segmenter.engine
        self.get_logger().info(
            f'loaded {engine.model.path} ({segmenter.card.name}, {engine.model.sha256[:12]}) in '
            f'{time.monotonic() - started_s:.2f} s: {engine.name}, {engine.device}, '
            f'{engine.precision}, {engine.threads} threads ({engine.choice})'
        )
        if 'confidence' in settings.outputs and not engine.model.has_confidence:
            self.get_logger().warning(
                f'{segmenter.card.name} has no output of confidence: nothing is published there, '
                'and min_confidence and min_road_confidence change nothing'
            )
        return segmenter

    def _check_wanted(self) -> None:
        """Ends the wait for a network that is not wanted any more."""
        if not self.alive():
            raise Leaving
        if self.requests.given_up:
            raise EngineError(f'the load was given up for {self.requests.given_up}')

    def _patience(self) -> Callable[[], bool]:
        end_s = time.monotonic() + _PATIENCE_S
        return lambda: self.alive() and time.monotonic() < end_s

    def _next_step(self) -> str:
        name = self.get_fully_qualified_name()
        return (
            f'the node waits unconfigured: correct it by `ros2 param set {name} NAME VALUE`, then '
            f'run `ros2 lifecycle set {name} configure` and the same with activate'
        )

    def _no_answer(self) -> str:
        return (
            f'the engine has worked on one batch for more than {_PATIENCE_S:.0f} s; if it goes on, '
            'end the process and start it again, perhaps with another engine or device'
        )

    def _statuses(self) -> list[DiagnosticStatus]:
        """What the node reports of itself and of each camera."""
        hanging_s = self._hanging_s()
        engine = EngineReport(
            phase=self.phase,
            enabled=self.enabled,
            problem=self.problem,
            building=self.building,
            clock_missing=self.now_s() == 0,
            wanted_model=self._parameter_server.value('model'),
            segmenter=None if self.worker is None else self.worker.segmenter,
            hanging_s=hanging_s,
            dds_profile=self._dds_profile,
        )
        rate_hz = self._parameter_server.value('max_rate_hz')
        return [
            engine_status(engine, node_name=name_in_diagnostics(self)),
            *(
                camera.report(
                    phase=self.phase,
                    enabled=self.enabled,
                    stale_after_s=self._parameter_server.value('stale_after_s'),
                    pause_s=1 / rate_hz if rate_hz else 0.0,
                    hanging=hanging_s > 0,
                )
                for camera in self.cameras
            ),
        ]

    def _hanging_s(self) -> float:
        """How long the engine has worked on one batch, if that is too long; else 0."""
        busy_s = 0.0 if self.worker is None else self.worker.busy_s
        return busy_s if busy_s > self._parameter_server.value('stale_after_s') else 0.0

    def _wake(self) -> None:
        if self.worker is not None:
            self.worker.wake()

    def _enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self.enabled = request.data
        if self.worker is not None:
            self.worker.enabled = request.data
        response.success = True
        response.message = 'frames are processed' if request.data else 'frames are skipped'
        self.get_logger().info(f'~/enable {request.data}: {response.message}')
        self._diagnostics.publish()
        return response

    def _handle_jump(self, _jump: TimeJump) -> None:
        for camera in self.cameras:
            camera.handle_jump()

    async def _autostart(self) -> None:
        self._autostart_timer.cancel()
        await self.requests.run(self._configure_and_activate)

    def _configure_and_activate(self) -> None:
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()
