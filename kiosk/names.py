"""Names shared by the kiosk's processes: process names and environment variables."""

from __future__ import annotations

SERVER, WORKER, CAMERA, LAN = "server", "worker", "camera", "lan"
"""Process names, as used by heartbeats and logs."""

DATA = "DREAMKIOSK_DATA"
"""The data folder."""
RUNTIME = "DREAMKIOSK_RUNTIME"
"""The runtime folder."""
SETTINGS = "DREAMKIOSK_SETTINGS"
"""All settings as JSON, so that options of `dreamkiosk run` reach every process."""
DEMO = "DREAMKIOSK_DEMO"
"""Set if the camera process runs the demo's virtual camera."""
NICE = "DREAMKIOSK_NICE"
"""The niceness of the process."""
PARENT = "DREAMKIOSK_PARENT"
"""The supervisor's process ID."""
