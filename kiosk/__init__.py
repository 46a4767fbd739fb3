"""Dream Kiosk: a 360 photo booth that dreams."""

from importlib.metadata import version

__version__ = version("dream-kiosk")
