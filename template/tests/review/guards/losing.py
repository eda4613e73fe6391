"""Writes that get lost."""

import ast
import re
from collections.abc import Iterator

from tests.review.calls import Calls, is_call_of
from tests.review.code import Function, names_in
from tests.review.finding import Finding, Guard
from tests.review.sql import LOCK, UPDATE, arguments, asks, text_of, values_of

REPOSITORY = re.compile(r"session|repo|uow|dao\b|\bdb\b|database", re.IGNORECASE)


def look(calls: Calls) -> Iterator[Finding]:
    """Find values that are read, changed in Python, and written back."""
    for function in calls.code.yours:
        loaded = loaded_in(calls, function)
        if loaded and not is_locked(calls, function):
            for node, what in written_back(function, loaded):
                if not has_version(calls, function, loaded, node):
                    said = f"`{function.short}` reads, computes and writes back: {what}"
                    yield LOST_UPDATE.at(function, node, said)


LOST_UPDATE = Guard(
    "lost-update",
    "Two at once read the same value, and the later one overwrites what the first has done.",
    "Let the database compute: `update(Post).values(likes=Post.likes + 1)`; or lock the row"
    " (`with_for_update()`), or give the table a `version_id_col`.",
    "Rows that come in as an argument, or whose value takes a way through other functions; and"
    " `SERIALIZABLE`, where the database itself takes care.",
    look,
)
GUARDS = (LOST_UPDATE,)


def loaded_in(calls: Calls, function: Function) -> dict[str, ast.expr]:
    """Name the variables that hold what was read: rows, and values of them."""
    loaded = {
        name: value
        for name, value in function.assigned.items()
        if any(is_loading(calls, function, part) for part in ast.walk(value))
    }
    # In the order of the lines, so a value of a value is found, too.
    for name, value in function.assigned.items():
        source = value.value if isinstance(value, ast.Attribute | ast.Subscript) else value
        if name not in loaded and isinstance(source, ast.Name) and source.id in loaded:
            loaded[name] = loaded[source.id]
    return loaded


def is_loading(calls: Calls, function: Function, node: ast.AST) -> bool:
    """Tell what asks the database, or something that is called like whoever does."""
    if not (isinstance(node, ast.Await) and isinstance(node.value, ast.Call)):
        return False
    called = ast.unparse(node.value.func)
    return REPOSITORY.search(called) is not None or asks(calls, function, node.value)


def written_back(function: Function, loaded: dict[str, ast.expr]) -> Iterator[tuple[ast.AST, str]]:
    """Find what is computed from a value that was read, and stored in its place."""
    for node in function.nodes:
        if isinstance(node, ast.AugAssign) and is_field(node.target, loaded):
            yield node, f"`{ast.unparse(node)}`"
        elif isinstance(node, ast.Assign) and any(is_field(t, loaded) for t in node.targets):
            field = node.targets[0]
            if isinstance(field, ast.Attribute) and comes_from(function, node.value, field):
                yield node, f"`{ast.unparse(node)}`"
        elif isinstance(node, ast.Call) and updates(function, node):
            computed = [arg for arg in arguments(node) if is_computed(function, arg, loaded)]
            if computed:
                yield node, f"`{ast.unparse(computed[0])}`"


def is_field(target: ast.expr, loaded: dict[str, ast.expr]) -> bool:
    """Tell a field of a row that was read."""
    return (
        isinstance(target, ast.Attribute)
        and isinstance(target.value, ast.Name)
        and target.value.id in loaded
    )


def comes_from(function: Function, value: ast.expr, field: ast.Attribute) -> bool:
    """Tell whether a value was made of the field that it goes to."""
    if isinstance(value, ast.Name):
        value = function.assigned.get(value.id, value)
    if not isinstance(value, ast.BinOp | ast.Call | ast.IfExp | ast.BoolOp):
        return False
    said = ast.unparse(field)
    parts = [part for each in values_of(function, value) for part in ast.walk(each)]
    return any(isinstance(p, ast.Attribute) and ast.unparse(p) == said for p in parts)


def updates(function: Function, call: ast.Call) -> bool:
    """Tell a call that says what to store in rows that are there."""
    if is_call_of(call, "values"):
        return "update(" in ast.unparse(call.func)
    texts = [part for arg in call.args[:1] for part in values_of(function, arg)]
    return any(UPDATE.match(text_of(node)) for text in texts for node in ast.walk(text))


def is_computed(function: Function, value: ast.expr, loaded: dict[str, ast.expr]) -> bool:
    """Tell a value that Python has computed from what was read."""
    if isinstance(value, ast.Name):
        value = function.assigned.get(value.id, value)
    return isinstance(value, ast.BinOp) and bool(names_in(value) & loaded.keys())


def is_locked(calls: Calls, function: Function) -> bool:
    """Tell whether rows are locked when they are read."""
    for each in calls.reach(function):
        for node in each.nodes:
            named = getattr(node, "attr", None) or getattr(node, "arg", None)
            if named == "with_for_update":
                return True
            if LOCK.search(text_of(node)):
                return True
        if any(LOCK.search(ast.unparse(v)) for v in named_values(each)):
            return True
    return False


def named_values(function: Function) -> Iterator[ast.expr]:
    """Give the constants of its module that a function names."""
    names = {node.id for node in function.nodes if isinstance(node, ast.Name)}
    return (value for name, value in function.module.values.items() if name in names)


def has_version(
    calls: Calls, function: Function, loaded: dict[str, ast.expr], node: ast.AST
) -> bool:
    """Tell whether the row has a version, which an update compares."""
    if isinstance(node, ast.Call):
        texts = " ".join(ast.unparse(v) for v in values_of(function, node))
        return bool(
            re.search(r"where.*(version|updated_at|etag)", texts, re.IGNORECASE | re.DOTALL)
        )
    names = {name for each in names_in(node) & loaded.keys() for name in names_in(loaded[each])}
    kinds = {function.module.names.get(name, "") for name in names}
    rows = [loaded[each] for each in names_in(node) & loaded.keys()]
    kinds |= {calls.type_of(function, row) or "" for row in rows}
    classes = [calls.code.classes[kind] for kind in kinds if kind in calls.code.classes]
    return any("version_id_col" in ast.unparse(each.node) for each in classes)
