"""What the middleware costs: a small route with all of it, against the same route without.

Run it in a rendered service, on its environment: `PYTHONPATH=. uv run python …/edge.py`.
"""

import argparse
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

import psutil
import uvicorn
from app.core.application import create_app
from app.core.routing import add_routes
from app.settings import Settings
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

PORTS = {"bare": 18300, "full": 18301}
CONNECTIONS = 32
# As browsers and most clients ask: compression has something to look at, and leaves it alone.
ACCEPTS = "Accept-Encoding: gzip, deflate, br, zstd"

router = APIRouter()


class Item(BaseModel):
    id: int
    name: str


@router.get("/items/{item_id}")
async def get_item(item_id: int) -> Item:
    return Item(id=item_id, name="a name")


def serve(name: str) -> None:
    if name == "full":
        app = create_app(Settings(), (router,))
    else:
        app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
        add_routes(app, router)
    uvicorn.run(app, port=PORTS[name], access_log=False, log_config=None, server_header=False)


def wait_for(port: int) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/items/1") as answer:
                answer.read()
                return
        except OSError:
            time.sleep(0.05)


@contextmanager
def serving(name: str) -> Generator[psutil.Process]:
    command = ["taskset", "-c", "0", sys.executable, __file__, "--serve", name]
    with subprocess.Popen(command) as process:
        try:
            wait_for(PORTS[name])
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


def cpu_microseconds(name: str, process: psutil.Process, seconds: int) -> float:
    before = process.cpu_times()
    url = f"http://127.0.0.1:{PORTS[name]}/items/1"
    wrk = ("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-H", ACCEPTS, url)
    said = subprocess.check_output(["taskset", "-c", "1", *wrk], text=True)
    after = process.cpu_times()
    (requests,) = [int(line.split()[0]) for line in said.splitlines() if " requests in " in line]
    return (after.user + after.system - before.user - before.system) / requests * 1e6


def compare(rounds: int, seconds: int) -> None:
    taken: dict[str, list[float]] = {name: [] for name in PORTS}
    with ExitStack() as stack:
        processes = {name: stack.enter_context(serving(name)) for name in PORTS}
        for _ in range(rounds):
            for name, process in processes.items():
                taken[name].append(cpu_microseconds(name, process, seconds))
    ratios = [full / bare for bare, full in zip(taken["bare"], taken["full"], strict=True)]
    for name, each in taken.items():
        print(f"{name}: {statistics.median(each):.0f} µs")
    print(f"ratio: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", choices=PORTS)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=int, default=2)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve)
    else:
        compare(asked.rounds, asked.seconds)
