"""The operator's settings: one TOML file in the data folder, validated as a whole."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from tomlkit.exceptions import TOMLKitError

from kiosk.errors import BadInput


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _printable(value: object) -> object:
    # Joiners and variation selectors combine emoji. Other invisible characters could reverse a log line.
    if isinstance(value, str) and not value.replace("\u200d", "").replace("\ufe0f", "").isprintable():
        raise ValueError("it holds a control character or a line break")
    return value


def _of_its_kind(value: object, handler: Callable[[object], Any]) -> Any:
    """Reject values that pydantic converted between text, booleans and numbers."""
    made = handler(value)
    if isinstance(value, (bool, str, int, float)) and isinstance(made, (bool, str, int, float)):
        kinds = [bool if isinstance(one, bool) else str if isinstance(one, str) else float for one in (value, made)]
        if kinds[0] is not kinds[1]:
            wanted = {bool: "true or false", str: 'text in "quotes"', float: "a number, without quotes"}[kinds[1]]
            raise ValueError(f"should be {wanted}")
    return made


class _Section(_Strict):
    _all_printable = field_validator("*", mode="before")(_printable)
    _all_of_their_kind = field_validator("*", mode="wrap")(_of_its_kind)


class _Source(_Strict):
    """The settings of one source. Pydantic allows no before or wrap validator on `source`, the discriminator."""

    _all_printable = field_validator("folder", mode="before", check_fields=False)(_printable)
    _all_of_their_kind = field_validator("interval", "folder", mode="wrap", check_fields=False)(_of_its_kind)


class Network(_Section):
    """How guests reach the kiosk."""

    host: str = Field("0.0.0.0", description="address to listen on")  # noqa: S104 (guests are on the LAN)
    port: int = Field(8360, ge=1, le=65535)
    tls_port: int = Field(8361, ge=0, le=65535, description="0 switches https off")
    interface: str | None = Field(None, description="interface whose address goes into the QR code; None = automatic")
    name: str = Field("Dream Kiosk", min_length=1, max_length=63, description="the name advertised by mDNS")
    wifi_name: str | None = Field(None, max_length=32, description="SSID for the join code on the big screen")
    wifi_password: str | None = Field(None, description="8 to 63 ASCII characters, or 64 hexadecimal digits")

    @field_validator("host")
    @classmethod
    def _an_address(cls, value: str) -> str:
        if value not in ("", "localhost"):
            try:
                ipaddress.ip_address(value)
            except ValueError:
                raise ValueError("not an address of this machine, such as 0.0.0.0 or 192.168.1.20") from None
        return value

    @field_validator("interface")
    @classmethod
    def _an_interface(cls, value: str | None) -> str | None:
        # 15 bytes is what Linux allows (IFNAMSIZ - 1); an address is understood too.
        if value is not None and not re.fullmatch(r"[^\s/]{1,15}", value):
            raise ValueError('not the name of a network interface, such as "wlan0"; `ip link` lists them')
        return value

    @field_validator("wifi_name")
    @classmethod
    def _an_ssid(cls, value: str | None) -> str | None:
        if value is not None and not 1 <= len(value.encode()) <= 32:
            raise ValueError("a Wi-Fi name has 1 to 32 bytes")
        return value

    @field_validator("wifi_password")
    @classmethod
    def _a_passphrase(cls, value: str | None) -> str | None:
        if value and not re.fullmatch(r"[ -~]{8,63}|[0-9A-Fa-f]{64}", value):
            raise ValueError("a Wi-Fi password is 8 to 63 ASCII characters, or a key of 64 hexadecimal digits")
        return value

    @model_validator(mode="after")
    def _one_port_each(self) -> Network:
        if self.port == self.tls_port:
            raise ValueError(f"http and https cannot share port {self.port}; choose another tls_port")
        if self.wifi_password and not self.wifi_name:
            raise ValueError("wifi_password needs wifi_name, the name of the Wi-Fi it opens")
        return self


class Dream(_Section):
    """How a photo is dreamed; the style applies if the guest chooses none."""

    style: str = Field("dogs", pattern="^[a-z0-9_-]{1,40}$")
    width: int = Field(2048, ge=256, le=16384, multiple_of=64, description="width of the dream, pixels")
    upscale: Literal[1, 2, 4] = 2
    deadline: float = Field(60, ge=1, le=86400, description="target time from upload to ready, seconds")
    precision: Literal["auto", "int8", "fp16", "fp32"] = "auto"
    keep_faces: bool = Field(False, description="leave faces detected in the photo undreamed")
    keep_people: bool = Field(False, description="leave people undreamed; needs the network matting, else keeps faces")
    memory: int = Field(1024, ge=256, le=1_000_000, description="MB that the worker may use")
    threads: int = Field(0, ge=0, le=1024, description="threads for the networks; 0 = all cores")


Interval = Annotated[
    float, Field(ge=0, le=604800, description="seconds between unattended photos; 0 = only on request")
]


class NoCapture(_Source):
    """No source: guests upload their photos. Fields of a source that was switched off may stay in the file."""

    source: Literal["none"] = "none"
    folder: Path | None = None
    interval: Interval = 0


class VirtualCapture(_Source):
    """The virtual 360 camera."""

    source: Literal["virtual"] = "virtual"
    interval: Interval = 0


class FolderCapture(_Source):
    """A folder that cameras or cards put photos into."""

    source: Literal["folder"] = "folder"
    folder: Path

    @model_validator(mode="before")
    @classmethod
    def _a_folder_to_watch(cls, values: dict[str, Any]) -> dict[str, Any]:
        if not Path(str(values.get("folder", ""))).is_absolute():
            raise ValueError('source = "folder" needs folder, the absolute path of the folder to watch')
        return values


class PiCameraCapture(_Source):
    """A Raspberry Pi's camera, through picamera2."""

    source: Literal["picamera2"] = "picamera2"
    interval: Interval = 0


