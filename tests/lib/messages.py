# SPDX-License-Identifier: GPL-2.0-only
"""
Collects the messages of programs from the sources, and their entries in nvmepi-messages(7).

A message is a text with places that vary. In the sources these are conversions of printf and
braces of f-strings; in an entry they are any words. Every string of at least three words in the
C sources, in the programs for users and in their library counts as a message, or as a part of
one, unless it is listed here as something else.
"""
import ast
import re
from typing import NamedTuple

C_ROOMS = "engines", "verify", "pi"
PROGRAMS = "sweep", "report", "compare", "regress"
PAGE = "nvmepi-messages.7"
# Files whose texts are no messages: help of options, a block as text, what a scan shows, a plugin to start from.
NO_MESSAGES = re.compile(r"fio-options\.h|decode\.c|scan/(show|info)\.c|example/.*|gen-guard-.*|ticks\.h|"
                         # What defects of the controller are: ns_defect=list.
                         r"controller/defect-\w+\.[ch]|"
                         # What a qualification requires and finds: results, in its report.
                         r"qualify/(cases-.*|slots|effect|expect|model|tuple|copy|guard|script|selftest|report-\w+)\.[ch]")
# Other strings: help of a program, contents of files, names, pieces of numbers.
NO_MESSAGE = re.compile(r"usage: .*|GCC unroll.*|nvmepi (image|generations|embedded).*|# How the image.*|"
                        r"finds lost, stale.*|\{ .*|%15s .*|LBA %\S+ \(%s\)\\n.*|deallocated, or never written|Zone Management \w+|"
                        r"[^a-z]*(%\S*\W*)*(, |; |: )?(%\S*\W*)*", re.DOTALL)
TOKENS = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|^[ \t]*#[^\n]*', re.DOTALL | re.MULTILINE)
SKIPPED = re.compile(r'(->skip =\s*"[^"\n]*";)|.[^-]*', re.DOTALL)
CONVERSION = re.compile(r"%(?:%|[-+ #0]*[\d*]*(?:\.[\d*]+)?(?:hh|h|ll|l|z|j|t)?(?:[diouxXcsfp]|<\w+>)?)")
PLACE = "\0"                    # where a text varies
LEAST_WORDS, LEAST_LETTERS = 3, 10
# Scripts whose texts are a report's, or no texts; and other strings that are no messages: commands
# of a shell, lines of jobs, what the engine says, names of things.
NO_SCRIPTS = {"findings.py", "figures.py", "plots.py", "page.py", "costs.py", "makers.py", "tableau.py", "measures.py",
              "sweepjobs.py"}
NO_TEXT = re.compile(r"(test|sed|sha256sum|cat) .*|\S* ?\| (cmp|grep|tee) .*|exec_p.*|\S+ <\S+ .*|\(\S+\) >.*|"
                     r" (has no effect|escape all checks.*)|[%,;:] .*|"
                     r".*\\[Sd].*|/sys/.*|\S*/nvmepi-sweep.*|made by nvmepi.*|"
                     r"failed to .*|format in progress|rounds of all .*|ramp_time, .*|.* bytes of each namespace.*|"
                     r"fio and jobs share one|one \w+ a format|type of protection|number of \w+|.*\bin (per cent|bits)|"
                     r"--output-format.*|\[\S* \S* left .*", re.DOTALL)


class Message(NamedTuple):
    """A text with PLACEs, and where it is from."""

    text: str
    source: str

    def letters(self):
        return len(re.sub(r"[^A-Za-z]", "", self.text))

    def pattern(self):
        """What an entry of this message looks like."""
        parts = [re.escape(part) for part in re.split(f"{PLACE}+", self.whole())]
        return re.compile(".*?".join(parts), re.DOTALL)

    def whole(self):
        """With a PLACE for what is before or behind a part of a message."""
        before = PLACE if re.match(r"[ ,;:)]", self.text) else ""
        return before + self.text + (PLACE if re.search(r"[ ,(]$", self.text) else "")


# --- C ---

def literals(text):
    """(line, string) of each string of a C source; neighbours are one, macros between them are PLACEs."""
    found, end = [], 0
    for match in TOKENS.finditer(text):
        if match[0][0] != '"':
            continue
        between = re.fullmatch(r"\s*(?:([A-Za-z_]\w*)\s*)?", re.sub(r"/\*.*?\*/", "", text[end:match.start()]))
        if found and between:
            line, before = found.pop()
            macro = f"<{between[1]}>" if between[1] else ""
            found.append((line, before + macro + match[0][1:-1]))
        else:
            found.append((text.count("\n", 0, match.start()) + 1, match[0][1:-1]))
        end = match.end()
    return found


