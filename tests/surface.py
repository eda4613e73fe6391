"""What a module offers, as text: its public names, and how they are used."""

import ast
from collections.abc import Iterator

# Methods that are called without being named.
CALLED = {"__init__", "__call__"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def describe(body: list[ast.stmt], *, fields: bool = True) -> dict[str, list[str]]:
    """The lines that describe each public name. What a function does, they leave out."""
    described: dict[str, list[str]] = {}
    for node in body:
        name = _name(node)
        if name and (not name.startswith("_") or name in CALLED):
            described.setdefault(name, []).extend(_lines(node, name, fields=fields))
    return described


def _name(node: ast.stmt) -> str | None:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.Assign(value=ast.Call(func=ast.Name(id="ParamSpec" | "TypeVar"))):
            return None
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return None if name == "logger" else name
        case _:
            return None


def _lines(node: ast.stmt, name: str, *, fields: bool) -> Iterator[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield signature(node)
        case ast.ClassDef(bases=bases, keywords=keywords):
            yield f"{_decorators(node)}class {name}"
            yield from (f"    is {ast.unparse(base)}" for base in [*bases, *keywords])
            members = describe([m for m in node.body if fields or isinstance(m, Function)])
            yield from (f"    {line}" for lines in members.values() for line in lines)
        case ast.AnnAssign(annotation=annotation):
            yield f"{name}: {ast.unparse(annotation)}"
        case ast.Assign(value=value) if name[0].isupper() and not name.isupper():
            yield f"{name} = {ast.unparse(value)}"  # a type: `CacheDep`
        case _:
            yield name


def signature(node: Function) -> str:
    """A function as its caller sees it."""
    kind = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{_decorators(node)}{kind} {node.name}({ast.unparse(node.args)}){returns}"


def _decorators(node: Function | ast.ClassDef) -> str:
    """`@property ` and the like, without what they are called with."""
    called = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
    return "".join(f"@{ast.unparse(decorator)} " for decorator in called)


def settings_class(node: ast.stmt) -> bool:
    """Whether a statement declares a group of settings, by the name that all of them bear."""
    return isinstance(node, ast.ClassDef) and node.name.endswith("Settings")
