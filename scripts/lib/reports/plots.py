# SPDX-License-Identifier: GPL-2.0-only
"""Draws pictures with gnuplot, each as SVG and as PNG from one description."""
import math
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from shared.command import printable
from shared.quoting import gnuplot

# Colours and point shapes of modes and guards. The colours (by Okabe and Ito) can be distinguished
# by people who are colour-blind.
INK, FAINT = "#333333", "#d8d8d8"
LOOKS = {"none": ("#666666", 13), "pract": ("#0072b2", 7), "unchecked": ("#56b4e9", 9),
         "device": ("#e69f00", 5), "host": ("#009e73", 11), "both": ("#d55e00", 15),
         "kernel": ("#cc79a7", 13), "kernel-user": ("#000000", 9),
         "16b": ("#0072b2", 7), "32b": ("#e69f00", 5), "64b": ("#009e73", 9)}
PART_COLOURS = {"generate": "#d55e00", "check": "#e69f00", "rest": "#9aa5b1",
                "user": "#0072b2", "system": "#56b4e9"}
# Colours for the loss relative to the baseline, from 0 to 90 %: one hue, light to dark.
HEAT = ((0, (250, 250, 247)), (0.1, (253, 231, 199)), (0.3, (246, 178, 107)),
        (0.55, (209, 92, 48)), (0.9, (110, 24, 20)))
HALF, THIRD = 580, 380      # widths of pictures with two or three in a row
LIMIT = 600             # seconds that gnuplot may take
# of gnuplot: name, font size, suffix of the file
TERMINALS = ("svg", 12, "svg"), ("pngcairo", 9, "png")
NONE = "-"                              # stands for a missing value


@dataclass
class Picture:
    """The gnuplot commands of a picture; alt describes it in words."""

    name: str
    alt: str
    width: int
    height: int
    commands: list


def have_gnuplot():
    return shutil.which("gnuplot") is not None


def heat(lost):
    """Returns (background, text colour) for a loss, a fraction of the baseline."""
    lost = min(max(lost, 0), HEAT[-1][0])
    for (low, a), (high, b) in zip(HEAT, HEAT[1:]):
        if lost <= high:
            t = (lost - low) / (high - low)
            rgb = [round(x + t * (y - x)) for x, y in zip(a, b)]
            break
    light = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] > 140
    return "#{:02x}{:02x}{:02x}".format(*rgb), "#1a1a1a" if light else "#ffffff"


def tics(names, sign=1):
    """
    Returns tics with these names at 0, 1, 2... A per cent sign is doubled, because tics are
    formats.
    """
    return "({})".format(", ".join(f"{gnuplot(name.replace('%', '%%'))} {sign * i}"
                                   for i, name in enumerate(names)))


def block(name, rows):
    """Returns the gnuplot commands that define a table $name."""
    lines = [" ".join(NONE if v is None else v if isinstance(v, str) else f"{v:.6g}" for v in row)
             for row in rows]
    return [f"${name} << END", *lines, "END"]


def common(title, xlabel="", ylabel=""):
    """Returns the common settings: no box, light grid lines."""
    return [
        "reset", f"set title {gnuplot(title)} noenhanced font ',13' textcolor '{INK}'",
        f"set xlabel {gnuplot(xlabel)} noenhanced", f"set ylabel {gnuplot(ylabel)} noenhanced",
        f"set border 3 lc rgb '{INK}'", f"set grid ytics xtics lc rgb '{FAINT}' lt 1 lw 0.6",
        "set tics nomirror scale 0.4 noenhanced", f"set datafile missing '{NONE}'",
        "set key tmargin center horizontal Left reverse noenhanced samplen 1.2 maxrows 1",
    ]


def look(name):
    """Returns colour and shape of a guard or of a mode."""
    return LOOKS[name.partition(":")[0]]


def between(groups):
    """Returns lines above these rows."""
    return [f"set arrow from graph 0, first {0.5 - i} to graph 1, first {0.5 - i} nohead "
            f"lc rgb '#8c959f' lw 1" for i in groups]


# --- rows of dots ---

def rows_height(rows):
    return 136 + max(36 * rows, 110)


def with_values(series):
    """Returns the series that have values; gnuplot fails on empty ones."""
    return [one for one in series if any(one[2])]


