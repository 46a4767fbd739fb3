"""An evening with many guests: `python -m tests.bench.evening [--guests N] [--seed N]` prints how long guests waited,
and how true the estimates on their phones were. Nothing is dreamed, and time passes at once (see tests/evening.py)."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from kiosk.storage import DataFolder
from tests.evening import Evening, Told

SHORT = 20.0
"""Seconds of waiting below which an error in percent says little."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--guests", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        evening = Evening(DataFolder(Path(folder) / "data"), arguments.guests, arguments.seed)
        evening.run()
    report(evening)


def report(evening: Evening) -> None:
    """Print the tables."""
    first: dict[str, float] = {}
    later, camera = [], []
    for token, (came, who) in sorted(evening.came.items(), key=lambda item: item[1][0]):
        waited = evening.ready[token] - came
        if not who:
            camera.append(waited)
        elif who in first:
            later.append(waited)
        else:
            first[who] = waited
    print(f"{len(evening.came)} photos of {len(first)} guests and {len(camera)} of the booth's own camera\n")
    print("| from sending to ready, seconds | median | 90 % within | longest |\n|---|---|---|---|")
    for name, waits in (("a guest's first photo", [*first.values()]), ("their others", later), ("camera", camera)):
        print(f"| {name} | {statistics.median(waits):.0f} | {quantile(waits, 0.9):.0f} | {max(waits):.0f} |")
    print(
        "\n| estimates | number | within 25 % | median error | longest wait told too short by |\n|---|---|---|---|---|"
    )
    for name, told in groups(evening.told):
        good = statistics.mean(abs(one.eta - one.took) <= max(0.25 * one.took, 0.25 * SHORT) for one in told)
        error = statistics.median((one.eta - one.took) / one.took for one in told)
        short = max(one.took - one.eta for one in told)
        print(f"| {name} | {len(told)} | {good:.0%} | {error:+.0%} | {short:.0f} s |")


def groups(told: list[Told]) -> list[tuple[str, list[Told]]]:
    known = [one for one in told if one.eta is not None and one.took > 0]
    return [
        ("all", known),
        ("in work", [one for one in known if one.position == 0]),
        ("up to fifth", [one for one in known if 1 <= one.position <= 5]),
        ("further back", [one for one in known if one.position > 5]),
    ]


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


if __name__ == "__main__":
    main()
