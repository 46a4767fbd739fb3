"""Dream Kiosk: a 360 photo booth that dreams."""

from __future__ import annotations


def __getattr__(name: str) -> str:
    if name == "__version__":
        # Looked up lazily: importing importlib.metadata takes longer than starting the process that decodes uploads.
        from importlib.metadata import version

        return version("dream-kiosk")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
