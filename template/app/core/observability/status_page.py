"""A page for people: what is open, and which routes are slow, in numbers that move."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape

import anyio.to_thread
from fastapi import APIRouter, Request, Response
from prometheus_client import Metric

from app.core.observability import metrics
from app.core.observability.management import MANAGEMENT
from app.core.resource import open_resources, totals_of

router = APIRouter(tags=["management"])

# Nothing from elsewhere, no script, and the only style is the page's own.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
SLOWEST = 10

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="2">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
  color-scheme: light dark }}
h1 {{ font-size: 1.4rem }} h2 {{ font-size: 1rem; margin: 1.6rem 0 .3rem }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ border-bottom: 1px solid #8884; padding: .2rem .6rem; text-align: right }}
td:first-child, th:first-child {{ text-align: left }}
th {{ font-weight: 600 }} td {{ font-variant-numeric: tabular-nums }}
dl {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(8rem, 1fr)); gap: .4rem;
  margin: 0 }}
dl div {{ background: #8881; border-radius: .4rem; padding: .3rem .6rem }}
dt {{ font-size: .8rem; opacity: .7 }} dd {{ margin: 0; font-variant-numeric: tabular-nums }}
</style>
<h1>{title}</h1>
{sections}
</html>
"""


@dataclass
class Route:
    """What became of the requests of one route."""

    requests: float = 0
    seconds: float = 0
    failures: float = 0
    # How many took so many seconds or less.
    buckets: dict[float, float] = field(default_factory=lambda: defaultdict(float))

    def percentile(self, share: float) -> str:
        """Name the bound that so many of the requests kept to."""
        wanted = share * self.requests
        for bound, count in sorted(self.buckets.items()):
            if count >= wanted:
                return f"≤ {bound * 1000:g}" if bound < float("inf") else "> 10000"
        return "-"


@router.get("/status", dependencies=[MANAGEMENT], include_in_schema=False)
async def status_page(request: Request) -> Response:
    """Show what is open, of all processes together, and the routes that took most time."""
    state = request.scope["state"]
    state["watch"].look(state)
    families = await anyio.to_thread.run_sync(lambda: list(metrics.all_processes().collect()))
    settings = state["settings"]
    title = f"{settings.service_name} {settings.service_version} ({settings.environment})"
    page = PAGE.format(title=escape(title), sections="\n".join(sections(families, state)))
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return Response(page, media_type="text/html; charset=utf-8", headers=headers)


def sections(families: Iterable[Metric], state: Mapping[str, object]) -> Iterator[str]:
    """Write the page, part by part."""
    numbers = {
        sample.name: sample.value
        for family in families
        for sample in family.samples
        if not sample.labels
    }
    yield heading("process")
    began = metrics.STARTED_AT
    yield tiles(
        {
            "up for": f"{time.time() - began:,.0f} s",
            "memory": f"{numbers['process_resident_memory_bytes'] / 2**20:,.0f} MiB",
            "CPU used": f"{numbers['process_cpu_seconds_total']:,.1f} s",
            "requests in flight": f"{numbers['http_requests_in_flight']:g}",
            "the loop was late by": f"{numbers['event_loop_lag_longest_seconds'] * 1000:.1f} ms",
        }
    )
    yield heading("the routes that took most time")
    yield ranking(routes(families))
    for resource in open_resources(state):
        totals = totals_of(resource)
        shown = {}
        for stat in resource.stats():
            name = f"{resource.name}_{stat}"
            value = numbers.get(f"{name}_total" if stat in totals else name, 0)
            shown[stat.replace("_", " ")] = f"{value:,.0f}" if value % 1 == 0 else f"{value:,.3f}"
        if shown:
            yield heading(resource.name)
            yield tiles(shown)


def routes(families: Iterable[Metric]) -> dict[str, Route]:
    """Add up the requests of each route."""
    found: dict[str, Route] = defaultdict(Route)
    for family in families:
        if family.name != "http_request_duration_seconds":
            continue
        for sample in family.samples:
            labels = sample.labels
            route = found[f"{labels['method']} {labels['route']}"]
            match sample.name.rpartition("_")[2]:
                case "bucket":
                    route.buckets[float(labels["le"])] += sample.value
                case "count":
                    route.requests += sample.value
                    route.failures += sample.value * (labels["status"] == "5xx")
                case "sum":
                    route.seconds += sample.value
    return found


def ranking(found: Mapping[str, Route]) -> str:
    """Write the routes that took most time down."""
    slowest = sorted(found.items(), key=lambda item: item[1].seconds, reverse=True)[:SLOWEST]
    lines = "\n".join(
        f"<tr><td>{escape(name)}<td>{route.requests:,.0f}<td>{route.failures:,.0f}"
        f"<td>{route.seconds / max(route.requests, 1) * 1000:,.1f}"
        f"<td>{route.percentile(0.5)}<td>{route.percentile(0.95)}"
        for name, route in slowest
    )
    return (
        "<table><tr><th>route<th>requests<th>failed<th>mean, ms<th>half, ms<th>95 %, ms\n"
        f"{lines}</table>"
    )


def heading(text: str) -> str:
    """Begin a part."""
    return f"<h2>{escape(text)}</h2>"


def tiles(values: Mapping[str, str]) -> str:
    """Write numbers down, each with its name."""
    cells = (
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in values.items()
    )
    return f"<dl>{''.join(cells)}</dl>"
