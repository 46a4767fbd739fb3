"""API descriptions attached to views; openapi.py collects them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

View = TypeVar("View", bound=Callable[..., Any])

# A JSON body of this shape, or a body of this media type, or no body.
Answer = type[BaseModel] | str | None


@dataclass(frozen=True)
class Operation:
    """One OpenAPI operation. answers: by status. errors: statuses whose body is ErrorBody. query, headers: name -> JSON
    schema with a description. form: the schema of the request body; form_type: its media type."""

    summary: str
    answers: Mapping[int, Answer]
    errors: tuple[int, ...] = ()
    query: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    headers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    form: Mapping[str, Any] | None = None
    form_type: str = "multipart/form-data"


def describe(summary: str, answers: Mapping[int, Answer], **more: Any) -> Callable[[View], View]:
    """Attach an Operation to a view."""
    operation = Operation(summary, answers, **more)

    def attach(view: View) -> View:
        view.operation = operation  # type: ignore[attr-defined]
        return view

    return attach
