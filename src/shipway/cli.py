"""The commands and their options. What they do is in the module each of them calls."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from shipway import (
    console,
    creation,
    errors,
    inspection,
    presets,
    processes,
    questions,
    source,
    updates,
)
from shipway.creation import Choices, Finish

app = typer.Typer(
    name="shipway",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # Rich doubles the time that `--help` takes
    context_settings={"help_option_names": ["-h", "--help"]},
)

ProjectPath = Annotated[Path, typer.Argument(help="The service.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        console.say(f"shipway {source.version()}")
        raise typer.Exit


@app.callback(
    invoke_without_command=True, epilog="Example: shipway new ../orders --defaults --start"
)
def shipway(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Say which, and end."
        ),
    ] = False,
) -> None:
    """Start FastAPI services from a template, and keep them up to date."""
    if context.invoked_subcommand is None:
        console.say(context.get_help())


@app.command(epilog="Example: shipway new ../orders --defaults --start")
def new(
    path: Annotated[Path, typer.Argument(help="Where the service goes.")],
    *,
    preset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A set of answers; `shipway presets` lists them."),
    ] = None,
    database: Annotated[
        str | None, typer.Option(metavar="NAME", help="Where it keeps its data.")
    ] = None,
    cache: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Where it keeps what is expensive to read again."),
    ] = None,
    queue: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Who does the work that a request does not wait for."),
    ] = None,
    pairs: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any other answer; repeatable."),
    ] = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Ask nothing: take the defaults.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the files, and write none.")
    ] = False,
    no_git: Annotated[bool, typer.Option("--no-git", help="No repository, no commit.")] = False,
    no_lock: Annotated[bool, typer.Option("--no-lock", help="No `uv.lock` yet.")] = False,
    start: Annotated[
        bool, typer.Option("--start", help="Install, migrate and run it in the foreground.")
    ] = False,
    port: Annotated[
        int | None, typer.Option(metavar="PORT", help="Where `--start` listens, 8000 by default.")
    ] = None,
) -> None:
    """Render a service. Asks what the options leave open."""
    named = {"database": database, "cache": cache, "queue": queue}
    choices = Choices(preset, named, pairs or [], defaults)
    finish = Finish(git=not no_git, lock=not no_lock, start=start, port=port)
    if dry_run:
        creation.preview(path, choices, finish)
    else:
        creation.create(path, choices, finish)


@app.command(epilog="Example: shipway update ../orders")
def update(
    path: ProjectPath = Path(),
    to: Annotated[
        str | None, typer.Option(metavar="REF", help="A version, rather than the newest.")
    ] = None,
) -> None:
    """Bring a service to a newer version of its template."""
    if not updates.update(path, to):
        raise typer.Exit(errors.FAILURE)


@app.command("set", epilog="Example: shipway set cache=none --project ../orders")
def set_(
    pairs: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="The answers.")
    ] = None,
    *,
    project: Annotated[Path, typer.Option(metavar="PATH", help="The service.")] = Path(),
) -> None:
    """Change answers of a service, at the version it has."""
    if not updates.set_answers(project, pairs or []):
        raise typer.Exit(errors.FAILURE)


@app.command(epilog="Example: shipway check ../orders")
def check(path: ProjectPath = Path()) -> None:
    """Compare a service with its template: newer version, edits."""
    inspection.check(path)


@app.command("presets", epilog="Example: shipway presets")
def list_presets() -> None:
    """List the named sets of answers."""
    root = source.running().root
    console.presets(presets.load_all(root, questions.load(root)))


def main() -> None:
    """Run the command, and end with its exit code and never with a traceback."""
    processes.end_in_order()
    sys.exit(_exit_code())


def _exit_code() -> int:
    try:
        code: int = app(standalone_mode=False) or 0
    except errors.UserError as error:
        console.failed(error)
        return error.exit_code
    except typer.TyperException as error:
        console.failed(errors.misused(error.format_message()))
        return errors.USAGE
    except OSError as error:
        console.failed(errors.system_says(error))
        return errors.FAILURE
    except Exception as error:
        if os.environ.get("SHIPWAY_DEBUG"):
            raise
        console.failed(errors.unexpected(error))
        return errors.FAILURE
    if code == errors.INTERRUPTED:  # Typer's answer to Ctrl-C
        console.interrupted()
    return code
