"""Who calls whom: as far as imports, annotations and assignments tell."""

import ast
import builtins
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeGuard, TypeVar

from tests.review.code import Class, Code, Function, Module

T = TypeVar("T")

METHODS_OF_ROUTES = {"get", "post", "put", "patch", "delete", "head", "options", "api_route"}


class Calls:
    """What the calls of a service lead to."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self._callees: dict[Function, dict[ast.Call, Function]] = {}
        self._known: dict[tuple[object, Function], Any] = {}
        # What a value is made of may be made of it.
        self._types: dict[tuple[Function, ast.expr], str | None] = {}

    def target(self, function: Function, called: ast.expr) -> str | None:
        """Name what is called: `time.sleep`, `app.features.posts.service.PostWriter.create`."""
        if isinstance(called, ast.Name):
            return self._named(function, called.id)
        if not isinstance(called, ast.Attribute):
            return None
        kind = self.type_of(function, called.value)
        if kind is not None:
            return f"{kind}.{called.attr}"
        before = self.target(function, called.value)
        return None if before is None else f"{before}.{called.attr}"

    def type_of(self, function: Function, node: ast.expr) -> str | None:
        """Name the class of a value; of what another library made, what made it."""
        known = (function, node)
        if known not in self._types:
            self._types[known] = None
            self._types[known] = self._find_type(function, node)
        return self._types[known]

    def callees(self, function: Function) -> Mapping[ast.Call, Function]:
        """Give the functions of the service that a function calls, by the call."""
        if function not in self._callees:
            found = [(call, self._called(function, call)) for call in function.calls]
            self._callees[function] = {call: callee for call, callee in found if callee}
        return self._callees[function]

    def known(self, about: object, function: Function, unknown: T, find: Callable[[], T]) -> T:
        """Find something out about a function once; until that is done, it is `unknown`."""
        key = (about, function)
        if key not in self._known:
            self._known[key] = unknown
            self._known[key] = find()
        known: T = self._known[key]
        return known

    def reach(self, function: Function) -> Iterator[Function]:
        """Walk through a function, and all that it calls."""
        seen, left = {function}, [function]
        while left:
            yield (current := left.pop(0))
            for callee in self.callees(current).values():
                if callee not in seen:
                    seen.add(callee)
                    left.append(callee)

    @cached_property
    def handlers(self) -> list[Function]:
        """List what answers requests."""
        return [each for each in self.code.yours if any(routes_of(each))]

    @cached_property
    def dependencies(self) -> list[Function]:
        """List what `Depends(…)` names."""
        found: dict[Function, None] = {}
        for module in self.code.modules.values():
            for node in ast.walk(module.tree):
                if is_call_of(node, "Depends") and node.args:
                    name = self._dotted(module, node.args[0])
                    function = self.code.functions.get(name or "")
                    if function is not None:
                        found[function] = None
        return list(found)

    @cached_property
    def per_request(self) -> set[Function]:
        """Collect what runs for each request, or for each task."""
        tasks = [each for each in self.code.yours if any(is_task(d) for d in decorators(each))]
        roots = [*self.handlers, *self.dependencies, *tasks]
        return {function for root in roots for function in self.reach(root)}

    def class_of(self, annotation: ast.expr, module: Module) -> str | None:
        """Name the class that an annotation speaks of, through aliases and `Annotated`."""
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            annotation = ast.parse(annotation.value, mode="eval").body
        if isinstance(annotation, ast.BinOp):
            return self.class_of(annotation.left, module)
        if isinstance(annotation, ast.Subscript):
            outer = self._dotted(module, annotation.value) or ""
            if outer.rpartition(".")[2] in {"Annotated", "Optional"}:
                inner = annotation.slice
                first = inner.elts[0] if isinstance(inner, ast.Tuple) else inner
                return self.class_of(first, module)
            return outer
        name = self._dotted(module, annotation)
        home = self.code.modules.get((name or "").rpartition(".")[0])
        value = home.values.get((name or "").rpartition(".")[2]) if home else None
        return self.class_of(value, home) if home and value is not None else name

    @cached_property
    def _methods(self) -> dict[str, list[Function]]:
        found: defaultdict[str, list[Function]] = defaultdict(list)
        for function in self.code.yours:
            if function.owner is not None and function.parent is None:
                found[function.node.name].append(function)
        return found

    def _called(self, function: Function, call: ast.Call) -> Function | None:
        name = self.target(function, call.func)
        if name is not None:
            return self._function(name)
        # Of what nobody says the type of, there may be only one that has such a method.
        candidates = self._methods[call.func.attr] if isinstance(call.func, ast.Attribute) else []
        is_awaited = call in function.awaited
        fitting = [each for each in candidates if each.is_async == is_awaited]
        return fitting[0] if len(fitting) == 1 else None

    def _function(self, name: str) -> Function | None:
        functions = self.code.functions
        if name in self.code.classes:
            return functions.get(f"{name}.__init__")
        if name in functions:
            return functions[name]
        owner, _, method = name.rpartition(".")
        kind = self.code.classes.get(owner)
        for base in kind.node.bases if kind else ():
            parent = self._dotted(kind.module, base) if kind else None
            if parent is not None and (found := self._function(f"{parent}.{method}")):
                return found
        return None

    def _named(self, function: Function, name: str) -> str | None:
        outer: Function | None = function
        while outer is not None:
            if f"{outer.name}.{name}" in self.code.functions:
                return f"{outer.name}.{name}"
            if name in outer.annotations or name in outer.assigned:
                return None
            outer = outer.parent
        if name in function.module.names:
            return function.module.names[name]
        return name if hasattr(builtins, name) else None

    def _find_type(self, function: Function, node: ast.expr) -> str | None:
        if isinstance(node, ast.Await):
            return self.type_of(function, node.value)
        if isinstance(node, ast.Name):
            return self._type_of_variable(function, node.id)
        if isinstance(node, ast.Attribute):
            owner = self.code.classes.get(self.type_of(function, node.value) or "")
            return None if owner is None else self._type_of_field(owner, node.attr)
        return self._type_of_result(function, node) if isinstance(node, ast.Call) else None

    def _type_of_variable(self, function: Function, name: str) -> str | None:
        if name in {"self", "cls"} and function.owner is not None:
            return function.owner.name
        if name in function.annotations:
            return self.class_of(function.annotations[name], function.module)
        if name in function.assigned:
            return self.type_of(function, function.assigned[name])
        if function.parent is not None:
            return self._type_of_variable(function.parent, name)
        value = function.module.values.get(name)
        is_made = isinstance(value, ast.Call)
        return self._type_of_result(function, value) if is_made else None

    def _type_of_field(self, owner: Class, name: str) -> str | None:
        if name in owner.fields:
            return self.class_of(owner.fields[name], owner.module)
        functions = self.code.functions
        found = functions.get(f"{owner.name}.{name}")
        if found is not None and found.node.returns is not None:
            return self.class_of(found.node.returns, owner.module)
        start = functions.get(f"{owner.name}.__init__")
        for node in start.nodes if start else ():
            if isinstance(node, ast.Assign) and start is not None:
                target = node.targets[0]
                if isinstance(target, ast.Attribute) and target.attr == name:
                    return self.type_of(start, node.value)
        return None

    def _type_of_result(self, function: Function, call: ast.Call) -> str | None:
        name = self.target(function, call.func)
        made = self._function(name) if name and name not in self.code.classes else None
        if made is None or made.node.returns is None:
            return name
        kind = self.class_of(made.node.returns, made.module)
        is_self = kind is not None and kind.rpartition(".")[2] == "Self"
        return made.owner.name if is_self and made.owner else kind

    def _dotted(self, module: Module, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            return module.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            before = self._dotted(module, node.value)
            return None if before is None else f"{before}.{node.attr}"
        return None


def decorators(function: Function) -> list[ast.expr]:
    """List the decorators of a function, without what they are called with."""
    given = function.node.decorator_list
    return [each.func if isinstance(each, ast.Call) else each for each in given]


def is_task(decorator: ast.expr) -> bool:
    """Tell `@task` by its name."""
    return isinstance(decorator, ast.Name) and decorator.id == "task"


def routes_of(function: Function) -> Iterator[ast.Call]:
    """List the decorators that make a route of it: `@router.get("/posts")`."""
    for each in function.node.decorator_list:
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
            named = {keyword.arg for keyword in each.keywords}
            if each.func.attr in METHODS_OF_ROUTES and (each.args or "path" in named):
                yield each


def is_call_of(node: ast.AST, name: str) -> TypeGuard[ast.Call]:
    """Tell a call of something by its last name."""
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    return (isinstance(called, ast.Name) and called.id == name) or (
        isinstance(called, ast.Attribute) and called.attr == name
    )
