#!/usr/bin/python3
"""Draws the dashboard with the answers that dashboard.py has kept.

    tests/e2e/dashboard_svg.py build/e2e/story/dashboard.json docs/dashboard.svg

Panels are where the chart puts them and have its titles, legends, units, thresholds and colors; the
picture is light or dark as the reader's screen is.
"""

import html
import json
import math
import pathlib
import re
import sys

COLUMN, ROW, GAP = 40, 26, 6  # of Grafana's grid, in pixels
HOLE_S = 1.5                  # between answers that are a second apart
LINES = ("blue", "orange", "green", "purple", "teal", "pink", "olive", "red", "brown", "gray", "navy", "lime")
COLORS = {"blue": "#3b82f6", "orange": "#e8870b", "green": "#2fa866", "purple": "#a463f2", "teal": "#0ea5b7",
          "pink": "#db4ca0", "olive": "#93a01c", "red": "#e5484d", "brown": "#b07a50", "gray": "#8b949e",
          "navy": "#5b6bd6", "lime": "#7cc243", "dark-red": "#b3262e"}
LABEL = re.compile(r"{{(\w+)}}")
STYLE = """
text{font:12px system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}
.board{fill:#f1f3f5}.panel{fill:#fff;stroke:#dfe3e8}.grid{stroke:#e6e9ed}
.text{fill:#24292f}.muted{fill:#68727d}.small{font-size:10.5px}.strong{font-weight:600}
.line{fill:none;stroke-width:1.4;stroke-linejoin:round}.on{fill:#fff;font-weight:600}
@media (prefers-color-scheme:dark){
.board{fill:#0f1115}.panel{fill:#181b1f;stroke:#2a2f35}.grid{stroke:#2a2f35}
.text{fill:#dfe3e8}.muted{fill:#959ea8}}
"""


class Picture:
    def __init__(self, width, height):
        self._size = width, height
        self._parts = []

    def rect(self, x, y, width, height, **attributes):
        self._element("rect", x=x, y=y, width=width, height=height, **attributes)

    def line(self, x1, y1, x2, y2, **attributes):
        self._element("line", x1=x1, y1=y1, x2=x2, y2=y2, **attributes)

    def path(self, d, **attributes):
        self._element("path", d=d, **attributes)

    def text(self, x, y, said, cls="text", **attributes):
        self._element("text", html.escape(said), x=x, y=y, cls=cls, **attributes)

    def _element(self, name, inside="", **attributes):
        said = "".join(f' {key.replace("cls", "class").replace("_", "-")}="{short(value)}"'
                       for key, value in attributes.items() if value != "")
        self._parts.append(f"<{name}{said}>{inside}</{name}>" if inside else f"<{name}{said}/>")

    def __str__(self):
        width, height = self._size
        head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">\n'
                "<title>The dashboard of pg-rightsizer</title>\n<style>" + STYLE + "</style>\n")
        return head + "\n".join(self._parts) + "\n</svg>\n"


def short(value):
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else value


def width_of(said, size=10.5):
    return len(said) * size * 0.6


# --- numbers and names --------------------------------------------------------------------------


def with_unit(value, unit):
    if unit == "percentunit":
        return f"{100 * value:.3g} %"
    if unit == "s" and 0 < value < 1:
        return f"{1000 * value:.3g} ms"
    if unit == "s" and value >= 60:
        return f"{value / 60:.1f} min"
    number = f"{value:.10g}" if value == int(value) else f"{value:.3g}"
    return number + " s" if unit == "s" and value else number


def ticks(most, unit):
    """Four or so round numbers from 0 to the first that is not below `most`."""
    if unit == "percentunit":
        return [n / 4 for n in range(5)] if most <= 1.2 else ticks(most, "")
    rough = (most or 1) / 4
    power = 10 ** math.floor(math.log10(rough))
    step = next(n * power for n in (1, 2, 5, 10) if n * power >= rough * 0.999)
    return [n * step for n in range(math.ceil((most or 1) / step - 0.001) + 1)]


def named(panel):
    """Each series with points: its name, as Grafana makes it of the legend, and the points."""
    for target in panel["targets"]:
        for one in target["series"]:
            of = one["labels"]
            yield LABEL.sub(lambda label, of=of: of.get(label[1], ""), target["legendFormat"]), one["points"]


def colored(panel, value):
    """By the thresholds."""
    found = "green"
    for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]:
        if step["value"] is None or value >= step["value"]:
            found = step["color"]
    return found


def mappings(panel):
    return {value: one for mapping in panel["fieldConfig"]["defaults"]["mappings"]
            for value, one in mapping["options"].items()}


def fill(color):
    return {"cls": "text"} if color == "text" else {"cls": "", "fill": COLORS[color]}


# --- panels -------------------------------------------------------------------------------------


class Box:
    """Where a panel is."""

    def __init__(self, grid):
        self.x, self.y = GAP + grid["x"] * COLUMN + GAP / 2, GAP + grid["y"] * ROW + GAP / 2
        self.width, self.height = grid["w"] * COLUMN - GAP, grid["h"] * ROW - GAP
        self.right, self.bottom = self.x + self.width, self.y + self.height


