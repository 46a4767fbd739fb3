"""Minification: removes comments and indentation from the pages' files. Nothing is renamed.

rjsmin works with regular expressions. It does not understand a template literal inside another, or a regular expression
right after `=>`. The pages have neither, and a test compares the syntax trees before and after.
"""

from __future__ import annotations

import json
import re

import rcssmin
import rjsmin

MINIFIABLE = frozenset((".js", ".mjs", ".css", ".html", ".json"))
_SHADER = re.compile(r"`[^`]*\bvoid main\(\)[^`]*`")


def minify(text: str, suffix: str) -> str:
    """Minify the `text` of a file that ends in `suffix`; unknown types are returned unchanged."""
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
    """Strip comments and blanks from the shaders in template literals, which JavaScript minifiers leave alone."""
    return _SHADER.sub(lambda found: _shader(found[0]), text)


def _shader(text: str) -> str:
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r"[ \t]*\n\s*", "\n", text)
    return re.sub(r" ?([=*/+<>?:,;{}()&|-]+) ?", r"\1", text)


def html(text: str) -> str:
    """Strip comments and indentation from markup."""
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    return re.sub(r"\s*\n\s*", "\n", text).strip() + "\n"
