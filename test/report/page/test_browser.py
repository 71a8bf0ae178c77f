# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The page in a real browser: wide and narrow, light and dark, with hostile names in every text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from report_cases import (
    GREEN,
    HOSTILE,
    RED,
    hostile_checks,
    hostile_content,
    plain_picture,
)

pytest.importorskip('jinja2', reason="Jinja2 is not installed: pip install '.[report]'")

from drivseg_ros.report.page.render import write_page

WIDE, NARROW = 1280, 360

# Elements that reach out of the window, but for those inside of something that scrolls.
_OUTSIDE = """() => [...document.querySelectorAll('body *')].filter(one => {
  const box = one.getBoundingClientRect();
  return box.width && (box.right > innerWidth + 0.5 || box.left < -0.5)
    && !one.closest('.scroll, .compare, svg');
}).map(one => one.outerHTML.slice(0, 80))"""

# The contrast of every text with what lies behind it (WCAG 2.1), as a canvas mixes the colours.
_CONTRASTS = """() => {
  const pen = Object.assign(document.createElement('canvas'), {width: 1, height: 1})
    .getContext('2d', {willReadFrequently: true});
  const mix = colors => {
    for (const color of colors) { pen.fillStyle = color; pen.fillRect(0, 0, 1, 1); }
    return [...pen.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  const light = rgb => {
    const [r, g, b] = rgb.map(v => v / 255).map(
      v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  for (const one of document.querySelectorAll('body *')) {
    const own = [...one.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || one.closest('svg, script, style')) continue;
    const behind = [];
    for (let at = one; at; at = at.parentElement)
      behind.unshift(getComputedStyle(at).backgroundColor);
    const back = light(mix(behind));
    const front = light(mix([...behind, getComputedStyle(one).color]));
    const [low, high] = [front, back].sort((a, b) => a - b);
    found.push([(high + 0.05) / (low + 0.05), one.tagName, one.textContent.slice(0, 30)]);
  }
  return found;
}"""


