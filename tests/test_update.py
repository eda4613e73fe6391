"""A new version, or a new answer, reaches a service, and nothing of its owner's is lost."""

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from workbench import (
    REPOSITORY,
    Bench,
    Outcome,
    Template,
    answers_of,
    append,
    clone,
    copy,
    names,
    prepend,
    succeeded,
    tree,
)

from shipway import git, questions
from shipway.questions import Question

DOORS = ("shipway", "copier")
QUESTIONS = questions.load(REPOSITORY)
ASKED = [question for question in QUESTIONS.values() if question.is_asked]
AXES = ("database", "cache", "queue")


def another(question: Question) -> str:
    """An answer that is not the default."""
    if question.choices:
        return next(choice for choice in question.choices if choice != question.default)
    return {"true": "false", "false": "true"}.get(question.default, "another")


# Of everything that doesn't swap a backend and is always asked another answer, all at once.
LATER = ("broker", "outbox")
OTHERS = {
    question.key: another(question) for question in ASKED if question.key not in {*AXES, *LATER}
}
# Every choice of what swaps a backend, one after the other.
TOURS: dict[str, list[dict[str, str]]] = {
    key: [{key: choice} for choice in QUESTIONS[key].choices if choice != QUESTIONS[key].default]
    for key in AXES
}
TOURS["broker"] = [
    {"queue": "taskiq", "broker": "nats"},
    {"broker": "rabbitmq"},
    {"broker": "redis", "outbox": "false"},
]
DELETED = "app/features/posts/repository.py"
FENCE = "    # Yours. uv add appends here.\n"


@dataclass(frozen=True)
class Releases:
    """A template with an older and a newer release, and services of the older one."""

    template: Template
    services: dict[str, Path]
    """By the door through which they came."""
    fresh: Path
    """A service of the newer release, that nobody touched."""


@pytest.fixture(scope="session")
def releases(bench: Bench) -> Releases:
    """From `v0.0.1`, which differs in every way that a platform file can, to `v99.0.0`."""
    template = clone(bench, bench.root / "releases" / "shipway")
    root = template.path
    present = tree(root / "template")
    dependencies = root / "backends" / "database" / "sqlite" / "dependencies"
    recent = dependencies.read_text()
    dependencies.write_text(re.sub(r">=[\d.]+(?=[^\n]*\n?\Z)", ">=0.1", recent))
    prepend(root / "template" / "justfile.jinja", "# The older recipes.\n\n")
    prepend(root / "template" / "app" / "core" / "pagination.py", "# The older pages.\n\n")
    (root / "template" / "app" / "core" / "concurrency.py").unlink()
    (root / "template" / "app" / "core" / "retired.py").write_text("RETIRED = True\n")
    template.commit("v0.0.1")

    services = {door: bench.root / "older" / door / "orders" for door in DOORS}
    template.start(services["shipway"])
    succeeded(template.copier("copy", "--defaults", "--quiet", root, services["copier"]))
    bench.commit(services["copier"])

    shutil.rmtree(root / "template")
    for name, text in present.items():
        (root / "template" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "template" / name).write_text(text)
    dependencies.write_text(recent)
    template.commit("v99.0.0")
    fresh = template.render(bench.root / "newer" / "orders")
    return Releases(template, services, fresh)


def go_through(door: str, template: Template, service: Path) -> Outcome:
    """Update as a user of that door does."""
    if door == "shipway":
        return template.shipway("update", service)
    return template.copier("update", "--defaults", "--quiet", cwd=service)


def unmerged(bench: Bench, service: Path) -> list[str]:
    return bench.git(service, "diff", "--name-only", "--diff-filter=U").splitlines()


def develop(template: Template, service: Path) -> dict[str, str]:
    """Do what an owner does: what was written, by the file it was written to."""
    written = {
        "app/features/comments/__init__.py": "# Comments, a feature of ours.\n",
        "app/features/posts/service.py": "\n\n# A rule of ours.\n",
        "app/main.py": "\n# A line of ours.\n",
        "app/settings.py": "\n    comments_per_page: int = 20\n",
        "app/core/pagination.py": "\n\n# A page of ours.\n",
        "justfile": "\n# Ours\nours:\n    echo ours\n",
    }
    for name, text in written.items():
        (service / name).parent.mkdir(parents=True, exist_ok=True)
        (service / name).touch()
        append(service / name, text)
    (service / DELETED).unlink()
    added = template.bench.run("uv", "add", "--frozen", "comments>=1.2", cwd=service)
    succeeded(added)
    template.bench.commit(service, "Comments")
    return {**written, "pyproject.toml": f'{FENCE}    "comments>=1.2",\n'}


