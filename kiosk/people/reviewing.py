"""What the operator sees of the photos: all of them, by number, style, state, and by what keeps others from seeing
them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from kiosk.errors import BadInput
from kiosk.library.library import Library
from kiosk.library.looking.verdict import UNSEEN
from kiosk.library.records import QUEUED, WORKING, Status

_HERE = "photos.state NOT IN ('expired', 'deleted') AND binned IS NULL"
VIEWS = {
    "all": _HERE,
    "waiting": f"{_HERE} AND photos.state <> 'failed' AND NOT approved AND shown AND NOT hidden "
    f"AND coalesce(held, '{UNSEEN}') = '{UNSEEN}'",
    "held": f"{_HERE} AND held <> '{UNSEEN}'",
    "hidden": f"{_HERE} AND hidden",
    "private": f"{_HERE} AND NOT shown",
    "bin": "photos.state NOT IN ('expired', 'deleted') AND binned IS NOT NULL",
}
"""Views of the photos, as SQL conditions. waiting: for the operator's approval; held: by the kiosk itself; private:
their guests do not want to show them."""
STATES = {
    "queue": ("photos.state IN (?, ?, ?, ?, ?)", (*QUEUED, *WORKING)),
    "ready": ("photos.state = ?", ("ready",)),
    "failed": ("photos.state = ?", ("failed",)),
}
"""How far a photo is: a condition, and its values."""


@dataclass(frozen=True)
class Search:
    """Which photos to list. view: a key of VIEWS. number: only this one. style: the name of a style, "" for the kiosk's
    default. state: a key of STATES. client: the pseudonym of who brought them. before: only smaller numbers."""

    view: str = "all"
    number: int | None = None
    style: str | None = None
    state: str | None = None
    client: str | None = None
    before: int | None = None


@dataclass(frozen=True)
class Found:
    """A photo and who brought it: a pseudonym; None for the kiosk's own camera and for guests who cannot be told
    apart."""

    status: Status
    client: str | None


@dataclass(frozen=True)
class FoundPage:
    """A page of photos, newest first. next: what `before` has to be for the next page; None on the last one."""

    photos: list[Found]
    next: int | None


def find(library: Library, search: Search, limit: int) -> FoundPage:
    """The newest photos that match, at most `limit`. Raises BadInput for an unknown view or state."""
    if search.view not in VIEWS or (search.state is not None and search.state not in STATES):
        raise BadInput(f"There is no such view; there are {', '.join(VIEWS)}, and the states {', '.join(STATES)}.",
                       "no_view", 404)  # fmt: skip
    parts: list[str] = [VIEWS[search.view]]
    values: list[object] = []
    if search.state is not None:
        condition, states = STATES[search.state]
        parts, values = [*parts, condition], [*values, *states]
    for condition, value in (
        ("photos.id = ?", search.number),
        ("coalesce(style, '') = ?", search.style),
        ("client = ?", search.client),
        ("photos.id < ?", search.before),
    ):
        if value is not None:
            parts, values = [*parts, condition], [*values, value]
    found = library.select(f"{' AND '.join(parts)} ORDER BY photos.id DESC LIMIT ?", (*values, limit + 1))
    clients = _clients(library, [status.photo.token for status in found])
    photos = [Found(status, clients.get(status.photo.token)) for status in found[:limit]]
    return FoundPage(photos, found[limit - 1].photo.id if len(found) > limit else None)


def counts(library: Library) -> dict[str, int]:
    """How many photos are in each view."""
    columns = ", ".join(f"coalesce(sum({where}), 0) AS {name.upper()}_" for name, where in VIEWS.items())
    with library.reading() as connection:
        row = connection.execute(f"SELECT {columns} FROM photos").fetchone()  # noqa: S608 (all of it is ours)
    return dict(zip(VIEWS, row, strict=True))


def styles(library: Library) -> list[str]:
    """The names of the styles of the photos that are here; "" for the kiosk's default."""
    with library.reading() as connection:
        rows = connection.execute(
            f"SELECT DISTINCT coalesce(style, '') AS name FROM photos WHERE {_HERE} ORDER BY name"  # noqa: S608 (ours)
        ).fetchall()
    return [row["name"] for row in rows]


def tokens_of(library: Library, numbers: list[int]) -> list[str]:
    """The tokens of photos by their numbers. Raises BadInput (404) that names one that is not here."""
    found = []
    with library.reading() as connection:
        for number in numbers:
            row = connection.execute(
                "SELECT token FROM photos WHERE id = ? AND state NOT IN ('expired', 'deleted')", (number,)
            ).fetchone()
            if row is None:
                raise BadInput(f"There is no photo {number}.", "no_such_photo", 404)
            found.append(row["token"])
    return found


def _clients(library: Library, tokens: list[str]) -> dict[str, str | None]:
    marks = ", ".join("?" * len(tokens))
    with library.reading() as connection:
        rows = connection.execute(
            f"SELECT token, client FROM photos WHERE token IN ({marks})",  # noqa: S608 (ours)
            tokens,
        ).fetchall()
    return {row["token"]: row["client"] for row in rows}


@dataclass(frozen=True)
class Day:
    """Numbers of a day. brought: all photos, also those that are gone. ready, failed: of those. pace: photos an hour in
    the last hour in which any came, 0 if none did. seconds: median from the start of work to ready; None if none
    is."""

    brought: int
    ready: int
    failed: int
    pace: int
    seconds: float | None


def day(library: Library, begin: float) -> Day:
    """The numbers since `begin`, in seconds since 1970."""
    with library.reading() as connection:
        row = connection.execute(
            "SELECT count(*), coalesce(sum(state = 'ready'), 0), coalesce(sum(state = 'failed'), 0), max(created) "
            "FROM photos WHERE created >= ?",
            (begin,),
        ).fetchone()
        pace = connection.execute(
            "SELECT count(*) FROM photos WHERE created > ?", ((row[3] or 0.0) - 3600,)
        ).fetchone()[0]
        taken = connection.execute(
            "SELECT seconds FROM jobs JOIN photos ON photos.id = photo_id WHERE created >= ? AND seconds > 0", (begin,)
        ).fetchall()
    middle = statistics.median(one["seconds"] for one in taken) if taken else None
    return Day(row[0], row[1], row[2], pace if row[0] else 0, middle)


def photo_bytes(library: Library) -> float:
    """Bytes that a photo takes when it is ready: the mean of the last 50; 0 if none was measured."""
    with library.reading() as connection:
        return connection.execute(
            "SELECT coalesce(avg(bytes), 0) FROM "
            "(SELECT bytes FROM photos WHERE state = 'ready' AND bytes > 0 ORDER BY id DESC LIMIT 50)"
        ).fetchone()[0]