def frame(picture, panel, box):
    picture.rect(box.x, box.y, box.width, box.height, rx=3, cls="panel")
    picture.text(box.x + 10, box.y + 18, panel["title"], cls="text strong")


def row(picture, panel, box, _span):
    picture.text(box.x + 4, box.y + 16, panel["title"], cls="text strong", style="font-size:14px")


def stat(picture, panel, box, _span):
    frame(picture, panel, box)
    unit = panel["fieldConfig"]["defaults"]["unit"]
    values = [(name, points[-1][1]) for name, points in named(panel) if points]
    each = (box.width - 12) / max(1, len(values))
    middle = box.y + 10 + box.height / 2
    for n, (name, value) in enumerate(values):
        x = box.x + 6 + each * (n + 0.5)
        picture.text(x, middle + 4, with_unit(value, unit), text_anchor="middle",
                     style="font-size:24px;font-weight:600", **fill(colored(panel, value)))
        picture.text(x, middle + 22, name, cls="muted small", text_anchor="middle")


def table(picture, panel, box, _span):
    frame(picture, panel, box)
    columns, rows = merged(panel)
    widths = [max(width_of(said, 12) for said in [column] + [one.get(column, "") for one in rows])
              for column in columns]
    space = (box.width - 20 - sum(widths)) / len(columns)
    marks, x = mappings(panel), box.x + 10
    picture.line(box.x + 8, box.y + 51, box.right - 8, box.y + 51, cls="grid")
    for column, width in zip(columns, widths):
        picture.text(x, box.y + 44, column, cls="muted small")
        for n, one in enumerate(rows):
            said = one.get(column, "")
            picture.text(x, box.y + 70 + 20 * n, said, **fill(marks.get(said, {"color": "text"})["color"]))
        x += width + space


def merged(panel):
    """Columns and rows as Grafana's transformation merge makes them: series whose labels agree in what all
    of them have are one row."""
    overrides = panel["fieldConfig"]["overrides"]
    units = {one["matcher"]["options"]: one["properties"][0]["value"] for one in overrides}
    everything = [(target["legendFormat"], one) for target in panel["targets"] for one in target["series"]]
    shared = set.intersection(*(set(one["labels"]) for _, one in everything))
    columns, rows = [], {}
    for legend, one in everything:
        shown = dict(one["labels"])
        if legend:
            shown[legend] = with_unit(one["points"][-1][1], units.get(legend))
        rows.setdefault(tuple(one["labels"][name] for name in sorted(shared)), {}).update(shown)
        in_order = sorted(shown, key=lambda name: name not in shared)
        columns += [name for name in in_order if name not in columns]
    return columns, list(rows.values())


