"""Chromium by the DevTools protocol, as it was in 2019 already: today's and that year's are driven alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.browser.engines.line import Line
from tests.browser.engines.process import Program
from tests.browser.engines.tab import Engine, Point, Tab

KEYS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Home": 36, "Escape": 27}


class Chromium(Engine):
    def __init__(self, path: str, folder: Path, *arguments: str) -> None:
        command = [
            path,
            "--headless",
            "--no-sandbox",
            "--remote-debugging-port=0",
            f"--user-data-dir={folder / 'profile'}",
            "--force-prefers-reduced-motion",
            "--lang=en-GB",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            *arguments,
            "about:blank",
        ]
        self._program = Program(command, folder / "chromium.log", LANGUAGE="en")
        address = self._program.says(lambda: re.search(r"listening on (ws:\S+)\n", self._program.log.read_text()))
        self._tabs: dict[str, ChromiumTab] = {}
        self._line = Line(address[1], self._heard)

    def _heard(self, event: dict[str, Any]) -> None:
        tab = self._tabs.get(event.get("sessionId", ""))
        if tab and event["method"] == "Runtime.exceptionThrown":
            details = event["params"]["exceptionDetails"]
            tab.thrown.append(details.get("exception", {}).get("description") or details["text"])

    def tab(self, width: int, height: int) -> Tab:
        context = self._line.ask("Target.createBrowserContext")["browserContextId"]
        target = self._line.ask("Target.createTarget", {"url": "about:blank", "browserContextId": context})["targetId"]
        session = self._line.ask("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        tab = ChromiumTab(self._line, context, session)
        self._tabs[session] = tab
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        tab.ask("Emulation.setDeviceMetricsOverride", size)
        tab.ask("Runtime.enable")
        tab.ask("Page.enable")
        return tab

    def close(self) -> None:
        self._line.close()
        self._program.stop()


class ChromiumTab(Tab):
    def __init__(self, line: Line, context: str, session: str) -> None:
        self._line = line
        self._context = context
        self._session = session
        self.thrown: list[str] = []

    def ask(self, method: str, params: dict[str, Any] | None = None) -> Any:
        return self._line.ask(method, params, sessionId=self._session)

    def open(self, url: str) -> None:
        # To the same page with another fragment it would not load anew.
        self.ask("Page.navigate", {"url": "about:blank"})
        self.ask("Page.navigate", {"url": url})
        assert self.waits("return location.href !== 'about:blank' && document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        expression = f"(async () => {{ {script} }})()"
        for _ in range(3):
            try:
                answer = self.ask(
                    "Runtime.evaluate", {"expression": expression, "awaitPromise": True, "returnByValue": True}
                )
                break
            except RuntimeError as error:
                # The page went on to another one meanwhile.
                if "context" not in str(error).lower() and "navigated" not in str(error).lower():
                    raise
        else:
            raise RuntimeError(f"the page went away: {script}")
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("exception", {}).get("description", "thrown"))
        return answer["result"].get("value")

    def drag(self, path: Sequence[Point]) -> None:
        kinds = [(path[0], "mouseMoved", 0), (path[0], "mousePressed", 1)]
        kinds += [(point, "mouseMoved", 1) for point in path[1:]] + [(path[-1], "mouseReleased", 0)]
        for (x, y), kind, buttons in kinds:
            button = "none" if not buttons and kind == "mouseMoved" else "left"
            event = {"type": kind, "x": x, "y": y, "button": button, "buttons": buttons}
            self.ask("Input.dispatchMouseEvent", {**event, "clickCount": 0 if kind == "mouseMoved" else 1})

    def press(self, key: str) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            code = KEYS[key]
            event = {"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "nativeVirtualKeyCode": code}
            self.ask("Input.dispatchKeyEvent", event)

    def errors(self) -> list[str]:
        self.run("")
        return list(self.thrown)

    def _screenshot(self) -> str:
        return self.ask("Page.captureScreenshot", {"format": "png"})["data"]

    def close(self) -> None:
        self._line.ask("Target.disposeBrowserContext", {"browserContextId": self._context})
