"""Dreams of words: the style that a guest's "a lion and daisies" stands for.

Its name, `word-291-985`, spells the class numbers, so that a photo's style says all that a later start of the worker,
or a rescue of the library, has to know. A weight other than 1 follows in percent: `word-291-985x50`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from kiosk.errors import BadInput
from kiosk.recipes import catalog
from kiosk.recipes.catalog import DEFAULT_NETWORK, Style, Word
from kiosk.recipes.classes import classes, find_mix, parts_of

MOST_WORDS = 3
LONGEST = 80
"""Characters of a guest's text."""
NAME = re.compile(r"word(?:-\d{1,3}(?:x[1-9]\d{0,3})?){1,3}")


def style_for_words(text: str) -> Style:
    """The style that dreams of what `text` names, as `find_mix` understands it. Raises BadInput with suggestions, or
    for a text that is too long or mixes more than MOST_WORDS classes."""
    text = text.strip()
    if len(text) > LONGEST or not text.isprintable():
        raise BadInput(f"Please say in at most {LONGEST} letters what to dream of.", "bad_words")
    # Counted first: each part takes milliseconds to understand. No class has a name of more parts than this.
    if len(parts_of(text)) > MOST_WORDS:
        raise BadInput("Please mix at most three things.", "too_many_words")
    mix = find_mix(text)
    percents = {number: min(9999, max(1, round(weight * 100))) for number, weight in mix.items()}
    parts = (f"{number}" if percent == 100 else f"{number}x{percent}" for number, percent in percents.items())
    return named_style("-".join(("word", *parts)))


def named_style(name: str) -> Style:
    """The style called `name`: one of the catalog's, or one of words. Raises BadInput, which lists the known ones."""
    mix = _mix_of(name)
    if mix is None:
        return catalog.load().style(name)
    words = [word_of(number) for number in mix]
    title = " + ".join(word.title for word in words)
    languages = {language for word in words for language in word.titles}
    titles = {each: " + ".join(word.titles.get(each, word.title) for word in words) for each in sorted(languages)}
    if (tuned := tuned_style(mix)) is not None:
        return tuned.model_copy(update={"name": name, "title": title, "titles": titles, "line": "", "lines": {}})
    return Style(name=name, title=title, titles=titles, line="", network=DEFAULT_NETWORK, classes=mix)


def tuned_style(mix: Mapping[int, float]) -> Style | None:
    """The catalog's style for just the one class of `mix`, if there is one: it was tuned by eye."""
    same = (style for style in catalog.load().styles if len(mix) == 1 and style.classes.keys() == mix.keys())
    return next(same, None)


@lru_cache(maxsize=1024)
def word_of(number: int) -> Word:
    """The class `number`, 0..999, as guests call it: the suggested word, else the class under its own name."""
    suggested = (word for word in catalog.load().words if word.number == number)
    return next(suggested, None) or Word(number=number, title=classes()[number].label.rpartition(" (")[0])


def classes_of(name: str) -> tuple[int, ...]:
    """The class numbers in the name of a style of words; none for other styles."""
    return tuple(_mix_of(name) or ())


def _mix_of(name: str) -> dict[int, float] | None:
    """Class number -> weight; None if `name` is not that of a style of words."""
    if not NAME.fullmatch(name):
        return None
    pairs = (part.partition("x") for part in name.split("-")[1:])
    return {int(number): int(percent or 100) / 100 for number, _, percent in pairs}
