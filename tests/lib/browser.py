# SPDX-License-Identifier: GPL-2.0-only
"""Opens a page in a headless browser: what is visible of it, and what is wrong there."""
import json
import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
PROGRAM = "chromium-headless-shell"
WIDTH = 1280                # pixels a page has to be readable at
LEAST_TEXT = 9              # pixels high that a picture's text has to be
# Whatever the page asks for, no name is found.
OPTIONS = ("--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND",
           f"--window-size={WIDTH},1000", "--virtual-time-budget=10000")

# Added to a copy of the page. Tolerances are two pixels: glyphs reach out of their boxes.
LOOK = """
<script>
window.addEventListener("load", () => {
	const wrong = [], seen = {}, out = (r, f) => r.left < f.left - 2 || r.right > f.right + 2 ||
		r.top < f.top - 2 || r.bottom > f.bottom + 2;
	const overlap = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 &&
		Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
	const visible = e => e.getClientRects().length > 0;
	const page = {left: 0, right: document.documentElement.clientWidth, top: 0, bottom: 1e9};
	if (document.documentElement.scrollWidth > page.right)
		wrong.push(`the page is ${document.documentElement.scrollWidth} pixels wide`);
	for (const e of document.querySelectorAll("body *")) {
		if (e.closest("svg") || !visible(e)) continue;
		const own = [...e.childNodes].some(n => n.nodeType == 3 && n.textContent.trim());
		if (own && out(e.getBoundingClientRect(), page))
			wrong.push(`text is outside of the page: ${e.textContent.trim().slice(0, 40)}`);
		if (e.clientWidth && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display != "inline")
			wrong.push(`text is clipped: ${e.tagName} ${e.className} ${e.textContent.trim().slice(0, 40)}`);
	}
	const pictures = [...document.querySelectorAll("svg")];
	seen.pictures = pictures.length;
	for (const svg of pictures) {
		const name = svg.getAttribute("aria-label") || "a picture", frame = svg.getBoundingClientRect();
		if (!svg.getAttribute("aria-label")) wrong.push("a picture has no words for those who can't see it");
		if (!frame.width || !frame.height || !svg.getBBox().width) { wrong.push(`${name}: not there`); continue; }
		const inked = [...svg.querySelectorAll("path, polygon, use, rect, circle")].filter(e => {
			try { const b = e.getBBox(); return b.width + b.height > 0; } catch { return false; } });
		if (inked.length < 5) wrong.push(`${name}: empty`);
		for (const use of svg.querySelectorAll("use"))
			if (!document.querySelector(use.getAttribute("href"))) wrong.push(`${name}: a mark is not defined`);
		const texts = [...svg.querySelectorAll("text")].filter(t => t.textContent.trim());
		if (!texts.length) wrong.push(`${name}: no text`);
		const boxes = texts.map(t => t.getBoundingClientRect());
		texts.forEach((t, i) => {
			const words = `${name}: '${t.textContent.trim()}'`;
			if (out(boxes[i], frame)) wrong.push(`${words} is outside of the picture`);
			const size = parseFloat(getComputedStyle(t).fontSize) * frame.width / svg.viewBox.baseVal.width;
			if (size < LEAST) wrong.push(`${words} is ${size.toFixed(1)} pixels high`);
			for (let j = 0; j < i; j++)
				if (overlap(boxes[i], boxes[j]))
					wrong.push(`${words} is over '${texts[j].textContent.trim()}'`);
		});
	}
	for (const img of document.querySelectorAll("img")) {
		seen.pictures++;
		if (!img.naturalWidth) wrong.push(`${img.alt || img.src}: not there`);
	}
	for (const load of performance.getEntriesByType("resource")) wrong.push(`loads ${load.name}`);
	seen.wrong = [...new Set(wrong)];
	seen.text = document.body.innerText;
	document.title = "looked";
	document.body.innerHTML = "";
	const result = document.createElement("pre");
	result.id = "seen";
	result.textContent = JSON.stringify(seen);
	document.body.append(result);
});
</script>
""".replace("LEAST", str(LEAST_TEXT))
# What makes a browser fetch something, or run it: attributes but for places in the page itself, styles, elements.
PLACES = {"src", "href", "xlink:href", "poster", "data", "srcset", "action", "formaction", "background"}
ELEMENTS = {"script", "link", "iframe", "object", "embed", "base", "meta"}
STYLES = re.compile(r"""url\((?!["']?\#)[^)]*\)|@import\b[^;]*""", re.IGNORECASE)


class Fetching(HTMLParser):
    """Finds it in a page; words that only look like it, as in a name that is shown, are none."""

    def __init__(self):
        super().__init__()
        self.found, self.in_style = [], False

    def handle_starttag(self, tag, attrs):
        self.in_style = tag == "style"
        words = dict(attrs)
        if tag in ELEMENTS and not (tag == "meta" and "http-equiv" not in words):
            self.found.append(f"<{tag}")
        for name, value in attrs:
            if name in PLACES and not (value or "").startswith("#") or name.startswith("on"):
                self.found.append(f"{name}={value}")
            self.found += STYLES.findall(value or "") if name in ("style", "fill", "filter", "clip-path") else []

    def handle_endtag(self, tag):
        self.in_style = self.in_style and tag != "style"

    def handle_data(self, data):
        self.found += STYLES.findall(data) if self.in_style else []


def missing():
    """'' if there is a browser, or can be; else why not."""
    if shutil.which(PROGRAM):
        return ""
    done = subprocess.run([TOP / "scripts/install-deps", "--browser"], capture_output=True, text=True,
                          check=False)
    lines = done.stderr.strip().splitlines() or ["no reason was given"]
    return "" if shutil.which(PROGRAM) else f"no browser: {lines[-1]}"


def run(folder, *options):
    """What the browser prints; its profile goes to the folder."""
    return subprocess.run([PROGRAM, *OPTIONS, f"--user-data-dir={folder}/profile", *options],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                          check=False).stdout


def fetches(page):
    """What a page's text would have the browser fetch."""
    reader = Fetching()
    reader.feed(page)
    reader.close()
    return [f"the page fetches or runs '{one[:60]}'" for one in reader.found]


def look(path, folder, opened=False):
    """
    {"pictures": how many, "wrong": what is, "text": all that is to be read}; with @opened,
    of the page with all that is folded opened.
    """
    page = Path(path).read_text(encoding="utf-8")
    wrong = fetches(page)
    if opened:
        page = page.replace("<details>", "<details open>")
    copy = Path(folder) / "look.html"
    copy.write_text(page.replace("</body>", LOOK + "</body>"), encoding="utf-8")
    found = re.search(r'<pre id="seen">(.*?)</pre>', run(folder, "--dump-dom", copy.as_uri()), re.DOTALL)
    if not found:
        return {"pictures": 0, "text": "", "wrong": wrong + ["the browser did not show the page"]}
    seen = json.loads(unescape(found[1]))
    seen["wrong"] += wrong
    return seen


def printed_pages(path, folder):
    """So many sheets of paper the page takes."""
    out = Path(folder) / "page.pdf"
    out.unlink(missing_ok=True)
    run(folder, "--no-pdf-header-footer", f"--print-to-pdf={out}", Path(path).resolve().as_uri())
    return len(re.findall(rb"/Type\s*/Page\b", out.read_bytes())) if out.exists() else 0


def screenshot(path, out, folder, height):
    """What a person would see."""
    run(folder, f"--window-size={WIDTH},{height}", f"--screenshot={out}", Path(path).resolve().as_uri())
