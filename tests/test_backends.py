"""The backends of an axis are exchangeable: the template uses each as it uses the others."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest
from matrix import Row, answer, one_per_stack
from rendering import rendered
from surface import describe, settings_class
from workbench import REPOSITORY

# Together with whatever else renders one service after the other.
pytestmark = pytest.mark.xdist_group("stacks")

BACKENDS = REPOSITORY / "backends"
TEMPLATE = REPOSITORY / "template"
FRAGMENTS = sorted(path for path in BACKENDS.glob("*/*/*") if path.is_file())
TAG = re.compile(r"\{[{%#]")
# Where the arguments of a test come from.
FIXTURES = ""

# What the transports of a library share is nobody else's; what a ledger is given is up to
# `ledger_arguments` in copier.yml. A server of tests says to `OwnServer` what is peculiar to it.
APART = {("queue", "carrier.py")}
GIVEN = {
    ("ledger", "ledger.py"): {"open_ledger", "DatabaseLedger"},
    ("broker", "fixture.py"): {"BrokerServer"},
}

# `"backends/cache/" ~ cache ~ "/store.py"`, `folder ~ "/env"`
INCLUDE = re.compile(r'("backends/(?P<axis>\w+)/" ~ \w+|folder) ~ "/(?P<file>[^"]+)"')


def relative(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


@cache
def includes() -> dict[tuple[str, str], str]:
    """Which file of a rendered service an axis' file becomes part of. No axis: one of each."""
    return {
        (include["axis"] or "", include["file"]): relative(path).removeprefix("template/")
        for path in TEMPLATE.rglob("*.jinja")
        for include in INCLUDE.finditer(path.read_text(encoding="utf-8"))
    }


def modules() -> dict[tuple[str, str], str]:
    """The name under which the template imports an axis' module. Nobody imports a test."""
    return {
        key: target.removesuffix(".py.jinja").replace("/", ".")
        for key, target in includes().items()
        if key[1].endswith(".py") and not key[1].startswith("test_")
    }


def used(module: str, axis: str, choice: str) -> set[str]:
    """What services with that choice take from a module: by import, or as a fixture."""
    own = f"{module.replace('.', '/')}.py"
    return {
        name
        for row, taken in takings()
        if answer(row, axis) == choice
        for path, source, name in taken
        if path != own and source in {module, FIXTURES}
    }


@cache
def takings() -> list[tuple[Row, set[tuple[str, str, str]]]]:
    """What each file of each service takes, and where from."""
    return [
        (
            row,
            {
                taking
                for path, tree in rendered(row).modules.items()
                for taking in taken(path, tree)
            },
        )
        for row in one_per_stack()
    ]


