"""Line charts as plain SVG, readable on light and dark pages."""

import html
import math

WIDTH, HEIGHT = 720, 380
LEFT, RIGHT, TOP, BOTTOM = 64, 200, 44, 48
COLOURS = ["#2f81f7", "#d9730d", "#2da44e", "#a371f7", "#cf222e"]
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #57606a; }
  .title { font-size: 15px; font-weight: 600; }
  .grid { stroke: #8b949e; stroke-opacity: 0.25; }
  @media (prefers-color-scheme: dark) { text { fill: #adb5bd; } }
"""


class Axis:
    """Maps values to a range of pixels, linearly from zero on or logarithmically."""

    def __init__(self, label, logarithmic=False, ticks=None):
        self.label, self.logarithmic, self.fixed_ticks = label, logarithmic, ticks

    def fit(self, values, first_pixel, last_pixel):
        self.first_pixel, self.last_pixel = first_pixel, last_pixel
        if self.logarithmic:
            self.low, self.high = min(values), max(values)
            if self.fixed_ticks is None:
                self.low, self.high = 10 ** math.floor(math.log10(self.low)), 10 ** math.ceil(math.log10(self.high))
            if self.low == self.high:
                self.high *= 10
        else:
            self.step = nice_step(max(values) / 5)
            self.low, self.high = 0, self.step * math.ceil(max(values) / self.step)

    def ticks(self):
        if self.fixed_ticks is not None:
            return [t for t in self.fixed_ticks if self.low <= t <= self.high]
        if self.logarithmic:
            return [10 ** e for e in range(round(math.log10(self.low)), round(math.log10(self.high)) + 1)]
        return [self.step * i for i in range(round(self.high / self.step) + 1)]

    def pixel(self, value):
        if self.logarithmic:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.first_pixel + share * (self.last_pixel - self.first_pixel)


def nice_step(least):
    """The smallest of 1, 2, 5, 10, 20, 50, ... that is at least as large."""
    power = 10 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least)


def short(value):
    for size, suffix in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:g}{suffix}"
    return f"{value:g}"


def line_chart(title, x_axis, y_axis, lines):
    """`lines`: (name, points, dashed); a name stands beside the last point of its line."""
    lines = [(name, sorted(points), dashed) for name, points, dashed in lines if points]
    x_axis.fit([x for _, points, _ in lines for x, _ in points], LEFT, WIDTH - RIGHT)
    y_axis.fit([y for _, points, _ in lines for _, y in points], HEIGHT - BOTTOM, TOP)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
           f'aria-label="{html.escape(title)}">', f"<style>{STYLE}</style>",
           f'<text class="title" x="{LEFT}" y="18">{html.escape(title)}</text>',
           f'<text x="{LEFT}" y="36">{html.escape(y_axis.label)}</text>',
           f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">'
           f'{html.escape(x_axis.label)}</text>']
    for tick in y_axis.ticks():
        y = y_axis.pixel(tick)
        out.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
                   f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{short(tick)}</text>')
    for tick in x_axis.ticks():
        x = x_axis.pixel(tick)
        out.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
                   f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{short(tick)}</text>')
    names = []
    for number, (name, points, dashed) in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        pixels = [(x_axis.pixel(x), y_axis.pixel(y)) for x, y in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in pixels)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"'
                   f'{" stroke-dasharray=" + chr(34) + "6 4" + chr(34) if dashed else ""}/>')
        if len(points) <= 20:
            out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in pixels]
        names.append((pixels[-1][1], colour, name))
    lowest = TOP
    for y, colour, name in sorted(names):
        y = max(y, lowest)  # names do not cover each other
        lowest = y + 17
        out.append(f'<text x="{WIDTH - RIGHT + 10}" y="{y + 4:.1f}" style="fill: {colour}">{html.escape(name)}</text>')
    return "\n".join(out + ["</svg>\n"])
