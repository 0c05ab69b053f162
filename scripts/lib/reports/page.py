# SPDX-License-Identifier: GPL-2.0-only
"""Writes the report as one HTML page that needs no other file."""
import re
from pathlib import Path

from reports import costs
from reports import findings
from reports import plots
from shared import tables
from shared.quoting import html as escape
from shared.results import write_whole

STYLE = Path(__file__).with_name("page.css")
LONG = 20               # a table with more rows is folded
MOST_ROWS = 3000        # rows of the list of points; a browser is slow with more
FACTS = ("cpu", "cores", "cpus", "governor", "kernel", "fio", "kernel_user_fio", "liburing", "engine")
POINT_COLUMNS = ("format", "mode", "I/O", "IOPS", "MiB/s", "IOPS vs. baseline", "p50", "p99",
                 "CPU per I/O", "host: generate", "host: check", "PI errors")


def tag(name, content, **attributes):
    """Returns an HTML element around @content, which is HTML."""
    words = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
                    for key, value in attributes.items() if value)
    return f"<{name}{words}>{content}</{name}>"


def paragraph(text, kind=""):
    return tag("p", escape(text), class_=kind)


# --- tables ---

def table(columns, rows, kind=""):
    """Returns a table of text; columns of numbers are aligned to the right."""
    right = tables.numeric(columns, rows)

    def line(cells, name):
        return tag("tr", "".join(tag(name, escape(cell), class_="number" if flag else "")
                                 for cell, flag in zip(cells, right)))

    head = tag("thead", line(columns, "th"))
    body = tag("tbody", "\n".join(line(row, "td") for row in rows))
    return tag("div", tag("table", head + body, class_=kind), class_="scroll")


def worded(found):
    """Returns one of the tables of findings; a long one is folded."""
    content = table(found.columns, found.rows)
    content += paragraph(found.note, "note") if found.note else ""
    if len(found.rows) > LONG:
        return tag("details", tag("summary", escape(found.title)) + content)
    return tag("div", tag("h3", escape(found.title)) + content, class_="short")


def heat_cell(middle):
    """
    Returns a cell with the loss in per cent, coloured by it; its tooltip has the lowest and the
    highest repeat.
    """
    if middle is None:
        return tag("td", "", class_="cell")
    background, ink = plots.heat(1 - middle.value)
    return tag("td", escape(plots.lost_text(middle.value) + " %"), class_="cell",
               style=f"background:{background};color:{ink}", title=findings.percent(middle))


def heat_table(source, kinds):
    """Returns a table of the loss of IOPS: formats by kind of I/O and mode."""
    variants = costs.variants(source)
    head = tag("tr", tag("th", "", rowspan=2) + "".join(
        tag("th", escape(kind), colspan=len(variants), scope="colgroup") for kind in kinds))
    head += tag("tr", "".join(tag("th", escape(v), scope="col") for _ in kinds for v in variants))
    rows, last = [], None
    for key in costs.format_keys(source):
        cells = "".join(heat_cell(costs.share_of(source, key, kind, v))
                        for kind in kinds for v in variants)
        apart = "" if last in (None, key[:2]) else "guard" if last[0] == key[0] else "size"
        rows.append(tag("tr", tag("th", escape(costs.format_label(key)), class_="row", scope="row")
                        + cells, class_=apart))
        last = key[:2]
    body = tag("tbody", "\n".join(rows))
    return tag("div", tag("table", tag("thead", head) + body, class_="heat"), class_="scroll")


# --- pictures ---

def inline(picture, svg):
    """Returns gnuplot's SVG as an element of the page, with unique ids and a text alternative."""
    body = svg[svg.index("<svg"):]
    body = body[body.index(">") + 1:body.rindex("</svg>")]
    body = re.sub(r"<(title|desc)>.*?</\1>", "", body, flags=re.DOTALL)
    body = re.sub(r'\b(id=["\']|href=["\']#|url\(#)', rf"\g<1>{picture.name}-", body)
    body = re.sub(r"\bxlink:href=", "href=", body)
    body = re.sub(r"\s+xmlns(:\w+)?=(\"[^\"]*\"|'[^']*')", "", body)
    return tag("svg", tag("title", escape(picture.alt)) + body, role="img", aria_label=picture.alt,
               viewBox=f"0 0 {picture.width} {picture.height}", class_="plot")


def figure(found, drawn):
    """Returns a heading, a text, and the pictures in a grid."""
    pictures = "\n".join(tag("div", inline(p, drawn[p.name]), class_="picture")
                         for p in found.pictures)
    pictures += "\n".join(map(worded, found.tables))
    # A figure that fits on a printed page is not split; a longer one begins a new page.
    fits = len(found.pictures) + len(found.tables) <= found.across
    return tag("section", tag("h2", escape(found.title)) + paragraph(found.text, "quiet")
               + tag("figure", tag("div", pictures, class_=f"grid across{found.across}")),
               class_="whole" if fits else "long")


# --- the top of the page ---

def card(source, guard):
    """Returns a box with the cost of one guard in large type."""
    variant = costs.strictest(source)
    whole = costs.share_of_guard(source, guard, variant)
    if whole is None:
        return ""
    kinds = [(kind, costs.share_of_guard(source, guard, variant, kind))
             for kind in costs.kinds_of_io(source)]
    others = [(v, costs.share_of_guard(source, guard, v)) for v in costs.variants(source)
              if v != variant]
    by_kind = " \u00b7 ".join(f"{kind} {plots.lost_text(m.value)} %" for kind, m in kinds if m)
    by_mode = " \u00b7 ".join(f"{v} {plots.lost_text(m.value)} %" for v, m in others if m)
    content = tag("div", f"{guard} guard", class_="name")
    content += tag("div", f"{plots.lost_text(whole.value)} % IOPS", class_="big")
    content += tag("div", escape(f"{findings.variant_label(variant)}; median of formats"),
                   class_="small")
    return tag("div", content + tag("div", escape(by_kind), class_="small")
               + tag("div", escape(by_mode), class_="small"), class_="card")


