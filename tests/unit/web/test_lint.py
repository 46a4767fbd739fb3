"""The pages' source: types, lint, old syntax, every word in every language, and nothing from elsewhere."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

WEB = (Path(__file__).parents[3] / "kiosk" / "web").resolve()
TOOLS = WEB / "node_modules" / ".bin"
ROOMS = ("shared", "viewer", "booth", "landing", "mine", "gallery", "forecast", "errors")
LANGUAGES = sorted(path for room in ROOMS for path in (WEB / room / "i18n").glob("*.json"))
SOURCES = sorted(path for room in ROOMS for path in (WEB / room).rglob("*") if path.is_file())
WORDS = {
    key: text
    for path in LANGUAGES
    if path.stem == "en"
    for key, text in json.loads(path.read_text(encoding="utf-8")).items()
}

needs_tools = pytest.mark.usefixtures("tools")

# What engines of 2019 cannot read, by the compiler's own names.
NEWER = """
const ts = require("typescript");
const fs = require("fs");
const newer = new Set(["QuestionDotToken", "QuestionQuestionToken", "PrivateIdentifier", "PropertyDeclaration",
  "BigIntLiteral", "QuestionQuestionEqualsToken", "BarBarEqualsToken", "AmpersandAmpersandEqualsToken",
  "ClassStaticBlockDeclaration"]);
