"""What services may import from `app.core`, word for word.

A service's own code calls these names, and an update replaces what is behind them. A line that is
new is a minor version; one that is gone, or reads otherwise, breaks services: a major version.
"""

import difflib
import os
from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TypeAlias

import pytest
from matrix import Row, axes, one_per_stack
from rendering import rendered
from surface import describe

SNAPSHOT = Path(__file__).parent / "snapshots" / "surface.txt"
REWRITE = "SHIPWAY_REWRITE_SNAPSHOTS"


# A module, the name of a class or function in it, and a line about it.
Line: TypeAlias = tuple[str, str, str]


def lines(row: Row) -> Iterator[Line]:
    """Each line about what the platform offers, below the name and the module it belongs to."""
    for path, tree in rendered(row).modules.items():
        if path.startswith("app/core/"):
            module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            for name, described in describe(tree.body).items():
                yield from ((module, name, line) for line in described)


def condition(where: list[Row], among: list[Row]) -> str:
    """With which answers a line is there, as `  [cache: memory]`; nothing if with all of those."""
    if len(where) == len(among):
        return ""
    for axis in axes():
        values = {row.get(axis) for row in where}
        if len(where) == sum(row.get(axis) in values for row in among):
            return f"  [{axis}: {', '.join(sorted(map(str, values)))}]"
    stacks = ("-".join(str(row[axis]) for axis in axes() if axis in row) for row in where)
    return f"  [{' | '.join(sorted(stacks))}]"


def about_one(about: list[Line], owners: list[Row], present: dict[Line, list[Row]]) -> list[str]:
    """What is said of a name, and of its members below it."""
    heads = [line for line in about if not line[2].startswith(" ")]
    having = [row for row in owners if any(row in present[head] for head in heads)]
    return [
        f"    {line[2]}{condition(present[line], owners if line in heads else having)}"
        for line in about
    ]


def surface() -> str:
    """The union of all combinations. What is not in all of them says in which it is."""
    everywhere = one_per_stack()
    present = defaultdict[Line, list[Row]](list)
    for row in everywhere:
        for line in lines(row):
            present[line].append(row)

    text: list[str] = []
    for module, group in groupby(sorted(present, key=itemgetter(0, 1)), itemgetter(0)):
        mine = list(group)
        owners = [row for row in everywhere if any(row in present[line] for line in mine)]
        text += ["", f"{module}{condition(owners, everywhere)}"]
        for _, about in groupby(mine, itemgetter(1)):
            text += about_one(list(about), owners, present)
    return "\n".join(text[1:]) + "\n"


@pytest.mark.xdist_group("stacks")
def test_the_public_names_are_those_of_the_snapshot() -> None:
    now = surface()
    if os.environ.get(REWRITE):
        SNAPSHOT.parent.mkdir(exist_ok=True)
        SNAPSHOT.write_text(now, encoding="utf-8")
    was = SNAPSHOT.read_text(encoding="utf-8")
    changes = list(difflib.unified_diff(was.splitlines(), now.splitlines(), "was", "now", n=0))
    before, after = ({line.partition("  [")[0] for line in text.split("\n")} for text in (was, now))
    assert not changes, "\n".join(
        [
            "The public names of app.core are not those of the snapshot.",
            "Lines are gone or read otherwise: that breaks services, and takes a major version."
            if before - after
            else "No line is gone. Additions take a minor version.",
            f"If it is meant: `{REWRITE}=1 uv run pytest tests/test_surface.py`",
            *changes[2:],
        ]
    )
