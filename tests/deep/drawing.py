"""Draws dashboards from their JSON and the answers of a real Prometheus, where there is no Grafana.

What is looked at is whether each panel shows something sensible: the looks are not Grafana's.
"""

import json
import time
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import httpx2

COLOURS = ("#3274d9", "#299c46", "#e0752d", "#a352cc", "#c4162a", "#b7950b", "#1f9e9e", "#7f7f7f")
WIDTH, HEIGHT = 300, 90
STYLE = """
body { font: 13px system-ui, sans-serif; background: #f4f5f5; margin: 12px; width: 1360px;
  box-sizing: border-box }
section { display: grid; grid-template-columns: repeat(24, 1fr); gap: 8px }
figure { background: #fff; border: 1px solid #ddd; border-radius: 4px; margin: 0; padding: 8px }
figcaption { font-weight: 600 } small { display: block; color: #666; margin: 2px 0 4px }
svg { width: 100%; height: 90px; background: #fafafa } b { font-weight: 400; margin-right: 8px }
"""


def draw(dashboards: Path, prometheus: str, window_seconds: int) -> str:
    """Write a page with all of them, as they were in the last minute."""
    parts: list[str] = []
    for path in sorted(dashboards.glob("*.json")):
        dashboard = json.loads(path.read_text())
        figures = "".join(
            figure(panel, prometheus, window_seconds) for panel in dashboard["panels"]
        )
        parts.append(f"<h2>{escape(dashboard['title'])}</h2><section>{figures}</section>")
    return f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>{''.join(parts)}"


def figure(panel: dict[str, Any], prometheus: str, window_seconds: int) -> str:
    """Draw a panel."""
    lines = [
        line for target in panel["targets"] for line in ask(target, prometheus, window_seconds)
    ]
    top = max((value for _, values in lines for value in values), default=0) or 1
    drawn, legend = "", ""
    for number, (name, values) in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        step = WIDTH / max(len(values) - 1, 1)
        points = " ".join(
            f"{index * step:.1f},{HEIGHT - 4 - value / top * (HEIGHT - 10):.1f}"
            for index, value in enumerate(values)
        )
        drawn += f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        legend += f'<b style="color:{colour}">{escape(name)}: {values[-1]:,.4g}</b>'
    unit = panel["fieldConfig"]["defaults"]["unit"]
    return (
        f'<figure style="grid-column: span {panel["gridPos"]["w"]}">'
        f"<figcaption>{escape(panel['title'])}</figcaption>"
        f"<small>{escape(panel['description'])} ({unit})</small>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">{drawn}</svg>'
        f"{legend}</figure>"
    )


def ask(
    target: dict[str, str], prometheus: str, window_seconds: int
) -> Iterator[tuple[str, list[float]]]:
    """Ask for the lines of a target, each with its name."""
    query = target["expr"].replace("$job", ".+").replace("$__rate_interval", f"{window_seconds}s")
    now = time.time()
    answer = httpx2.get(
        f"{prometheus}/api/v1/query_range",
        params={"query": query, "start": str(now - 60), "end": str(now), "step": "1"},
    )
    for series in answer.raise_for_status().json()["data"]["result"]:
        name = target["legendFormat"]
        for label, value in series["metric"].items():
            name = name.replace(f"{{{{{label}}}}}", value)
        values = [float(value) for _, value in series["values"]]
        yield name, [value if value == value else 0 for value in values]  # noqa: PLR0124 - NaN