class Plot:
    """The area of a graph within its panel; time and numbers as pixels."""

    def __init__(self, box, span, legend_lines=0, left=44):
        self.left, self.right = box.x + left, box.right - 12
        self.top, self.bottom = box.y + 30, box.bottom - 22 - 15 * legend_lines
        self.began, self.ended = span
        self.most = 1.0

    def x(self, at):
        return self.left + (at - self.began) / (self.ended - self.began) * (self.right - self.left)

    def y(self, value):
        return self.bottom - value / self.most * (self.bottom - self.top)

    def times(self, picture):
        length = self.ended - self.began
        every = next(n for n in (15, 30, 60, 120, 300, 600) if length / n <= (self.right - self.left) / 45)
        for n in range(int((length - every / 4) // every) + 1):
            x = self.x(self.began + n * every)
            picture.line(x, self.top, x, self.bottom, cls="grid")
            picture.text(x, self.bottom + 13, f"{n * every // 60}:{n * every % 60:02}", cls="muted small",
                         text_anchor="middle")

    def numbers(self, picture, most, unit):
        marks = ticks(most, unit)
        self.most = max(marks[-1], most)
        for value in marks:
            picture.line(self.left, self.y(value), self.right, self.y(value), cls="grid")
            picture.text(self.left - 5, self.y(value) + 4, with_unit(value, unit), cls="muted small",
                         text_anchor="end")


def timeseries(picture, panel, box, span):
    frame(picture, panel, box)
    defaults = panel["fieldConfig"]["defaults"]
    custom = defaults["custom"]
    shown = [(name, points, LINES[n % len(LINES)]) for n, (name, points) in enumerate(named(panel))]
    keys = legend_lines([(name, color) for name, _, color in shown], box.width - 20)
    plot = Plot(box, span, len(keys))
    bars = custom.get("drawStyle") == "bars"
    heights = stacked(shown) if bars else [value for _, points, _ in shown for _, value in points]
    plot.numbers(picture, max(heights + [custom.get("axisSoftMax", 0)]), defaults["unit"])
    plot.times(picture)
    for step in defaults["thresholds"]["steps"][1:]:
        y = plot.y(step["value"])
        picture.line(plot.left, y, plot.right, y, stroke=COLORS[step["color"]], stroke_dasharray="6 4")
    draw_bars(picture, plot, shown) if bars else draw_lines(picture, plot, shown, custom["fillOpacity"] / 100)
    legend(picture, box, keys)


def legend(picture, box, keys):
    for n, line in enumerate(keys):
        x, y = box.x + 12, box.bottom - 15 * (len(keys) - n)
        for name, color in line:
            picture.rect(x, y + 2, 10, 3, fill=COLORS.get(color, COLORS["gray"]))
            picture.text(x + 14, y + 7, name, cls="muted small")
            x += 28 + width_of(name)


def legend_lines(keys, width):
    lines, x = [[]], 0
    for key in keys:
        x += 28 + width_of(key[0])
        if x > width and lines[-1]:
            lines.append([])
            x = 28 + width_of(key[0])
        lines[-1].append(key)
    return lines


def draw_lines(picture, plot, shown, opacity):
    for _, points, color in shown:
        line, area = [], []
        for run in runs(points):
            d = "L".join(f"{short(plot.x(at))} {short(plot.y(value))}" for at, value in thinned(run))
            line.append(f"M{d}")
            area.append(f"M{short(plot.x(run[0][0]))} {plot.bottom}L{d}V{plot.bottom}z")
        if line:
            picture.path("".join(area), fill=COLORS[color], fill_opacity=opacity)
            picture.path("".join(line), cls="line", stroke=COLORS[color])


def runs(points):
    """Parts without a hole: across one there is no line."""
    found = []
    for point in points:
        if found and point[0] - found[-1][-1][0] <= HOLE_S:
            found[-1].append(point)
        else:
            found.append([point])
    return found


def thinned(points):
    """Without those that lie on a level line between their neighbours."""
    return [point for n, point in enumerate(points)
            if not 0 < n < len(points) - 1 or not points[n - 1][1] == point[1] == points[n + 1][1]]


def stacked(shown):
    sums = {}
    for _, points, _ in shown:
        for at, value in points:
            sums[at] = sums.get(at, 0) + value
    return list(sums.values())


def draw_bars(picture, plot, shown):
    """On top of each other; neighbours of one height are one bar."""
    base = {}
    for _, points, color in shown:
        d, run = [], None
        for at, value in points + [[math.inf, 0]]:
            below = base.get(at, 0)
            base[at] = below + value
            if run and (at - run[1] > HOLE_S or (below, value) != run[2:]):
                left, right = plot.x(run[0]), plot.x(min(run[1] + 1, plot.ended))
                low, high = plot.y(run[2]), plot.y(run[2] + run[3])
                d.append(f"M{short(left)} {short(low)}V{short(high)}H{short(right)}V{short(low)}z")
                run = None
            run = (run[0] if run else at, at, below, value)
        if d:
            picture.path("".join(d), fill=COLORS[color], fill_opacity=0.75)


def state_timeline(picture, panel, box, span):
    frame(picture, panel, box)
    called, lanes = mappings(panel), list(named(panel))
    seen = {value for _, points in lanes for _, value in points}
    states = [called[f"{value:.0f}"] for value in sorted(seen)]
    keys = legend_lines([(state["text"], state["color"]) for state in states], box.width - 20)
    plot = Plot(box, span, len(keys), left=64)
    plot.times(picture)
    height = (plot.bottom - plot.top) / len(lanes)
    for n, (name, points) in enumerate(lanes):
        y = plot.top + n * height + 3
        picture.text(plot.left - 8, y + height / 2 + 1, name, cls="muted small", text_anchor="end")
        for began, ended, value in spells(points):
            state = called[f"{value:.0f}"]
            left, width = plot.x(began), plot.x(ended) - plot.x(began)
            picture.rect(left, y, width, height - 6, rx=2, fill=COLORS.get(state["color"], COLORS["gray"]),
                         fill_opacity=0.35 if state["color"] == "text" else 0.9)
            if width > width_of(state["text"], 12) + 6:
                middle = left + width / 2, y + height / 2 + 1
                picture.text(*middle, state["text"], cls="on", text_anchor="middle")
    legend(picture, box, keys)


def spells(points):
    """[(from, to, value)] of neighbours that are the same."""
    found = []
    for at, value in points:
        if found and found[-1][2] == value:
            found[-1][1] = at
        else:
            if found:
                found[-1][1] = at
            found.append([at, at, value])
    return found


DRAW = {"row": row, "stat": stat, "table": table, "timeseries": timeseries, "state-timeline": state_timeline}


def write(kept, picture):
    answered = json.loads(pathlib.Path(kept).read_text(encoding="utf-8"))
    panels = answered["panels"]
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    drawn = Picture(24 * COLUMN + 2 * GAP, height * ROW + 2 * GAP)
    drawn.rect(0, 0, 24 * COLUMN + 2 * GAP, height * ROW + 2 * GAP, rx=6, cls="board")
    for panel in panels:
        DRAW[panel["type"]](drawn, panel, Box(panel["gridPos"]), (answered["began"], answered["ended"]))
    pathlib.Path(picture).write_text(str(drawn), encoding="utf-8")


if __name__ == "__main__":
    write(*sys.argv[1:])
