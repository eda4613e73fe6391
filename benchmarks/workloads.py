"""What is asked of a target, and what a sound answer is."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

POSTS = 100_000  # in `data.sql`

SERVICE_PATHS = {
    "get": "/posts/{post}",
    "list": "/posts?limit=20&author_id={author}&include_total=exact",
    "insert": "/posts",
    "export": "/posts/export.csv",
}
YARDSTICK_PATHS = {
    "get": "/posts/{post}",
    "list": "/posts?limit=20&author_id={author}",
    "insert": "/posts",
    "export": "/export/posts.csv",
}


@dataclass(frozen=True)
class Workload:
    """Requests of a kind."""

    is_sound: Callable[[bytes], bool]
    method: str = "GET"
    body: str = ""


def is_page(answer: bytes) -> bool:
    """Tell a page of one author's posts; the first 1,000 authors have 55 each."""
    page = json.loads(answer)
    authors = [post["author"]["id"] for post in page["items"]]
    return page["total"] == 55 and authors == [authors[0]] * 20  # noqa: PLR2004 - see above


WORKLOADS: Mapping[str, Workload] = {
    "get": Workload(lambda answer: {"id", "title", "body", "created_at"} <= {*json.loads(answer)}),
    "list": Workload(is_page),
    "insert": Workload(
        lambda answer: json.loads(answer)["id"] > POSTS,
        method="POST",
        body=f'{{"author_id": {{author}}, "title": "New {{unique}}", "body": "{"word " * 33}"}}',
    ),
    "export": Workload(lambda answer: answer.count(b"\n") >= POSTS),
}


def fill(template: str, places: Mapping[str, str]) -> str:
    """Fill places in; a body in JSON has braces of its own."""
    for name, value in places.items():
        template = template.replace(f"{{{name}}}", value)
    return template


def script(workload: Workload, path: str, run: int) -> str:
    """Write the Lua that has wrk send another request each time, and print what came of them."""
    places = {
        "post": f'" .. math.random({POSTS}) .. "',
        "author": '" .. math.random(1000) .. "',
        "unique": f'{run}-" .. sent .. "',
    }
    return f"""
local sent = 0
function init() math.randomseed({run}) end
function request()
  sent = sent + 1
  local path, body = {fill(json.dumps([path, workload.body])[1:-1], places)}
  return wrk.format("{workload.method}", path, {{["content-type"] = "application/json"}}, body)
end
function done(summary, latency)
  local errors = summary.errors
  print(string.format("done %d %d %d %d %d", summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""
