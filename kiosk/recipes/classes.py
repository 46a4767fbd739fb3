"""The 1000 ImageNet classes that can be dreamed of, found by number, name, plural, single word or misspelling."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz, process

from kiosk.errors import BadInput
from kiosk.recipes.catalog import CATALOG_FOLDER
from kiosk.recipes.layer_names import parse_weight
from kiosk.recipes.word_titles import fold, titled

SURE = 80.0
"""Similarity, 0..100, at which a misspelled name is accepted: "flamengo" for flamingo scores 88."""
CLEAR = 4.0
"""Lead over the next most similar class that an accepted misspelling needs."""
SUGGESTED = 60.0
BETWEEN = r"[,+&、，＋＆と]|\b(?:and|und|y|et)\b"
"""What stands between the classes of a mix, in the languages of the words' titles."""
ARTICLE = r"^\s*(?:(?:an?|the|some|ein|eine|einen|der|die|das|una?|el|las?|los|une|le|les|des)\s+|l['’])"
SUGGESTIONS = 6


@dataclass(frozen=True)
class ImageNetClass:
    """A class: `number`, 0..999, which is its channel at the class layer, and its names, the most common one first."""

    number: int
    names: tuple[str, ...]

    @property
    def label(self) -> str:
        """The name to show, such as `castle (483)`: the first one that no other class has."""
        own = next((name for name in self.names if len(_owners()[name]) == 1), self.names[0])
        return f"{own} ({self.number})"


@lru_cache(maxsize=1)
def classes() -> tuple[ImageNetClass, ...]:
    """All classes in numeric order."""
    text = (CATALOG_FOLDER / "imagenet-classes.txt").read_text(encoding="utf-8")
    rows = (line.partition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return tuple(ImageNetClass(int(number), tuple(names.split(", "))) for number, _, names in rows)


@lru_cache(maxsize=1)
def _owners() -> dict[str, set[int]]:
    owners: dict[str, set[int]] = {}
    for one in classes():
        for name in one.names:
            owners.setdefault(name, set()).add(one.number)
    return owners


def find_mix(wanted: str) -> dict[int, float]:
    """Find the classes that `wanted` mixes, such as "a lion and daisies" or "lion + daisy:0.5": number -> weight.

    A text that names one class as a whole, such as "black and gold garden spider", is that class. Raises BadInput as
    `find_class` does, and for a weight that is not a positive finite number.
    """
    if (one := _named(wanted)) is not None:
        return {one: 1.0}
    mix: dict[int, float] = {}
    parts = parts_of(wanted)
    try:
        for part in parts or [wanted]:
            name, colon, weight = part.rpartition(":")
            number = find_class(re.sub(ARTICLE, "", name if colon else part, flags=re.IGNORECASE)).number
            mix[number] = mix.get(number, 0.0) + (parse_weight(weight, part.strip()) if colon else 1.0)
    except BadInput:
        # A misspelled name may contain "and" or a comma.
        if len(parts) > 1 and (similar := _misspelled(wanted)) is not None:
            return {similar: 1.0}
        raise
    return mix


def parts_of(wanted: str) -> list[str]:
    """What `wanted` names between "and", commas and plus signs, in the languages of the words' titles."""
    return [part for part in re.split(BETWEEN, wanted, flags=re.IGNORECASE) if fold(part)]


def find_class(wanted: str) -> ImageNetClass:
    """Find the class that `wanted` means: a number, one of its names, a plural, a word of a name, a misspelling, or the
    title of a suggested word in one of the pages' languages.

    A title wins over names, a first name over other names, and a whole name over a single word. Raises BadInput with
    suggestions if no class matches or several match equally well.
    """
    if not fold(wanted):
        raise BadInput("name something to dream of, such as peacock, castle or 409", "unknown_class")
    for found in (_named(wanted), _misspelled(wanted)):
        if found is not None:
            return classes()[found]
    near = [number for number, score in _similar(wanted) if score >= SUGGESTED][:SUGGESTIONS]
    meant = (
        f"; did you mean {_list(near)}?" if near else "; the classes are ImageNet's: animals, objects and some places"
    )
    raise BadInput(f"no class is called {wanted!r}{meant}", "unknown_class")


def _named(wanted: str) -> int | None:
    """The class that `wanted` names without a misspelling, if any. Raises BadInput if several match equally well."""
    if re.fullmatch(r"\s*[+-]?\d+\s*", wanted):
        if not 0 <= int(wanted) < len(classes()):
            raise BadInput(
                f"class numbers go from 0 to {len(classes()) - 1}; {wanted.strip()} is out of range", "unknown_class"
            )
        return int(wanted)
    if (number := titled().get(fold(wanted))) is not None:
        return number
    for found in _ever_looser(_plain(wanted)):
        if len(found) > 1:
            raise BadInput(
                f"{wanted!r} fits several classes: {_list(found)}; give a full name or a number", "many_classes"
            )
        if found:
            return found[0]
    return None


def _misspelled(wanted: str) -> int | None:
    """The class whose name is SURE to be meant by `wanted`, if any."""
    scores = _similar(wanted)
    if scores and scores[0][1] >= SURE and (len(scores) == 1 or scores[0][1] - scores[1][1] >= CLEAR):
        return scores[0][0]
    return None


def _ever_looser(text: str) -> list[list[int]]:
    """Matching class numbers in four rounds: by first name, by any name, by last word, by any word."""
    forms = _singulars(text)
    rows = _plain_names()
    return [
        [n for n, names in enumerate(rows) if names[0] in forms],
        [n for n, names in enumerate(rows) if forms.intersection(names)],
        [n for n, names in enumerate(rows) if any(name.endswith(f" {form}") for name in names for form in forms)],
        [n for n, names in enumerate(rows) if any(f" {form} " in f" {name} " for name in names for form in forms)],
    ]


def _similar(wanted: str) -> list[tuple[int, float]]:
    """(number, similarity) of the most similar classes, best first, each class once."""
    names = [(name, number) for number, names in enumerate(_plain_names()) for name in names]
    found = []
    for text, owners in ((_plain(wanted), names), (fold(wanted), list(titled().items()))):
        scores = process.extract(text, [name for name, _ in owners], scorer=fuzz.ratio, limit=40)
        found += [(owners[index][1], score) for _, score, index in scores]
    best: dict[int, float] = {}
    for number, score in sorted(found, key=lambda pair: -pair[1]):
        best.setdefault(number, score)
    return list(best.items())


@lru_cache(maxsize=1)
def _plain_names() -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(_plain(name) for name in one.names) for one in classes())


def _singulars(text: str) -> set[str]:
    """`text` and its possible singular forms."""
    forms = {text}
    for ending, singular in (("ies", "y"), ("ves", "f"), ("es", ""), ("s", "")):
        if len(text) > len(ending) + 2 and text.endswith(ending):
            forms.add(text[: -len(ending)] + singular)
    return forms - {""}


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^a-z0-9]+", " ", text.lower().replace("'", "")).split())


def _list(numbers: list[int]) -> str:
    shown = [classes()[number].label for number in numbers[:SUGGESTIONS]]
    more = len(numbers) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
