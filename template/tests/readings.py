"""What Prometheus would read."""

from collections import defaultdict

import httpx2
from prometheus_client.parser import text_string_to_metric_families

Numbers = dict[str, float]


def read(text: str) -> Numbers:
    """Name each number as Prometheus does: `name{label="value"}`."""
    numbers: Numbers = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            numbers[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return numbers


async def numbers_of(client: httpx2.AsyncClient) -> Numbers:
    answer = (await client.get("/metrics")).raise_for_status()
    return read(answer.text)


async def moved(client: httpx2.AsyncClient, before: Numbers) -> Numbers:
    """Tell what moved, and by how much: other tests count in the same process."""
    after = await numbers_of(client)
    return defaultdict(float, {name: after[name] - before.get(name, 0) for name in after})
