# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The cross-section of a road: lanes, lines, kerbs, verges and what stands beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from drivseg_ros.scenes.randomness import Stream


@dataclass(frozen=True)
class Strip:
    """A strip of ground from ``left`` to ``right`` (metres across), of one surface."""

    left: float
    right: float
    surface: str


@dataclass(frozen=True)
class Line:
    """A painted line centred at ``at``."""

    at: float
    width: float
    color: str
    dashed: bool


@dataclass(frozen=True)
class Wall:
    """Something continuous along the road: houses, a forest edge, a hedge, a rail."""

    at: float
    style: str
    height: float


@dataclass(frozen=True)
class Row:
    """Things standing in a row along the road, one about every ``spacing`` metres."""

    at: float
    kind: str
    spacing: float
    share: float


@dataclass(frozen=True)
class Layout:
    """A road's cross-section, across = 0 at the left edge of our carriageway.

    Attributes:
        kind: highway, arterial, street, rural, oneway or unmarked.
        lane_edges: The edges of our lanes from left to right, in metres across.
        ego_lane: Which of our lanes is the ego lane, from the left.
        oncoming: Centres of the oncoming lanes.
        dash: Length of a dash and of its period in metres.
        wear: Share of paint that is worn off, 0 to 1.
        crossing_every: Distance between zebra crossings in metres, 0 for none.
        left_hand: True where people drive on the left.
    """

    kind: str
    lane_edges: tuple[float, ...]
    ego_lane: int
    oncoming: tuple[float, ...]
    strips: tuple[Strip, ...]
    lines: tuple[Line, ...]
    walls: tuple[Wall, ...]
    rows: tuple[Row, ...]
    dash: tuple[float, float]
    wear: float
    crossing_every: float
    left_hand: bool
    built_up: bool

    @property
    def lanes(self) -> int:
        """How many lanes go our way."""
        return len(self.lane_edges) - 1

    @property
    def direct(self) -> tuple[float, float]:
        """Edges of the ego lane."""
        return self.lane_edges[self.ego_lane], self.lane_edges[self.ego_lane + 1]

    def lane_center(self, lane: int) -> float:
        """Middle of one of our lanes."""
        return 0.5 * (self.lane_edges[lane] + self.lane_edges[lane + 1])


@dataclass(frozen=True)
class _Kind:
    lanes: tuple[tuple[int, float], ...]
    width: tuple[float, float]
    urban: float
    oncoming: float
    median: float
    parking: float
    speed: tuple[float, float]
    curvature: float
    grade: float


KINDS: dict[str, _Kind] = {
    'highway': _Kind(
        ((2, 4.0), (3, 4.0), (4, 2.0)), (3.4, 3.9), 0.1, 0.8, 1.0, 0.0, (20.0, 34.0), 0.0018, 0.03
    ),
    'arterial': _Kind(
        ((1, 2.0), (2, 5.0), (3, 3.0)), (3.0, 3.6), 0.65, 0.9, 0.35, 0.3, (9.0, 19.0), 0.006, 0.04
    ),
    'street': _Kind(
        ((1, 5.0), (2, 3.0)), (2.8, 3.4), 0.95, 1.0, 0.0, 0.75, (4.0, 13.0), 0.005, 0.04
    ),
    'rural': _Kind(((1, 9.0), (2, 1.0)), (2.8, 3.6), 0.0, 1.0, 0.0, 0.0, (11.0, 25.0), 0.01, 0.06),
    'oneway': _Kind(
        ((1, 3.0), (2, 4.0), (3, 3.0), (4, 2.0)), (2.8, 3.5), 0.95, 0.0, 0.0, 0.7,
        (3.0, 14.0), 0.003, 0.03,
    ),
    'unmarked': _Kind(
        ((1, 1.0),), (4.2, 7.0), 0.75, 0.0, 0.0, 0.6, (3.0, 11.0), 0.009, 0.05
    ),
}  # fmt: skip
KIND_WEIGHTS = (
    ('highway', 0.26), ('arterial', 0.26), ('street', 0.17), ('rural', 0.1), ('oneway', 0.13),
    ('unmarked', 0.08),
)  # fmt: skip


