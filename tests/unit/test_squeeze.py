"""Pages are sent shorter, and mean the same."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path

import pytest

from kiosk.server.pages.assets import Assets
from kiosk.server.pages.minify import css, html, javascript, squeeze

WEB = (Path(__file__).parents[2] / "kiosk" / "web").resolve()
SCRIPTS = sorted(path for path in WEB.glob("*/*.js"))


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("let a = 1; // one\nlet b;", "let a=1;let b;"),
        (
            "/** doc\n * more */\nexport function f(a, b) {\n  return a + +b;\n}\n",
            "export function f(a,b){return a+ +b;}",
        ),
        ("const s = 'it // is';", "const s='it // is';"),
        ('const s = "a\\"/*b*/";', 'const s="a\\"/*b*/";'),
        ("const s = `a  // ${ f('}') + `x ${1}  y` }  b`;", "const s=`a  // ${ f('}') + `x ${1}  y` }  b`;"),
        ("x = a / b / c; // d", "x=a/b/c;"),
        ("x = y.replace(/[/\"']+/g, '');", "x=y.replace(/[/\"']+/g,'');"),
        ("return /a b/.test(c)", "return/a b/.test(c)"),
        ("const a = b\nconst c = d", "const a=b\nconst c=d"),
        ("if (a) b()\n++c", "if(a)b()\n++c"),
        ("for (const x of y) z();", "for(const x of y)z();"),
        ("a = b - -c;", "a=b- -c;"),
    ],
)
def test_scripts_lose_comments_and_blanks_only(text: str, short: str) -> None:
    assert javascript(text) == short


def test_style_sheets_keep_the_blanks_that_mean_something() -> None:
    text = "/* x */\n#a .b,\na:hover > b {\n  margin: calc(1px + 2px) auto;\n  color: red;\n}\n"
    assert css(text) == "#a .b,a:hover > b{margin:calc(1px + 2px) auto;color:red}"


def test_markup_loses_comments_and_indentation() -> None:
    assert html("<p>\n   <!-- x -->a <b>b</b>\n</p>\n") == "<p>\na <b>b</b>\n</p>\n"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_is_sent_is_still_a_module(path: Path, tmp_path: Path) -> None:
    sent = tmp_path / "sent.mjs"
    sent.write_text(squeeze(path.read_text(encoding="utf-8"), ".js"), encoding="utf-8")
    subprocess.run(["node", "--check", str(sent)], check=True)


def test_what_is_sent_is_shorter() -> None:
    asset = Assets().find("viewer/viewer.js")
    assert asset is not None
    assert asset.compressed is not None
    whole = (WEB / "viewer" / "viewer.js").read_bytes()
    assert len(asset.compressed) < 0.8 * len(gzip.compress(whole, 9))
    assert b"/**" not in asset.body
