"""Pages as they are sent: without comments and indentation, which phones have no use for.

Nothing is renamed or rewritten, so what runs is what stands in the file. JavaScript keeps its line ends wherever they
could mean something.
"""

from __future__ import annotations

import json
import re

SQUEEZABLE = frozenset((".js", ".mjs", ".css", ".html", ".json"))

# What may stand before a slash that begins a regular expression; after anything else it divides.
_BEFORE_REGEX = re.compile(r"(?:^|[(,=:\[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|delete|void))\s*$")
_WORD = re.compile(r"[\w$\u0080-\uffff]")
# After these a line end changes nothing.
_OPEN = frozenset("{,;([=&|?:<>*%")


def squeeze(text: str, suffix: str) -> str:
    """`text` of a file that ends in `suffix`, shortened where it is of a known kind, the same otherwise."""
    if suffix in (".js", ".mjs"):
        return javascript(text)
    if suffix == ".css":
        return css(text)
    if suffix == ".html":
        return html(text)
    if suffix == ".json":
        return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
    return text


def javascript(text: str) -> str:
    """JavaScript without comments, indentation and needless blanks; strings, templates, expressions untouched."""
    out: list[str] = []
    gap = ""

    def put(token: str) -> None:
        nonlocal gap
        if gap and out:
            before, after = out[-1][-1], token[0]
            if "\n" in gap and before not in _OPEN:
                out.append("\n")
            elif (_WORD.match(before) and _WORD.match(after)) or (before == after and before in "+-/"):
                out.append(" ")
        gap = ""
        out.append(token)

    at = 0
    while at < len(text):
        char = text[at]
        if char.isspace():
            gap += char
            at += 1
        elif text.startswith("//", at):
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        elif text.startswith("/*", at):
            end = text.index("*/", at) + 2
            gap += "\n" if "\n" in text[at:end] else " "
            at = end
        elif char in "'\"":
            end = _after_string(text, at)
            put(text[at:end])
            at = end
        elif char == "`":
            end = _after_template(text, at)
            put(_template(text[at:end]))
            at = end
        elif char == "/" and _BEFORE_REGEX.search("".join(out[-12:])):
            end = _after_regex(text, at)
            put(text[at:end])
            at = end
        elif _WORD.match(char):
            end = at
            while end < len(text) and _WORD.match(text[end]):
                end += 1
            put(text[at:end])
            at = end
        else:
            put(char)
            at += 1
    return "".join(out)


def _after_string(text: str, at: int) -> int:
    quote, at = text[at], at + 1
    while text[at] != quote:
        at += 2 if text[at] == "\\" else 1
    return at + 1


def _after_regex(text: str, at: int) -> int:
    inside_class = False
    at += 1
    while text[at] != "/" or inside_class:
        if text[at] == "\\":
            at += 1
        elif text[at] == "[":
            inside_class = True
        elif text[at] == "]":
            inside_class = False
        at += 1
    return at + 1


def _after_template(text: str, at: int) -> int:
    at += 1
    while text[at] != "`":
        if text[at] == "\\":
            at += 2
        elif text.startswith("${", at):
            at = _after_braces(text, at + 2)
        else:
            at += 1
    return at + 1


def _after_braces(text: str, at: int) -> int:
    """Where the expression that begins at `at`, inside a template, has ended."""
    depth = 1
    while depth:
        if text[at] in "'\"":
            at = _after_string(text, at)
            continue
        if text[at] == "`":
            at = _after_template(text, at)
            continue
        depth += (text[at] == "{") - (text[at] == "}")
        at += 1
    return at


def _template(text: str) -> str:
    """A template as it is; one that is a shader without its comments and indentation."""
    if "void main()" not in text and "uniform " not in text:
        return text
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r"[ \t]*\n\s*", "\n", text)
    return re.sub(r" ?([=*/+<>?:,;{}()&|-]+) ?", r"\1", text)


def css(text: str) -> str:
    """A style sheet without comments and blanks that mean nothing."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r" ?([{};,]) ?", r"\1", text)
    text = re.sub(r"(?<=[\w-]): ", ":", text)
    return text.replace(";}", "}").strip()


def html(text: str) -> str:
    """Markup without indentation and comments."""
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    return re.sub(r"\s*\n\s*", "\n", text).strip() + "\n"