def draw_layout(stream: Stream) -> Layout:
    """A random road, driven on the right or (seldom) on the left."""
    kind = stream.weighted(KIND_WEIGHTS)
    rule = KINDS[kind]
    lanes = stream.weighted(rule.lanes)
    width = stream.uniform(*rule.width)
    urban = stream.chance(rule.urban)
    edges = tuple(width * i for i in range(lanes + 1))
    marked = kind != 'unmarked'
    yellow = stream.chance(0.55)
    strips = [Strip(0.0, edges[-1], 'asphalt')]
    lines: list[Line] = []
    walls: list[Wall] = []
    rows: list[Row] = []
    paint = stream.uniform(0.1, 0.17)
    edge_line = marked and stream.chance(0.4 if urban else 0.9)
    if marked:
        solid = stream.chance(0.08)
        lines += [Line(at, paint, 'white', not solid) for at in edges[1:-1]]

    _side(stream, rule, edges[-1], urban, edge_line, paint, strips, lines, walls, rows)
    oncoming: tuple[float, ...] = ()
    left = 0.0
    if stream.chance(rule.oncoming):
        count = lanes if kind != 'arterial' or stream.chance(0.7) else max(1, lanes - 1)
        if stream.chance(rule.median):
            left = _median(stream, paint, yellow, urban, strips, lines, walls, rows)
        elif marked:
            lines += _center(stream, 'yellow' if yellow else 'white', paint, lanes)
        oncoming = tuple(left - width * (i + 0.5) for i in range(count))
        strips.append(Strip(left - width * count, left, 'asphalt'))
        if marked:
            lines += [Line(left - width * i, paint, 'white', True) for i in range(1, count)]
        left -= width * count
        edge_color = 'white'
    else:
        edge_color = 'yellow' if yellow and lanes > 1 else 'white'
    mirrored: tuple[list[Strip], list[Line], list[Wall], list[Row]] = ([], [], [], [])
    _side(stream, rule, -left, urban, edge_line, paint, *mirrored, color=edge_color)
    strips += [Strip(-s.right, -s.left, s.surface) for s in mirrored[0]]
    lines += [replace(line, at=-line.at) for line in mirrored[1]]
    walls += [replace(wall, at=-wall.at) for wall in mirrored[2]]
    rows += [replace(row, at=-row.at) for row in mirrored[3]]

    layout = Layout(
        kind=kind,
        lane_edges=edges,
        ego_lane=stream.integer(0, lanes - 1),
        oncoming=oncoming,
        strips=tuple(strips),
        lines=tuple(lines),
        walls=tuple(walls),
        rows=tuple(rows),
        dash=stream.pick([(3.0, 12.0), (3.0, 9.0), (6.0, 18.0), (2.0, 5.0), (1.0, 3.0)]),
        wear=stream.weighted([(stream.uniform(0.0, 0.3), 0.6), (stream.uniform(0.3, 0.9), 0.4)]),
        crossing_every=stream.uniform(110.0, 260.0)
        if urban and marked and kind != 'highway' and stream.chance(0.6)
        else 0.0,
        left_hand=False,
        built_up=urban,
    )
    return _mirror(layout) if stream.chance(0.14) else layout


def _center(stream: Stream, color: str, paint: float, lanes: int) -> list[Line]:
    style = stream.weighted([('double', 0.5), ('single', 0.2), ('dashed', 0.3)])
    if style == 'double' or lanes > 1:
        return [Line(-paint, paint, color, False), Line(paint, paint, color, False)]
    return [Line(0.0, paint, color, style == 'dashed')]


def _median(
    stream: Stream,
    paint: float,
    yellow: bool,
    urban: bool,
    strips: list[Strip],
    lines: list[Line],
    walls: list[Wall],
    rows: list[Row],
) -> float:
    """A divided road's middle; returns its left edge."""
    inner = stream.uniform(0.3, 1.5)
    width = stream.weighted([(stream.uniform(0.6, 2.0), 0.6), (stream.uniform(3.0, 9.0), 0.4)])
    strips.append(Strip(-inner, 0.0, 'asphalt'))
    strips.append(Strip(-inner - width - 0.5, -inner - width, 'asphalt'))
    lines.append(Line(0.0, paint, 'yellow' if yellow else 'white', False))
    surface = stream.pick(['grass', 'dry_grass', 'concrete'] if width > 2.0 else ['concrete'])
    strips.append(Strip(-inner - width, -inner, surface))
    if width <= 2.0 or stream.chance(0.4):
        style = stream.pick(['jersey', 'rail'] if not urban else ['jersey', 'hedge'])
        walls.append(Wall(-inner - 0.35 * width, style, stream.uniform(0.7, 1.1)))
    elif urban or stream.chance(0.3):
        rows.append(Row(-inner - 0.5 * width, 'tree', stream.uniform(10.0, 22.0), 0.7))
    return -inner - width - 0.5


