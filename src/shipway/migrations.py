"""The migrations of a service: its owner's, and those that come with an answer."""

import ast
from pathlib import Path


def heads(service: Path) -> list[str]:
    """The revisions that no other one builds on. With two of them nothing migrates any more."""
    revisions: set[str] = set()
    built_on: set[str] = set()
    for file in (service / "migrations" / "versions").glob("*.py"):
        said = _said(file)
        revisions.update(said.get("revision", ()))
        built_on.update(said.get("down_revision", ()))
    return sorted(revisions - built_on)


def _said(file: Path) -> dict[str, list[str]]:
    """What is assigned in a file, by name: the texts in it."""
    try:
        tree = ast.parse(file.read_bytes())
    except SyntaxError:
        # It has a conflict in it, which is told anyway.
        return {}
    said: dict[str, list[str]] = {}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else ()
        if isinstance(node, ast.AnnAssign):
            targets = (node.target,)
        for target in targets:
            if isinstance(target, ast.Name):
                texts = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
                said[target.id] = [text for text in texts if isinstance(text, str)]
    return said
