# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Views of real variation: torchvision's pipeline over our transforms."""

from __future__ import annotations

import multiprocessing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivseg_ros.lab.training.augmentation import PRESETS, Augmentation, view_of

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")
pytest.importorskip('torchvision', reason="torchvision is not installed: pip install '.[train]'")

GEOMETRY = {'zoom_in': 1.6, 'zoom_out': 1.25, 'aspect': 1.2, 'rotation': 10.0, 'shift': 1.0}
MOVING = Augmentation(**GEOMETRY, flip=0.5)
SHADED = Augmentation(color=1, exposure=1, night=1, shadow=1, rain=1, blur=1, noise=1)


def discs(height=90, width=160):
    """Two discs of different grey on black, and their label."""
    rows, columns = np.mgrid[:height, :width]
    label = np.full((height, width), 2, np.uint8)
    for i, (y, x) in enumerate([(0.33, 0.25), (0.66, 0.44)]):
        label[(rows - y * height) ** 2 + (columns - x * width) ** 2 < (0.2 * height) ** 2] = i
    image = np.repeat(((2 - label) * 100)[..., None], 3, axis=2).astype(np.uint8)
    return image, label


def centroid(mask):
    return np.array(np.nonzero(mask)).mean(axis=1) + 0.5


def told_class(view):
    """The class that the grey tells, and where it is clear: neither rim nor fill colour."""
    grey = view[..., 0].astype(int)
    clear = (np.abs(grey - 150) > 40) & (np.abs(grey - 50) > 40)
    return np.where(grey > 150, 0, np.where(grey > 50, 1, 2)), clear


@given(
    seed=st.integers(0, 2**32 - 1),
    in_size=st.sampled_from([(90, 160), (180, 320), (270, 480), (45, 80), (60, 200)]),
)
@settings(max_examples=50, deadline=None)
def test_the_target_moves_with_the_image(seed, in_size):
    image, label = discs(*in_size)
    view, [target, hint] = view_of(MOVING, image, [label, label], seed, width=160, height=96)
    assert np.array_equal(target, hint)
    told, clear = told_class(view)
    inside = (target != 255) & clear
    assert (told == target)[inside].mean() > 0.97
    # What is unlabelled is what lies outside: grey.
    outside = target == 255
    if outside.mean() > 0.05:
        assert (np.abs(view[outside].astype(int) - 114) < 40).mean() > 0.8


