"""The titles of the suggested words, in every language of the pages, as guests type them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from kiosk.recipes import catalog


@lru_cache(maxsize=1)
def titled() -> Mapping[str, int]:
    """Folded title -> class number, for the titles of all languages."""
    return {fold(title): word.number for word in catalog.load().words for title in (word.title, *word.titles.values())}


def fold(text: str) -> str:
    """`text` as it is compared: without capitals, accents, punctuation and the difference between wide and narrow
    characters. "Pâquerette!" and "paquerette" are the same."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[\W_]+", " ", letters).split())
