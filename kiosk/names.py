"""Names that the kiosk's processes share: of the processes, and of the variables that configure them."""

from __future__ import annotations

SERVER, WORKER, CAMERA, LAN = "server", "worker", "camera", "lan"
"""Processes, as heartbeats and logs call them."""

DATA = "DREAMKIOSK_DATA"
"""The data folder."""
RUNTIME = "DREAMKIOSK_RUNTIME"
"""The runtime folder."""
SETTINGS = "DREAMKIOSK_SETTINGS"
"""All settings as JSON, so that options of `dreamkiosk run` reach every process."""
DEMO = "DREAMKIOSK_DEMO"
"""Set if the camera is the demonstration's."""
NICE = "DREAMKIOSK_NICE"
"""The niceness of the process."""
PARENT = "DREAMKIOSK_PARENT"
"""Process number of the supervisor."""
