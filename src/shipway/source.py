"""Where the template comes from: the checkout this code stands in, or the wheel that carries it."""

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from shipway import errors, git

PACKAGE = Path(__file__).resolve().parent
CHECKOUT = PACKAGE.parent.parent
BUNDLE = PACKAGE / "_template"


@dataclass(frozen=True)
class Source:
    """The template of the running command."""

    root: Path
    """Holds `copier.yml`."""
    is_repository: bool
    """A git checkout. Otherwise plain files: a wheel, or a checkout without its history."""

    @property
    def ref(self) -> str | None:
        return "HEAD" if self.is_repository else None

    @property
    def hook(self) -> Path:
        return self.root / "hooks" / "post_copy.py"

    def origin(self) -> dict[str, str] | None:
        """What the answers file has to record instead of what Copier would, if anything.

        Copier knows no version of plain files, and of a checkout with uncommitted changes it
        records a commit that exists for the length of the rendering: no update could start there.
        """
        if not self.is_repository:
            return release()
        if git.is_dirty(self.root) and (commit := git.describe(self.root)):
            return {"_src_path": str(self.root), "_commit": commit}
        return None


def version() -> str:
    return metadata.version("shipway")


def release() -> dict[str, str]:
    """The template of this version, as a service records it."""
    return {"_src_path": repository_url(), "_commit": f"v{version()}"}


def repository_url() -> str:
    """The project's repository, from the package's metadata."""
    for entry in metadata.metadata("shipway").get_all("Project-URL") or []:
        label, _, url = entry.partition(", ")
        if label == "Repository":
            return url
    raise errors.template_missing(PACKAGE)


def running() -> Source:
    """The template that this installation of the command stands for."""
    for root in (BUNDLE, CHECKOUT):
        if (root / "copier.yml").is_file():
            return Source(root, git.is_installed() and git.is_repository(root))
    raise errors.template_missing(BUNDLE)