@pytest.mark.parametrize("door", DOORS)
def test_an_update_keeps_what_the_owner_wrote(
    releases: Releases, door: str, tmp_path: Path
) -> None:
    template = releases.template
    service = copy(releases.services[door], tmp_path / "orders")
    written = develop(template, service)
    outcome = go_through(door, template, service)
    succeeded(outcome)
    assert unmerged(template.bench, service) == []
    after = tree(service)
    for name, text in written.items():
        assert text in after[name], name
    for name, text in after.items():
        assert "<<<<<<<" not in text, name
    # The platform's news are there, beside the owner's edits of the same files.
    assert answers_of(service)["_commit"] == "v99.0.0"
    assert "older" not in after["justfile"] + after["app/core/pagination.py"]
    assert ">=0.1," not in after["pyproject.toml"]
    assert "app/core/concurrency.py" in after
    assert not {"app/core/retired.py", DELETED} & after.keys()
    if door == "shipway":
        assert outcome.stdout.startswith("Updated from v0.0.1 to v99.0.0: ")


@pytest.mark.parametrize("door", DOORS)
def test_an_untouched_service_becomes_a_fresh_one(
    releases: Releases, door: str, tmp_path: Path
) -> None:
    template = releases.template
    service = copy(releases.services[door], tmp_path / "orders")
    succeeded(go_through(door, template, service))
    assert tree(service) == tree(releases.fresh)
    template.bench.commit(service)
    again = template.shipway("update", service)
    assert "Nothing to do: the service is at v99.0.0" in succeeded(again).stdout


@pytest.mark.parametrize("tour", TOURS)
def test_each_backend_can_be_changed_there_and_back(
    template: Template, orders: Path, tour: str, tmp_path: Path
) -> None:
    go_round(template, orders, TOURS[tour], tmp_path)


def test_all_other_answers_can_be_changed_there_and_back(
    template: Template, orders: Path, tmp_path: Path
) -> None:
    go_round(template, orders, [OTHERS], tmp_path)


def go_round(
    template: Template, orders: Path, stations: Sequence[dict[str, str]], tmp_path: Path
) -> None:
    """At each station, the service has to be what a fresh one with these answers is."""
    service = copy(orders, tmp_path / "orders")
    before, first = tree(service), answers_of(service)
    own = {key: value for key, value in first.items() if not key.startswith("_")}
    answers = dict(own)
    for number, station in enumerate(stations):
        answers |= station
        succeeded(template.shipway("set", *pairs(station), "--project", service))
        assert tree(service) == tree(template.render(tmp_path / f"{number}" / "orders", answers))
        template.bench.commit(service)
    back = {key: own[key] for key in answers if key in own and answers[key] != own[key]}
    succeeded(template.shipway("set", *pairs(back), "--project", service))
    assert tree(service) == before


def pairs(answers: Mapping[str, object]) -> list[str]:
    return [f"{key}={value}" for key, value in answers.items()]


def test_a_new_answer_reaches_files_that_the_owner_edited(
    template: Template, orders: Path, tmp_path: Path
) -> None:
    service = copy(orders, tmp_path / "orders")
    posts = service / "app" / "features" / "posts" / "service.py"
    assert "cache" in posts.read_text()
    written = develop(template, service)
    outcome = template.shipway("set", "cache=none", "--project", service)
    assert "Set `cache` from memory to none" in succeeded(outcome).stdout
    after = tree(service)
    for name, text in written.items():
        assert text in after[name], name
    assert "cache" not in posts.read_text()
    assert DELETED not in after


