"""The table: `python -m tests.faults.hostile [--seconds S] [--before TREE] [NAME ...]`.

Runs every attack (or those named) against this tree, and before that against another checkout of the kiosk where one is
given, and prints one row an attack. A checkout of an older commit: `git worktree add FOLDER COMMIT`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.faults.hostile.attacks import ATTACKS, OURS
from tests.faults.hostile.trial import TREE, Outcome, run


def row(outcome: Outcome) -> str:
    upload = outcome.worst.get("upload", float("nan"))
    beat = "-" if outcome.beat_age is None else f"{outcome.beat_age:.0f}"
    state = f"{outcome.kept_waiting:7.0%} {'alive' if outcome.alive else 'dead'}"
    return (
        f"{outcome.slowest:8.2f} {upload:8.2f} {len(outcome.wrong):6d} {len(outcome.lost):5d} {outcome.cpu:7.1f} "
        f"{outcome.sent / 1e6:8.2f} {outcome.log_bytes / 1e3:8.1f} {outcome.memory_mb:6.0f} {beat:>5} {state}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="attacks; all by default")
    parser.add_argument("--seconds", type=float, default=20, help="how long each lasts")
    parser.add_argument("--seed", type=int, default=12)
    parser.add_argument("--before", type=Path, help="another checkout, attacked first")
    options = parser.parse_args()
    print("slowest answer and upload of the guest beside it (s), answers that went wrong, photos lost; the server's")
    print("processor time (s); sent by the attacker (MB); log (kB); memory (MB); age of the heartbeat (s);")
    print("the part of its time that the server waited for a processor, which other programs had")
    print(f"{'':24}{'':8}{'answer':>8} {'upload':>8} {'wrong':>6} {'lost':>5} {'cpu':>7} {'sent':>8} {'log':>8} "
          f"{'memory':>6} {'beat':>5} {'waited':>7}")  # fmt: skip
    trees = [("before", options.before), ("now", TREE)] if options.before else [("now", TREE)]
    for name in [None, *(options.names or ATTACKS)]:
        for when, tree in trees:
            outcome = run(name, options.seconds, options.seed, tree.absolute())
            mark = "*" if ATTACKS.get(name or "") in OURS else ""
            print(f"{outcome.name + mark:24}{when:8}{row(outcome)}", flush=True)
    print("* of the same kinds, not from a report")


if __name__ == "__main__":
    main()
