"""`shipway update` and `shipway set`: another version, or other answers."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path

from shipway import (
    carried,
    console,
    errors,
    git,
    losses,
    migrations,
    project,
    questions,
    scaffold,
    source,
    upstream,
)
from shipway.losses import Losses
from shipway.processes import undisturbed
from shipway.project import Project
from shipway.questions import Answers


def update(path: Path, wanted: str | None) -> bool:
    """Bring the service to a newer version of its template; False if that left conflicts."""
    service = project.load(path)
    project.require_clean(service)
    origin = upstream.find(service, source.running())
    console.progress("Looking for a newer version")
    target = upstream.newer(origin, service.commit, wanted)
    if target is None:
        console.up_to_date(service.commit)
        return True
    console.progress(f"Updating from {service.commit} to {upstream.named(origin, target)}")
    lost = _whole(service, lambda: scaffold.update(service.path, target, origin.base))
    changed = git.changed(service.path)
    console.updated(service.commit, project.load(service.path).commit, len(changed))
    return _report(service, lost, path)


def set_answers(path: Path, pairs: Iterable[str]) -> bool:
    """Give the service other answers; False if that left conflicts."""
    template = source.running()
    answers = questions.parse(pairs)
    if not answers:
        raise errors.no_pairs()
    known = questions.load(template.root)
    questions.check(known, answers)
    service = project.load(path)
    for key in answers:
        if key not in service.answers and not known[key].is_conditional:
            raise errors.later_question(key, service.commit)
    changes = _changes(service, answers)
    if not changes:
        console.answered_already(answers.items())
        return True
    project.require_clean(service)
    origin = upstream.find(service, template)
    offline = carried.holds(template, service)
    console.progress("Rendering")
    with carried.in_place_of_the_url(template) if offline else nullcontext():
        lost = _whole(service, lambda: scaffold.change_answers(service.path, changes, origin.base))
    now = project.load(service.path).answers
    console.answered(
        [(key, service.answers.get(key), now.get(key)) for key in changes],
        len(git.changed(service.path)),
    )
    return _report(service, lost, path)


def _changes(service: Project, answers: Answers) -> Answers:
    recorded = {key: questions.written(value) for key, value in service.answers.items()}
    return {key: value for key, value in answers.items() if recorded.get(key) != value}


def _whole(service: Project, change: Callable[[], None]) -> Losses:
    """Make the change and see what it lost, or leave the service as it was.

    It was clean, so HEAD holds all of it but what git ignores.
    """
    kept = git.untracked(service.path)
    try:
        change()
        return losses.find(service)
    except BaseException:
        with undisturbed():
            git.restore(service.path, kept)
        raise


def _report(service: Project, lost: Losses, path: Path) -> bool:
    """Say what the change left to do, at the path that the user knows."""
    if lost.edits:
        console.vanished(lost.edits)
    if lost.news:
        console.missed(lost.news)
    heads = migrations.heads(service.path)
    if len(heads) > 1:
        console.forked(heads)
    unmerged = git.unmerged(service.path)
    if unmerged:
        console.conflicts(path, unmerged)
        return False
    console.next_after_change()
    return True
