# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from drivseg_ros.frames.own_vehicle import name_own_vehicle, own_vehicle

DIRECT, ALTERNATIVE, OTHER = 0, 1, 2


def road(bonnet=8, *, left=40, right=120):
    """100 x 160: sky, then a lane between two columns, then a bonnet over the whole width."""
    label = np.full((100, 160), OTHER, np.uint8)
    label[50:, left:right] = DIRECT
    label[100 - bonnet :] = OTHER
    return label


def test_a_bonnet_is_what_lies_below_the_road():
    label = road()
    found = own_vehicle(label, (DIRECT, ALTERNATIVE), OTHER)
    assert found[92:, 40:120].all()
    assert not found[:92].any()
    assert found[99].all(), 'it goes on to the sides'
    assert not found[93, :5].any(), 'and falls there'


def test_another_lane_beside_ones_own_is_no_bonnet():
    label = road(0)
    assert not own_vehicle(label, (DIRECT, ALTERNATIVE), OTHER).any()


@pytest.mark.parametrize(('bonnet', 'width'), [(8, 20), (35, 80)], ids=['narrow', 'too tall'])
def test_a_thing_before_the_road_is_no_bonnet(bonnet, width):
    label = road(bonnet, left=80 - width // 2, right=80 + width // 2)
    assert not own_vehicle(label, (DIRECT, ALTERNATIVE), OTHER).any()


def test_what_is_unlabelled_in_between_does_not_hide_it():
    label = road()
    label[90:92, 40:120] = 255
    found = own_vehicle(label, (DIRECT, ALTERNATIVE), OTHER)
    assert found[93:, 40:120].all()
    assert not found[label == 255].any()


def test_columns_that_rise_far_above_are_left_out():
    label = road()
    label[75:92, 60:70] = OTHER
    found = own_vehicle(label, (DIRECT, ALTERNATIVE), OTHER)
    assert found[93:, 60:70].all()
    assert not found[:90].any()


@pytest.mark.parametrize('fill', [DIRECT, OTHER, 255])
def test_frames_of_one_kind_have_none(fill):
    label = np.full((20, 30), fill, np.uint8)
    assert not own_vehicle(label, (DIRECT, ALTERNATIVE), OTHER).any()


def test_a_vehicle_left_unlabelled_gets_its_name():
    label = road(0)
    label[94:, 10:150] = 255
    label[10:20, 10:20] = 255
    named = name_own_vehicle(label, 7)
    assert (named[94:, 10:150] == 7).all()
    assert (named == 7).sum() == 6 * 140
    assert (label != 7).all(), 'the label itself is left alone'


def test_unlabelled_to_the_top_is_no_vehicle():
    label = np.full((20, 30), 255, np.uint8)
    assert np.array_equal(name_own_vehicle(label, 7), label)