def _side(
    stream: Stream,
    rule: _Kind,
    edge: float,
    urban: bool,
    edge_line: bool,
    paint: float,
    strips: list[Strip],
    lines: list[Line],
    walls: list[Wall],
    rows: list[Row],
    *,
    color: str = 'white',
) -> float:
    """What lies right of the outermost lane's edge; returns where the wall stands."""
    if edge_line:
        lines.append(Line(edge, paint, color, False))
    at = edge
    if urban:
        if stream.chance(rule.parking):
            strips.append(Strip(at, at + 2.3, stream.pick(['asphalt', 'asphalt', 'paving'])))
            rows.append(
                Row(at + 1.15, 'parked', stream.uniform(5.6, 8.0), stream.uniform(0.25, 0.95))
            )
            at += 2.3
        else:
            gutter = stream.uniform(0.2, 0.9)
            strips.append(Strip(at, at + gutter, 'asphalt'))
            at += gutter
        strips.append(Strip(at, at + 0.22, 'kerb'))
        at += 0.22
        if stream.chance(0.35):
            green = stream.uniform(0.8, 2.5)
            strips.append(Strip(at, at + green, stream.pick(['grass', 'dry_grass'])))
            at += green
        walk = stream.uniform(1.6, 4.5)
        strips.append(Strip(at, at + walk, stream.pick(['paving', 'concrete'])))
        if stream.chance(0.65):
            rows.append(Row(at + 0.5, 'tree', stream.uniform(7.0, 20.0), stream.uniform(0.3, 1.0)))
        rows.append(Row(at + 0.4, stream.pick(['lamp', 'pole', 'sign']), stream.uniform(18, 40), 1))
        if stream.chance(0.5):
            rows.append(Row(at + 1.1, 'person', stream.uniform(7.0, 30.0), 0.4))
        at += walk
        yard = stream.weighted([(0.0, 0.55), (stream.uniform(2.0, 8.0), 0.45)])
        if yard:
            strips.append(Strip(at, at + yard, stream.pick(['grass', 'dry_grass', 'concrete'])))
            at += yard
        style = stream.weighted([('houses', 0.45), ('blocks', 0.4), ('hedge_high', 0.15)])
        tall = {'houses': 7.5, 'blocks': 18.0, 'hedge_high': 2.2}[style]
        walls.append(Wall(at, style, tall * stream.uniform(0.8, 1.3)))
        strips.append(Strip(at, 400.0, 'grass'))
        return at
    if edge_line or stream.chance(0.4):
        shoulder = stream.uniform(0.3, 3.2 if rule.curvature < 0.003 else 1.2)
        strips.append(Strip(at, at + shoulder, 'shoulder'))
        at += shoulder
    ground = stream.weighted([('grass', 0.45), ('dry_grass', 0.25), ('sand', 0.2), ('gravel', 0.1)])
    if stream.chance(0.35):
        strips.append(Strip(at, at + 0.8, 'gravel'))
        at += 0.8
    strips.append(Strip(at, 400.0, ground))
    if stream.chance(0.4):
        style = stream.weighted([('rail', 0.65), ('jersey', 0.35)])
        walls.append(Wall(at + 0.5, style, stream.uniform(0.65, 1.0)))
    if stream.chance(0.6):
        rows.append(
            Row(
                at + stream.uniform(2.5, 7.0),
                stream.pick(['tree', 'tree', 'bush']),
                stream.uniform(6.0, 25.0),
                stream.uniform(0.3, 0.9),
            )
        )
    if stream.chance(0.5):
        rows.append(
            Row(
                at + stream.uniform(1.2, 2.5),
                stream.pick(['lamp', 'pole', 'sign']),
                stream.uniform(30.0, 60.0),
                1.0,
            )
        )
    style = stream.weighted([('forest', 0.5), ('none', 0.35), ('noise_wall', 0.15)])
    if style != 'none':
        walls.append(
            Wall(
                at + stream.uniform(4.0, 16.0),
                style,
                (9.0 if style == 'forest' else 3.8) * stream.uniform(0.7, 1.3),
            )
        )
    return at


def _mirror(layout: Layout) -> Layout:
    """The same road where people drive on the left."""
    return replace(
        layout,
        lane_edges=tuple(-edge for edge in reversed(layout.lane_edges)),
        ego_lane=layout.lanes - 1 - layout.ego_lane,
        oncoming=tuple(-at for at in layout.oncoming),
        strips=tuple(Strip(-s.right, -s.left, s.surface) for s in layout.strips),
        lines=tuple(replace(line, at=-line.at) for line in layout.lines),
        walls=tuple(replace(wall, at=-wall.at) for wall in layout.walls),
        rows=tuple(replace(row, at=-row.at) for row in layout.rows),
        left_hand=True,
    )
