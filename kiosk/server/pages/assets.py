"""The pages' files, cached in memory with type, ETag, and a gzip copy if that is smaller.

They are a few hundred kilobytes. A file that changes on disk is read again, so working on a page needs no restart.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path

from flask import Response, request

from kiosk.server.pages import bundle
from kiosk.server.pages.minify import MINIFIABLE, minify

WEB = Path(__file__).parents[2] / "web"

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
_COMPRESSIBLE = (".html", ".css", ".js", ".mjs", ".json", ".webmanifest", ".svg", ".txt")
# folder/path: no segment begins with a dot, and the development tools in node_modules are not served.
_NAME = re.compile(r"(?!node_modules/)[a-z0-9_-]+(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")


@dataclass(frozen=True)
class Asset:
    """One file: its bytes, the gzipped bytes or None if those are not smaller, its type and strong ETag. stamp: newest
    modification time in nanoseconds and total size of the source files."""

    body: bytes
    compressed: bytes | None
    type: str
    etag: str
    stamp: tuple[int, int]


class Assets:
    """The files below `folder`, all read at construction."""

    def __init__(self, folder: Path = WEB) -> None:
        self._folder = folder
        self._kept: dict[str, Asset] = {}
        self._bundles = bundle.members(folder)
        for path in sorted(folder.rglob("*")):
            self.find(path.relative_to(folder).as_posix())

    def find(self, name: str) -> Asset | None:
        """The file called `name` ("viewer/index.html"); None if it does not exist or must not be served."""
        suffix = Path(name).suffix
        if suffix not in TYPES or not _NAME.fullmatch(name) or "/node_modules/" in name:
            return None
        try:
            files = self._bundles.get(name, [name])
            facts = [(self._folder / file).stat() for file in files]
            stamp = (max(one.st_mtime_ns for one in facts), sum(one.st_size for one in facts))
            kept = self._kept.get(name)
            if kept is None or kept.stamp != stamp:
                kept = self._kept[name] = self._load(name, stamp)
        except OSError:
            self._kept.pop(name, None)
            return None
        return kept

    def _load(self, name: str, stamp: tuple[int, int]) -> Asset:
        suffix = Path(name).suffix
        if suffix == ".js":
            body = bundle.source(self._folder, name, self._bundles).encode()
        else:
            body = (self._folder / name).read_bytes()
        if suffix in MINIFIABLE:
            body = minify(body.decode(), suffix).encode()
        compressed = gzip.compress(body, 9, mtime=0) if suffix in _COMPRESSIBLE else b""
        return Asset(
            body=body,
            compressed=compressed if 0 < len(compressed) < len(body) else None,
            type=TYPES[suffix],
            etag=hashlib.sha256(body).hexdigest()[:20],
            stamp=stamp,
        )

    def respond(self, name: str, status: int = 200, head: str = "") -> Response | None:
        """The response to the current request for `name`; None if there is no such file.

        `head` is inserted at the end of the page's <head>, in this response only.
        """
        asset = self.find(name)
        if asset is None:
            return None
        if head:
            asset = _with_head(asset, head)
        gzipped = asset.compressed is not None and "gzip" in request.accept_encodings
        response = Response(asset.compressed if gzipped else asset.body, content_type=asset.type)
        if gzipped:
            response.content_encoding = "gzip"
        if asset.compressed is not None:
            response.vary.add("Accept-Encoding")
        response.status_code = status
        if status != 200 or head:
            response.cache_control.no_store = True
            return response
        # The two encodings are different bytes, so they need different ETags.
        response.set_etag(asset.etag + ("-gz" if gzipped else ""))
        # Names do not change with versions, so browsers revalidate every time and mostly get a 304.
        response.cache_control.no_cache = True
        return response.make_conditional(request)  # type: ignore[return-value]


def _with_head(asset: Asset, head: str) -> Asset:
    body = asset.body.replace(b"</head>", head.encode() + b"</head>", 1)
    return replace(asset, body=body, compressed=gzip.compress(body, 9, mtime=0))
