"""The code of the service as the guards see it: its modules, classes and functions."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self, TypeAlias

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
# What is run at another time than what stands around it, if at all.
APART = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.comprehension)


@dataclass(eq=False)
class Module:
    """A file."""

    name: str
    path: str
    tree: ast.Module
    lines: list[str]

    @cached_property
    def names(self) -> dict[str, str]:
        """Say what names stand for: imports, and what is declared here."""
        names: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    root = alias.name.partition(".")[0]
                    names[alias.asname or root] = alias.name if alias.asname else root
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        for statement in self.tree.body:
            for name in declared(statement):
                names[name] = f"{self.name}.{name}"
        return names

    @cached_property
    def values(self) -> dict[str, ast.expr]:
        """Say what is assigned at the top: constants, and aliases of types."""
        return {
            name: statement.value
            for statement in self.tree.body
            if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value
            for name in declared(statement)
        }


@dataclass(eq=False)
class Class:
    """A class, and the fields that say their types."""

    name: str
    module: Module
    node: ast.ClassDef

    @cached_property
    def fields(self) -> dict[str, ast.expr]:
        """Give the annotations of the fields."""
        return {
            statement.target.id: statement.annotation
            for statement in self.node.body
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
        }


@dataclass(eq=False)
class Function:
    """A function or method. What is nested in it is a function of its own."""

    name: str
    module: Module
    node: FunctionNode
    owner: Class | None
    parent: Self | None

    @property
    def is_async(self) -> bool:
        """Tell whether it runs on the event loop."""
        return isinstance(self.node, ast.AsyncFunctionDef)

    @property
    def short(self) -> str:
        """Name it as in its module."""
        return self.name.removeprefix(f"{self.module.name}.")

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """List what it does itself, in the order in which it is written."""
        return [node for statement in self.node.body for node in inside(statement)]

    @cached_property
    def calls(self) -> list[ast.Call]:
        """List what it calls itself."""
        return [node for node in self.nodes if isinstance(node, ast.Call)]

    @cached_property
    def awaited(self) -> set[ast.AST]:
        """Collect what it awaits."""
        return {node.value for node in self.nodes if isinstance(node, ast.Await)}

    @cached_property
    def is_generator(self) -> bool:
        """Tell whether it gives its results one by one."""
        return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in self.nodes)

    @cached_property
    def annotations(self) -> dict[str, ast.expr]:
        """Give the types that its parameters and variables are said to have."""
        given = self.node.args
        parameters = {
            arg.arg: arg.annotation
            for arg in (*given.posonlyargs, *given.args, *given.kwonlyargs)
            if arg.annotation is not None
        }
        variables = {
            node.target.id: node.annotation
            for node in self.nodes
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        }
        return {**variables, **parameters}

    @cached_property
    def assigned(self) -> dict[str, ast.expr]:
        """Say what its variables were made of, as far as one statement tells."""
        found: dict[str, ast.expr] = {}
        for node in self.nodes:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    found.update(dict.fromkeys(targets(target), node.value))
            elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
                found.update(dict.fromkeys(targets(node.target), node.value))
            elif isinstance(node, ast.withitem) and node.optional_vars is not None:
                found.update(dict.fromkeys(targets(node.optional_vars), node.context_expr))
            elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
                found.update(dict.fromkeys(targets(node.target), node.iter))
        return found


@dataclass
class Code:
    """All of it, by name."""

    modules: dict[str, Module] = field(default_factory=dict[str, Module])
    classes: dict[str, Class] = field(default_factory=dict[str, Class])
    functions: dict[str, Function] = field(default_factory=dict[str, Function])

    @cached_property
    def yours(self) -> list[Function]:
        """List the functions that are reviewed: all but those of the platform."""
        return [each for each in self.functions.values() if not is_platform(each.module)]


def is_platform(module: Module) -> bool:
    """Tell what the platform's own tests look after."""
    return module.name.startswith("app.core")


def read_code(root: Path) -> Code:
    """Parse the package `app` of a service."""
    code = Code()
    for path in sorted((root / "app").rglob("*.py")):
        module = read_module(root, path)
        code.modules[module.name] = module
        collect(code, module, module.tree, module.name)
    return code


def read_module(root: Path, path: Path) -> Module:
    """Parse a file."""
    text = path.read_text(encoding="utf-8")
    relative = path.relative_to(root)
    name = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
    return Module(name, relative.as_posix(), ast.parse(text), text.splitlines())


def collect(
    code: Code,
    module: Module,
    node: ast.AST,
    prefix: str,
    owner: Class | None = None,
    parent: Function | None = None,
) -> None:
    """Find the classes and functions in a module, however deep."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            kind = Class(f"{prefix}.{child.name}", module, child)
            code.classes[kind.name] = kind
            collect(code, module, child, kind.name, kind, parent)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            function = Function(f"{prefix}.{child.name}", module, child, owner, parent)
            code.functions[function.name] = function
            collect(code, module, child, function.name, owner, function)
        else:
            collect(code, module, child, prefix, owner, parent)


def inside(node: ast.AST) -> Iterator[ast.AST]:
    """Walk through what is run when a statement is."""
    if isinstance(node, APART):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from inside(child)


def declared(statement: ast.stmt) -> Iterator[str]:
    """Name what a statement declares."""
    if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield statement.name
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from targets(target)
    elif isinstance(statement, ast.AnnAssign):
        yield from targets(statement.target)


def targets(node: ast.expr) -> Iterator[str]:
    """Name the variables that are assigned to."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Tuple | ast.List):
        for element in node.elts:
            yield from targets(element)


def names_in(node: ast.AST) -> set[str]:
    """Collect the variables that are spoken of."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
