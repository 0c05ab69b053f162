# SPDX-License-Identifier: GPL-2.0-only
"""Pictures by gnuplot: each drawn as SVG and as PNG, from one description."""
import math
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from shared.command import printable
from shared.quoting import gnuplot

# Colour and shape of modes and guards; people who see red and green alike can tell these
# colours apart (Okabe and Ito).
INK, FAINT = "#333333", "#d8d8d8"
LOOKS = {"none": ("#666666", 13), "pract": ("#0072b2", 7), "unchecked": ("#56b4e9", 9),
         "device": ("#e69f00", 5), "host": ("#009e73", 11), "both": ("#d55e00", 15),
         "16b": ("#0072b2", 7), "32b": ("#e69f00", 5), "64b": ("#009e73", 9)}
PART_COLOURS = {"generate": "#d55e00", "check": "#e69f00", "rest": "#9aa5b1"}
# What is lost of the base line, from nothing to nine tenths: light to dark in one hue.
HEAT = ((0, (250, 250, 247)), (0.1, (253, 231, 199)), (0.3, (246, 178, 107)),
        (0.55, (209, 92, 48)), (0.9, (110, 24, 20)))
HALF, THIRD = 580, 380      # widths of pictures that share a row of the page
LIMIT = 600             # seconds that gnuplot may take
TERMINALS = ("svg", 12, "svg"), ("pngcairo", 9, "png")      # of gnuplot: name, font, file's end
NONE = "-"                              # how gnuplot is told of a value that there is not


@dataclass
class Picture:
    """Commands that plot; alt says in words what is to be seen."""

    name: str
    alt: str
    width: int
    height: int
    commands: list


def have_gnuplot():
    return shutil.which("gnuplot") is not None


def heat(lost):
    """(background, ink) for a share of the base line that is lost."""
    lost = min(max(lost, 0), HEAT[-1][0])
    for (low, a), (high, b) in zip(HEAT, HEAT[1:]):
        if lost <= high:
            t = (lost - low) / (high - low)
            rgb = [round(x + t * (y - x)) for x, y in zip(a, b)]
            break
    light = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] > 140
    return "#{:02x}{:02x}{:02x}".format(*rgb), "#1a1a1a" if light else "#ffffff"


def tics(names, sign=1):
    """Names at 0, 1, 2...; a per cent sign would be a format there."""
    return "({})".format(", ".join(f"{gnuplot(name.replace('%', '%%'))} {sign * i}"
                                   for i, name in enumerate(names)))


def block(name, rows):
    """A table that plot commands find as $name."""
    lines = [" ".join(NONE if v is None else v if isinstance(v, str) else f"{v:.6g}" for v in row)
             for row in rows]
    return [f"${name} << END", *lines, "END"]


def common(title, xlabel="", ylabel=""):
    """A quiet frame: no box, light lines."""
    return [
        "reset", f"set title {gnuplot(title)} noenhanced font ',13' textcolor '{INK}'",
        f"set xlabel {gnuplot(xlabel)} noenhanced", f"set ylabel {gnuplot(ylabel)} noenhanced",
        f"set border 3 lc rgb '{INK}'", f"set grid ytics xtics lc rgb '{FAINT}' lt 1 lw 0.6",
        "set tics nomirror scale 0.4 noenhanced", f"set datafile missing '{NONE}'",
        "set key tmargin center horizontal Left reverse noenhanced samplen 1.2 maxrows 1",
    ]


def look(name):
    """Of a guard, or of a mode, whatever part of it is checked."""
    return LOOKS[name.partition(":")[0]]


def between(groups):
    """Lines above the rows numbered."""
    return [f"set arrow from graph 0, first {0.5 - i} to graph 1, first {0.5 - i} nohead "
            f"lc rgb '#8c959f' lw 1" for i in groups]


# --- rows of dots ---

def rows_height(rows):
    return 136 + max(36 * rows, 110)


def with_values(series):
    """Those of a picture's series that have any: gnuplot has no use for others."""
    return [one for one in series if any(one[2])]


def dots(name, title, alt, xlabel, rows, series, xrange, groups=(), mark=None):
    """
    A row for each name in @rows; @series [(label, mode or guard, [Middle or None for each row])];
    lines are drawn above the rows numbered in @groups, and down at @mark. None where
    there is nothing to be seen.
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
    # Every other row on grey: what is above the other belongs together.
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
    A heat map: @values[row][column] shares of the base line that are kept, or None. The
    number in a cell is what is lost, in per cent; lines above the rows in @groups.
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
    """What is lost of the base line, in per cent, with the sign of a change."""
    change = round(100 * (kept - 1))
    return f"{change:+d}".replace("-", "\u2212") if change else "0"


# --- lines ---

def lines(name, title, alt, xlabel, ylabel, places, series, scale="", width=THIRD):
    """
    @series [(label, mode, [Middle or None at each of @places])]; @scale is more of
    gnuplot's commands. None where there is nothing to be seen.
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
    """Bars to the right: @parts [(label, colour, [value for each row])] one after the other."""
    # What is below zero is noise around nothing.
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
    (least, most) to be drawn: all the medians, and of the repeats' extremes as much as
    leaves medians room to be told apart. Bars may go on beyond the edge.
    """
    values = [m.value for m in middles if m]
    if not values:
        return None
    low, high = min(values), max(values)
    room = max((high - low) / 2, 0.05 * abs(high))
    bars = [v for m in middles if m for v in (m.low, m.high) if v is not None]
    return max(min([low, *bars]), low - room), min(max([high, *bars]), high + room)


def percent_range(middles):
    """A scale of per cent, that has 100 in it and ends at tens."""
    low, high = extent(middles) or (0, 100)
    return f"{min(90, math.floor(low / 10 - 0.2) * 10)}:{max(104, math.ceil(high / 4 + 0.25) * 4)}"


def log_scale(middles):
    """Commands for an axis of powers, with 1, 2 and 5 of each on it."""
    low, high = extent(middles) or (1, 10)
    places = [m * 10 ** e for e in range(-3, 10) for m in (1, 2, 5)]
    tics = ", ".join(f"{v:g}" for v in places if low / 2 < v < 2 * high)
    return f"set logscale y; set yrange [{low * 0.8:.6g}:{high * 1.25:.6g}]; set ytics ({tics})"


def range_from_zero(middles):
    low, high = extent(middles) or (0, 1)
    return f"{min(0, low):.6g}:{1.06 * high:.6g}"


# --- drawing ---

def script_of(pictures):
    """All pictures, each for both kinds of file."""
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
    """What gnuplot said as it failed, in one line."""


def draw(pictures, folder):
    """
    Have gnuplot draw them to @folder, where what it was told stays as plots.gp. Returns
    {name: the text of its SVG}. What it has to say is passed on: pictures there are. They are
    drawn in a new folder and moved from there, so that no link in @folder is followed.
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
