"""The viewer beside a minimal three.js sphere page, interleaved: to the first sphere pixel, and frame by frame.

    pytest -s -o python_functions='bench_*' tests/bench/bench_beside_three.py

Needs `npm install` in web/. Ours should be at most 0.75 of it to the first pixel and 1.1 a frame.

What makes it fair: both come over plain HTTP from this machine, scripts compressed, and the minimal page preloads its
script and its picture. It is measured with the picture that the viewer ends with (4096 wide, as a page without levels
would have it) and with the viewer's own first level (1024 wide), which is as fast as such a page can be. Frames are of
the same size, field of view and picture, and both are waited for until their pixels can be read.
"""

from __future__ import annotations

import gzip
import statistics
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

THREE = Path(__file__).parents[2] / "web" / "node_modules" / "three" / "build" / "three.module.min.js"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not THREE.is_file(), reason="development tools are not installed: npm install in web/"),
]

SIZE = (844, 390)
ROUNDS = 7

# What somebody would write who wants a sphere and nothing else.
PAGE = """<!doctype html><meta name="viewport" content="width=device-width"><style>body{margin:0}</style>
<link rel="modulepreload" href="/three.module.min.js">
<link rel="preload" href="PICTURE" as="image" crossorigin="anonymous">
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

# The moment when the first pixel of the picture can be read back.
FIRST = """
for (const name of ["drawArrays", "drawElements"]) {
  const draw = WebGL2RenderingContext.prototype[name];
  WebGL2RenderingContext.prototype[name] = function (...a) {
    draw.apply(this, a);
    if (window.first) return;
    const pixels = new Uint8Array(4 * 64);
    this.readPixels(this.drawingBufferWidth >> 1, this.drawingBufferHeight >> 1, 64, 1, this.RGBA, this.UNSIGNED_BYTE,
      pixels);
    if (pixels.some((value, index) => index % 4 < 3 && value > 0)) window.first = performance.now();
  };
}
"""

# Seconds of a frame, waited for until its pixels are there.
FRAMES = """async () => {
  const gl = document.querySelector("canvas").getContext("webgl2");
  const pixel = new Uint8Array(4);
  let frame = window.frame;
  if (!frame) {
    const { app } = await import("/static/viewer/state.js");
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


class Files(BaseHTTPRequestHandler):
    """Answers with `files`: path to (type, body, whether compressed)."""

    files: ClassVar[dict[str, tuple[str, bytes, bool]]] = {}
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        kind, body, compressed = self.files.get(self.path, ("text/plain", b"", False))
        self.send_response(200 if self.path in self.files else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if compressed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Pages:
    """Makes fresh pages on the same picture: the viewer's (`width` 0), or the minimal one with a picture so wide."""

    screen: Callable[..., Any]
    token: str
    minimal: str

    def open(self, width: int, slow: int = 1) -> Any:
        page = self.screen(SIZE, base=self.minimal if width else None)
        page.page.add_init_script(FIRST)
        if slow > 1:
            page.page.context.new_cdp_session(page.page).send("Emulation.setCPUThrottlingRate", {"rate": slow})
        # A fresh window loads the browser's own pages first, which is no part of either.
        page.page.goto("about:blank")
        page.page.wait_for_timeout(500)
        page.open(f"/{width}" if width else f"/v/{self.token}#0,0")
        assert page.waits(lambda: page.page.evaluate("window.first > 0"))
        return page


@pytest.fixture
def pages(screen: Callable[..., Any], gallery: Any) -> Iterator[Pages]:
    token = gallery.ready(width=4096).token
    levels = gallery.library.files(token).folder / "levels"
    Files.files = {}
    for width in (1024, 4096):
        Files.files[f"/{width}.jpg"] = ("image/jpeg", (levels / f"{width}.jpg").read_bytes(), False)
        markup = PAGE.replace("PICTURE", f"/{width}.jpg").encode()
        Files.files[f"/{width}"] = ("text/html", gzip.compress(markup), True)
    for script in THREE.parent.glob("three.*.min.js"):
        Files.files[f"/{script.name}"] = ("text/javascript", gzip.compress(script.read_bytes()), True)
    with ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Pages(screen, token, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()


def bench_the_first_sphere_pixel_comes_sooner_on_a_slow_phone(pages: Pages) -> None:
    times: dict[int, list[float]] = {0: [], 1024: [], 4096: []}
    for _ in range(ROUNDS):
        for width in times:
            page = pages.open(width, slow=6)
            times[width].append(page.page.evaluate("window.first"))
            page.page.context.close()
    mine = statistics.median(times[0])
    print(f"first sphere pixel at 6x throttling: {mine:.0f} ms")
    for width in (1024, 4096):
        theirs = statistics.median(times[width])
        print(f"  three.js with {width} pixels: {theirs:.0f} ms, {mine / theirs:.2f} of it")


def bench_a_frame_takes_no_longer(pages: Pages) -> None:
    times: dict[int, list[float]] = {0: [], 4096: []}
    for _ in range(ROUNDS):
        for width in times:
            page = pages.open(width)
            if not width:
                # The finest level that is a picture of its own, as on the other page.
                finest = """async () => {
                  const { app } = await import("/static/viewer/state.js");
                  const picture = app.stage.textures.textured("upscaled");
                  return picture && picture.texture.width;
                }"""
                assert page.waits(lambda page=page, ask=finest: page.page.evaluate(ask) == 4096)
            times[width].append(page.page.evaluate(FRAMES))
            page.page.context.close()
    mine, theirs = (statistics.median(times[width]) for width in times)
    print(f"a frame at 844x390: {mine:.1f} ms, three.js {theirs:.1f} ms, {mine / theirs:.2f} of it")
