"""`shipway new`: from a path and some answers to a service in its place."""

import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from shipway import (
    console,
    errors,
    git,
    landing,
    presets,
    processes,
    project,
    questions,
    scaffold,
    service,
    source,
)
from shipway.questions import Answers, Question
from shipway.source import Source


@dataclass(frozen=True)
class Choices:
    """What the command line says about the answers."""

    preset: str | None
    named: Mapping[str, str | None]
    """From the options that have a question's name, such as `--database`."""
    pairs: Iterable[str]
    defaults: bool


@dataclass(frozen=True)
class Finish:
    """What is done once the files are there."""

    git: bool
    lock: bool
    start: bool
    port: int | None


def preview(path: Path, choices: Choices, finish: Finish) -> None:
    """Say which files `create` would write."""
    if finish.start:
        raise errors.start_on_dry_run()
    template = source.running()
    answers = _answers(template, choices)
    landing.check(path.resolve())
    with tempfile.TemporaryDirectory(prefix="shipway-") as aside:
        stage = Path(aside) / path.resolve().name
        _render(template, stage, answers, ask=not choices.defaults)
        files = [file.relative_to(stage) for file in stage.rglob("*") if not file.is_dir()]
        console.would_write(path, sorted(map(str, files)))


def create(path: Path, choices: Choices, finish: Finish) -> None:
    """Write a service and, if wanted, run it until it is told to stop."""
    template = source.running()
    answers = _answers(template, choices)
    target = path.resolve()
    landing.check(target)
    port = _free_port(finish)
    with landing.approach(target) as site:
        _render(template, site.stage, answers, ask=not choices.defaults)
        _run_hook(template, site.stage, finish)
        site.land()
        _announce(target, choices.named)
        if port is None:
            console.next_after_new(path, _missing_steps(target))
        else:
            service.install(target)
            service.serve(target, port, on_ready=site.keep)


def _free_port(finish: Finish) -> int | None:
    """Where the service is to listen, if it is to be started."""
    if not finish.start:
        if finish.port is not None:
            raise errors.port_without_start()
        return None
    processes.uv()
    port = service.DEFAULT_PORT if finish.port is None else finish.port
    service.require_free(port)
    return port


def _answers(template: Source, choices: Choices) -> Answers:
    """What is known before anything is asked: options over preset."""
    known = questions.load(template.root)
    answers = questions.parse(choices.pairs)
    for key, value in choices.named.items():
        if value is not None:
            questions.add(answers, key, value)
    questions.check(known, answers)
    if choices.preset is not None:
        answers = {**presets.load(template.root, choices.preset, known).answers, **answers}
    _require_terminal(known, answers, defaults=choices.defaults)
    return answers


def _require_terminal(known: dict[str, Question], answers: Answers, *, defaults: bool) -> None:
    to_ask = [key for key in questions.asked(known) if key not in answers]
    if to_ask and not defaults and not sys.stdin.isatty():
        raise errors.no_terminal(to_ask)


def _render(template: Source, stage: Path, answers: Answers, *, ask: bool) -> None:
    if not ask:
        console.progress("Rendering")
    origin = template.origin()
    data = {**answers, "_origin": origin} if origin else answers
    scaffold.render(template.root, stage, data, ref=template.ref, ask=ask)


def _run_hook(template: Source, stage: Path, finish: Finish) -> None:
    flags = [
        flag
        for flag, wanted in (("--no-git", finish.git), ("--no-lock", finish.lock))
        if not wanted
    ]
    code = processes.run([sys.executable, "-I", str(template.hook), str(stage), *flags], stage)
    if code:
        raise errors.hook_failed(code)


def _announce(target: Path, axes: Iterable[str]) -> None:
    made = project.load(target)
    stack = [questions.written(made.answers[axis]) for axis in axes]
    console.rendered(str(made.answers["service_name"]), made.commit, stack)


def _missing_steps(target: Path) -> list[str]:
    """What is left to do before the first update, which needs a commit."""
    commit = "git add --all . && git commit --message"
    lock = [] if (target / "uv.lock").exists() else ["uv lock"]
    if not git.is_installed() or not git.is_inside_work_tree(target):
        return [*lock, f"git init && {commit} 'Start from shipway'"]
    if git.is_dirty(target):
        return [*lock, f"{commit} 'Start from shipway'"]
    return [*lock, f"{commit} 'Lock the dependencies'"] if lock else []
