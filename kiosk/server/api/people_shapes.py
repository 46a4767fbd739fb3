"""The JSON bodies of what guests own and of booths' screens; see shapes.py."""

from __future__ import annotations

from pydantic import Field

from kiosk.server.api.shapes import Shape, StatusBody


class MineBody(Shape):
    """What an owner key brought and is still here, in any state, newest first."""

    photos: list[StatusBody]


class DeletedBody(Shape):
    """How many photos were deleted."""

    deleted: int = Field(ge=0)


class ShowPost(Shape):
    """Whether others may see a dream."""

    show: bool


class WordsCodeBody(Shape):
    """A code that gives the owner key to another device."""

    words: str = Field(description="four words")
    expires: float = Field(description="seconds since 1970")


class WordsCodePost(Shape):
    """A code, as somebody typed it."""

    words: str = Field(max_length=200)


class KeyBody(Shape):
    """The owner key that a code stands for."""

    owner_key: str


class ScreenAskedBody(Shape):
    """A request to become a booth's screen."""

    code: str = Field(pattern=r"^\d{6}$", description="to show; the operator types it on the operator's page")
    secret: str = Field(description="for /api/screens/SECRET")


class ScreenBody(Shape):
    """The outcome of such a request. Once it is paired, the response sets the screen's cookie."""

    paired: bool