def test_migrations_that_end_twice_are_named_until_they_are_merged(
    template: Template, orders: Path, tmp_path: Path
) -> None:
    service = copy(orders, tmp_path / "orders")
    versions = service / "migrations" / "versions"
    first = (versions / "0001_posts.py").read_text()
    ours = first.replace('"0001"', '"ours"').replace("= None", '= "0001"', 1)
    (versions / "ours.py").write_text(ours)
    template.bench.commit(service)
    outcome = template.shipway("set", "queue=taskiq", "--project", service)
    assert "more than one revision: 0002, ours" in succeeded(outcome).stdout
    (versions / "both.py").write_text(
        first.replace('"0001"', '"both"').replace("= None", '= ("0002", "ours")', 1)
    )
    template.bench.commit(service)
    outcome = template.shipway("set", "cache=none", "--project", service)
    assert "more than one revision" not in succeeded(outcome).stdout


def in_an_estate(releases: Releases, tmp_path: Path) -> Path:
    """A service of the older release in a larger repository."""
    service = tmp_path / "my estate" / "orders"
    shutil.copytree(releases.services["shipway"], service, ignore=shutil.ignore_patterns(".git"))
    (service.parent / "README").write_text("The estate.\n")
    releases.template.bench.commit(service.parent)
    return service


def test_what_needs_a_hand_is_named_and_can_be_given_up(releases: Releases, tmp_path: Path) -> None:
    template = releases.template
    service = in_an_estate(releases, tmp_path)
    justfile = service / "justfile"
    justfile.write_text(justfile.read_text().replace("# The older recipes.", "# Our recipes."))
    append(service / "app" / "core" / "retired.py", "OURS = True\n")
    template.bench.commit(service.parent, "Ours")
    (service.parent / "README").write_text("The estate, in the works.\n")
    (service.parent / "notes").touch()
    outcome = template.shipway("update", "my estate/orders", cwd=tmp_path)
    assert outcome.returncode == 1
    assert "error: 1 conflict" in outcome.stderr
    assert "  justfile\n" in outcome.stderr
    assert unmerged(template.bench, service) == ["orders/justfile"]
    # The platform has no such file any longer: git alone still has what was written there.
    assert "git show HEAD:./app/core/retired.py" in outcome.stdout
    assert "OURS" in template.bench.git(service, "show", "HEAD:./app/core/retired.py")
    change_directory, _, give_up = re.findall("`(.+?)`", outcome.stderr.splitlines()[-1])
    script = f"{change_directory} && {give_up}"
    succeeded(template.bench.run("sh", "-c", script, cwd=tmp_path))
    assert "# Our recipes." in justfile.read_text()
    # Nobody asked to give up what was going on elsewhere.
    changed = template.bench.git(service, "status", "--porcelain").splitlines()
    assert [line.split()[1] for line in changed] == ["README", "notes"]


def test_news_for_files_that_the_owner_removed_are_named(
    releases: Releases, tmp_path: Path
) -> None:
    template = releases.template
    service = copy(releases.services["shipway"], tmp_path / "orders")
    (service / "justfile").unlink()
    (service / "Dockerfile").unlink()  # the same in both versions
    pages = service / "app" / "core" / "pagination.py"
    pages.rename(pages.with_name("pages.py"))
    template.bench.commit(service, "Ours")
    outcome = succeeded(template.shipway("update", service))
    named = re.findall(r"^  (\S+): look with `(.+)`$", outcome.stdout, re.MULTILINE)
    assert [path for path, _ in named] == ["app/core/pagination.py", "justfile"]
    for (_, command), news in zip(named, ("-# The older pages.", "-# The older rec"), strict=True):
        assert news in template.bench.git(service, *command.split()[1:])
    assert not pages.exists()
    assert "# The older pages." in pages.with_name("pages.py").read_text()


def test_an_older_version_is_refused(releases: Releases, tmp_path: Path) -> None:
    service = copy(releases.fresh, tmp_path / "orders")
    releases.template.bench.commit(service)
    outcome = releases.template.shipway("update", service, "--to=v0.0.1")
    assert outcome.returncode == 1
    assert "error: 0.0.1 is older than 99.0.0" in outcome.stderr
    assert releases.template.bench.git(service, "status", "--porcelain") == ""


def test_a_failed_change_leaves_the_service_as_it_was(
    lean: Template, lean_service: Path, tmp_path: Path
) -> None:
    service = copy(lean_service, tmp_path / "orders")
    outcome = lean.shipway("set", "service_name=Not_A_Name", "--project", service)
    assert outcome.returncode == 2
    assert "error: the answer to `service_name` is not valid" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert lean.bench.git(service, "status", "--porcelain") == ""


