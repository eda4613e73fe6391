"""Writes that get lost, come too late, or are spoken of too early."""

import ast
import re
from collections.abc import Iterator

from tests.review.calls import Calls, is_call_of
from tests.review.code import Function, inside, names_in
from tests.review.finding import Finding, Guard
from tests.review.sql import LOCK, UPDATE, values_of

BEGINS = {"write", "begin", "direct_transaction", "transaction", "begin_nested"}
ENQUEUES = {"enqueue", "enqueue_message", "delay", "apply_async", "kiq"}
TRANSACTION = re.compile(r"(WriteSession|DirectTransaction)$")


def look_for_lost(calls: Calls) -> Iterator[Finding]:
    """Find values that are read, changed in Python, and written back."""
    for function in calls.code.yours:
        loaded = loaded_in(function)
        if loaded and not is_locked(calls, function):
            for node, what in written_back(function, loaded):
                if not has_version(calls, function, loaded, node):
                    said = f"`{function.short}` reads, computes and writes back: {what}"
                    yield LOST_UPDATE.at(function, node, said)


def look_for_late(calls: Calls) -> Iterator[Finding]:
    """Find commits that come when the client has his answer."""
    for module in calls.code.modules.values():
        if not module.name.startswith("app.core"):
            for node in ast.walk(module.tree):
                if is_call_of(node, "Depends") and isinstance(node, ast.Call):
                    if is_late_dependency(calls, module.names, node):
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


LOST_UPDATE = Guard(
    "lost-update",
    "Two at once read the same value, and the later one overwrites what the first has done.",
    "Let the database compute: `update(Post).values(likes=Post.likes + 1)`; or lock the row"
    " (`with_for_update()`), or give the table a `version_id_col`.",
    "Rows that come in as an argument, or whose value takes a way through other functions; and"
    " `SERIALIZABLE`, where the database itself takes care.",
    look_for_lost,
)
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
GUARDS = (LOST_UPDATE, LATE_COMMIT, EARLY_ENQUEUE)


def loaded_in(function: Function) -> dict[str, ast.expr]:
    """Name the variables that hold what was read: rows, and values of them."""
    loaded: dict[str, ast.expr] = {}
    for name, value in function.assigned.items():
        if any(isinstance(part, ast.Await) for part in ast.walk(value)):
            loaded[name] = value
    # In the order of the lines, so a value of a value is found, too.
    for name, value in function.assigned.items():
        source = value.value if isinstance(value, ast.Attribute | ast.Subscript) else value
        if name not in loaded and isinstance(source, ast.Name) and source.id in loaded:
            loaded[name] = loaded[source.id]
    return loaded


def written_back(
    function: Function, loaded: dict[str, ast.expr]
) -> Iterator[tuple[ast.AST, str]]:
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
    is_of_row = isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name)
    return is_of_row and target.value.id in loaded


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
    return any(
        isinstance(node, ast.Constant) and isinstance(node.value, str) and UPDATE.match(node.value)
        for text in texts
        for node in ast.walk(text)
    )


def arguments(call: ast.Call) -> Iterator[ast.expr]:
    """List the values that a call is given."""
    for value in [*call.args, *(keyword.value for keyword in call.keywords)]:
        if isinstance(value, ast.Dict):
            yield from value.values
        elif isinstance(value, ast.Tuple | ast.List):
            yield from value.elts
        else:
            yield value


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
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if LOCK.search(node.value):
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
        return bool(re.search(r"where.*(version|updated_at|etag)", texts, re.I | re.S))
    names = {name for each in names_in(node) & loaded.keys() for name in names_in(loaded[each])}
    kinds = {function.module.names.get(name, "") for name in names}
    kinds |= {calls.type_of(function, loaded[each]) or "" for each in names_in(node) & loaded.keys()}
    classes = [calls.code.classes[kind] for kind in kinds if kind in calls.code.classes]
    return any("version_id_col" in ast.unparse(each.node) for each in classes)


def is_late_dependency(calls: Calls, names: dict[str, str], depends: ast.Call) -> bool:
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

