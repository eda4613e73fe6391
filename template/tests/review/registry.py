"""The guards that there are: a module in `guards/` declares some. What they say, as text."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

from tests.review.finding import Finding, Guard

ACCEPT = (
    "Where something is as it has to be, say why, in the line or above it:"
    " `# review: accept <guard>: <reason>`"
)
FOLDER = Path(__file__).parent / "guards"


@cache
def all_guards() -> Mapping[str, Guard]:
    """Give the guards by name."""
    modules = [import_module(f"tests.review.guards.{path.stem}") for path in FOLDER.glob("*.py")]
    guards = [guard for module in modules for guard in module.GUARDS]
    return {guard.name: guard for guard in sorted(guards, key=lambda guard: guard.name)}


def described(findings: Iterable[Finding]) -> str:
    """Say what was found, as a linter does; after each, what it costs and what to do."""
    guards = all_guards()
    lines: list[str] = []
    for found in findings:
        lines.append(f"{found.path}:{found.line}: {found.guard}: {found.what}")
        if (guard := guards.get(found.guard)) is not None:
            lines += [f"    Costs: {guard.why}", f"    Instead: {guard.fix}"]
    return "\n".join([*lines, "", ACCEPT])
