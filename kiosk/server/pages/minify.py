"""Pages as they are sent: without comments and indentation, which phones have no use for. Nothing is renamed.

rjsmin reads a script by regular expressions. It does not see a template inside a template, or a regular expression
right behind `=>`; the pages have neither, and a test compares the syntax trees of what is sent with the files'.
"""

from __future__ import annotations

import json
import re

import rcssmin
import rjsmin

MINIFIABLE = frozenset((".js", ".mjs", ".css", ".html", ".json"))
_SHADER = re.compile(r"`[^`]*\bvoid main\(\)[^`]*`")


def minify(text: str, suffix: str) -> str:
    """`text` of a file that ends in `suffix`, shortened where it is of a known kind, the same otherwise."""
    if suffix in (".js", ".mjs"):
        return str(rjsmin.jsmin(shaders(text)))
    if suffix == ".css":
        return str(rcssmin.cssmin(text))
    if suffix == ".html":
        return html(text)
    if suffix == ".json":
        return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
    return text


def shaders(text: str) -> str:
    """JavaScript whose templates that hold a shader are without the shader's comments and blanks: no minifier of
    scripts touches what is in a template."""
    return _SHADER.sub(lambda found: _shader(found[0]), text)


def _shader(text: str) -> str:
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r"[ \t]*\n\s*", "\n", text)
    return re.sub(r" ?([=*/+<>?:,;{}()&|-]+) ?", r"\1", text)


def html(text: str) -> str:
    """Markup without indentation and comments."""
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    return re.sub(r"\s*\n\s*", "\n", text).strip() + "\n"
