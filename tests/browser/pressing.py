"""What can be pressed on a page, found on the page itself, so that a new button cannot be left out of the tests."""

from __future__ import annotations

from collections import Counter
from typing import Any

FIND = """() => {
  const kinds = "a[href],button,input:not([type=hidden]),select,textarea,summary,label[for]," +
    "[role=button],[role=slider],[role=radio],[role=application],[contenteditable]";
  const shown = (element) => {
    const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    // What is folded away has a box, too.
    const seen = element.checkVisibility() && box.width > 1 && box.height > 1;
    return seen && style.visibility === "visible" && style.opacity !== "0";
  };
  return [...document.querySelectorAll(kinds)].filter(shown).map((element) => {
    const words = element.getAttribute("aria-label") || element.innerText || element.getAttribute("name") || "";
    const inside = element.querySelector("img");
    const name = element.id ? "#" + element.id : words.trim() || (inside && inside.alt) || element.outerHTML;
    return name.replace(/\\d+/g, "N").replace(/\\s+/g, " ");
  });
}"""


def pressable(page: Any) -> Counter[str]:
    """The names of all that can be pressed and is in sight, numbers in them written N: how many there are of each."""
    return Counter(page.evaluate(FIND))
