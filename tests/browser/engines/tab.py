"""What a test may do with a page, whatever the engine."""

from __future__ import annotations

import base64
import io
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

Point = tuple[float, float]
WHERE = """
  const element = document.querySelector(%s);
  if (!element) return { seen: false, top: "nothing: there is none" };
  element.scrollIntoView({ block: "center" });
  const box = element.getBoundingClientRect();
  const at = [box.left + box.width / 2, box.top + box.height / 2];
  const top = document.elementFromPoint(at[0], at[1]);
  return { at, seen: Boolean(top && element.contains(top)), top: top && top.outerHTML.slice(0, 120) };
"""


class Missing(Exception):
    """This engine cannot be had on this machine; says why."""


class Tab(ABC):
    """One page. Sizes and places are CSS pixels; a script is the body of a function, and may be asynchronous."""

    @abstractmethod
    def open(self, url: str) -> None:
        """Go there, and wait until the page has loaded."""

    @abstractmethod
    def run(self, script: str) -> Any:
        """What the body of an asynchronous function returns, as JSON knows it."""

    @abstractmethod
    def drag(self, path: Sequence[Point]) -> None:
        """The mouse goes down at the first point, along all of them, and up at the last: one point is a tap."""

    @abstractmethod
    def press(self, key: str) -> None:
        """Press and let go of a key, by its name as events have it ("ArrowRight")."""

    @abstractmethod
    def errors(self) -> list[str]:
        """What the page's scripts threw and nobody caught, since it was made."""

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def _screenshot(self) -> str:
        """The window as a PNG in base64."""

    def picture(self) -> np.ndarray:
        """What is seen, float [height, width, 3]."""
        encoded = base64.b64decode(self._screenshot())
        return np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB")).astype(float)

    def tap(self, selector: str) -> None:
        """Tap the middle of the element, once it rests and is what is seen there."""
        where: dict[str, Any] = {}

        def rests() -> bool:
            before = where.get("at")
            where.update(self.run(WHERE % json.dumps(selector)))
            return where["seen"] and where["at"] == before

        assert self.waits(rests), f"{selector} is covered by {where.get('top')}, or does not rest"
        self.drag([(where["at"][0], where["at"][1])])

    def style(self, text: str) -> None:
        """Add a style sheet, in the way that the page's security policy leaves to scripts."""
        self.run(f"""
          const sheet = new CSSStyleSheet();
          sheet.replaceSync({json.dumps(text)});
          document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
        """)

    def waits(self, check: Callable[[], Any] | str, seconds: float = 30) -> bool:
        """Whether the check, or a script that returns something, comes true in time."""
        until = time.monotonic() + seconds
        if isinstance(check, str):
            script = f"return Boolean(await (async () => {{ {check} }})());"
            return self.waits(lambda: self.run(script), seconds)
        while not check():
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
        return True


class Engine(ABC):
    """A browser that has been started."""

    @abstractmethod
    def tab(self, width: int, height: int) -> Tab:
        """A fresh page of about this size: some engines have a narrowest window."""

    @abstractmethod
    def close(self) -> None: ...