def dots(name, title, alt, xlabel, rows, series, xrange, groups=(), mark=None):
    """
    Returns a picture with one row of dots per name in @rows. @series is [(label, mode or guard,
    [Middle or None for each row])]. Lines are drawn above the rows in @groups, and a vertical one
    at @mark. Returns None if there are no values.
    """
    series = with_values(series)
    if not series:
        return None
    step = 0.72 / max(len(series), 1)
    commands = common(title, xlabel) + [
        f"set ytics {tics(rows, -1)}", f"set yrange [{-len(rows) + 0.5}:0.5]",
        f"set xrange [{xrange}]", "set grid noytics", "set bars 0.4"]
    commands += between(groups)
    if mark is not None:
        commands.append(f"set arrow from {mark}, graph 0 to {mark}, graph 1 nohead lc rgb '{INK}'")
    # Every other row has a grey background, to show which dots belong together.
    commands += [f"set object rectangle from graph 0, first {0.5 - i} to graph 1, first {-0.5 - i} "
                 f"fc rgb '#f3f4f6' fs solid 1 noborder behind" for i in range(1, len(rows), 2)]
    plotted = []
    for s, (label, variant, values) in enumerate(series):
        colour, shape = look(variant)
        at = (len(series) - 1) / 2 * step - s * step
        commands += block(f"d{s}", [(v.value, -i + at, v.low, v.high)
                                    for i, v in enumerate(values) if v])
        style = f"lc rgb '{colour}' pt {shape} ps 0.75"
        if any(v and v.low is not None for v in values):
            plotted.append(f"$d{s} using 1:2:3:4 with xerrorbars lw 1.2 {style} "
                           f"title {gnuplot(label)}")
        else:
            plotted.append(f"$d{s} using 1:2 with points {style} title {gnuplot(label)}")
    return Picture(name, alt, HALF, rows_height(len(rows)),
                   commands + ["plot " + ", ".join(plotted)])


# --- cells ---

def cells(name, title, alt, columns, rows, values, groups=()):
    """
    Returns a heat map. @values[row][column] are fractions of the baseline, or None; a cell shows
    the loss in per cent. Lines are drawn above the rows in @groups.
    """
    commands = common(title) + [
        "unset key", "unset grid", "unset border", "set tics scale 0",
        "set style fill solid 1 noborder",
        f"set xrange [-0.5:{len(columns) - 0.5}]", f"set yrange [{len(rows) - 0.5}:-0.5]",
        f"set xtics {tics(columns)} offset 0,0.3", f"set ytics {tics(rows)}"]
    commands += [f"set arrow from graph -0.02, first {i - 0.5} to graph 1, first {i - 0.5} nohead "
                 f"lc rgb '{INK}' lw 1" for i in groups]
    boxes = []
    for y, row in enumerate(values):
        for x, kept in enumerate(row):
            colour, ink = heat(1 - kept) if kept is not None else ("#eeeeee", "#777777")
            boxes.append((x, y, x - 0.48, x + 0.48, y - 0.46, y + 0.46, str(int(colour[1:], 16))))
            text = "" if kept is None else lost_text(kept)
            commands.append(f"set label {gnuplot(text)} at {x}, {y} center noenhanced front "
                            f"font ',11' textcolor rgb '{ink}'")
    commands += block("cells", boxes)
    plot = "plot $cells using 1:2:3:4:5:6:7 with boxxyerror fc rgb variable notitle"
    return Picture(name, alt, HALF, 90 + max(25 * len(rows), 60), commands + [plot])


def lost_text(kept):
    """Returns the change relative to the baseline in per cent, with its sign."""
    change = round(100 * (kept - 1))
    return f"{change:+d}".replace("-", "\u2212") if change else "0"


# --- lines ---

def lines(name, title, alt, xlabel, ylabel, places, series, scale="", width=THIRD):
    """
    Returns a picture with lines. @series is [(label, mode, [Middle or None at each of @places])];
    @scale has additional gnuplot commands. Returns None if there are no values.
    """
    series = with_values(series)
    if not series:
        return None
    commands = common(title, xlabel, ylabel) + [
        f"set xtics {tics(places)}", f"set xrange [-0.3:{len(places) - 0.7}]", "set grid noxtics",
        "set bars 0.4", scale]
    plotted = []
    for s, (label, variant, values) in enumerate(series):
        colour, shape = look(variant)
        shift = (s - (len(series) - 1) / 2) * 0.05
        commands += block(f"l{s}", [(i + shift, v.value, v.low, v.high)
                                    for i, v in enumerate(values) if v])
        columns, how = ("1:2:3:4", "yerrorlines") if any(v and v.low is not None for v in values) \
            else ("1:2", "linespoints")
        plotted.append(f"$l{s} using {columns} with {how} lc rgb '{colour}' pt {shape} ps 0.6 "
                       f"lw 1.3 title {gnuplot(label)}")
    return Picture(name, alt, width, 290, commands + ["plot " + ", ".join(plotted)])


# --- stacked bars ---

