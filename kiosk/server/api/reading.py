"""Reads JSON bodies of requests."""

from __future__ import annotations

from typing import TypeVar

from flask import request
from pydantic import BaseModel, ValidationError

from kiosk.errors import BadInput

Body = TypeVar("Body", bound=BaseModel)


def read_json(shape: type[Body], code: str = "bad_body") -> Body:
    """The body of the current request. The content type is ignored: a page that is closing (sendBeacon) can only send
    text. Raises BadInput that names the first wrong field."""
    try:
        return shape.model_validate_json(request.get_data(cache=False))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        raise BadInput(f"This cannot be read: {where}: {first['msg']}.", code) from None
