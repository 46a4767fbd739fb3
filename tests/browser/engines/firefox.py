"""Firefox by WebDriver BiDi, which it speaks without a driver between."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.browser.engines.actions import dragging, pressing
from tests.browser.engines.line import Line
from tests.browser.engines.process import Program, display, program
from tests.browser.engines.tab import Engine, Point, Tab

PREFERENCES = {
    # Without a graphics card it draws by software only where it is told to.
    "webgl.force-enabled": True,
    "ui.prefersReducedMotion": 1,
    "intl.accept_languages": "en-GB",
    "full-screen-api.warning.timeout": 0,
    "full-screen-api.transition-duration.enter": "0 0",
    "full-screen-api.transition-duration.leave": "0 0",
}


class Firefox(Engine):
    def __init__(self, folder: Path, **preferences: Any) -> None:
        path = program("firefox-esr", "firefox")
        profile = folder / "profile"
        profile.mkdir()
        lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in {**PREFERENCES, **preferences}.items()]
        (profile / "user.js").write_text("\n".join(lines))
        with ExitStack() as stack:
            screen = stack.enter_context(display(folder))
            command = [path, "--profile", str(profile), "--no-remote", "--remote-debugging-port", "0", "about:blank"]
            self._program = Program(command, folder / "firefox.log", DISPLAY=screen, LIBGL_ALWAYS_SOFTWARE="1")
            stack.callback(self._program.stop)
            where = profile / "WebDriverBiDiServer.json"
            said = json.loads(self._program.says(lambda: where.exists() and where.read_text().strip(), 90))
            self._tabs: dict[str, FirefoxTab] = {}
            self._line = Line(f"ws://{said['ws_host']}:{said['ws_port']}/session", self._heard)
            stack.callback(self._line.close)
            self._line.ask("session.new", {"capabilities": {}})
            self._line.ask("session.subscribe", {"events": ["log.entryAdded"]})
            self._running = stack.pop_all()

    def _heard(self, event: dict[str, Any]) -> None:
        if event.get("method") != "log.entryAdded":
            return
        entry = event["params"]
        tab = self._tabs.get(entry["source"].get("context", ""))
        if tab and entry["type"] == "javascript" and entry["level"] == "error":
            tab.thrown.append(entry["text"])

    def tab(self, width: int, height: int) -> Tab:
        context = self._line.ask("browsingContext.create", {"type": "window"})["context"]
        size = {"width": width, "height": height}
        self._line.ask("browsingContext.setViewport", {"context": context, "viewport": size})
        self._tabs[context] = FirefoxTab(self._line, context)
        return self._tabs[context]

    def close(self) -> None:
        self._running.close()


class FirefoxTab(Tab):
    def __init__(self, line: Line, context: str) -> None:
        self._line = line
        self._context = context
        self.thrown: list[str] = []

    def _ask(self, method: str, **params: Any) -> Any:
        return self._line.ask(method, {"context": self._context, **params})

    def open(self, url: str) -> None:
        self._ask("browsingContext.navigate", url="about:blank", wait="complete")
        self._ask("browsingContext.navigate", url=url, wait="complete")

    def run(self, script: str) -> Any:
        # BiDi has a way of its own to write values; JSON is one for all engines.
        answer = self._line.ask(
            "script.evaluate",
            {
                "expression": f"(async () => {{ {script} }})().then((value) => JSON.stringify([value]))",
                "target": {"context": self._context},
                "awaitPromise": True,
                "userActivation": False,
            },
        )
        if answer["type"] == "exception":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])[0]

    def drag(self, path: Sequence[Point]) -> None:
        self._ask("input.performActions", actions=dragging(path))

    def press(self, key: str) -> None:
        self._ask("input.performActions", actions=pressing(key))

    def errors(self) -> list[str]:
        self.run("")
        return list(self.thrown)

    def _screenshot(self) -> str:
        return self._ask("browsingContext.captureScreenshot")["data"]

    def close(self) -> None:
        self._ask("browsingContext.close")
