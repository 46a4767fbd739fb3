"""WebKitGTK, the engine of every browser on an iPhone, by its own driver and its plain browser."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import NoSuchFrameException
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service

from tests.browser.engines.actions import dragging, pressing
from tests.browser.engines.process import display, program
from tests.browser.engines.tab import Engine, Missing, Point, Tab

ENVIRONMENT = {
    "LIBGL_ALWAYS_SOFTWARE": "1",
    # Root has no namespaces to put a page into; what is opened here is ours.
    "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",
    "LANGUAGE": "en",
    "GDK_BACKEND": "x11",
    "NO_AT_BRIDGE": "1",
}
# The driver tells nobody what pages throw. This listens from before the page's modules have come; what were thrown even
# earlier would leave the page without its script, which every test sees.
LISTEN = """
  if (location.href === "about:blank" || !document.documentElement) return false;
  if (!window.thrown) {
    window.thrown = [];
    addEventListener("error", (event) => {
      if (event.error || event.message.indexOf("ResizeObserver") < 0) thrown.push(event.message);
    });
    addEventListener("unhandledrejection", (event) => { thrown.push(String(event.reason)); });
  }
  return true;
"""


def browser() -> str:
    """The plain browser that comes with the engine. Raises Missing."""
    for folder in (Path("/usr/lib"), Path("/usr/libexec"), Path("/usr/lib64")):
        for pattern in ("webkit2gtk-4.*/MiniBrowser", "*/webkit2gtk-4.*/MiniBrowser"):
            for path in sorted(folder.glob(pattern)):
                return str(path)
    raise Missing("no MiniBrowser; `python -m tests` installs it where there is apt-get")


class WebKit(Engine):
    def __init__(self, folder: Path) -> None:
        driver, path = program("WebKitWebDriver"), browser()
        configuration = folder / "configuration" / "gtk-3.0"
        configuration.mkdir(parents=True)
        # What the engine takes for a wish for less motion.
        (configuration / "settings.ini").write_text("[Settings]\ngtk-enable-animations=0\n")
        with ExitStack() as stack:
            screen = stack.enter_context(display(folder))
            options = Options()
            options.binary_location = path
            options.add_argument("--automation")
            options.page_load_strategy = "none"
            output = stack.enter_context((folder / "webkit.log").open("wb"))
            environment = {
                **os.environ,
                **ENVIRONMENT,
                "DISPLAY": screen,
                "XDG_CONFIG_HOME": str(configuration.parent),
                "HOME": str(folder),
            }
            service = Service(driver, log_output=output, env=environment)
            self._driver = webdriver.WebKitGTK(options=options, service=service)
            stack.callback(self._driver.quit)
            self._driver.set_script_timeout(60)
            self._running = stack.pop_all()

    def tab(self, width: int, height: int) -> Tab:
        self._driver.switch_to.new_window("window")
        tab = WebKitTab(self._driver, self._driver.current_window_handle)
        # What is around the page takes some of the window.
        for _ in range(2):
            box = self._driver.get_window_rect()
            inner = tab.run("return [innerWidth, innerHeight]")
            self._driver.set_window_rect(0, 0, box["width"] + width - inner[0], box["height"] + height - inner[1])
        return tab

    def close(self) -> None:
        self._running.close()


class WebKitTab(Tab):
    def __init__(self, driver: Any, handle: str) -> None:
        self._driver = driver
        self._handle = handle

    def open(self, url: str) -> None:
        self._driver.get("about:blank")
        assert self.waits("return location.href === 'about:blank'")
        self._driver.get(url)
        assert self.waits(LISTEN)
        assert self.waits("return document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        text = f"""
          const done = arguments[arguments.length - 1];
          (async () => {{ {script} }})().then(
            (value) => done([value === undefined ? null : value]), (error) => done({{ error: String(error) }}));
        """
        for last in (False, False, True):
            try:
                answer = self._driver.execute_async_script(text)
                break
            except NoSuchFrameException:
                # The page went on to another one meanwhile.
                if last:
                    raise
        if isinstance(answer, dict):
            raise RuntimeError(answer["error"])
        return answer[0]

    def drag(self, path: Sequence[Point]) -> None:
        self._driver.execute("actions", {"actions": dragging(path)})

    def press(self, key: str) -> None:
        self._driver.execute("actions", {"actions": pressing(key)})

    def errors(self) -> list[str]:
        return self.run("return window.thrown || []")

    def _screenshot(self) -> str:
        return self._driver.get_screenshot_as_base64()

    def close(self) -> None:
        self._driver.switch_to.window(self._handle)
        self._driver.close()
        self._driver.switch_to.window(self._driver.window_handles[0])