def taken(path: str, tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from ((path, node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.arg) and path.startswith("tests/"):
            yield path, FIXTURES, node.arg


def choices_with(axis: str, file: str) -> dict[str, ast.Module]:
    return {
        path.parent.name: ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        for path in FRAGMENTS
        if (path.parent.parent.name, path.name) == (axis, file)
    }


def differences(choices: Mapping[str, ast.Module], used: Mapping[str, set[str]]) -> list[str]:
    """Where a backend lacks what the template uses of it, or offers it otherwise than another.

    The settings of backends differ, and what their fixtures are made from. A backend may have
    public names of its own besides.
    """
    offers = {
        choice: {
            name: lines
            for node in tree.body
            for name, lines in describe([node], fields=not settings_class(node)).items()
        }
        for choice, tree in choices.items()
    }
    offered = {name for offer in offers.values() for name in offer}
    missing = [
        f"{choice} lacks {name}"
        for choice, offer in offers.items()
        for name in used[choice] & offered - offer.keys()
    ]
    return missing + [
        f"{first} has {one[name]}, {second} has {other[name]}"
        for (first, one), (second, other) in combinations(offers.items(), 2)
        for name in sorted(used[first] & used[second] & one.keys() & other.keys())
        if called(one[name]) != called(other[name])
        if not all("@pytest.fixture" in offer[name][0] for offer in (one, other))
    ]


def called(lines: list[str]) -> list[str]:
    """As a caller sees it: an underscore says that a backend has no use for an argument.

    Groups of settings are made up of others, as each backend needs them.
    """
    is_settings = lines[0].endswith("Settings")
    return [
        re.sub(r"(?<=[( ])_(?=[a-z])", "", line)
        for line in lines
        if not (is_settings and line.startswith("    is "))
    ]


@pytest.mark.parametrize(("axis", "file"), [key for key in modules() if key not in APART])
def test_the_backends_of_an_axis_offer_the_same(axis: str, file: str) -> None:
    choices = choices_with(axis, file)
    taken = {
        choice: used(modules()[axis, file], axis, choice) - GIVEN.get((axis, file), set())
        for choice in choices
    }
    assert differences(choices, taken) == []


@pytest.mark.parametrize(("axis", "file"), modules())
def test_a_service_uses_what_a_backend_offers(axis: str, file: str) -> None:
    """What is imported exists; and a module that nothing is taken from is not needed."""
    module = modules()[axis, file]
    for choice, tree in choices_with(axis, file).items():
        offered = describe(tree.body).keys()
        assert offered & used(module, axis, choice), f"{choice}: nobody uses anything of {module}"


SQLITE = """
class DatabaseSettings(BaseModel):
    lock_timeout: float = 5

class Engine:
    name = "sqlite"
    async def ping(self, timeout: float = 1) -> None: ...
    def _connect(self) -> None: ...

@asynccontextmanager
async def open_engine(settings: DatabaseSettings) -> AsyncGenerator[Engine]: ...

EngineDep = Annotated[Engine, Depends(get_engine)]

@pytest.fixture
def engine_url(tmp_path: Path) -> str: ...

def lock(path: str) -> None: ...
"""


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("lock_timeout: float = 5", "url: str"), 0),
        (("def _connect(self)", "def _begin(self, now: int)"), 0),
        (("def lock(path: str)", "def reset(url: str)"), 0),
        (("tmp_path: Path", "container: Container"), 0),
        (("def engine_url", "def engine_address"), 1),
        (("class DatabaseSettings", "class SqliteSettings"), 1),
        (("timeout: float = 1", "timeout: float"), 1),
        (("    async def ping", "    def ping"), 1),
        (("    async def ping", "    async def check"), 1),
        (("@asynccontextmanager\n", ""), 1),
        (("AsyncGenerator[Engine]", "AsyncGenerator[None]"), 1),
        (("Depends(get_engine)", "Depends(get)"), 1),
    ],
    ids=str,
)
def test_a_difference_is_seen_where_it_matters(change: tuple[str, str], expected: int) -> None:
    assert change[0] in SQLITE
    choices = {"sqlite": ast.parse(SQLITE), "other": ast.parse(SQLITE.replace(*change))}
    taken = {"DatabaseSettings", "Engine", "EngineDep", "engine_url", "open_engine", "fields"}
    assert len(differences(choices, dict.fromkeys(choices, taken))) == expected


@pytest.mark.parametrize("path", FRAGMENTS, ids=relative)
def test_a_fragment_is_used(path: Path) -> None:
    axis = path.parent.parent.name
    assert {(axis, path.name), ("", path.name)} & includes().keys(), "no seam includes it"


def test_the_contract_names_every_fragment() -> None:
    contract = (BACKENDS / "README.md").read_text(encoding="utf-8")
    unnamed = {path.name for path in FRAGMENTS if f"`{path.name}`" not in contract}
    assert not unnamed, "backends/README.md says of each what it is for"


@pytest.mark.parametrize("path", [p for p in FRAGMENTS if p.suffix == ".py"], ids=relative)
def test_a_module_is_plain_python(path: Path) -> None:
    assert not TAG.search(path.read_text(encoding="utf-8"))


def test_every_fragment_that_is_included_without_asking_exists() -> None:
    """`ignore missing` would hide a typing mistake in the name."""
    assert {file for _, file in includes()} <= {path.name for path in FRAGMENTS}
