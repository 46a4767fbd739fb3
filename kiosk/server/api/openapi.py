"""/openapi.json: an OpenAPI 3.1 description of every route, built from the Operations attached to the views."""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from kiosk import __version__
from kiosk.people.roles import Permission
from kiosk.server.access import needs
from kiosk.server.api import people_shapes, shapes
from kiosk.server.api.describe import Answer, Operation, describe

blueprint = Blueprint("openapi", __name__)

_REF = "#/components/schemas/{model}"
_PARAMETERS = {
    "token": {"type": "string", "description": "the photo's token", "pattern": "^[A-Za-z0-9_-]{22}$"},
    "name": {"type": "string", "description": "the file's name"},
}


@blueprint.get("/openapi.json")
@needs(Permission.PAGES)
@describe("This description.", {200: "application/json", 304: None})
def openapi() -> Response:
    text, tag = _described(current_app._get_current_object())  # type: ignore[attr-defined]
    response = Response(text, mimetype="application/json")
    response.set_etag(tag)
    response.cache_control.no_cache = True
    return response.make_conditional(request)  # type: ignore[return-value]


@lru_cache(maxsize=4)
def _described(app: Flask) -> tuple[bytes, str]:
    """The document as JSON, and its ETag. Cached."""
    text = json.dumps(description(app), ensure_ascii=False, separators=(",", ":")).encode()
    return text, hashlib.sha256(text).hexdigest()[:20]


def description(app: Flask) -> dict[str, Any]:
    """The OpenAPI document of `app`. Every view must carry an Operation."""
    models = [
        # Requests may omit fields that have defaults; responses always have all fields.
        (one, "validation" if one.__name__.endswith("Post") else "serialization")
        for one in {**vars(shapes), **vars(people_shapes)}.values()
        if isinstance(one, type) and issubclass(one, shapes.Shape) and one is not shapes.Shape
    ]
    _, schemas = models_json_schema(models, ref_template=_REF)  # type: ignore[arg-type]
    paths: dict[str, dict[str, Any]] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        operation: Operation = app.view_functions[rule.endpoint].operation  # type: ignore[attr-defined]
        names = re.findall(r"<(?:[^:>]+:)?([^>]+)>", rule.rule)
        path = re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            paths.setdefault(path, {})[method.lower()] = _operation(operation, names, rule.endpoint, method)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Dream Kiosk",
            "version": __version__,
            "description": "A 360 photo goes in, a dream comes out. Addresses are relative to the kiosk.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [],
        "paths": paths,
        "components": {"schemas": schemas["$defs"]},
    }


def _operation(operation: Operation, names: list[str], endpoint: str, method: str) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _PARAMETERS.get(name, {"type": "string"})}
        for name in names
    ]
    for place, given in (("query", operation.query), ("header", operation.headers)):
        for name, schema in given.items():
            rest = {key: value for key, value in schema.items() if key != "required"}
            parameters.append({"name": name, "in": place, "required": bool(schema.get("required")), "schema": rest})
    described: dict[str, Any] = {
        "operationId": f"{endpoint.replace('.', '_')}_{method.lower()}",
        "tags": [endpoint.split(".")[0]],
        "summary": operation.summary,
        "responses": {str(status): _answer(status, answer) for status, answer in operation.answers.items()},
    }
    for status in operation.errors:
        described["responses"][str(status)] = _answer(status, shapes.ErrorBody)
    if parameters:
        described["parameters"] = parameters
    if operation.form is not None:
        described["requestBody"] = {"required": True, "content": {operation.form_type: {"schema": operation.form}}}
    return described


def _answer(status: int, answer: Answer) -> dict[str, Any]:
    from http import HTTPStatus

    described: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if isinstance(answer, str):
        schema: dict[str, Any] = {"type": "object"} if answer == "application/json" else {"type": "string"}
        described["content"] = {answer: {"schema": schema}}
    elif isinstance(answer, type) and issubclass(answer, BaseModel):
        described["content"] = {"application/json": {"schema": {"$ref": _REF.format(model=answer.__name__)}}}
    return described
