"""The guards that there are: a module in `guards/` declares some."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from tests.review.finding import Guard

FOLDER = Path(__file__).parent / "guards"


def all_guards() -> Mapping[str, Guard]:
    """Give the guards by name."""
    modules = [import_module(f"tests.review.guards.{path.stem}") for path in FOLDER.glob("*.py")]
    guards = [guard for module in modules for guard in module.GUARDS]
    return {guard.name: guard for guard in sorted(guards, key=lambda guard: guard.name)}
