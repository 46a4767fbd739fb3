"""The operator's settings: one TOML file in the data folder, validated as a whole."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Literal

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tomlkit.exceptions import TOMLKitError

from kiosk.errors import BadInput


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Network(_Section):
    """How guests reach the kiosk."""

    host: str = Field("0.0.0.0", description="address to listen on")  # noqa: S104 (guests are on the LAN)
    port: int = Field(8360, ge=1, le=65535)
    tls_port: int = Field(8361, ge=0, le=65535, description="0 switches https off")
    interface: str | None = Field(None, description="interface whose address goes into the QR code; None chooses")
    name: str = Field("Dream Kiosk", min_length=1, max_length=63, description="the name advertised by mDNS")
    wifi_name: str | None = Field(None, max_length=32, description="SSID for the join code on the big screen")
    wifi_password: str | None = Field(None, max_length=63)


class Dream(_Section):
    """What a photo gets when the guest chooses nothing."""

    style: str = "dogs"
    width: int = Field(2048, ge=256, le=16384, multiple_of=64, description="width of the dream, pixels")
    upscale: Literal[1, 2, 4] = 2
    deadline: float = Field(60, gt=0, description="seconds from upload to ready that the plan aims at")
    precision: Literal["auto", "int8", "fp16", "fp32"] = "auto"
    keep_faces: bool = Field(False, description="leave the faces that are found in a photo undreamed")
    memory: int = Field(1024, ge=256, description="MB that the worker may use")
    threads: int = Field(0, ge=0, description="threads for the networks; 0 = all cores")


class Capture(_Section):
    """Where photos come from besides uploads."""

    source: Literal["none", "virtual", "folder", "picamera2"] = "none"
    folder: Path | None = None
    interval: float = Field(0, ge=0, description="seconds between photos taken unattended; 0 = only when asked")

    @property
    def on_demand(self) -> bool:
        """Whether the source takes a photo when it is asked to; a folder's photos come by themselves."""
        return self.source in ("virtual", "picamera2")


class Retention(_Section):
    """How long guests' photos are kept."""

    hours: float = Field(24, ge=0, description="0 keeps them until they are deleted")
    quota_gb: float = Field(20, gt=0, description="the oldest go when photos take more than this")
    reserve_gb: float = Field(1, ge=0, description="free space that uploads must leave on the disk")
    upload_mb: int = Field(100, ge=1, le=1000, description="largest upload")


class Settings(_Section):
    """All settings; every field has a default, so an empty file is valid."""

    network: Network = Network()  # type: ignore[call-arg]
    dream: Dream = Dream()  # type: ignore[call-arg]
    capture: Capture = Capture()  # type: ignore[call-arg]
    retention: Retention = Retention()  # type: ignore[call-arg]


def load(path: Path) -> Settings:
    """Read and validate `path`; a missing file gives the defaults. Raises BadInput naming the field at fault."""
    try:
        found = tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}", "settings") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not a text file in UTF-8; mend it, or move it away", "settings") from error
    except TOMLKitError as error:
        # The parser's word for the end of the text.
        reason = str(error).replace("Unexpected character: '\\x00'", "The text ends too early")
        raise BadInput(f"{path}: not valid TOML: {reason}", "settings") from error
    try:
        return Settings.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = _no_such_setting(list(map(str, first["loc"]))) if first["type"] == "extra_forbidden" else first["msg"]
        raise BadInput(f"{path}: {where}: {reason}", "settings") from error


def _no_such_setting(place: list[str]) -> str:
    section = getattr(Settings(), place[0]) if len(place) > 1 else Settings()
    known = list(type(section).model_fields)
    near = difflib.get_close_matches(place[-1], known, 1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    return f"there is no such setting; {hint}"
