"""How queries look in code: SQLAlchemy's, the direct path's, and those that are text."""

import ast
import re
from collections.abc import Iterator

from tests.review.calls import Calls, is_call_of
from tests.review.code import Function, Module

CONNECTION = re.compile(
    r"\b(session|connection|conn|db|database|cursor|pool|transaction|tx)\b", re.IGNORECASE
)
HTTP = re.compile(r"http|aiohttp|requests|url", re.IGNORECASE)
SELECT = re.compile(r"\s*(SELECT|WITH)\b", re.IGNORECASE)
UPDATE = re.compile(r"\s*UPDATE\b", re.IGNORECASE)
LIMIT = re.compile(r"\b(LIMIT|FETCH FIRST|TOP)\b|\bIN \(|= ?ANY ?\(", re.IGNORECASE)
LOCK = re.compile(r"\bFOR (NO KEY )?UPDATE\b|\bBEGIN IMMEDIATE\b|\bpg_advisory", re.IGNORECASE)

ONE_ROW = {"scalar", "fetch_value", "fetchrow", "fetchval", "fetch_one", "fetchone", "get_one"}
MANY_ROWS = {"all", "fetchall", "fetch", "fetch_all", "scalars", "to_list"}
BOUNDS = {"limit", "first", "one", "one_or_none", "fetchmany", "slice", "in_", "paginate"}
BOUND_NAMES = re.compile(r"limit|page_size|per_page|batch|chunk", re.IGNORECASE)


def is_read(calls: Calls, function: Function, call: ast.Call) -> bool:
    """Tell a call that asks the database for something."""
    if not isinstance(call.func, ast.Attribute) or not on_connection(calls, function, call):
        return False
    method = call.func.attr
    if method in ONE_ROW | MANY_ROWS:
        return True
    if method == "get":
        return len(call.args) > 1
    return method in {"execute", "stream"} and any(selects(function, arg) for arg in call.args[:1])


def asks(calls: Calls, function: Function, node: ast.AST) -> bool:
    """Tell a call that asks the database, itself or through functions of the service."""
    if not isinstance(node, ast.Call):
        return False
    if is_read(calls, function, node) and isinstance(node.func, ast.Attribute):
        # The rows of a result that is there are no query. What `gather` awaits is one.
        kind = calls.type_of(function, node.func.value) or ""
        is_awaited = node in function.awaited or not function.is_async
        return is_awaited or kind.endswith(("AsyncSession", "WriteSession"))
    callee = calls.callees(function).get(node)
    return callee is not None and calls.known(asks, callee, False, lambda: reads(calls, callee))


def reads(calls: Calls, function: Function) -> bool:
    """Tell a function of yours that asks the database, itself or through those that it calls."""
    mine = set(calls.code.yours)
    return function in mine and any(
        is_read(calls, each, call) and call in each.awaited
        for each in calls.reach(function)
        if each in mine
        for call in each.calls
    )


def on_connection(calls: Calls, function: Function, call: ast.Call) -> bool:
    """Tell a method of a session, a connection or the like."""
    if not isinstance(call.func, ast.Attribute):
        return False
    kind = calls.type_of(function, call.func.value) or ""
    said = f"{kind} {ast.unparse(call.func.value)}"
    is_one = re.search(r"(Session|Connection|Transaction)$", kind) or CONNECTION.search(said)
    return bool(is_one) and not HTTP.search(said)


def selects(function: Function, statement: ast.expr) -> bool:
    """Tell a statement that reads."""
    parts = [part for value in values_of(function, statement) for part in ast.walk(value)]
    return any(is_call_of(part, "select") or SELECT.match(text_of(part)) for part in parts)


def text_of(node: ast.AST) -> str:
    """Give a text that is written in the code."""
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return str(node.value) if isinstance(node, ast.Constant) and is_text else ""


def values_of(function: Function, node: ast.expr) -> Iterator[ast.expr]:
    """Give an expression, and what the names in it were made of."""
    yield node
    for name in {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}:
        made = function.assigned.get(name, function.module.values.get(name))
        if made is not None:
            yield made


def spoken_of(calls: Calls, function: Function) -> Iterator[ast.AST]:
    """Walk through a function, and the constants that it names, of other modules too."""
    modules = calls.code.modules
    for node in function.nodes:
        yield node
        if isinstance(node, ast.Name):
            home, name = where(modules, function.module, node.id)
            if home is not None and name in home.values:
                yield from ast.walk(home.values[name])


def where(modules: dict[str, Module], module: Module, name: str) -> tuple[Module | None, str]:
    """Find the module in which a name was made."""
    home, _, last = module.names.get(name, "").rpartition(".")
    return modules.get(home), last


def is_bounded(calls: Calls, function: Function) -> bool:
    """Tell a function that says how many rows it wants, or which."""
    if any(BOUND_NAMES.search(name) for name in function.annotations):
        return True
    return any(is_bound(node) for node in spoken_of(calls, function))


def is_bound(node: ast.AST) -> bool:
    """Tell what bounds a query."""
    if isinstance(node, ast.Attribute):
        return node.attr in BOUNDS or bool(BOUND_NAMES.search(node.attr))
    if isinstance(node, ast.keyword):
        return bool(BOUND_NAMES.search(node.arg or ""))
    if isinstance(node, ast.Name):
        return bool(BOUND_NAMES.search(node.id))
    if isinstance(node, ast.Slice):
        return node.upper is not None
    return bool(LIMIT.search(text_of(node)))


def fetches_many(calls: Calls, function: Function) -> Iterator[ast.Call]:
    """List the calls that take as many rows as there are."""
    for call in function.calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr in MANY_ROWS:
            is_end = call.func.attr in {"all", "fetchall", "to_list"} and not call.args
            if is_end or on_connection(calls, function, call):
                yield call


def arguments(call: ast.Call) -> Iterator[ast.expr]:
    """List the values that a call is given."""
    for value in [*call.args, *(keyword.value for keyword in call.keywords)]:
        if isinstance(value, ast.Dict):
            yield from value.values
        elif isinstance(value, ast.Tuple | ast.List):
            yield from value.elts
        else:
            yield value
