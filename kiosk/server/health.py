"""/healthz and /metrics: whether the box does its job, for supervisors and monitoring."""

from __future__ import annotations

import sqlite3

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST

from kiosk import __version__
from kiosk.library import heartbeat
from kiosk.library.library import Library
from kiosk.library.records import QUEUED, WORKING
from kiosk.server.context import kiosk
from kiosk.server.describe import describe
from kiosk.server.offloop import off_loop
from kiosk.server.security import for_operator
from kiosk.server.shapes import HealthBody
from kiosk.storage import free_bytes

blueprint = Blueprint("health", __name__)

# The worker beats when it gets on with its work; an iteration on a slow board takes seconds, never this long.
WORKER_SECONDS = 90


@blueprint.get("/healthz")
@describe("Whether the kiosk does its job.", {200: HealthBody, 503: HealthBody})
def healthz() -> Response:
    body = off_loop(examine, kiosk().library)
    response = jsonify(body.model_dump())
    response.status_code = 200 if body.status == "ok" else 503
    response.cache_control.no_store = True
    return response


@blueprint.get("/metrics")
@describe("Counters for Prometheus; on the kiosk itself or over https.", {200: "text/plain"}, errors=(401, 403))
@for_operator
def metrics() -> Response:
    return Response(off_loop(kiosk().metrics.text), content_type=CONTENT_TYPE_LATEST)


def examine(library: Library) -> HealthBody:
    """Look at the database, the worker and the disk."""
    problems = []
    counts: dict = {}
    try:
        counts = library.counts()
        database = True
    except sqlite3.Error as error:
        database = False
        problems.append(f"The database cannot be read ({error}): restore a backup.")
    age = heartbeat.age(library.data, "worker")
    if age is None:
        problems.append("The worker has not started: photos wait. Look into its log.")
    elif age > WORKER_SECONDS:
        problems.append(f"The worker has not got on for {age:.0f} s: photos wait. Restart the kiosk.")
    free = free_bytes(library.data.photos)
    if free < library.retention.reserve_gb * 1e9:
        problems.append(f"Only {free / 1e9:.1f} GB are free on the disk: new photos are refused. Make room.")
    return HealthBody(
        status="unwell" if problems else "ok",
        problems=problems,
        version=__version__,
        database=database,
        worker_age_seconds=None if age is None else round(age, 1),
        disk_free_bytes=free,
        queue=sum(counts.get(state, 0) for state in QUEUED + WORKING),
    )
