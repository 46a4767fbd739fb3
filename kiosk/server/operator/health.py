"""/healthz and /metrics, for supervisors and monitoring."""

from __future__ import annotations

import contextlib

from flask import Blueprint, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST

from kiosk.library import identity
from kiosk.people.roles import Permission
from kiosk.server.access import needs
from kiosk.server.api.describe import describe
from kiosk.server.api.shapes import HealthBody
from kiosk.server.http.offloop import off_loop
from kiosk.server.operator.problems import examine
from kiosk.server.state import server_state

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@needs(Permission.HEALTH)
@describe(
    "The kiosk's health: 200 if ok, 503 if there are problems.",
    {200: HealthBody, 503: HealthBody},
    query={"challenge": {"type": "string", "pattern": "^[0-9a-f]{16,64}$", "description": "answered by `proof`"}},
)
def healthz() -> Response:
    box = server_state()
    body = off_loop(examine, box.library, box.has_camera)
    challenge = request.args.get("challenge", "")
    if identity.CHALLENGE.fullmatch(challenge):
        with contextlib.suppress(OSError):  # a full disk is reported among the problems
            body = body.model_copy(update={"proof": off_loop(identity.proof, box.data, challenge, box.port)})
    response = jsonify(body.model_dump())
    response.status_code = 200 if body.status == "ok" else 503
    response.cache_control.no_store = True
    return response


@blueprint.get("/metrics")
@needs(Permission.MONITOR)
@describe("Metrics for Prometheus; only on the kiosk itself or over https.", {200: "text/plain"}, errors=(401, 403))
def metrics() -> Response:
    return Response(off_loop(server_state().metrics.text), content_type=CONTENT_TYPE_LATEST)