def test_what_a_failed_change_leaves_is_removed_and_nothing_else(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in bench.environment().items():
        monkeypatch.setenv(name, value)
    service = tmp_path / "orders"
    (service / "drafts").mkdir(parents=True)
    (service / ".gitignore").write_text(".env\n")
    bench.commit(service)
    bench.git(service, "config", "status.showUntrackedFiles", "no")
    (service / ".env").write_text("SECRET=1\n")
    (service / "drafts" / "ours").write_text("Ours.\n")
    before, kept = tree(service), git.untracked(service)
    (service / ".gitignore").write_text("")
    for name in ("drafts/theirs", "new/deep/theirs"):
        (service / name).parent.mkdir(parents=True, exist_ok=True)
        (service / name).touch()
    git.restore(service, kept)
    assert tree(service) == before
    assert names(service) == [".env", ".git", ".gitignore", "drafts"]


def test_a_service_in_a_larger_repository_is_updated_alone(
    releases: Releases, tmp_path: Path
) -> None:
    template = releases.template
    service = in_an_estate(releases, tmp_path)
    (service.parent / "README").write_text("The estate, in the works.\n")
    succeeded(template.shipway("update", cwd=service))
    assert tree(service) == tree(releases.fresh)
    assert (service.parent / "README").read_text() == "The estate, in the works.\n"


@pytest.mark.parametrize("door", DOORS)
def test_a_template_without_tags_can_be_followed(bench: Bench, door: str, tmp_path: Path) -> None:
    template = clone(bench, tmp_path / "shipway", lean=True)
    service = template.start(tmp_path / "orders")
    prepend(template.path / "template" / "justfile.jinja", "# News.\n\n")
    if door == "shipway":
        refused = template.shipway("update", service)
        assert (refused.returncode, "not committed" in refused.stderr) == (1, True)
        template.commit()
        succeeded(template.shipway("set", "cache=none", "--project", service))
        bench.commit(service)
        assert "the template is at" in succeeded(template.shipway("check", service)).stdout
        succeeded(template.shipway("update", service))
    else:
        template.commit()
        update = ("update", "--defaults", "--quiet", "--vcs-ref=HEAD", service)
        succeeded(template.copier(*update))
    assert (service / "justfile").read_text().startswith("# News.\n")
    head = bench.git(template.path, "describe", "--tags", "--always")
    assert answers_of(service)["_commit"] == head


def test_a_service_of_uncommitted_changes_can_be_updated(bench: Bench, tmp_path: Path) -> None:
    template = clone(bench, tmp_path / "shipway", tag="v0.0.1", lean=True)
    prepend(template.path / "template" / "justfile.jinja", "# News.\n\n")
    service = template.start(tmp_path / "orders")
    assert (service / "justfile").read_text().startswith("# News.\n")
    assert answers_of(service)["_commit"] == "v0.0.1"
    append(template.path / "template" / "justfile.jinja", "\n# More news.\n")
    template.commit("v0.0.2")
    succeeded(template.shipway("update", service))
    assert tree(service) == tree(template.render(tmp_path / "fresh" / "orders"))


@pytest.mark.parametrize("door", DOORS)
def test_a_relative_source_means_the_checkout_one_stands_in(
    bench: Bench, door: str, tmp_path: Path
) -> None:
    template = clone(bench, tmp_path / "shipway", tag="v0.0.1", lean=True)
    service = tmp_path / "orders"
    flags = ("--defaults", "--quiet")
    inside = template.path
    succeeded(template.copier("copy", *flags, "--vcs-ref=HEAD", ".", "../orders", cwd=inside))
    bench.commit(service)
    assert answers_of(service)["_src_path"] == "."
    prepend(template.path / "template" / "justfile.jinja", "# News.\n\n")
    template.commit("v0.0.2")
    if door == "shipway":
        succeeded(template.shipway("check", "orders"))
        succeeded(template.shipway("update", "orders"))
    else:
        succeeded(template.copier("update", *flags, service, cwd=inside))
    assert (service / "justfile").read_text().startswith("# News.\n")