@pytest.mark.parametrize('stride', [2, 4])
def test_a_smaller_target_lies_over_the_image(stride):
    """On average to a fifth of a pixel; a corner taken for a centre would be stride / 2 off."""
    image, label = discs()
    still_inside = Augmentation(zoom_out=1.25, rotation=10)
    offsets = []
    for seed in range(60):
        full, small = (
            view_of(still_inside, image, [label], seed, width=320, height=192, target_stride=s)[1][
                0
            ]
            for s in (1, stride)
        )
        assert small.shape == (192 // stride, 320 // stride)
        for i in (0, 1):
            offsets.append(centroid(small == i) * stride - centroid(full == i))
    assert np.abs(np.mean(offsets, axis=0)).max() < 0.2


@pytest.mark.parametrize('in_size', [(90, 160), (180, 320), (216, 384), (360, 640)])
def test_an_image_that_shrinks_is_not_shifted(in_size):
    """Means over blocks come first: they must not move the picture against the target."""
    image, label = discs(*in_size)
    offsets = []
    for seed in range(20):
        view, [target] = view_of(
            Augmentation(zoom_out=1.5, shift=1), image, [label], seed, width=80, height=45
        )
        for i, low in ((0, 150), (1, 50)):
            weight = np.clip(view[..., 0].astype(float) - low, 0, 50) * (target == i)
            middle = [(w * weight).sum() / weight.sum() + 0.5 for w in np.indices(weight.shape)]
            offsets.append(middle - centroid(target == i))
    assert np.abs(np.mean(offsets, axis=0)).max() < 0.15


def test_a_small_image_of_fine_lines_is_their_mean():
    """Interpolation of single pixels would show some lines and leave others out."""
    image = np.zeros((360, 640, 3), np.uint8)
    image[:, ::4] = 240
    still = Augmentation(rotation=0.001)
    view, _ = view_of(still, image, [], 1, width=160, height=90)
    assert np.abs(view[5:-5, 5:-5].astype(int) - 60).max() <= 8


def test_flip_mirrors_everything():
    image, label = discs()
    view, [target] = view_of(Augmentation(flip=1), image, [label], 0, width=160, height=90)
    assert np.array_equal(view, image[:, ::-1])
    assert np.array_equal(target, label[:, ::-1])
    assert view.flags.c_contiguous
    assert target.flags.c_contiguous


def test_light_and_weather_leave_the_planes_alone():
    image, label = discs()
    image[:] = np.maximum(image, 90)
    view, [target] = view_of(SHADED, image, [label], 3, width=160, height=90)
    assert np.array_equal(target, label)
    assert not np.array_equal(view, image)


def test_chance_follows_the_probability():
    image, _ = discs()
    blurred = Augmentation(blur=0.25)
    changed = [
        not np.array_equal(view_of(blurred, image, [], (7, i), width=160, height=90)[0], image)
        for i in range(400)
    ]
    assert 0.17 < np.mean(changed) < 0.33


@pytest.mark.parametrize('seeds', [(1, 2), ((1, 2, 3), (1, 2, 4)), (0, 2**63)])
def test_a_seed_gives_the_same_view_and_another_seed_another(seeds):
    image, label = discs()
    everything = Augmentation(**GEOMETRY, flip=0.5, color=1, rain=1, night=0.5, noise=1)
    views = []
    for seed in (seeds[0], seeds[0], seeds[1]):
        torch.manual_seed(len(views))
        np.random.seed(len(views))
        views.append(view_of(everything, image, [label], seed, width=160, height=96))
    assert np.array_equal(views[0][0], views[1][0])
    assert np.array_equal(views[0][1], views[1][1])
    assert not np.array_equal(views[0][0], views[2][0])


@pytest.mark.parametrize('broken', [False, True])
def test_other_random_states_are_not_touched(broken):
    image, label = discs()
    torch.manual_seed(5)
    np.random.seed(5)
    wanted = torch.rand(3), np.random.rand(3)
    torch.manual_seed(5)
    np.random.seed(5)
    if broken:
        with pytest.raises(ValueError, match='non-negative'):
            view_of(PRESETS['road'], image, [label], -1, width=160, height=96)
    else:
        view_of(PRESETS['road'], image, [label], 1, width=160, height=96)
    assert torch.equal(torch.rand(3), wanted[0])
    assert np.array_equal(np.random.rand(3), wanted[1])


def _view_of(seed):
    image, label = discs()
    strong = Augmentation(**GEOMETRY, color=1, rain=1, noise=1)
    view, [target] = view_of(strong, image, [label], seed, width=160, height=96)
    return view.tobytes() + target.tobytes()


class Frames(torch.utils.data.Dataset):
    """Eight views; the worker's own seeds differ from run to run."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.frombuffer(bytearray(_view_of((3, index))), dtype=torch.uint8)


def test_workers_make_the_same_views():
    context = multiprocessing.get_context('fork')
    loader = torch.utils.data.DataLoader(
        Frames(), batch_size=4, num_workers=2, multiprocessing_context=context
    )
    views = torch.cat(list(loader))
    wanted = torch.stack([Frames()[i] for i in range(8)])
    assert torch.equal(views, wanted)


def test_read_only_and_turned_arrays_are_welcome():
    image, label = discs()
    image[..., 0] = 7
    turned = np.ascontiguousarray(image[..., ::-1])[..., ::-1]
    for array in (image.copy(), label):
        array.flags.writeable = False
    frozen = image.copy()
    frozen.flags.writeable = False
    for augmentation in (Augmentation(), MOVING, PRESETS['road']):
        views = [
            view_of(augmentation, one, [label], 9, width=160, height=96)
            for one in (image, turned, frozen)
        ]
        for view, [target] in views[1:]:
            assert np.array_equal(view, views[0][0])
            assert np.array_equal(target, views[0][1][0])
    label.flags.writeable = True