def target_line(source):
    """Returns the model, serial number and firmware of a drive."""
    facts = next((t for t in source.folder.targets() if t.get("name") == source.target), {})
    names = ("model", "serial", "firmware") + ("format",) * (source.kind == "device")
    words = [f"{name} {facts[name]}" for name in names if facts.get(name)]
    return f"Target {source.target}" + (f": {', '.join(words)}." if words else ".")


def top(source, narrow):
    """Returns the summary of a source; with @narrow it has half the width of the page."""
    kinds = costs.kinds_of_io(source)
    apart = narrow and len(kinds) * len(costs.variants(source)) > 6
    heats = [heat_table(source, some) for some in ([[k] for k in kinds] if apart else [kinds])]
    head = tag("h2", escape(source.label)) if source.label else ""
    cards = "".join(card(source, guard) for guard in costs.guards(source))
    lines = "".join(tag("li", escape(text)) for text in findings.headlines(source))
    legend = "; ".join(f"{v}: {findings.variant_label(v)}" for v in costs.variants(source))
    by_format = tag("h3", "IOPS compared with the baseline, by format (data size + metadata, guard)")
    by_format += "\n".join(heats) + paragraph(legend + ".", "note")
    return tag("section", head + tag("p", escape(findings.KINDS[source.kind][1]), class_="banner")
               + paragraph(target_line(source), "quiet") + tag("div", cards, class_="cards")
               + tag("ul", lines, class_="headlines") + (by_format if legend else "")
               + paragraph(f"{findings.base_line(source)} {findings.repeats(source)}", "note"),
               class_="source")


# --- the end of the page ---

def cell(middle, unit=1, digits=0):
    return f"{middle.value / unit:,.{digits}f}" if middle else "-"


def point_row(source, point):
    """Returns the measurements of a point as a row of text cells."""
    def of(name):
        return costs.middle([point], costs.column(name))

    beside = findings.percent(costs.middle([point], source.share)) if point.base else "baseline"
    return [point.format(), point.variant(), point.workload(), cell(of("iops")),
            cell(of("bw_bytes"), 2**20, 1), beside, cell(of("lat_p50_ns"), 1000, 1) + " us",
            cell(of("lat_p99_ns"), 1000, 1) + " us", cell(of("cpu_ns_per_io")) + " ns",
            *(findings.nanoseconds(costs.middle([point], costs.spent(way))) for way in costs.WAYS),
            str(point.total("pi_errors"))]


def every_point(source):
    """Returns the list of all points, folded."""
    points = list(source.points.values())
    rows = [point_row(source, p) for p in points[:MOST_ROWS]]
    more = f" The first {MOST_ROWS}; all are in points.csv." if len(points) > MOST_ROWS else ""
    words = f"All {len(points)} points" + (f": {source.label}" if source.label else "")
    return tag("details", tag("summary", escape(words)) + paragraph(
        "Medians over repeats; brackets: minimum and maximum." + more, "note")
        + table(POINT_COLUMNS, rows))


def environment(folder):
    """Returns the environment on which the numbers depend."""
    parts = []
    for name, facts in folder.hosts().items():
        words = {"folder": folder.name, "host": name, **{f: facts.get(f) for f in FACTS}}
        for target in facts.get("targets", ()):
            words[f"target {target.get('name')}"] = ", ".join(
                f"{key} {value}" for key, value in target.items() if value and key != "name")
        words |= {f"note {i}": note for i, note in enumerate(facts.get("notes", ()), 1)}
        parts.append(tag("dl", "".join(tag("dt", escape(key)) + tag("dd", escape(str(value)))
                                       for key, value in words.items() if value not in (None, ""))))
    plan = folder.plan
    settings = ", ".join(f"{k} {v}" for k, v in (plan.get("sizes") or {}).items())
    parts.append(paragraph(f"Plan {plan.get('name')}: {len(plan['points'])} points, order shuffled "
                           f"by seed {plan.get('seed')}; {settings}.", "note"))
    return "\n".join(parts)


def write(path, sources, found, drawn, note):
    """Writes the page. @drawn are the SVGs by name; @note says why there are none."""
    title = findings.title(sources)
    beside = len(sources) > 1
    folders = list(dict.fromkeys(s.folder for s in sources))
    parts = [tag("h1", escape(title)), tag("div", "\n".join(top(s, beside) for s in sources),
                                                 class_="grid across2" if beside else "")]
    parts += [paragraph(note, "banner")] if note else [figure(f, drawn) for f in found]
    numbers = [tag("h3", escape(s.label)) * bool(s.label)
               + "\n".join(map(worded, findings.tables(s))) for s in sources]
    parts.append(tag("section", tag("h2", "In numbers") + "\n".join(numbers)))
    parts.append(tag("section", tag("h2", "Every point") + "\n".join(map(every_point, sources))))
    parts.append(tag("section", tag("h2", "Measured with") + "\n".join(map(environment, folders))))
    head = '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n'
    head += tag("title", escape(title)) + tag("style", STYLE.read_text(encoding="utf-8"))
    body = "\n".join(parts)
    write_whole(path, f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n<main>\n'
                      f"{body}\n</main>\n</body>\n</html>\n")
