"""Pages are sent shorter, and mean the same."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import pytest

from kiosk.server.pages import bundle
from kiosk.server.pages.assets import Assets
from kiosk.server.pages.minify import html, minify, shaders

WEB = (Path(__file__).parents[3] / "kiosk" / "web").resolve()
TYPESCRIPT = WEB / "node_modules" / "typescript"
SCRIPTS = sorted(path.relative_to(WEB).as_posix() for path in WEB.glob("*/**/*.js") if "node_modules" not in path.parts)

# Reads pairs of scripts; prints for each what is the first difference of their syntax trees, or null.
COMPARE = """
const ts = require(process.argv[1]);
const leaves = (text) => {
  const file = ts.createSourceFile("a.js", text, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  const found = file.parseDiagnostics.map((one) => `error: ${ts.flattenDiagnosticMessageText(one.messageText, " ")}`);
  const visit = (node) => {
    const name = ts.SyntaxKind[node.kind];
    // A statement without a word in it is a semicolon that nobody needs.
    if (name === "EmptyStatement") return;
    const word = typeof node.text === "string" && name !== "SourceFile" ? node.getText() : "";
    found.push([name, node.operator ?? "", node.flags & ts.NodeFlags.BlockScoped, word].join(" "));
    ts.forEachChild(node, (child) => { visit(child); });
  };
  visit(file);
  return found;
};
const pairs = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(pairs.map(([before, after]) => {
  const [a, b] = [leaves(before), leaves(after)];
  const at = a.findIndex((one, i) => one !== b[i]);
  return at < 0 && a.length === b.length ? null : [a[at] ?? null, b[at < 0 ? a.length : at] ?? null];
})));
"""


def differences(pairs: list[tuple[str, str]]) -> list[list[str | None] | None]:
    """The first difference of the syntax trees of each pair of scripts; None where they are the same."""
    assert TYPESCRIPT.is_dir(), "the page tools are not installed; `python -m tests` installs them"
    command = ["node", "-e", COMPARE, str(TYPESCRIPT)]
    done = subprocess.run(command, input=json.dumps(pairs), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


CASES = [
    ("let a = 1; // one\nlet b;", "let a=1;let b;"),
    ("/** doc\n * more */\nexport function f(a, b) {\n  return a + +b;\n}\n", "export function f(a,b){return a+ +b;}"),
    ("const s = 'it // is';", "const s='it // is';"),
    ('const s = "a\\"/*b*/";', 'const s="a\\"/*b*/";'),
    ("let u = `http://x ${a} // no\n   indented`;", "let u=`http://x ${a} // no\n   indented`;"),
    ("let s = `it's  ${x}`;\n// it's\nlet t = 1;", "let s=`it's  ${x}`;let t=1;"),
    ("f(`a`, /`/ , `//`)", "f(`a`,/`/,`//`)"),
    ("x = a / b / c; // d", "x=a/b/c;"),
    ("x = y.replace(/[/\"']+/g, '');", "x=y.replace(/[/\"']+/g,'');"),
    ("const f = (a) => { return /a  b/.test(c); };", "const f=(a)=>{return/a  b/.test(c);};"),
    ("const a = b\nconst c = d", "const a=b\nconst c=d"),
    ("if (a) b()\n++c", "if(a)b()\n++c"),
    ("for (const x of y) z();", "for(const x of y)z();"),
    ("a = b - -c;", "a=b- -c;"),
]


@pytest.mark.parametrize(("text", "short"), CASES)
def test_scripts_lose_comments_and_blanks_only(text: str, short: str) -> None:
    assert minify(text, ".js") == short


def test_the_comparison_of_scripts_sees_what_a_minifier_could_get_wrong() -> None:
    assert differences(CASES) == [None] * len(CASES)
    wrong = [
        ("let a = 'x  y';", "let a='x y';"),
        ("let a = `x  ${b}  y`;", "let a=`x ${b} y`;"),
        ("let a = (b) => /c  d/;", "let a=(b)=>/c d/;"),
        ("return\na", "return a"),
        ("let a = `${`b // c`}`; d();", "let a=`${`b"),
    ]
    assert None not in differences(wrong)


def test_what_is_sent_is_the_same_script() -> None:
    """Every file, and the members that are sent as one."""
    together = bundle.members(WEB)
    whole = [shaders(bundle.source(WEB, name, together)) for name in SCRIPTS]
    found = differences([(text, minify(text, ".js")) for text in whole])
    assert {name: one for name, one in zip(SCRIPTS, found, strict=True) if one} == {}


def test_a_shader_loses_its_comments_and_blanks() -> None:
    text = "const a = `x  // y`;\nconst b = `\nuniform float c;  // how much\nvoid main() {\n  d = c * 2.;\n}`;"
    assert minify(text, ".js") == "const a=`x  // y`;const b=`\nuniform float c;\nvoid main(){\nd=c*2.;\n}`;"


def test_style_sheets_keep_the_blanks_that_mean_something() -> None:
    text = "/* x */\n#a .b,\na:hover > b {\n  margin: calc(1px + 2px) auto;\n  color: red;\n}\n"
    assert minify(text, ".css") == "#a .b,a:hover>b{margin:calc(1px + 2px) auto;color:red}"


def test_markup_loses_comments_and_indentation() -> None:
    assert html("<p>\n   <!-- x -->a <b>b</b>\n</p>\n") == "<p>\na <b>b</b>\n</p>\n"


def test_what_is_sent_is_shorter() -> None:
    asset = Assets().find("shared/sphere/drag.js")
    assert asset is not None
    assert asset.compressed is not None
    whole = (WEB / "shared" / "sphere" / "drag.js").read_bytes()
    assert len(asset.compressed) < 0.8 * len(gzip.compress(whole, 9))
    assert b"/**" not in asset.body