def plain(text):
    """A C string with PLACEs, as it is printed; no newline at its end, nor the program's name before it."""
    text = CONVERSION.sub(lambda m: "%" if m[0] == "%%" else PLACE, re.sub(r"(?<!%)<[A-Z]\w+>", "%s", text))
    text = text.replace("\\n", "\n").replace('\\"', '"').replace("\\t", "\t").strip("\n")
    return re.sub(r"^(nvmepi|nvmepi-scan|nvmepi-qualify): ", "", text)


def of_c(root):
    for room in C_ROOMS:
        for path in sorted((root / room).rglob("*.[ch]")):
            name = str(path.relative_to(root))
            source = path.read_text(encoding="utf-8")
            if NO_MESSAGES.search(name):
                # Reasons of skipped cases are messages everywhere: all else becomes blanks.
                source = SKIPPED.sub(lambda m: m[1] or re.sub(r"[^\n]", " ", m[0]), source)
            for line, text in literals(source):
                if len(text.split()) >= LEAST_WORDS and not NO_MESSAGE.fullmatch(text):
                    yield Message(plain(text), f"{name}:{line}")


# --- scripts ---

def texts(node):
    """The texts that an expression can be, with PLACEs."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return ["".join(part.value if isinstance(part, ast.Constant) else PLACE for part in node.values)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = texts(node.left), texts(node.right)
        return [a + b for a in left or [PLACE] for b in right or [PLACE]] if left or right else []
    if isinstance(node, ast.IfExp):
        return texts(node.body) + texts(node.orelse)
    return []


def descriptions(tree):
    """Identities of the strings that describe a file, a class or a function."""
    return {id(node.body[0].value) for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and isinstance(node.body[0], ast.Expr)}


def pieces(tree):
    """Identities of what is in f-strings, or added to other strings: the whole is the text."""
    whole = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
             or isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and texts(node)]
    return {id(part) for one in whole for part in ast.walk(one) if part is not one}


def of_script(path, name):
    """Every string of some words, but for descriptions and what is named above."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    no = descriptions(tree) | pieces(tree)
    for node in ast.walk(tree):
        for text in texts(node) if id(node) not in no else ():
            text = re.sub(f"^({'|'.join(PROGRAMS)}): ", "", text).strip("\n").replace("{}", PLACE)
            if len(text.replace(PLACE, " ").split()) >= LEAST_WORDS and not NO_TEXT.fullmatch(text):
                yield Message(text, f"{name}:{node.lineno}")


def of_scripts(root):
    for path in sorted((root / "scripts").rglob("*")):
        name = path.relative_to(root)
        if path.is_file() and path.name not in NO_SCRIPTS and (
                path.name in PROGRAMS or path.suffix == ".py" and "lib" in name.parts):
            yield from of_script(path, str(name))


# --- both, and the page ---

def messages(root):
    """All of them, each text once; what has hardly a word of its own can't be told from others."""
    found = {}
    for one in [*of_c(root), *of_scripts(root)]:
        one = one._replace(text=re.sub(f"{PLACE}+", PLACE, one.text))
        if one.letters() >= LEAST_LETTERS:
            found.setdefault(one.text, one)
    return list(found.values())


def unescaped(text):
    """A quoted argument of mdoc as text."""
    return text.replace('""', '"').replace("\\(dq", '"').replace("\\&", "").replace("\\-", "-").replace("\\e", "\\")


def entries(page):
    """The texts of a page's entries: .It, and .Li "TEXT" in the next line."""
    return [unescaped(text) for text in re.findall(r'^\.It\n\.Li "(.*)"$', page, re.MULTILINE)]


def as_entry(message):
    """A message as an entry to start from: places are PATH, N or NAME."""
    text = re.sub(f"^{PLACE}+(?=[ ,;:)])|(?<=[ ,(]){PLACE}+$", "...", message.whole()) \
        if message.whole() != message.text else message.text
    text = re.sub(f"^{PLACE}+(?=:| is | has )", "PATH", text)
    text = re.sub(f"(?<=: ){PLACE}+$", "REASON", text)
    text = re.sub(f"{PLACE}+", "NAME", text)
    text = text.replace("\\", "\\e").replace('"', '""').replace("\n", " ")
    return f'.It\n.Li "{text}"'


def unmatched(root, page):
    """(messages without an entry, entries without a message): an entry is of the message it fits best."""
    every, told, lost = messages(root), set(), []
    patterns = [(one, one.pattern()) for one in every]
    for entry in entries(page):
        fitting = [one for one, pattern in patterns if pattern.fullmatch(entry)]
        if fitting:
            most = max(map(Message.letters, fitting))
            told |= {one.text for one in fitting if one.letters() == most}
        else:
            lost.append(entry)
    return [one for one in every if one.text not in told], lost