def stack(name, title, alt, xlabel, rows, parts, groups=()):
    """Returns stacked horizontal bars; @parts is [(label, colour, [value for each row])]."""
    # Values below zero are noise and drawn as zero.
    ends = [[max(v, 0) for v in values] for _, _, values in parts]
    longest = max((sum(column) for column in zip(*ends)), default=0) or 1
    commands = common(title, xlabel) + [
        f"set ytics {tics(rows, -1)}", f"set yrange [{-len(rows) + 0.4}:0.6]",
        f"set xrange [0:{1.06 * longest:.6g}]", "set grid noytics",
        "set style fill solid 1 noborder"]
    commands += between(groups)
    plotted = []
    for p, (label, colour, _) in enumerate(parts):
        bars = [(sum(e[i] for e in ends[:p]), -i, sum(e[i] for e in ends[:p]),
                 sum(e[i] for e in ends[:p + 1]), -i - 0.34, -i + 0.34) for i in range(len(rows))]
        commands += block(f"s{p}", bars)
        plotted.append(f"$s{p} using 1:2:3:4:5:6 with boxxyerror fc rgb '{colour}' "
                       f"title {gnuplot(label)}")
    return Picture(name, alt, HALF, 134 + max(22 * len(rows), 90),
                   commands + ["plot " + ", ".join(plotted)])


# --- ranges that several pictures share ---

def extent(middles):
    """
    Returns the range (least, most) of an axis: all medians, and the extremes of the repeats as far
    as the medians remain distinguishable. Error bars may extend beyond the axis.
    """
    values = [m.value for m in middles if m]
    if not values:
        return None
    low, high = min(values), max(values)
    room = max((high - low) / 2, 0.05 * abs(high))
    bars = [v for m in middles if m for v in (m.low, m.high) if v is not None]
    return max(min([low, *bars]), low - room), min(max([high, *bars]), high + room)


def percent_range(middles):
    """Returns a range in per cent that contains 100 and has round ends."""
    low, high = extent(middles) or (0, 100)
    return f"{min(90, math.floor(low / 10 - 0.2) * 10)}:{max(104, math.ceil(high / 4 + 0.25) * 4)}"


def log_scale(middles):
    """Returns commands for a logarithmic axis with tics at 1, 2 and 5 of each power of ten."""
    low, high = extent(middles) or (1, 10)
    places = [m * 10 ** e for e in range(-3, 10) for m in (1, 2, 5)]
    tics = ", ".join(f"{v:g}" for v in places if low / 2 < v < 2 * high)
    return f"set logscale y; set yrange [{low * 0.8:.6g}:{high * 1.25:.6g}]; set ytics ({tics})"


def range_from_zero(middles):
    low, high = extent(middles) or (0, 1)
    return f"{min(0, low):.6g}:{1.06 * high:.6g}"


# --- drawing ---

def script_of(pictures):
    """Returns the gnuplot script that draws all pictures as SVG and as PNG."""
    text = []
    for p in pictures:
        size = f"size {p.width},{p.height}"
        for terminal, font, suffix in TERMINALS:
            text += [f"set terminal {terminal} {size} font 'sans-serif,{font}' "
                     "background rgb 'white'", "set termoption noenhanced",
                     f"set output {gnuplot(p.name + '.' + suffix)}",
                     *p.commands]
    return "\n".join([*text, "unset output", ""])


class NotDrawn(Exception):
    """The reason why gnuplot failed."""


def draw(pictures, folder):
    """
    Draws the pictures into @folder with gnuplot; its script is kept as plots.gp. Returns {name:
    text of its SVG}. gnuplot's warnings are printed. The pictures are drawn in a new folder and
    moved from there, so that no link in @folder is followed.
    """
    if folder.is_symlink():
        raise NotDrawn(f"{folder} is a link: no picture is written through it, remove it")
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=folder) as place:
        place = Path(place)
        (place / "plots.gp").write_text(script_of(pictures), encoding="utf-8")
        try:
            done = subprocess.run(["gnuplot", "plots.gp"], cwd=place, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, errors="replace", check=False,
                                  timeout=LIMIT)
        except subprocess.TimeoutExpired:
            raise NotDrawn(f"gnuplot did not end in {LIMIT} s") from None
        said = [printable(line.strip()) for line in done.stderr.splitlines() if line.strip()]
        names = [f"{p.name}.{suffix}" for p in pictures for _, _, suffix in TERMINALS]
        lacking = [name for name in names if not (place / name).exists()]
        if done.returncode or lacking:
            why = (said or [f"status {done.returncode}"])[-1]
            raise NotDrawn(f"gnuplot failed: {why}")
        print("".join(f"report: gnuplot: {line}\n" for line in said), end="", file=sys.stderr)
        for name in ["plots.gp", *names]:
            (place / name).rename(folder / name)
    return {p.name: (folder / f"{p.name}.svg").read_text(encoding="utf-8") for p in pictures}
