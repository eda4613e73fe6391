"""What a rendered service can be told by its environment, read from its syntax alone."""

import ast
import json
from collections.abc import Iterator

from rendering import Project

# Nothing but names and numbers is needed to say what a default is.
ARITHMETIC = (
    ast.Expression,
    ast.Constant,
    ast.List,
    ast.Dict,
    ast.Tuple,
    ast.Load,
    ast.BinOp,
    ast.UnaryOp,
    ast.operator,
    ast.unaryop,
)


def fields(project: Project) -> dict[str, ast.AnnAssign]:
    """Every field of the service's settings, those that it inherits included."""
    classes = {
        node.name: node
        for path, tree in project.modules.items()
        if path.startswith("app/")
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name.endswith("Settings")
    }
    return dict(_fields("Settings", classes))


def _fields(name: str, classes: dict[str, ast.ClassDef]) -> Iterator[tuple[str, ast.AnnAssign]]:
    for base in classes[name].bases:
        if isinstance(base, ast.Name) and base.id in classes:
            yield from _fields(base.id, classes)
    for node in classes[name].body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node


def default(field: ast.AnnAssign) -> str | None:
    """The default as one writes it into the environment; none where code computes it."""
    value = field.value
    if isinstance(value, ast.Call):
        value = next((k.value for k in value.keywords if k.arg == "default"), None)
    if value is None or not all(isinstance(node, ARITHMETIC) for node in ast.walk(value)):
        return None
    code = compile(ast.Expression(value), "default", "eval")
    evaluated = eval(code, {})  # noqa: S307 - arithmetic, of this repository's own
    if type(evaluated) in {bool, dict, list, tuple}:
        return json.dumps(evaluated)
    return None if evaluated is None else str(evaluated)


def read(project: Project) -> set[str]:
    """Every attribute that the service's code takes from anything, and every key it looks up."""
    return {
        name
        for path, tree in project.modules.items()
        if path.startswith(("app/", "migrations/"))
        for node in ast.walk(tree)
        if (name := _taken(node)) is not None
    }


def _taken(node: ast.AST) -> str | None:
    match node:
        case ast.Attribute(attr=name):
            return name
        # What a default is made from: `lambda settings: settings.get("profile")`.
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(name)), *_]):
            return name
        case _:
            return None


def overridden(project: Project) -> set[str]:
    """The names that are given to `model_copy(update={…})`, which takes any."""
    return {
        str(key.value)
        for tree in project.modules.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "model_copy"
        for keyword in node.keywords
        if isinstance(keyword.value, ast.Dict)
        for key in keyword.value.keys
        if isinstance(key, ast.Constant)
    }
