"""Benchmarks of the pages use the pages' own fixtures."""

from __future__ import annotations

from tests.browser.conftest import chromium, gallery, ready, screen

__all__ = ["chromium", "gallery", "ready", "screen"]
