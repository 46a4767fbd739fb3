"""The dreamkiosk command. Each subcommand is a module of this package that is imported only when used."""

from __future__ import annotations

import importlib
import os
import sys
import time
from pathlib import Path
from typing import Any

import click

from kiosk import names
from kiosk.errors import BadInput, KioskError
from kiosk.storage import DataFolder, default_data_folder

# Subcommand -> "module:attribute" and its line in --help. Imports are lazy: NumPy, OpenCV and ONNX Runtime take a
# second to import, and `dreamkiosk --help` needs none of them.
COMMANDS = {
    "run": ("kiosk.cli.run:run", "Start the kiosk: server, worker and camera."),
    "dream": ("kiosk.cli.dream:dream", "Dream one photo."),
    "place": ("kiosk.cli.place:place", "Put one photo on the sphere, undreamed."),
    "upscale": ("kiosk.cli.upscale:upscale", "Upscale one photo with waifu2x."),
    "models": ("kiosk.cli.models:models", "Build, list, locate and import networks."),
    "styles": ("kiosk.cli.styles:styles", "List the styles, or draw them all on one photo."),
    "words": ("kiosk.cli.words:words", "List the suggested things to dream of, or draw them all on one photo."),
    "capture": ("kiosk.cli.capture:capture", "Take one photo with a camera and save it."),
    "event": ("kiosk.cli.operating.event:event", "Open, close, export and wipe an event."),
    "photos": (
        "kiosk.cli.operating.photos:photos",
        "List, hide, show, approve and delete photos; block who brought them.",
    ),
    "people": ("kiosk.cli.operating.people:people", "The operator's PIN, and the booth's screens."),
    "doctor": ("kiosk.cli.doctor:doctor", "Check this machine and say what to fix."),
    "bench": ("kiosk.cli.bench:bench", "Measure how fast this machine dreams and upscales."),
}


STARTED = "dreamkiosk.started"
"""Key in the context's meta: the time.monotonic() at which the command started, including interpreter startup."""


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from kiosk.version import described

        click.echo(f"dreamkiosk {described()}")
        ctx.exit()


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        return getattr(importlib.import_module(module), attribute)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    envvar=names.DATA,
    help="Where photos, networks and settings live (default: the user's data folder).",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version and the commit, and exit.",
)
@click.pass_context
def dreamkiosk(ctx: click.Context, data: Path | None) -> None:
    """A 360 photo booth that dreams."""
    ctx.meta[STARTED] = time.monotonic() if ctx.obj is None else ctx.obj
    ctx.obj = DataFolder(data or default_data_folder())


def main(arguments: list[str] | None = None) -> Any:
    """Run the command. Exit status 0: done; 2: bad usage or input, with one clear line; 1: any other error."""
    # Without explicit arguments this is the whole process, so its CPU time so far was startup.
    started = time.monotonic() - (time.process_time() if arguments is None else 0)
    try:
        dreamkiosk.main(args=arguments, prog_name="dreamkiosk", standalone_mode=False, obj=started)
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        click.echo(_one_line(error), err=True)
        sys.exit(2)
    except BadInput as error:
        click.echo(f"dreamkiosk: {error}", err=True)
        sys.exit(2)
    except KioskError as error:
        click.echo(f"dreamkiosk: {error}", err=True)
        sys.exit(1)
    except (KeyboardInterrupt, click.Abort):
        click.echo("dreamkiosk: stopped", err=True)
        sys.exit(1)
    except BrokenPipeError:
        # The reader closed the pipe. Redirect stdout, or Python would report the error again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        click.echo(f"dreamkiosk: {error}", err=True)
        sys.exit(1)


def _one_line(error: click.ClickException) -> str:
    """One line that says what is wrong with the arguments and which --help explains them."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "dreamkiosk"
    message = " ".join(error.format_message().split())
    return f"{command}: {message} (see {command} --help)"
