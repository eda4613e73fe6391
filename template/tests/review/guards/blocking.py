"""What holds up the event loop: waiting in its thread, and computing in it."""

import ast
from collections.abc import Callable, Iterator, Mapping

from tests.review.calls import Calls
from tests.review.code import LOOPS, Function
from tests.review.finding import Finding, Guard
from tests.review.libraries import BLOCKING, BLOCKING_METHODS, COMPUTING, PROCESS, THREAD, entry

# From so many rounds on, a loop takes milliseconds.
MANY_ROUNDS = 100_000

# A call that costs: what it is, and what to write instead.
Cost = tuple[ast.AST, str, str]
Costs = Callable[[Calls, Function], Iterator[Cost]]


def look_for_blocking(calls: Calls) -> Iterator[Finding]:
    """Find what waits inside coroutines."""
    return in_coroutines(calls, BLOCKING_CALL, waits)


def look_for_computing(calls: Calls) -> Iterator[Finding]:
    """Find what computes inside coroutines."""
    return in_coroutines(calls, CPU_IN_ASYNC, computes)


def look_for_threads(calls: Calls) -> Iterator[Finding]:
    """Find what takes a thread for as long as it waits."""
    dependencies = [each for each in calls.dependencies if each in calls.code.yours]
    for function in [*calls.handlers, *dependencies]:
        if not function.is_async:
            for node, what, instead in costs_of(calls, function, waits):
                said = f"`def {function.node.name}` takes a thread while {what}: `async def`, and "
                yield SYNC_HANDLER.at(function, node, said + instead)


BLOCKING_CALL = Guard(
    "blocking-call",
    "It holds up the event loop: as long as it waits, the process answers nobody.",
    "The counterpart that is awaited; or `anyio.to_thread.run_sync`, where there is none.",
    "Libraries that `libraries.py` doesn't name, and methods of values whose type nobody says."
    " `blocked-loop` sees what of it the tests run.",
    look_for_blocking,
)
CPU_IN_ASYNC = Guard(
    "cpu-in-async",
    "It holds up the event loop: as long as it computes, the process answers nobody.",
    "`await run_cpu(function, …)` from some 10 ms on, a task from seconds on.",
    "How long a loop takes whose rounds depend on data. `blocked-loop` measures what the tests"
    " run.",
    look_for_computing,
)
SYNC_HANDLER = Guard(
    "sync-handler",
    "A handler or a dependency that is `def` runs in a thread: there are few, and each switch"
    " costs more than most handlers do.",
    "`async def`, with what is awaited inside. What only computes may stay as it is.",
    "The same as `blocking-call`.",
    look_for_threads,
)
GUARDS = (BLOCKING_CALL, CPU_IN_ASYNC, SYNC_HANDLER)


def in_coroutines(calls: Calls, guard: Guard, costs: Costs) -> Iterator[Finding]:
    """Find what costs in each coroutine, also in what it calls that is none."""
    for function in calls.code.yours:
        if function.is_async and not is_start(function):
            for node, what, instead in costs_of(calls, function, costs):
                said = f"{what} in `async def {function.node.name}`: {instead}"
                yield guard.at(function, node, said)


def costs_of(calls: Calls, function: Function, costs: Costs) -> list[Cost]:
    """Find what costs in a function, and in those that it calls in the same thread."""

    def find() -> list[Cost]:
        return [*costs(calls, function), *costs_of_callees(calls, function, costs)]

    return calls.known(costs, function, [], find)


def costs_of_callees(calls: Calls, function: Function, costs: Costs) -> Iterator[Cost]:
    """Find the calls of a function that lead to what costs: the first thing of each will do."""
    for call, callee in calls.callees(function).items():
        for node, what, instead in () if callee.is_async else costs_of(calls, callee, costs)[:1]:
            if " through " in what:
                what, _, rest = what.partition(" through ")
                yield call, f"{what} through `{callee.short}`, {rest}", instead
            else:
                place = f"{callee.module.path}:{getattr(node, 'lineno', 0)}"
                yield call, f"{what} ({place}) through `{callee.short}`", instead


def waits(calls: Calls, function: Function) -> Iterator[Cost]:
    """Find the calls of a function that wait."""
    for call in function.calls:
        if call in function.awaited:
            continue
        if found := named(calls, function, call, BLOCKING):
            yield found
        elif isinstance(call.func, ast.Attribute) and call.func.attr in BLOCKING_METHODS:
            yield call, f"`{call.func.attr}` waits for the disk", THREAD


def computes(calls: Calls, function: Function) -> Iterator[Cost]:
    """Find the calls and loops of a function that take long."""
    for call in function.calls:
        if found := named(calls, function, call, COMPUTING):
            yield found
    for node in function.nodes:
        if isinstance(node, ast.For | ast.comprehension):
            rounds = rounds_of(function, node.iter)
            if rounds >= MANY_ROUNDS:
                yield node.iter, f"a loop of {rounds:,} rounds", PROCESS
    if is_pure_handler(calls, function):
        for node in function.nodes:
            if isinstance(node, ast.For | ast.While) and is_long(node) and has_loop_inside(node):
                yield node, "a loop in a loop, and nothing that is awaited", PROCESS


def named(
    calls: Calls, function: Function, call: ast.Call, listed: Mapping[str, str]
) -> Cost | None:
    """Find a call in a list."""
    name = calls.target(function, call.func)
    found = entry(name, listed)
    return None if found is None else (call, f"`{name}`", listed[found])


def rounds_of(function: Function, node: ast.expr) -> int:
    """Count the rounds of `range(…)`, as far as they are written there."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        return 0
    if node.func.id != "range" or len(node.args) > 2:
        return 0
    bound = node.args[-1]
    if isinstance(bound, ast.Name):
        bound = function.module.values.get(bound.id, bound)
    return number(bound)


def number(node: ast.expr) -> int:
    """Compute `10**6` and `200_000`; 0 for what isn't known."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.BinOp):
        left, right = number(node.left), number(node.right)
        if isinstance(node.op, ast.Mult):
            return left * right
        if isinstance(node.op, ast.Pow) and right <= 100:
            return left**right
    return 0


def is_pure_handler(calls: Calls, function: Function) -> bool:
    """Tell a handler that waits for nothing."""
    waiting = (ast.Await, ast.AsyncFor, ast.AsyncWith)
    return function in calls.handlers and not any(isinstance(n, waiting) for n in function.nodes)


def is_start(function: Function) -> bool:
    """Tell what runs before anybody is served: `async def lifespan(app: FastAPI)`."""
    said = " ".join(map(ast.unparse, function.node.decorator_list))
    kinds = {ast.unparse(each).rpartition(".")[2] for each in function.annotations.values()}
    return "contextmanager" in said and bool(kinds & {"FastAPI", "Starlette"})


def is_long(node: ast.For | ast.While) -> bool:
    """Tell a loop whose rounds nobody has written down one by one."""
    return isinstance(node, ast.While) or "range(" in ast.unparse(node.iter)


def has_loop_inside(node: ast.For | ast.While) -> bool:
    """Tell a loop in which another one turns."""
    return any(isinstance(each, LOOPS) for part in node.body for each in ast.walk(part))
