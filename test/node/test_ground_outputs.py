# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The outputs in metres of a live node."""

from __future__ import annotations

import pathlib
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")
pytest.importorskip('nav_msgs', reason='nav_msgs is not installed: pip install ros-nav-msgs')

from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PolygonStamped, PoseStamped, TransformStamped
from nav_msgs.msg import OccupancyGrid, Path
from node_harness import Live, Peer, keys, make_image, wait_for
from sensor_msgs.msg import CameraInfo, Image, LaserScan, PointCloud2

from drivseg_ros.errors import ParameterError
from drivseg_ros.ground.camera import GroundCamera
from drivseg_ros.ground.error import error_by_ring
from drivseg_ros.ground.pose import CameraPose
from drivseg_ros.ground.space import DrivableSpace
from drivseg_ros.ground.spec import GridSpec
from drivseg_ros.node.ground_outputs import read_intrinsics
from drivseg_ros.node.parameters import SPECS, Settings

MakeLive = Callable[..., Live]
WARN = DiagnosticStatus.WARN
POSE = 'height=1.5 pitch=10 x=0.5'
GRID = {'grid_x_max_m': 12.0, 'grid_y_min_m': -4.0, 'grid_y_max_m': 4.0, 'grid_resolution_m': 0.25}


def camera_info(width: int = 60, height: int = 40) -> CameraInfo:
    info = CameraInfo(width=width, height=height, distortion_model='plumb_bob')
    info.k = [50.0, 0.0, 30.0, 0.0, 50.0, 20.0, 0.0, 0.0, 1.0]
    info.p = [60.0, 0.0, 30.0, 0.0, 0.0, 60.0, 20.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    info.d = [0.0] * 5
    return info


def road() -> np.ndarray:
    """Drivable (red) but for a stripe of what is not (blue) across it."""
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[..., 0] = 200
    picture[18:21] = (0, 0, 200)
    picture[:, ::7] //= 2  # a plain picture would not be trusted
    return picture


class Watched:
    """A live node, its grids, and a camera that is calibrated."""

    def __init__(
        self,
        make_live: MakeLive,
        peer: Peer,
        model: pathlib.Path,
        topic: str = '/image',
        **parameters: Any,
    ) -> None:
        given = {'camera_poses': [POSE], 'image_topics': [topic], 'min_road_confidence': 0.0}
        self.peer = peer
        self.live = make_live(model=str(model), **{**given, **GRID, **parameters}).wait_active()
        folder = topic.rpartition('/')[0]
        self.grids: list[OccupancyGrid] = peer.listen(f'{folder}/segmentation/grid', OccupancyGrid)
        self.live.wait_wanted('grid')
        self.camera = peer.camera(topic).wait_subscribed()
        self.infos = peer.camera(f'{folder}/camera_info', CameraInfo)
        self.seed = 0

    def calibrate(self, info: CameraInfo | None = None) -> None:
        """Publishes a camera_info and waits until the node has it."""
        self.infos.wait_subscribed()
        ground = self.live.node.cameras[0].ground
        before = ground._info
        self.infos.send(info or camera_info())
        wait_for(lambda: ground._info is not before, 'the camera_info')

    def send(self, picture: np.ndarray | None = None) -> OccupancyGrid | None:
        """Sends a frame; the grid of its stamp, or None if the frame has none."""
        self.seed += 1
        count = self.live.counts().processed
        sent = self.camera.send(
            make_image(self.seed, picture=road() if picture is None else picture)
        )
        wait_for(lambda: self.live.counts().processed > count, 'the frame is processed')
        if self.live.node.cameras[0].ground.problem:
            return None
        return wait_for(
            lambda: next((g for g in self.grids if g.header.stamp == sent.header.stamp), None),
            'the grid',
        )


@pytest.fixture
def watch(make_live: MakeLive, peer: Peer, tiny_model: pathlib.Path) -> Callable[..., Watched]:
    return lambda *topic, **parameters: Watched(make_live, peer, tiny_model, *topic, **parameters)


def cells(grid: OccupancyGrid) -> np.ndarray:
    return np.array(grid.data, np.int8).reshape(grid.info.height, grid.info.width)


def expected(live: Live, info: CameraInfo, *, rectified: bool = False) -> np.ndarray:
    """What the ground's own room says of the same mask."""
    pose = CameraPose.mounted(height_m=1.5, pitch_deg=10, x_m=0.5)
    spec = GridSpec(x_max_m=12.0, y_min_m=-4.0, y_max_m=4.0, resolution_m=0.25)
    space = DrivableSpace(GroundCamera(read_intrinsics(info, rectified=rectified), pose), spec)
    found = live.node.worker.segmenter.segment([road()])[0]
    return space.look(found.class_ids, drivable_ids=found.card.drivable_ids).grid


def test_grid(watch: Callable[..., Watched]) -> None:
    watched = watch()
    watched.calibrate()
    grid = watched.send()
    assert grid.header.frame_id == 'base_link'
    assert (grid.info.width, grid.info.height) == (48, 32)
    assert grid.info.resolution == pytest.approx(0.25)
    origin = grid.info.origin
    assert (origin.position.x, origin.position.y, origin.orientation.w) == (0.0, -4.0, 1.0)
    np.testing.assert_array_equal(cells(grid), expected(watched.live, camera_info()))
    assert {0, 100, -1} == set(np.unique(cells(grid)).tolist())
    key = 'error at 10 m (m)'
    status = watched.peer.wait_status('camera', lambda s: key in keys(s), 'errors by ring')
    assert float(keys(status)[key]) == pytest.approx(error_by_ring(height_m=1.5)[10.0], abs=0.01)


def test_rectified_images_have_the_projection_without_distortion(
    watch: Callable[..., Watched],
) -> None:
    watched = watch('/cam/image_rect')
    info = camera_info()
    info.d = [0.3, 0.0, 0.0, 0.0, 0.0]
    watched.calibrate(info)
    grid = cells(watched.send())
    np.testing.assert_array_equal(grid, expected(watched.live, info, rectified=True))


def test_what_is_missing_is_said_and_nothing_is_published(watch: Callable[..., Watched]) -> None:
    watched = watch()
    assert watched.send() is None
    text = 'no output in metres: nothing came on /camera_info yet'
    status = watched.peer.wait_status('camera', lambda s: text in s.message, text)
    assert status.level == WARN
    watched.calibrate(CameraInfo(width=60, height=40))
    assert watched.send() is None
    assert 'focal lengths' in watched.live.node.cameras[0].ground.problem
    watched.calibrate(camera_info(height=60))
    assert watched.send() is None
    assert 'is not that image resized' in watched.live.node.cameras[0].ground.problem
    watched.calibrate()
    assert watched.send() is not None
    assert watched.live.counts().failed == 0
    assert len(watched.grids) == 1


def lane() -> np.ndarray:
    """The ego lane (red), narrower with distance, in what is not drivable (blue)."""
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[..., 2] = 200
    for row in range(12, 40):
        half = row - 10
        picture[row, max(0, 30 - half) : 30 + half] = (200, 0, 0)
    picture[:, ::7] //= 2
    return picture


def test_scan(watch: Callable[..., Watched], peer: Peer) -> None:
    watched = watch()
    scans = peer.listen('/segmentation/scan', LaserScan)
    watched.live.wait_wanted('scan')
    watched.calibrate()
    watched.send()
    scan = wait_for(lambda: scans and scans[-1], 'the scan')
    assert scan.header.frame_id == 'base_link'
    assert scan.header.stamp == watched.grids[-1].header.stamp
    assert len(scan.ranges) == round((scan.angle_max - scan.angle_min) / scan.angle_increment) + 1
    ranges = np.array(scan.ranges)
    stripe = ranges[np.isfinite(ranges)]
    assert stripe.size
    assert (stripe <= scan.range_max).all()
    # The stripe's lower edge, row 21, is seen 1.5 m / tan(10 deg + (21 - 20) / 50 rad) ahead.
    ahead = ranges[round(-scan.angle_min / scan.angle_increment)]
    assert ahead == pytest.approx(0.5 + 1.5 / np.tan(np.radians(10) + 1 / 50), abs=0.6)


def test_points_as_navs_layer_takes_them(watch: Callable[..., Watched], peer: Peer) -> None:
    """Nav2's semantic_segmentation_layer wants mask, confidence and cloud of one size and stamp."""
    watched = watch()
    clouds = peer.listen('/segmentation/points', PointCloud2)
    masks = peer.listen('/segmentation/points/mask', Image)
    confidences = peer.listen('/segmentation/points/confidence', Image)
    watched.live.wait_wanted('points', 'points/mask', 'points/confidence')
    watched.calibrate()
    watched.send()
    topics = (clouds, masks, confidences)
    cloud, mask, sure = (wait_for(lambda m=m: m and m[0], 'it') for m in topics)
    assert {m.header.frame_id for m in (cloud, mask, sure)} == {'base_link'}
    assert cloud.header.stamp == mask.header.stamp == sure.header.stamp
    assert (cloud.width, cloud.height) == (mask.width, mask.height) == (sure.width, sure.height)
    assert (mask.encoding, sure.encoding) == ('mono8', 'mono8')
    assert [f.name for f in cloud.fields] == ['x', 'y', 'z']
    assert cloud.row_step == cloud.point_step * cloud.width
    assert len(cloud.data) == cloud.row_step * cloud.height
    xyz = np.frombuffer(bytes(cloud.data), '<f4').reshape(cloud.height, cloud.width, 3)
    known = np.isfinite(xyz).all(axis=2)
    assert (known == np.isfinite(xyz).any(axis=2)).all()
    assert 0 < known.mean() < 1
    assert (xyz[known][:, 2] == 0).all()


def line(path: Path) -> np.ndarray:
    places = [stamped.pose.position for stamped in path.poses]
    return np.array([(place.x, place.y) for place in places])


def test_corridor(watch: Callable[..., Watched], peer: Peer) -> None:
    watched = watch(grid_resolution_m=0.1)
    paths = {
        side: peer.listen(f'/segmentation/corridor/{side}', Path)
        for side in ('left', 'right', 'centre')
    }
    polygons = peer.listen('/segmentation/corridor/polygon', PolygonStamped)
    poses = peer.listen('/segmentation/corridor/pose', PoseStamped)
    watched.live.wait_wanted(*(f'corridor/{side}' for side in paths), 'corridor/polygon')
    watched.live.wait_wanted('corridor/pose')
    watched.calibrate()
    watched.send(lane())
    left, right, centre = (line(wait_for(lambda m=m: m and m[0], 'it')) for m in paths.values())
    assert len(left) == len(right) == len(centre) > 3
    np.testing.assert_allclose(centre, (left + right) / 2, atol=1e-6)
    assert (left[:, 1] > right[:, 1]).all()
    assert np.abs(centre[:, 1]).max() < 0.3
    pose = wait_for(lambda: poses and poses[0], 'the pose').pose
    assert abs(pose.position.y) < 0.3
    assert pose.orientation.w > 0.99
    polygon = wait_for(lambda: polygons and polygons[0], 'the polygon').polygon
    assert len(polygon.points) == 2 * len(left)
    watched.send(np.roll(lane()[..., ::-1], 1, axis=1))  # nothing that is the ego lane
    wait_for(lambda: len(paths['centre']) == 2, 'another path')
    assert not paths['centre'][1].poses
    wait_for(lambda: len(polygons) == 2, 'another polygon')
    assert not polygons[1].polygon.points
    assert len(poses) == 1


def test_untrusted_frames_are_unknown_ground(watch: Callable[..., Watched]) -> None:
    watched = watch(status_frames=1)
    watched.calibrate()
    grid = watched.send(np.zeros((40, 60, 3), np.uint8))
    assert set(np.unique(cells(grid)).tolist()) == {-1}


def test_nothing_is_listened_to_when_nobody_wants_it(
    make_live: MakeLive, peer: Peer, tiny_model: pathlib.Path
) -> None:
    live = make_live(model=str(tiny_model), camera_poses=[POSE]).wait_active()
    masks = peer.listen('/segmentation/mask')
    live.wait_wanted('mask')
    peer.camera('/image').wait_subscribed().send(make_image(1))
    wait_for(lambda: masks, 'the mask')
    peer.wait_status('camera', lambda s: True, 'a report')
    assert peer.node.count_subscribers('/camera_info') == 0


class TestTf:
    @pytest.fixture
    def heard(self, monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], TransformStamped]:
        """A stand-in for tf2_ros, which no wheel has: it knows static transforms only."""
        known: dict[tuple[str, str], TransformStamped] = {}

        class TransformException(Exception):  # noqa: N818 (tf2's name)
            pass

        class Buffer:
            def lookup_transform(
                self, target: str, source: str, time: Any, timeout: Any
            ) -> TransformStamped:
                if (target, source) not in known:
                    raise TransformException(f'"{source}" does not exist')
                return known[target, source]

            def clear(self) -> None:
                pass

        class TransformListener:
            def __init__(self, buffer: Buffer, node: Any) -> None:
                pass

            def unregister(self) -> None:
                pass

        module = types.ModuleType('tf2_ros')
        for part in (TransformException, Buffer, TransformListener):
            setattr(module, part.__name__, part)
        monkeypatch.setitem(sys.modules, 'tf2_ros', module)
        return known

    def test_pose(
        self, watch: Callable[..., Watched], heard: dict[tuple[str, str], TransformStamped]
    ) -> None:
        watched = watch(camera_poses=['tf'], ground_frame='ground')
        watched.calibrate()
        assert watched.send() is None
        assert (
            "TF does not know where 'camera_1_optical'"
            in watched.live.node.cameras[0].ground.problem
        )
        pose = CameraPose.mounted(height_m=1.5, pitch_deg=10, x_m=0.5)
        transform = TransformStamped().transform
        for axis, value in zip('xyz', pose.position, strict=True):
            setattr(transform.translation, axis, value)
        for axis, value in zip('xyzw', quaternion(pose.matrix), strict=True):
            setattr(transform.rotation, axis, value)
        heard['ground', 'camera_2_optical'] = TransformStamped(transform=transform)
        grid = watched.send()
        assert grid.header.frame_id == 'ground'
        np.testing.assert_array_equal(cells(grid), expected(watched.live, camera_info()))

    def test_without_tf2_ros(
        self, watch: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, 'tf2_ros', None)
        watched = watch(camera_poses=['tf'])
        watched.calibrate()
        assert watched.send() is None
        assert 'or give camera_poses' in watched.live.node.cameras[0].ground.problem


