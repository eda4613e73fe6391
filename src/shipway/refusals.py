"""Why a service cannot be updated, changed or checked."""

from pathlib import Path

from shipway.errors import UserError


def not_a_project(path: Path) -> UserError:
    return UserError(
        f"`{path}` is not a service rendered by shipway: it has no `.copier-answers.yml`",
        "pass the path of a service, or start one with `shipway new`",
    )


def other_template(path: Path) -> UserError:
    return UserError(
        f"`{path}` was rendered from another template, says its `.copier-answers.yml`",
        "use `copier update` there",
    )


def unversioned(path: Path) -> UserError:
    return UserError(
        f"`{path}` records no version of its template",
        "render it again from a release or from a git checkout, and move your code over",
    )


def not_under_git(path: Path) -> UserError:
    return UserError(
        f"`{path}` is not under git",
        "run `git init && git add --all && git commit --message Start` there",
    )


def dirty_project(path: Path) -> UserError:
    return UserError(
        f"`{path}` has changes that are not committed",
        "commit or stash them (`git status -uall` names them), then run this again",
    )


def source_gone(location: str) -> UserError:
    return UserError(
        f"the template `{location}` is not there, or is not a git repository",
        "restore it at that path: the service records it in `.copier-answers.yml`",
    )


def source_unreachable(location: str) -> UserError:
    return UserError(
        f"the template `{location}` cannot be reached",
        "check the network and your access to it, then run this again",
    )


def relative_source(location: str) -> UserError:
    return UserError(
        f"the service records its template as `{location}`, relative to a checkout",
        "run `uv run shipway` from within that checkout of the template",
    )


def unknown_version(commit: str) -> UserError:
    return UserError(
        f"the template has no version `{commit}`",
        "run `git fetch --tags` in its checkout, or choose a version that it has",
    )


def dirty_source(location: str) -> UserError:
    return UserError(
        f"the template `{location}` has changes that are not committed",
        "commit or stash them there: a service can only follow commits",
    )


def downgrade(current: str, target: str) -> UserError:
    return UserError(
        f"{target} is older than {current}, from which this service was rendered",
        "choose a newer version with `--to`; to go back, revert the commit of the update",
    )


def copier_refused(reason: str) -> UserError:
    return UserError(reason, "correct that, then run this again; nothing was changed")
