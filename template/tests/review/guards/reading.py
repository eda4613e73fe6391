"""Queries that are too many, and answers that are too long."""

import ast
import re
from collections.abc import Iterator

from tests.review.calls import Calls, is_call_of, routes_of
from tests.review.code import Function, inside
from tests.review.finding import Finding, Guard
from tests.review.sql import asks, fetches_many, is_bounded

LISTS = {"list", "List", "Sequence", "Iterable", "Collection", "set", "tuple"}
EXPORT = re.compile(
    r"export|download|dump|\.csv|\.ndjson|\.jsonl|\.xlsx|text/csv|ndjson", re.IGNORECASE
)
# What holds all of a file.
WHOLE = {"getvalue", "to_csv", "to_json", "to_excel"}


def look_for_loops(calls: Calls) -> Iterator[Finding]:
    """Find queries in loops, and relationships that are loaded where they are touched."""
    for function in calls.code.yours:
        for loop, body in loops_of(function):
            query = next((node for node in body if asks(calls, function, node)), None)
            if query is not None and not is_in_batches(loop):
                said = f"`{function.short}` asks the database in each round of a loop"
                yield QUERY_IN_LOOP.at(function, query, said)


def look_for_lists(calls: Calls) -> Iterator[Finding]:
    """Find lists that grow with the table."""
    for handler in calls.handlers:
        if not answers_with_list(calls, handler):
            continue
        reached = list(calls.reach(handler))
        for function in reached:
            for call in fetches_many(calls, function):
                bound = [function, handler] if makes_statement(function, call) else reached
                if function in calls.code.yours and not any(is_bounded(calls, f) for f in bound):
                    said = f"`{handler.short}` answers with all rows that there are"
                    yield UNBOUNDED_LIST.at(function, call, said)


def look_for_exports(calls: Calls) -> Iterator[Finding]:
    """Find files that are made as a whole before they are sent."""
    for handler in calls.handlers:
        if not EXPORT.search(" ".join(map(ast.unparse, [*routes_of(handler), *returned(handler)]))):
            continue
        for function in calls.reach(handler):
            for call in function.calls if function in calls.code.yours else ():
                if collects(calls, function, call):
                    said = f"`{handler.short}` collects a file in `{ast.unparse(call.func)}(…)`"
                    yield COLLECTED_EXPORT.at(function, call, said)


def look_for_lazy(calls: Calls) -> Iterator[Finding]:
    """Find relationships that don't say how they are loaded."""
    for module in calls.code.modules.values():
        for node in ast.walk(module.tree):
            if is_call_of(node, "relationship"):
                said = {k.arg: k.value for k in node.keywords}
                if "lazy" not in said or ast.unparse(said["lazy"]) in {"'select'", "True"}:
                    what = "a relationship that is loaded wherever somebody touches it"
                    yield Finding(module.path, node.lineno, LAZY_RELATIONSHIP.name, what)


QUERY_IN_LOOP = Guard(
    "query-in-loop",
    "N+1: for 100 rows the database is asked 101 times, one after the other.",
    "One query: a join (`joinedload`, `selectinload`), or `where(Post.id.in_(ids))` before the"
    " loop.",
    "Loops that go through batches, and calls whose target is unknown. `n-plus-one` counts what the"
    " tests run.",
    look_for_loops,
)
LAZY_RELATIONSHIP = Guard(
    "lazy-relationship",
    "Touched in a loop, it is N+1; touched in a coroutine, it fails.",
    '`relationship(lazy="raise")`, and at the query `joinedload` or `selectinload`.',
    "Relationships that are made by something else than `relationship(…)`.",
    look_for_lazy,
)
UNBOUNDED_LIST = Guard(
    "unbounded-list",
    "It grows with the table: the first to ask for 100,000 rows waits for seconds, and the process"
    " holds them all in memory.",
    "A page: `PageQuery`, `Position` and `page_json` of `app/core/pagination.py`; or a `LIMIT`.",
    "Whether a limit that is there is small, and lists that come from elsewhere than the database."
    " `large-body` measures what the tests run.",
    look_for_lists,
)
COLLECTED_EXPORT = Guard(
    "collected-export",
    "Each who downloads has the whole file in memory, and waits for its last row before he gets"
    " the first.",
    "`in_batches` and `download`, of `app/core`; or a generator of your own.",
    "Exports that say so neither in their path nor in their media type.",
    look_for_exports,
)
GUARDS = (QUERY_IN_LOOP, LAZY_RELATIONSHIP, UNBOUNDED_LIST, COLLECTED_EXPORT)


def loops_of(function: Function) -> Iterator[tuple[ast.expr, list[ast.AST]]]:
    """List what loops go through, each with all that is in its body."""
    for node in function.nodes:
        if isinstance(node, ast.For | ast.AsyncFor):
            yield node.iter, [part for statement in node.body for part in inside(statement)]
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            yield node.generators[0].iter, list(inside(node.elt))
        elif isinstance(node, ast.DictComp):
            yield node.generators[0].iter, [*inside(node.key), *inside(node.value)]


def is_in_batches(loop: ast.expr) -> bool:
    """Tell a loop that goes through batches, or a fixed number of times."""
    if isinstance(loop, ast.Tuple | ast.List):
        return True
    if is_call_of(loop, "range"):
        has_step = len(loop.args) == 3
        return has_step or all(ast.unparse(each).upper() == ast.unparse(each) for each in loop.args)
    return bool(re.search(r"batch|chunk|part", ast.unparse(loop), re.IGNORECASE))


def answers_with_list(calls: Calls, handler: Function) -> bool:
    """Tell a handler whose answer is a list, by its types; without types, by what it fetches."""
    routes = list(routes_of(handler))
    paths = [ast.unparse(each.args[0]) for each in routes if each.args]
    if any(path.rstrip("'\"/").endswith("}") for path in paths):
        return False
    models = [k.value for each in routes for k in each.keywords if k.arg == "response_model"]
    said = [*models, *([handler.node.returns] if handler.node.returns else [])]
    if not said:
        return any(True for _ in fetches_many(calls, handler))
    return any(is_list(calls, handler, annotation) for annotation in said)


def is_list(calls: Calls, handler: Function, annotation: ast.expr) -> bool:
    """Tell `list[PostOut]`, or a model with such a field."""
    kind = calls.class_of(annotation, handler.module) or ""
    if kind.rpartition(".")[2] in LISTS:
        return True
    model = calls.code.classes.get(kind)
    fields = model.fields.values() if model else ()
    kinds = [calls.class_of(each, model.module) or "" for each in fields] if model else []
    return any(each.rpartition(".")[2] in LISTS for each in kinds)


def makes_statement(function: Function, call: ast.Call) -> bool:
    """Tell whether the statement of a query is made where it is run."""
    named = {node.id for arg in call.args for node in ast.walk(arg) if isinstance(node, ast.Name)}
    return not named & function.annotations.keys()


def returned(function: Function) -> Iterator[ast.expr]:
    """List what a function returns."""
    for node in function.nodes:
        if isinstance(node, ast.Return) and node.value is not None:
            yield node.value


def collects(calls: Calls, function: Function, call: ast.Call) -> bool:
    """Tell a call that holds all rows, or the whole file."""
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if method in WHOLE:
        return not function.is_generator
    return call in fetches_many(calls, function) and not is_bounded(calls, function)