@dataclass
class Heard:
    """What the browser told while a page was open."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope='module')
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('page') / 'report.html'
    pictures = [
        plain_picture(),
        plain_picture('best one', 'best', 1),
        plain_picture('worse one', 'worse'),
    ]
    write_page(path, hostile_content(), hostile_checks(), pictures)
    return path


@contextmanager
def opened(browser: Any, path: Path, **options: Any) -> Iterator[tuple[Any, Heard]]:
    heard = Heard()
    context = browser.new_context(**options)
    page = context.new_page()
    page.on('request', lambda request: heard.requests.append(request.url))
    page.on('console', lambda message: heard.complaints.append(message.text))
    page.on('pageerror', lambda error: heard.complaints.append(str(error)))
    page.on('dialog', lambda dialog: heard.complaints.append(dialog.message))
    page.goto(path.as_uri())
    try:
        yield page, heard
    finally:
        context.close()


@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('width', [WIDE, NARROW])
def test_it_fits_and_is_readable(browser: Any, page_file: Path, width: int, scheme: str) -> None:
    size = {'width': width, 'height': 740}
    with opened(browser, page_file, viewport=size, color_scheme=scheme) as (page, heard):
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert page.evaluate('document.documentElement.scrollWidth') == width
        assert page.evaluate(_OUTSIDE) == []
        contrasts = page.evaluate(_CONTRASTS)
        assert len(contrasts) > 100
        assert [one for one in contrasts if one[0] < 4.5] == []
        page_color = page.evaluate('getComputedStyle(document.body).backgroundColor')
        assert (page_color == 'rgb(255, 255, 255)') == (scheme == 'light')
        assert heard.complaints == []


def test_it_is_printed_on_white(browser: Any, page_file: Path) -> None:
    size = {'width': 700, 'height': 990}
    with opened(browser, page_file, viewport=size, color_scheme='dark') as (page, _):
        assert page.evaluate('getComputedStyle(document.body).backgroundColor') == 'rgb(20, 23, 26)'
        page.emulate_media(media='print', color_scheme='dark')
        color = page.evaluate('getComputedStyle(document.body).backgroundColor')
        assert color == 'rgb(255, 255, 255)'
        assert [one for one in page.evaluate(_CONTRASTS) if one[0] < 4.5] == []
        assert not page.locator('nav').is_visible()


def test_it_loads_nothing_and_runs_nothing_of_others(browser: Any, page_file: Path) -> None:
    with opened(browser, page_file) as (page, heard):
        assert [u for u in heard.requests if not u.startswith('data:')] == [page_file.as_uri()]
        assert heard.complaints == []
        assert page.evaluate('window.hacked') is None
        assert page.evaluate("document.querySelectorAll('script').length") == 1
        sources = page.evaluate('[...document.images].map(i => i.src.slice(0, 11))')
        assert len(sources) == 5 + 5 + 7
        assert set(sources) == {'data:image/'}
        # It is told as it is, wherever it comes from.
        shown = page.evaluate('document.body.textContent')
        assert shown.count('<script>window.hacked = 1</script>') > 15
        assert '{{ 7 * 7 }}' in shown
        assert HOSTILE in page.title()


def test_even_a_script_that_got_in_would_not_run(browser: Any, page_file: Path) -> None:
    broken = page_file.with_name('broken.html')
    evil = '<script>window.hacked = 1</script><img src="https://example.invalid/x">'
    broken.write_text(page_file.read_text().replace('<main>', f'<main>{evil}'))
    with opened(browser, broken) as (page, heard):
        assert page.evaluate('window.hacked') is None
        assert any('Content Security Policy' in text for text in heard.complaints)
        assert page.evaluate('document.documentElement.className') == 'js'  # ours does


def test_the_slider_parts_image_and_overlay(browser: Any, page_file: Path) -> None:
    with opened(browser, page_file, viewport={'width': NARROW, 'height': 740}) as (page, _):
        box = page.locator('.compare').first
        slider = box.locator('input')
        slider.focus()

        def colors() -> tuple[list[int], list[int]]:
            shot = cv2.imdecode(np.frombuffer(box.screenshot(), np.uint8), cv2.IMREAD_COLOR)
            row = shot[len(shot) // 4, :, ::-1]
            width = len(row)
            return row[width // 10].tolist(), row[width * 9 // 10].tolist()

        def near(color: list[int], expected: tuple[int, int, int]) -> bool:
            return bool(np.abs(np.array(color) - expected).max() < 12)

        left, right = colors()
        assert near(left, RED)
        assert near(right, GREEN)
        page.keyboard.press('Home')
        left, right = colors()
        assert near(left, GREEN)
        assert near(right, GREEN)
        page.keyboard.press('End')
        left, right = colors()
        assert near(left, RED)
        assert near(right, RED)
        # By hand: taken at the right edge and dragged to a quarter.
        place = box.bounding_box()
        height = place['y'] + place['height'] / 2
        page.mouse.move(place['x'] + place['width'] - 2, height)
        page.mouse.down()
        page.mouse.move(place['x'] + place['width'] / 4, height)
        page.mouse.up()
        assert abs(int(slider.input_value()) - 25) <= 2
        left, right = colors()
        assert near(left, RED)
        assert near(right, GREEN)


def test_a_small_picture_is_shown_large(browser: Any, page_file: Path) -> None:
    with opened(browser, page_file) as (page, heard):
        frame = page.locator('.frame').first
        over, buttons = frame.locator('.over'), frame.locator('.thumbs button')
        overlay = over.get_attribute('src')
        assert buttons.count() == 5
        buttons.nth(2).focus()
        page.keyboard.press('Enter')
        assert over.get_attribute('src') == buttons.nth(2).locator('img').get_attribute('src')
        assert str(over.get_attribute('alt')).endswith(': difference')
        pressed = "all => all.map(one => one.getAttribute('aria-pressed'))"
        assert buttons.evaluate_all(pressed) == ['false', 'false', 'true', 'false', 'false']
        buttons.nth(0).click()
        assert buttons.evaluate_all(pressed) == ['true', 'false', 'false', 'false', 'false']
        buttons.nth(0).click()
        assert over.get_attribute('src') == overlay
        assert heard.complaints == []


def test_without_scripts_both_pictures_are_seen_whole(browser: Any, page_file: Path) -> None:
    with opened(browser, page_file, java_script_enabled=False) as (page, _):
        box = page.locator('.compare').first
        image, overlay = (box.locator('img').nth(i).bounding_box() for i in range(2))
        assert overlay['y'] >= image['y'] + image['height']
        assert not box.locator('input').is_visible()


def test_it_can_be_read_aloud(browser: Any, page_file: Path) -> None:
    with opened(browser, page_file) as (page, _):
        assert page.evaluate('document.documentElement.lang') == 'en'
        assert page.evaluate('[...document.images].every(i => i.alt.trim())')
        for kind, count in (('table', 10), ('svg', 8), ('input', 3)):
            found = page.locator(kind)
            assert found.count() >= count, kind
            names = found.evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
            assert all(names), kind
        tables = page.locator('tbody tr')
        assert tables.evaluate_all("all => all.every(r => r.querySelector('th[scope=row]'))")
        heads = page.locator('h1, h2, h3, h4')
        levels = heads.evaluate_all('all => all.map(h => +h.tagName[1])')
        assert levels[0] == 1
        assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
        for link in page.locator('nav a').all():
            assert page.locator(str(link.get_attribute('href'))).count() == 1
