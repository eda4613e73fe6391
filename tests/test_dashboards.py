"""Dashboards are what Grafana reads: its own library knows each field, and takes each value."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from pydantic import ConfigDict, TypeAdapter, ValidationError
from workbench import REPOSITORY

DASHBOARDS = sorted((REPOSITORY / "template/ops/grafana/dashboards").glob("*.json"))
# Models of the library aren't pydantic's; what is in them is looked at one by one.
ANYTHING = ConfigDict(arbitrary_types_allowed=True)
MODELS = "grafana_foundation_sdk.models"


def faults(dashboard: dict[str, Any]) -> list[str]:
    """Say what isn't as the schema has it."""
    plugins.register_default_plugins()
    read = Dashboard.from_json(dashboard)
    written = json.loads(JSONEncoder(sort_keys=True).encode(read))
    return [*left_over(dashboard, written), *wrong(read)]


def left_over(asked: object, known: object, where: str = "") -> Iterator[str]:
    """Find fields that nobody has read. What is written besides are defaults."""
    if isinstance(asked, dict) and isinstance(known, dict):
        for name, value in asked.items():
            if name in known:
                yield from left_over(value, known[name], f"{where}/{name}")
            else:
                yield f"{where}/{name}"
    elif isinstance(asked, list) and isinstance(known, list):
        for number, (value, other) in enumerate(zip(asked, known, strict=True)):
            yield from left_over(value, other, f"{where}/{number}")


def wrong(read: object, where: str = "") -> Iterator[str]:
    """Find values that aren't of the kind that their field has."""
    if isinstance(read, list):
        for number, each in enumerate(read):
            yield from wrong(each, f"{where}/{number}")
    elif type(read).__module__.startswith(MODELS):
        for name, kind in get_type_hints(type(read)).items():
            value = getattr(read, name)
            try:
                text = json.dumps(value)
            except TypeError:
                yield from wrong(value, f"{where}/{name}")
                continue
            try:
                TypeAdapter(kind, config=ANYTHING).validate_json(text, strict=True)
            except ValidationError:
                yield f"{where}/{name}"


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_grafana_knows_all_of_it(path: Path) -> None:
    assert faults(json.loads(path.read_text())) == []


@pytest.mark.parametrize(
    ("names", "value", "found"),
    [
        (("tittle",), "Requests", "/tittle"),
        (("gridPos", "w"), "8", "/grid_pos/w"),
        (("options", "legend", "displayMode"), "lst", "/options/legend/display_mode"),
        (("targets", 0, "expression"), "up", "/targets/0/expression"),
    ],
)
def test_what_it_does_not_know_is_found(names: Sequence[str | int], value: str, found: str) -> None:
    dashboard = json.loads(DASHBOARDS[0].read_text())
    place = dashboard["panels"][0]
    for name in names[:-1]:
        place = place[name]
    place[names[-1]] = value

    assert faults(dashboard) == [f"/panels/0{found}"]