for (const name of process.argv.slice(1)) {
  const file = ts.createSourceFile(name, fs.readFileSync(name, "utf8"), ts.ScriptTarget.Latest, true);
  const walk = (node) => {
    const kind = ts.SyntaxKind[node.kind];
    const line = file.getLineAndCharacterOfPosition(node.pos).line + 1;
    if (newer.has(kind)) console.log(`${name}:${line}: ${kind}`);
    if (kind === "MetaProperty") console.log(`${name}:${line}: import.meta`);
    ts.forEachChild(node, walk);
  };
  walk(file);
}
"""


@pytest.fixture(scope="module")
def tools() -> None:
    """Without them nothing here would be looked at, and a green run would say that it was."""
    assert TOOLS.is_dir(), "the page tools are not installed; `python -m tests` installs them"
    assert shutil.which("node"), "node is not on the PATH; `python -m tests` puts the dev extra's there"


def run(*command: str) -> str:
    result = subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=False)
    return "" if result.returncode == 0 else result.stdout + result.stderr


@pytest.mark.slow
@needs_tools
def test_types_hold() -> None:
    assert run(str(TOOLS / "tsc"), "-p", "jsconfig.json") == ""


@needs_tools
def test_lint_and_format_are_clean() -> None:
    assert run(str(TOOLS / "biome"), "ci", "--error-on-warnings", ".") == ""


@needs_tools
def test_no_syntax_that_browsers_of_2019_cannot_read() -> None:
    names = [str(path) for path in SOURCES if path.suffix == ".js"]
    answer = subprocess.run(["node", "-e", NEWER, *names], cwd=WEB, capture_output=True, text=True, check=True)
    assert answer.stdout == ""


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if path.suffix == ".css"], ids=lambda path: f"{path.parent.name}-{path.name}"
)
def test_no_style_that_browsers_of_2019_would_lose_the_picture_without(path: Path) -> None:
    """What they do not know they leave out: without `inset` the sphere would have no size."""
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"^\s*(?:inset|inset-\w+|translate|scale|rotate|place-\w+-\w+):", text, re.MULTILINE)
    assert not re.findall(r":(?:is|where|has)\(|@layer|@container|\bdvh\b|color-mix", text)


# What a browser of 2019 or Safari 13 has not got. A page may use one of these where it asks for it first, as the word
# before it shows: `"createImageBitmap" in self ? createImageBitmap(...)`.
NEWER_CALLS = (
    r"structuredClone|AbortSignal\.(?:timeout|any)|\.replaceAll\(|\.at\(|Object\.(?:hasOwn|groupBy)|Promise\.(?:any|try)"
    r"|\.replaceChildren\(|\.to(?:Sorted|Spliced|Reversed)\(|\.findLast(?:Index)?\(|crypto\.randomUUID|\.showModal\("
    r"|requestIdleCallback\(|\.inert\b|WeakRef|startViewTransition|\.showPopover\(|URL\.canParse|Array\.fromAsync"
    r"|\.arrayBuffer\(|new OffscreenCanvas|\.decode\(\)|Promise\.withResolvers|scheduler\."
)


@pytest.mark.parametrize(
    "path",
    [path for path in SOURCES if path.suffix == ".js"],
    ids=lambda path: f"{path.parent.name}-{path.name}",
)
def test_nothing_is_called_that_browsers_of_2019_have_not_got(path: Path) -> None:
    assert not re.findall(NEWER_CALLS, path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "path",
    [path for path in SOURCES if path.suffix == ".js"],
    ids=lambda path: f"{path.parent.name}-{path.name}",
)
def test_what_a_browser_may_leave_pending_or_refuse_is_attempted(path: Path) -> None:
    """Full screen, wake lock, orientation lock and the like, at least: anything may come of them, or nothing."""
    text = path.read_text(encoding="utf-8")
    asked = r"(?:requestFullscreen|exitFullscreen|isSessionSupported|makeXRCompatible)\(|(?:[lL]ock|orientation)\.\w+\("
    for line in text.splitlines():
        if re.search(asked, line):
            assert "attempt(" in line or "stage.view.orientation()" in line, line


def test_there_are_five_languages() -> None:
    rooms = {path.parent for path in LANGUAGES}
    assert {room.parent.name for room in rooms} >= {"shared", "booth", "landing"}
    for room in rooms:
        assert sorted(path.stem for path in room.glob("*.json")) == ["de", "en", "es", "fr", "ja"]


@pytest.mark.parametrize("path", LANGUAGES, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_no_language_lacks_a_string_or_a_blank_in_it(path: Path) -> None:
    words = json.loads(path.read_text(encoding="utf-8"))
    assert list(words) == list(json.loads(path.with_stem("en").read_text(encoding="utf-8")))
    for key, text in words.items():
        assert text.strip(), key
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", WORDS[key])), key


def test_every_string_that_a_page_asks_for_exists_and_every_string_is_asked_for() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES if path.suffix in (".js", ".html"))
    asked = set(re.findall(r"""\bt\(\s*["']([\w.]+)["']""", text)) | set(
        re.findall(r'data-t(?:-label)?="([\w.]+)"', text)
    )
    assert len(asked) > 50, "the search itself finds nothing any more"
    assert asked <= set(WORDS)
    # The others are put together from a state, a choice or a mode.
    made = re.compile(
        r"error\.\w+|state\.\w+(\.short)?|viewer\.(original|dream|upscaled)|alive\.\w+|forecast\.\w+|motion\.\w+|booth\.[\w.]+|headset\.\w+|room\.\w+"
        r"|privacy\.[\w.]+|mine\.[\w.]+"
    )
    assert not {key for key in set(WORDS) - asked if not made.fullmatch(key)}


def words_of(*rooms: str) -> set[str]:
    return {key for room in rooms for key in json.loads((WEB / room / "i18n" / "en.json").read_text(encoding="utf-8"))}


def asked_in(path: Path) -> set[str]:
    text = path.read_text(encoding="utf-8")
    return set(re.findall(r"""\bt\(\s*["']([\w.]+)["']""", text)) | set(
        re.findall(r'data-t(?:-label)?="([\w.]+)"', text)
    )


def loads_the_viewers_words(path: Path) -> bool:
    """Whether a module of the viewer has its words when it asks for them: it loads them, or all who import it do."""
    if re.search(r'(moreWords|translate)\("viewer"\)', path.read_text(encoding="utf-8")):
        return True
    name = re.compile(rf"""(?:from|import\()\s*["'][./\w]*/{re.escape(path.name)}["']""")
    users = [one for one in SOURCES if one.suffix == ".js" and name.search(one.read_text(encoding="utf-8"))]
    return bool(users) and all(loads_the_viewers_words(one) for one in users)


@pytest.mark.parametrize("room", ROOMS)
def test_a_page_has_the_words_that_it_asks_for(room: str) -> None:
    """A string that exists, but in the file of another page, would be shown as its key."""
    own = words_of("shared") if room in ("shared", "errors", "viewer") else words_of("shared", room)
    for path in (one for one in SOURCES if WEB / room in one.parents and one.suffix in (".js", ".html")):
        lacking = asked_in(path) - own
        if room == "viewer" and path.suffix == ".js" and loads_the_viewers_words(path):
            lacking -= words_of("viewer")
        assert lacking == set(), path


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if path.suffix == ".html"], ids=lambda path: path.parent.name
)
def test_the_words_in_the_markup_are_the_english_ones(path: Path) -> None:
    found = re.findall(r'data-t="([\w.]+)"[^>]*>([^<]+)<', path.read_text(encoding="utf-8"))
    assert found
    for key, text in found:
        assert text == WORDS[key]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_nothing_is_fetched_from_elsewhere(path: Path) -> None:
    addresses = re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]{2,}", path.read_text(encoding="utf-8"))
    assert [address for address in addresses if "www.w3.org" not in address] == []


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if path.suffix == ".html"], ids=lambda path: f"{path.parent.name}-{path.name}"
)
def test_no_two_elements_of_a_page_have_one_id(path: Path) -> None:
    ids = re.findall(r'\bid="([\w-]+)"', path.read_text(encoding="utf-8"))
    assert ids
    assert sorted(set(ids)) == sorted(ids)


def test_the_lock_names_no_host() -> None:
    lock = (WEB / "package-lock.json").read_text(encoding="utf-8")
    assert "resolved" not in lock
    assert "://" not in lock
