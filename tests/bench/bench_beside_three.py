"""The viewer beside a minimal three.js sphere page, interleaved: to the first sphere pixel, and frame by frame.

    pytest -s -o python_functions='bench_*' tests/bench/bench_beside_three.py

Needs `npm install` in web/. Ours should be at most 0.75 of it to the first pixel and 1.1 a frame.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

THREE = Path(__file__).parents[2] / "web" / "node_modules" / "three" / "build" / "three.module.min.js"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not THREE.is_file(), reason="development tools are not installed: npm install in web/"),
]

SIZE = (844, 390)
ROUNDS = 3

# What somebody would write who wants a sphere and nothing else.
PAGE = """<!doctype html><meta name="viewport" content="width=device-width"><style>body{margin:0}</style>
<script type="module">
import * as THREE from "/three.module.min.js";
const renderer = new THREE.WebGLRenderer();
renderer.setSize(innerWidth, innerHeight);
document.body.append(renderer.domElement);
const scene = new THREE.Scene();
const camera = new THREE.PerspectiveCamera(46, innerWidth / innerHeight, 0.1, 10);
const geometry = new THREE.SphereGeometry(5, 60, 40);
geometry.scale(-1, 1, 1);
new THREE.TextureLoader().load("PICTURE", (texture) => {
  texture.colorSpace = THREE.SRGBColorSpace;
  scene.add(new THREE.Mesh(geometry, new THREE.MeshBasicMaterial({ map: texture })));
  window.frame = () => renderer.render(scene, camera);
  renderer.setAnimationLoop(window.frame);
});
</script>"""

# The moment of the first thing drawn with a picture on it.
FIRST = """
for (const name of ["drawArrays", "drawElements"]) {
  const draw = WebGL2RenderingContext.prototype[name];
  WebGL2RenderingContext.prototype[name] = function (...a) {
    if (!window.first) { draw.apply(this, a); this.finish(); window.first = performance.now(); }
    else draw.apply(this, a);
  };
}
"""

# Seconds of a frame, waited for until its pixels are there.
FRAMES = """async () => {
  const gl = document.querySelector("canvas").getContext("webgl2");
  const pixel = new Uint8Array(4);
  let frame = window.frame;
  if (!frame) {
    const { app } = await import("/static/viewer/viewer.js");
    app.stage.scale = 1;
    frame = () => { app.stage.dirty = true; app.stage.frame(performance.now() / 1000); };
  }
  const times = [];
  for (let i = 0; i < 24; i++) {
    const start = performance.now();
    frame();
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[8];
}"""


@pytest.fixture
def pages(screen: Callable[..., Any], gallery: Any) -> Callable[[bool], Any]:
    """A function that makes a fresh page, ours or the minimal one, on the same picture, and says its path."""
    token = gallery.ready(width=4096).token

    def make(ours: bool) -> tuple[Any, str]:
        page = screen(SIZE)
        page.page.add_init_script(FIRST)
        if ours:
            return page, f"/v/{token}#0,0"
        markup = PAGE.replace("PICTURE", f"/photos/{token}/levels/4096.jpg")
        library = THREE.read_text(encoding="utf-8")
        core = THREE.with_name("three.core.min.js")
        page.page.route("**/three-page", lambda route: route.fulfill(body=markup, content_type="text/html"))
        page.page.route(
            "**/three.module.min.js", lambda route: route.fulfill(body=library, content_type="text/javascript")
        )
        if core.is_file():
            text = core.read_text(encoding="utf-8")
            page.page.route(
                "**/three.core.min.js", lambda route: route.fulfill(body=text, content_type="text/javascript")
            )
        return page, "/three-page"

    return make


def bench_the_first_sphere_pixel_comes_sooner_on_a_slow_phone(pages: Callable[[bool], Any]) -> None:
    times: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(ROUNDS):
        for ours in times:
            page, path = pages(ours)
            page.page.context.new_cdp_session(page.page).send("Emulation.setCPUThrottlingRate", {"rate": 6})
            page.open(path)
            assert page.waits(lambda page=page: page.page.evaluate("window.first > 0"))
            times[ours].append(page.page.evaluate("window.first"))
            page.page.context.close()
    mine, theirs = (statistics.median(times[ours]) for ours in (True, False))
    print(f"first sphere pixel at 6x throttling: {mine:.0f} ms, three.js {theirs:.0f} ms, {mine / theirs:.2f} of it")


def bench_a_frame_takes_no_longer(pages: Callable[[bool], Any]) -> None:
    times: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(ROUNDS):
        for ours in times:
            page, path = pages(ours)
            page.open(path)
            assert page.waits(lambda page=page: page.page.evaluate("window.first > 0"))
            page.page.wait_for_timeout(2500)
            times[ours].append(page.page.evaluate(FRAMES))
            page.page.context.close()
    mine, theirs = (statistics.median(times[ours]) for ours in (True, False))
    print(f"a frame at 844x390: {mine:.1f} ms, three.js {theirs:.1f} ms, {mine / theirs:.2f} of it")
