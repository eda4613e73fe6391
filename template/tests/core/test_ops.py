"""What dashboards and alerts ask for is what the service says."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

import app.core.tasks.numbers  # noqa: F401 - they are said once there are any

OPS = Path("ops")
ALERTS = sorted(OPS.glob("prometheus/alerts/*.yaml"))
DASHBOARDS = sorted(OPS.glob("grafana/dashboards/*.json"))
# What Prometheus says itself.
ITS_OWN = {"up"}
# A name that is selected, as in `name{label="value"}`, `name[5m]` or `sum(name)`.
NAMED = re.compile(r"\b([a-z][\w:]+)(?=\{|\[|\)? *(?:[/>=]|\)|$))")
SUFFIXES = re.compile(r"_(?:total|bucket|count|sum)$")
PROMTOOL = shutil.which("promtool")


def asked(expression: str) -> set[str]:
    """Name the metrics that an expression asks for."""
    bare = re.sub(r'"[^"]*"|by \([^)]*\)|\{[^}]*\}', "{", expression)
    return {SUFFIXES.sub("", name) for name in NAMED.findall(bare)} - {"and", "or"}


def expressions() -> Iterator[tuple[str, str]]:
    """Give everything that is asked of Prometheus, and where."""
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{path.name}: {panel['title']}", target["expr"]
    for path in ALERTS:
        text = re.sub(r"expr: >-\n((?: {10,}.*\n)+)", join_lines, path.read_text())
        for expression in re.findall(r"expr: (.*)", text):
            yield path.name, expression


def recorded() -> set[str]:
    """Name what rules make of other metrics."""
    return {name for path in ALERTS for name in re.findall(r"record: (\S+)", path.read_text())}


def join_lines(found: re.Match[str]) -> str:
    """Write a folded text of YAML in one line."""
    return f"expr: {' '.join(found[1].split())}\n"


async def test_every_metric_that_is_asked_for_exists(client: httpx2.AsyncClient) -> None:
    text = (await client.get("/metrics")).raise_for_status().text
    known = {SUFFIXES.sub("", family.name) for family in text_string_to_metric_families(text)}
    known |= recorded() | ITS_OWN

    found = list(expressions())
    assert len(found) > 20
    for where, expression in found:
        names = asked(expression)
        assert names, (where, expression)
        assert names <= known, (where, names - known)


@pytest.mark.skipif(PROMTOOL is None, reason="There is no promtool here")
def test_the_alerts_do_what_their_tests_say() -> None:
    tests = sorted(OPS.glob("prometheus/tests/*.yaml"))
    assert [path.name for path in tests] == [path.name for path in ALERTS]
    command = [f"{PROMTOOL}", "test", "rules", *map(str, tests)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr + done.stdout
    checked = [f"{PROMTOOL}", "check", "config", "ops/prometheus/prometheus.yaml"]
    done = subprocess.run(checked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


def test_dashboards_have_names_of_their_own() -> None:
    dashboards = [json.loads(path.read_text()) for path in DASHBOARDS]

    assert [each["uid"] for each in dashboards] == [path.stem for path in DASHBOARDS]
    for dashboard in dashboards:
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert len(set(ids)) == len(ids)
        assert all(panel["description"] for panel in dashboard["panels"])