Capture = NoCapture | VirtualCapture | FolderCapture | PiCameraCapture
"""The source of photos besides uploads."""
CAPTURES: dict[str, type[_Source]] = {kind.model_fields["source"].default: kind for kind in get_args(Capture)}
"""Source -> its settings."""


class Retention(_Section):
    """How long guests' photos are kept."""

    hours: float = Field(
        24,
        ge=0,
        le=87600,
        description="0 keeps them until they are deleted; photos of "
        "an event are kept until it is closed and exported, and then for so long",
    )
    quota_gb: float = Field(20, gt=0, le=1_000_000, description="photos are evicted when they take more than this")
    reserve_gb: float = Field(1, ge=0, le=1_000_000, description="free space that uploads must leave on the disk")
    upload_mb: int = Field(100, ge=1, le=1000, description="largest upload")


Language = Literal["en", "de", "es", "fr", "ja"]
"""The languages of the pages, as in web/shared/i18n.js."""
LANGUAGES: tuple[Language, ...] = get_args(Language)


class People(_Section):
    """Who may see a guest's dream."""

    show: Literal["ask", "yes", "no"] = Field(
        "ask", description="on the big screen and in the gallery: only if the guest says so, unless they say no, never"
    )
    approve: bool = Field(False, description="dreams wait for the operator before others see them")
    moderation: bool = Field(True, description="hold back rude pictures; needs the network moderation")
    moderation_threshold: float = Field(0.8, gt=0, le=1, description="how sure that network has to be")
    console_pin: bool = Field(False, description="ask for the operator's PIN on the machine itself too")


class Event(_Section):
    """What guests see of an event."""

    name: str = Field("", max_length=60, description="shown instead of network.name")
    welcome: str = Field("", max_length=200, description="a sentence for guests")
    accent: str = Field("", pattern="^(#[0-9a-fA-F]{6})?$", description='color of buttons, such as "#7a5cff"')
    logo: str = Field("", max_length=80, pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.-]*\.(png|webp|jpg))?$",
                      description="a file in the folder event of the data folder")  # fmt: skip
    languages: list[Language] = Field(list(LANGUAGES), min_length=1, description="that the pages offer")


class Settings(_Section):
    """All settings. Every field has a default, so an empty file is valid."""

    network: Network = Network()  # type: ignore[call-arg]
    dream: Dream = Dream()  # type: ignore[call-arg]
    capture: Capture = Field(default=NoCapture(), discriminator="source")
    retention: Retention = Retention()  # type: ignore[call-arg]
    people: People = People()  # type: ignore[call-arg]
    event: Event = Event()  # type: ignore[call-arg]

    @field_validator("capture", mode="before")
    @classmethod
    def _of_the_chosen_source(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        values = {"source": "none", **value}
        chosen = CAPTURES.get(str(values["source"]))
        # What belongs to another source waits in the file until that one is chosen again; it must not stop the kiosk.
        others = {name for kind in CAPTURES.values() for name in kind.model_fields} - {
            *(chosen or NoCapture).model_fields
        }
        return {name: one for name, one in values.items() if not chosen or name not in others}


class InvalidSetting(BadInput):
    """A setting that cannot be used. field: its name, such as "dream.width". reason: what is wrong with it."""

    def __init__(self, origin: str, field: str, reason: str) -> None:
        super().__init__(f"{origin}: {field}: {reason}", "settings")
        self.field = field
        self.reason = reason


def load(path: Path) -> Settings:
    """Read and validate `path`; a missing file gives the defaults. Raises BadInput that names the invalid field."""
    try:
        found = tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}", "settings") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not a UTF-8 text file; fix it, or move it away", "settings") from error
    except TOMLKitError as error:
        # How the parser reports an unexpected end of the text.
        reason = str(error).replace("Unexpected character: '\\x00'", "The text ends too early")
        raise BadInput(f"{path}: not valid TOML: {reason}", "settings") from error
    return validated(found, str(path))


def validated(found: dict[str, Any], origin: str) -> Settings:
    """Validate `found`, a dictionary of sections as in the file. Raises BadInput that names `origin` and the invalid
    field."""
    try:
        return Settings.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"]]
        reason = first["msg"].removeprefix("Value error, ")
        if first["type"] == "union_tag_invalid":
            place, reason = [*place, "source"], f"should be one of {', '.join(CAPTURES)}"
        elif place[0] == "capture" and len(place) > 1:
            # In a discriminated union, the second part is the chosen source.
            place = [place[0], *place[2:]]
            if first["type"] == "extra_forbidden":
                reason = _no_such_setting(place)
        elif first["type"] == "extra_forbidden":
            reason = _no_such_setting(place)
        raise InvalidSetting(origin, ".".join(place), reason) from error


def _no_such_setting(place: list[str]) -> str:
    sections = {name: list(type(section).model_fields) for name, section in Settings()}
    known = sections[place[0]] if len(place) > 1 else list(sections)
    # The exact name in another section is a better hint than a similar name in this one.
    elsewhere = [f"{name}.{place[-1]}" for name, fields in sections.items() if place[-1] in fields]
    near = elsewhere or difflib.get_close_matches(place[-1], known, 1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    return f"there is no such setting; {hint}"
