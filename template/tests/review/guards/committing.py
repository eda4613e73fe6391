"""Commits that come too late, and tasks that come too early."""

import ast
import re
from collections.abc import Iterator

from tests.review.calls import Calls, is_call_of
from tests.review.code import Function, inside, names_in
from tests.review.finding import Finding, Guard
from tests.review.sql import arguments

BEGINS = {"write", "begin", "direct_transaction", "transaction", "begin_nested"}
ENQUEUES = {"enqueue", "enqueue_message", "delay", "apply_async", "kiq"}
TRANSACTION = re.compile(r"(WriteSession|DirectTransaction)$")


def look_for_late(calls: Calls) -> Iterator[Finding]:
    """Find commits that come when the client has his answer."""
    for module in calls.code.modules.values():
        if not module.name.startswith("app.core"):
            for node in ast.walk(module.tree):
                if is_call_of(node, "Depends") and is_late(calls, module.names, node):
                    what = "the commit of this dependency comes after the response"
                    yield Finding(module.path, node.lineno, LATE_COMMIT.name, what)
    for function in calls.code.yours:
        for call in function.calls:
            if is_call_of(call, "add_task") and speaks_of_transaction(calls, function, call):
                what = f"`{function.short}` hands its transaction to what runs after the response"
                yield LATE_COMMIT.at(function, call, what)
            elif is_call_of(call, "commit") and is_body(calls, function):
                what = f"`{function.short}` commits while the response is on its way already"
                yield LATE_COMMIT.at(function, call, what)


def look_for_early(calls: Calls) -> Iterator[Finding]:
    """Find tasks that may run before what they are about is there, or though it never will be."""
    for function in calls.code.yours:
        commits = [call.lineno for call in function.calls if is_call_of(call, "commit")]
        within = set(in_transactions(function))
        for call in function.calls:
            if not any(is_call_of(call, name) for name in ENQUEUES):
                continue
            is_before = any(line > call.lineno for line in commits)
            is_after = any(line < call.lineno for line in commits)
            if call in within or is_before or (not is_after and takes_transaction(calls, function)):
                said = f"`{function.short}` enqueues a task inside a transaction"
                yield EARLY_ENQUEUE.at(function, call, said)


LATE_COMMIT = Guard(
    "late-commit",
    "The client has its 201, and then the commit fails: nobody will ever know.",
    '`SessionDep`, or `Depends(…, scope="function")`; a task instead of a background task.',
    "Commits in what `functools` or a framework of your own wraps.",
    look_for_late,
)
EARLY_ENQUEUE = Guard(
    "early-enqueue",
    "A worker is faster than the commit and doesn't find the row; or the transaction is rolled"
    " back, and the task runs nevertheless.",
    "`await enqueue_within(transaction, broker, …)`; or `after_commit(lambda: …)`.",
    "Transactions that begin in a caller without being handed on.",
    look_for_early,
)
GUARDS = (LATE_COMMIT, EARLY_ENQUEUE)


def is_late(calls: Calls, names: dict[str, str], depends: ast.Call) -> bool:
    """Tell `Depends(get_session)` whose end, with the commit, comes after the response."""
    if not depends.args or any(keyword.arg == "scope" for keyword in depends.keywords):
        return False
    named = depends.args[0]
    name = names.get(named.id, "") if isinstance(named, ast.Name) else ""
    function = calls.code.functions.get(name)
    if function is None or not function.is_generator:
        return False
    yielded = min(n.lineno for n in function.nodes if isinstance(n, ast.Yield | ast.YieldFrom))
    ends = any(is_call_of(call, "commit") and call.lineno > yielded for call in function.calls)
    return ends or any(isinstance(node, ast.Yield) for node in in_transactions(function))


def in_transactions(function: Function) -> Iterator[ast.AST]:
    """Walk through what stands in `async with database.write() as session:`."""
    for node in function.nodes:
        if isinstance(node, ast.With | ast.AsyncWith):
            opened = [item.context_expr for item in node.items]
            if any(is_call_of(each, name) for each in opened for name in BEGINS):
                for statement in node.body:
                    yield from inside(statement)


def speaks_of_transaction(calls: Calls, function: Function, call: ast.Call) -> bool:
    """Tell a call that hands a session on."""
    for value in arguments(call):
        root = value.value if isinstance(value, ast.Attribute) else value
        kind = (calls.type_of(function, root) or "").rpartition(".")[2]
        named = {name for name in names_in(root) if re.search("session|transaction", name)}
        if named or re.search("Session$|Transaction$", kind):
            return True
    return False


def is_body(calls: Calls, function: Function) -> bool:
    """Tell a generator that gives out a response, and is neither a dependency nor a context."""
    said = " ".join(map(ast.unparse, function.node.decorator_list))
    return (
        function.is_generator
        and "contextmanager" not in said
        and "fixture" not in said
        and function not in calls.dependencies
    )


def takes_transaction(calls: Calls, function: Function) -> bool:
    """Tell a function that is given a transaction, itself or in what it is given."""
    kinds = [calls.class_of(each, function.module) for each in function.annotations.values()]
    if function.owner is not None:
        kinds.append(function.owner.name)
    for kind in filter(None, kinds):
        if TRANSACTION.search(kind):
            return True
        owner = calls.code.classes.get(kind)
        for field in owner.fields.values() if owner else ():
            if owner and TRANSACTION.search(calls.class_of(field, owner.module) or ""):
                return True
    return False