def quaternion(turn: np.ndarray) -> tuple[float, float, float, float]:
    w = np.sqrt(max(0.0, 1 + np.trace(turn))) / 2
    x = (turn[2, 1] - turn[1, 2]) / (4 * w)
    y = (turn[0, 2] - turn[2, 0]) / (4 * w)
    z = (turn[1, 0] - turn[0, 1]) / (4 * w)
    return float(x), float(y), float(z), float(w)


@pytest.mark.parametrize(
    ('given', 'words'),
    [
        ({'camera_poses': ('pitch=3',)}, 'add height=METRES'),
        ({'camera_poses': ('height=x',)}, "with 'height=x'"),
        ({'camera_poses': ('height=1 height=2',)}, 'each once of'),
        ({'camera_poses': ('height=-1',)}, 'not above the ground'),
        ({'camera_poses': ('tf', 'tf')}, '2 entries for 1 cameras'),
        ({'grid_x_max_m': -1.0}, 'the smaller number comes first'),
        ({'grid_resolution_m': 0.0}, 'resolution_m is 0; above 0 is allowed'),
    ],
)
def test_parameters_that_are_not_allowed(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        Settings.of({**{spec.name: spec.default for spec in SPECS}, **given})


def test_one_grid_of_several_cameras(
    make_live: MakeLive, peer: Peer, tiny_model: pathlib.Path
) -> None:
    topics = ['/left/image', '/right/image']
    poses = [f'{POSE} yaw=20', f'{POSE} yaw=-20']
    live = make_live(
        model=str(tiny_model), image_topics=topics, camera_poses=poses, status_frames=100, **GRID
    ).wait_active()
    merged = peer.listen('/segmentation/merged_grid', OccupancyGrid)
    wait_for(lambda: live.node.cameras[0].publishers.wanted(has_confidence=True), 'it is wanted')
    cameras = [peer.camera(topic).wait_subscribed() for topic in topics]
    for index, topic in enumerate(topics):
        infos = peer.camera(f'{topic.rpartition("/")[0]}/camera_info', CameraInfo)
        infos.wait_subscribed().send(camera_info())
        wait_for(lambda i=index: live.node.cameras[i].ground._info, 'the camera_info')

    def send(index: int, nanosec: int) -> np.ndarray:
        image = make_image(1, picture=road())
        image.header.stamp.nanosec = nanosec
        count = len(merged)
        cameras[index].send(image)
        wait_for(lambda: len(merged) > count, 'a merged grid')
        assert merged[-1].header.stamp == image.header.stamp
        return cells(merged[-1])

    left = send(0, 0)
    both = send(1, 100_000_000)
    right = send(1, 900_000_000)  # the left one is too old by now
    assert (left != right).any()
    np.testing.assert_array_equal(both, np.maximum(left, right))
    # The left one comes later than the right one, with an older stamp: an obstacle stays one.
    np.testing.assert_array_equal(send(0, 800_000_000), both)
    np.testing.assert_array_equal(send(0, 100_000_000), left)  # the clock jumped back
