"""A real Prometheus scrapes a service under load, and answers what the dashboards ask."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import yaml
from deep.drawing import draw
from deep.installation import Service, answers, install, interpreters
from workbench import Template, eventually, free_port, succeeded

PROMETHEUS = shutil.which("prometheus")
SCRAPE_SECONDS = 1
WINDOW_SECONDS = 8
# A busy machine is no fault.
PATIENCE_SECONDS = 120
# All that has a dashboard.
STACK = {"database": "sqlite", "cache": "redis", "queue": "taskiq", "broker": "redis"}

pytestmark = pytest.mark.skipif(PROMETHEUS is None, reason="There is no prometheus here")


@contextmanager
def prometheus(service: Service, directory: Path, targets: dict[str, str]) -> Generator[str]:
    """Start it with the service's own configuration: only where to look differs, and how often."""
    source = service.path / "ops/prometheus"
    configuration = yaml.safe_load((source / "prometheus.yaml").read_text())
    configuration["global"] = {
        "scrape_interval": f"{SCRAPE_SECONDS}s",
        "evaluation_interval": f"{SCRAPE_SECONDS}s",
    }
    for job in configuration["scrape_configs"]:
        job["static_configs"] = [{"targets": [targets.pop(job["job_name"])]}]
    assert not targets, "nobody looks there"
    directory.mkdir()
    shutil.copytree(source / "alerts", directory / "alerts")
    (directory / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
    port = free_port()
    command = [
        f"{PROMETHEUS}",
        f"--config.file={directory}/prometheus.yaml",
        f"--storage.tsdb.path={directory}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (
        (directory / "log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        url = f"http://127.0.0.1:{port}"
        try:
            eventually(lambda: answers(f"{url}/-/ready"))
            yield url
        finally:
            process.terminate()
            process.wait(30)


def queries(service: Service) -> Iterator[tuple[str, str]]:
    """Give what the dashboards ask, and where, for all processes and a window of seconds."""
    for path in sorted(service.path.glob("ops/grafana/dashboards/*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                query = target["expr"].replace("$job", ".+")
                window = f"{WINDOW_SECONDS}s"
                yield f"{path.stem}: {panel['title']}", query.replace("$__rate_interval", window)


def ask(url: str, query: str) -> list[Any]:
    """Ask Prometheus."""
    answer = httpx2.get(f"{url}/api/v1/query", params={"query": query}).raise_for_status()
    return [sample["value"][1] for sample in answer.json()["data"]["result"]]


def test_every_panel_has_something_to_show(template: Template, tmp_path: Path) -> None:
    row = {"python_version": next(iter(interpreters())), **STACK}
    service = install(template, tmp_path / "orders", row)
    succeeded(service.just("migrate"))
    ports = {name: free_port() for name in ("app", "worker", "management")}
    variables = {
        "SERVICE_NAME": f"test-{ports['app']}",
        "WORKER_PORT": str(ports["worker"]),
        "MANAGEMENT_PORT": str(ports["management"]),
    }
    with ExitStack() as stack:
        app = stack.enter_context(
            service.running("uv", "run", "just", "serve", port=ports["app"], **variables)
        )
        stack.enter_context(
            service.running("uv", "run", "just", "worker", port=ports["worker"], **variables)
        )
        targets = {
            "app": f"127.0.0.1:{ports['management']}",
            "worker": f"127.0.0.1:{ports['worker']}",
        }
        addresses = [*targets.values()]
        url = stack.enter_context(prometheus(service, tmp_path / "prometheus", targets))

        deadline = time.monotonic() + PATIENCE_SECONDS
        use(app, seconds=WINDOW_SECONDS)
        while (empty := nothing_to_show(service, url)) and time.monotonic() < deadline:
            use(app, seconds=WINDOW_SECONDS)
        assert empty == []
        up = ask(url, "up")
        assert up == ["1", "1"]
        # To look at them: `SHIPWAY_DRAW_DASHBOARDS=page.html uv run pytest …`.
        if page := os.environ.get("SHIPWAY_DRAW_DASHBOARDS"):
            use(app, seconds=60)
            dashboards = service.path / "ops/grafana/dashboards"
            Path(page).write_text(draw(dashboards, url, WINDOW_SECONDS))
        said = [httpx2.get(f"http://{each}/metrics").text for each in addresses]
        assert untested(service, "".join(said)) == set()
        rules = httpx2.get(f"{url}/api/v1/rules").json()["data"]["groups"]
        assert {rule["health"] for group in rules for rule in group["rules"]} == {"ok"}


def nothing_to_show(service: Service, url: str) -> list[str]:
    """Name the panels that are empty, or show a division by nothing."""
    asked = list(queries(service))
    assert len(asked) >= 25
    return [where for where, query in asked if set(ask(url, query)) <= {"NaN"}]


def untested(service: Service, said: str) -> set[str]:
    """Give the metrics that no test of the service names.

    What a resource counts may be tested where it is counted: `stats()["hits"]`, `counts.hits`.
    """
    tests = [*service.path.glob("tests/**/*.py"), *service.path.glob("ops/prometheus/tests/*")]
    text = "".join(path.read_text() for path in tests)
    names = {
        re.sub("_total$", "", name) for name in re.findall(r"^# TYPE (\w+)", said, re.MULTILINE)
    }
    assert len(names) > 50
    return {
        name
        for name in names
        if not re.search(rf"\b{name}", text)
        and not any(
            re.search(rf"""["'.]{stat}\b""", text)
            for stat in [name.split("_", parts)[-1] for parts in (1, 2)]
        )
    }


def use(url: str, seconds: float) -> None:
    """Write and read, well and badly."""
    began = time.monotonic()
    with httpx2.Client(base_url=url) as client:
        email = f"{uuid4().hex}@example.org"
        author = client.post("/authors", json={"name": "Ann", "email": email})
        new = {"author_id": author.json()["id"], "body": "They float."}
        numbers = count()
        while time.monotonic() - began < seconds:
            created = client.post(
                "/posts", json={**new, "title": f"On ship {next(numbers)}"}
            ).raise_for_status()
            for _ in range(5):
                client.get(created.headers["Location"]).raise_for_status()
            assert client.get("/posts/0").is_client_error
            time.sleep(0.05)
