"""Calls of others that wait for one another without need."""

import ast
from collections.abc import Iterator
from itertools import pairwise

from tests.review.calls import Calls
from tests.review.code import Function, inside, names_in, targets
from tests.review.finding import Finding, Guard

# What asks without changing anything: the order makes no difference.
READS = {"get", "head", "get_json", "fetch", "request", "read"}
CLIENT_WORDS = ("http_client", "web_client", "httpx", "aiohttp", "httpx2")


def look(calls: Calls) -> Iterator[Finding]:
    """Find calls that wait for one another, and could be under way at once."""
    for function in calls.code.yours:
        if function.is_async:
            yield from one_by_one(calls, function)
            yield from in_an_expression(calls, function)
            yield from in_a_loop(calls, function)


SEQUENTIAL_AWAITS = Guard(
    "sequential-awaits",
    "The times add up: three calls of 100 ms take 300 ms, and side by side 100.",
    "`asyncio.TaskGroup`, or `asyncio.gather`; for many of a kind `http_client.get_all(…)`, with a"
    " limit.",
    "Calls whose client has an unknown type, and whether the other side minds.",
    look,
)
GUARDS = (SEQUENTIAL_AWAITS,)


def one_by_one(calls: Calls, function: Function) -> Iterator[Finding]:
    """Find two statements of which the second needs nothing of the first."""
    for block in blocks_of(function.node):
        for first, second in pairwise(block):
            if not (asked(calls, function, first) and asked(calls, function, second)):
                continue
            made = {name for target in assigned_by(first) for name in targets(target)}
            if made and not made & names_in(second):
                yield found(function, second, "it needs nothing of the one above")


def in_an_expression(calls: Calls, function: Function) -> Iterator[Finding]:
    """Find two calls in one expression."""
    for node in function.nodes:
        if isinstance(node, ast.Call | ast.Tuple | ast.List | ast.Dict):
            parts = ast.iter_child_nodes(node)
            asking = [part for part in parts if is_asking(calls, function, part)]
            if len(asking) > 1:
                yield found(function, asking[1], "it needs nothing of the one before it")


def in_a_loop(calls: Calls, function: Function) -> Iterator[Finding]:
    """Find a call in each round of a loop that ends when all rounds are done."""
    for node in function.nodes:
        if isinstance(node, ast.For) and is_straight(node):
            for part in (each for statement in node.body for each in inside(statement)):
                if is_asking(calls, function, part) and not feeds_itself(node, part):
                    yield found(function, part, "each round waits for the one before")
                    break
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp) and any(
            is_asking(calls, function, part) for part in inside(node)
        ):
            yield found(function, node, "each waits for the one before")


def found(function: Function, node: ast.AST, why: str) -> Finding:
    """Find a call."""
    said = f"`{function.short}` calls others one by one: {why}"
    return SEQUENTIAL_AWAITS.at(function, node, said)


def blocks_of(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """List the blocks of a function, without those of the functions in it."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield block
            for statement in block:
                if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    yield from blocks_of(statement)


def asked(calls: Calls, function: Function, statement: ast.stmt) -> bool:
    """Tell a statement that is nothing but a call of others, whose answer is kept."""
    is_plain = isinstance(statement, ast.Assign | ast.AnnAssign | ast.Return)
    return is_plain and any(is_asking(calls, function, node) for node in inside(statement))


def assigned_by(statement: ast.stmt) -> list[ast.expr]:
    """List what a statement assigns to."""
    if isinstance(statement, ast.Assign):
        return statement.targets
    return [statement.target] if isinstance(statement, ast.AnnAssign) else []


def is_asking(calls: Calls, function: Function, node: ast.AST) -> bool:
    """Tell `await http_client.get(…)`, also through functions of the service."""
    if not (isinstance(node, ast.Await) and isinstance(node.value, ast.Call)):
        return False
    if asks_itself(calls, function, node.value):
        return True
    callee = calls.callees(function).get(node.value)
    return callee is not None and calls.known(is_asking, callee, False, lambda: asks(calls, callee))


def asks(calls: Calls, function: Function) -> bool:
    """Tell a function that asks others, itself or through those that it calls."""
    reached = calls.reach(function)
    return any(asks_itself(calls, each, call) for each in reached for call in each.calls)


def asks_itself(calls: Calls, function: Function, call: ast.Call) -> bool:
    """Tell a call of an HTTP client that only reads."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in READS:
        return False
    kind = calls.type_of(function, call.func.value) or calls.target(function, call.func.value)
    receiver = ast.unparse(call.func.value)
    if any(word in f"{kind or ''} {receiver}" for word in CLIENT_WORDS):
        return True
    asked_for = ast.unparse(call.args[0]) if call.args else ""
    return receiver.endswith("client") and ("://" in asked_for or "url" in asked_for.lower())


def is_straight(loop: ast.For) -> bool:
    """Tell a loop that nothing ends early, and that doesn't pause between its rounds."""
    parts = [each for statement in loop.body for each in inside(statement)]
    ends = any(isinstance(each, ast.Break | ast.Return | ast.Raise) for each in parts)
    pauses = any(isinstance(p, ast.Attribute) and p.attr == "sleep" for p in parts)
    return not ends and not pauses


def feeds_itself(loop: ast.For, call: ast.AST) -> bool:
    """Tell a call that needs what an earlier round has made."""
    made = {
        name
        for statement in loop.body
        for each in inside(statement)
        if isinstance(each, ast.Assign | ast.AugAssign)
        for target in (each.targets if isinstance(each, ast.Assign) else [each.target])
        for name in targets(target)
    }
    before = set[str]()
    for statement in loop.body:
        if any(each is call for each in inside(statement)):
            return bool((made - before) & names_in(call))
        before |= {name for each in assigned_by(statement) for name in targets(each)}
    return False
