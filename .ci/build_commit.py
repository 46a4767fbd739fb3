"""Build hook: writes the commit that an archive is built from into it, as kiosk/commit.txt."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CommitHook(BuildHookInterface):
    """Wheels and sdists carry the commit where it is known. An editable install needs none: its checkout is asked."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        root = Path(self.root)
        source = importlib.util.spec_from_file_location("kiosk_version", root / "kiosk" / "version.py")
        assert source is not None
        assert source.loader is not None
        module = importlib.util.module_from_spec(source)
        source.loader.exec_module(module)
        commit = module.commit_of(root)
        if commit is None:
            return
        self._folder = tempfile.TemporaryDirectory()
        record = Path(self._folder.name) / module.RECORD
        record.write_text(commit + "\n")
        build_data["force_include"][str(record)] = f"kiosk/{module.RECORD}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if hasattr(self, "_folder"):
            self._folder.cleanup()
