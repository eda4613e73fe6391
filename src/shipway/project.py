"""The service that a command is about: what it records, and whether it can be changed."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from shipway import git, refusals
from shipway.questions import Answers, read_yaml
from shipway.zones import ANSWERS

# Questions since the first release, which are never renamed: no other template records them all.
IDENTITY = frozenset({"service_name", "database", "cache", "queue"})


@dataclass(frozen=True)
class Project:
    path: Path
    record: Answers
    """The whole answers file."""

    @property
    def location(self) -> str:
        """Where the template was when the service was rendered: a URL or a path."""
        return str(self.record["_src_path"])

    @property
    def commit(self) -> str:
        """The version of the template, as `git describe` named it."""
        return str(self.record["_commit"])

    @property
    def answers(self) -> Answers:
        return {key: value for key, value in self.record.items() if not key.startswith("_")}


def load(path: Path) -> Project:
    """The service at that path."""
    if not (path / ANSWERS).is_file():
        raise refusals.not_a_project(path)
    try:
        record = read_yaml(path / ANSWERS)
    except yaml.YAMLError as error:
        raise refusals.other_template(path) from error
    if "_src_path" not in record or not record.keys() >= IDENTITY:
        raise refusals.other_template(path)
    if "_commit" not in record:
        raise refusals.unversioned(path)
    return Project(path.resolve(), record)


def require_clean(project: Project) -> None:
    """Refuse to change what git could not give back."""
    if not git.is_inside_work_tree(project.path):
        raise refusals.not_under_git(project.path)
    if git.commit_of(project.path, "HEAD") is None or git.is_dirty(project.path):
        raise refusals.dirty_project(project.path)
