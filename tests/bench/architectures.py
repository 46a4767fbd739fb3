"""Print what imports make of every architecture: layers found, and the gradient's error against differences.

    python -m tests.bench.architectures [NAME ...]

The exports lie in tests/integration/forge/architectures, without weights; weights are drawn, other ones with --seed.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import onnx

from kiosk.forge.readers.importer import import_network
from kiosk.forge.readers.onnx_file import Preprocessing
from tests.integration.forge.weightless import EXPORTS, with_weights

PREPROCESSING = Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def row(export: str, seed: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        onnx.save(with_weights(export, seed), path)
        imported = import_network(path, "bench", PREPROCESSING)
    name, _, exporter = export.rpartition("-")
    hidden = sum(imported.behind.values())
    return f"| {name} | {exporter} | {len(imported.network.layers)} | {hidden} | {imported.error:.2%} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only exports whose names begin so")
    parser.add_argument("--seed", type=int, default=0, help="of the weights")
    given = parser.parse_args()
    print("| architecture | exporter | layers | behind a missing rule | gradient error |\n|---|---|---|---|---|")
    for export in EXPORTS:
        if not given.names or export.startswith(tuple(given.names)):
            print(row(export, given.seed), flush=True)
