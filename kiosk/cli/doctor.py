"""dreamkiosk doctor: check this machine."""

from __future__ import annotations

import json
import sys

import click

from kiosk.storage import DataFolder

_MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_obj
def doctor(data: DataFolder, as_json: bool) -> None:
    """Check this machine and say what to fix. Exit status 1 if anything must be fixed."""
    from kiosk.ops.doctor import examination as checks

    findings = checks.examine(data)
    if as_json:
        click.echo(json.dumps(checks.as_json(findings), indent=1))
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            mark, color = _MARKS[finding.verdict]
            click.echo(f"{click.style(mark, fg=color)}  {finding.name:{width}}  {finding.detail}", err=True)
            if finding.remedy and finding.verdict != "ok":
                click.echo(f"{'':6}{'':{width}}  -> {finding.remedy}", err=True)
    sys.exit(0 if checks.healthy(findings) else 1)
