"""The OpenAPI description is complete, and real responses match it."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from kiosk.server.app import create_app
from kiosk.storage import DataFolder


@pytest.fixture(scope="module")
def document(server) -> dict[str, Any]:
    answer = server.get("/openapi.json")
    assert answer.status == 200
    return answer.json


def test_every_route_is_described_with_its_methods(document: dict[str, Any], data: DataFolder) -> None:
    app = create_app(data, testing=True)
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    routed = {
        (rule.rule.replace("<path:", "<").replace("<", "{").replace(">", "}"), method.lower())
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert described == routed
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["summary"].endswith(".")
            named = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
            assert named == {part.split("}")[0] for part in path.split("{")[1:]}


def test_the_document_is_openapi_3_1_with_sound_schemas(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert {"title", "version"} <= set(document["info"])
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    identities = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(set(identities)) == len(identities)
    for reference in references(document):
        assert reference.startswith("#/components/schemas/")
        assert reference.rpartition("/")[2] in document["components"]["schemas"]


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [one for value in node.values() for one in references(value)]
    return [one for value in node for one in references(value)] if isinstance(node, list) else []


def test_real_answers_are_as_described(server, document: dict[str, Any], photo_bytes: bytes) -> None:
    created = server.upload(photo_bytes)
    token, wrong = created.json["token"], {"X-Owner-Key": "wrong"}
    key = {"X-Owner-Key": created.json["owner_key"]}
    nobody = "x" * 22
    check(document, "/api/photos", "post", created)
    check(document, "/api/photos", "post", server.upload(b"no photo"))
    check(document, "/api/photos", "post", server.upload(b""))
    check(document, "/api/photos", "get", server.get("/api/photos"))
    check(document, "/api/photos", "get", server.get("/api/photos?limit=none"))
    check(document, "/api/photos/{token}", "get", server.get(f"/api/photos/{token}"))
    check(document, "/api/photos/{token}", "get", server.get(f"/api/photos/{nobody}"))
    check(document, "/api/kiosk", "get", server.get("/api/kiosk"))
    check(document, "/healthz", "get", server.get("/healthz"))
    check(document, "/metrics", "get", server.get("/metrics"))
    check(document, "/operator", "get", server.get("/operator"))
    check(document, "/operator", "get", server.get("/operator", {"Host": "evil.example"}))
    check(document, "/api/capture", "post", server.request("POST", "/api/capture"))
    check(document, "/qr/kiosk.svg", "get", server.get("/qr/kiosk.svg"))
    check(document, "/qr/wifi.svg", "get", server.get("/qr/wifi.svg"))
    check(document, "/v/{token}", "get", server.get(f"/v/{token}"))
    check(document, "/v/{token}", "get", server.get(f"/v/{nobody}"))
    check(document, "/styles/{name}.webp", "get", server.get("/styles/dogs.webp"))
    room = f"/api/photos/{token}/room"
    gaze = '{"id": "0123456789abcdef", "yaw": 1, "pitch": 0}'
    check(document, "/api/photos/{token}/room", "post", server.request("POST", room, gaze))
    next(server.events(f"/api/photos/{token}/events"))
    for _ in range(4):
        check(document, "/api/photos/{token}/room", "post", server.request("POST", room, gaze))
    check(document, "/api/photos/{token}/room", "post", server.request("POST", room, "{}"))
    check(document, "/qr/{token}.svg", "get", server.get(f"/qr/{token}.svg"))
    check(document, "/photos/{token}/{name}", "get", server.get(f"/photos/{token}/original.jpg"))
    check(
        document, "/photos/{token}/{name}", "get", server.get(f"/photos/{token}/original.jpg", {"Range": "bytes=0-9"})
    )
    check(document, "/photos/{token}/{name}", "get", server.get(f"/photos/{token}/dream.jpg"))
    check(document, "/openapi.json", "get", server.get("/openapi.json"))
    check(document, "/api/photos/{token}", "delete", server.request("DELETE", f"/api/photos/{token}", headers=wrong))
    check(document, "/api/photos/{token}", "delete", server.request("DELETE", f"/api/photos/{nobody}", headers=key))
    check(document, "/api/photos/{token}", "delete", server.request("DELETE", f"/api/photos/{token}", headers=key))


def check(document: dict[str, Any], path: str, method: str, answer: Any) -> None:
    """Check that the response has a described status, and a body of the described type and shape."""
    responses = document["paths"][path][method]["responses"]
    assert str(answer.status) in responses, f"{method} {path} answered {answer.status}: {answer.body[:200]}"
    content = responses[str(answer.status)].get("content")
    if content is None:
        assert answer.body == b""
        return
    kind = answer.headers["Content-Type"].partition(";")[0]
    assert kind in content
    if kind == "application/json":
        schema = {**content[kind]["schema"], "components": document["components"]}
        jsonschema.validate(answer.json, schema, cls=jsonschema.Draft202012Validator)
