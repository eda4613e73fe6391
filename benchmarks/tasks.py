"""What tasks cost in a rendered service, beside the library that carries them on its own."""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from brokers import OWN
from postgres import Postgres, own_postgres
from processes import SERVER_CPU, execute, fail

HERE = Path(__file__).resolve().parent
QUEUES = HERE / "queues"
WORKERS = 10
# Which tasks are enqueued, how many at once, and what that and running them is called.
TURNS = (
    ("noop", 1, "enqueue, one after the other", "run, no-op"),
    ("wait", 20, "enqueue, 20 at once", "run, 5 ms"),
)
# How the guides start a worker, with one process that does as much at once as it can.
COMMANDS = {
    "taskiq": f"taskiq worker plain_taskiq:broker --workers=1 --max-async-tasks={WORKERS}",
    "celery": f"celery -A plain_celery worker -P threads -c {WORKERS} --without-gossip"
    " --without-mingle --loglevel=ERROR",
    "dramatiq": f"dramatiq plain_dramatiq --processes=1 --threads={WORKERS}",
    "rq": "rq worker --worker-class=rq.worker.SimpleWorker --quiet"
    " --serializer=rq.serializers.JSONSerializer",
}
PAIRS = [
    *(f"taskiq-{broker}" for broker in OWN),
    *(f"{queue}-{broker}" for queue in ("celery", "dramatiq") for broker in ("redis", "rabbitmq")),
    "rq-redis",
]

Measures = Mapping[str, float]
numbers = count()


@dataclass(frozen=True)
class Target:
    """A service or a library, with where it finds what it needs."""

    enqueue: Sequence[str | Path]
    work: Sequence[str | Path]
    directory: Path
    variables: Mapping[str, str]

    def measure(self, tasks: int, results: Path) -> Mapping[str, Measures]:
        """Enqueue tasks, and run them; give what one took, by what was done."""
        measured: dict[str, Measures] = {}
        for kind, at_once, enqueued, ran in TURNS:
            command = [*self.enqueue, kind, str(tasks), str(at_once)]
            measured[enqueued] = self._run(command, results, tasks)
            measured[ran] = self._run(self.work, results, tasks)
        return measured

    def _run(self, command: Sequence[str | Path], results: Path, tasks: int) -> Measures:
        result = results / f"{next(numbers)}.json"
        process = subprocess.Popen(
            ("taskset", "--cpu-list", str(SERVER_CPU), *command),
            cwd=self.directory,
            env={
                **os.environ,
                **self.variables,
                "BENCH_RESULT": str(result),
                "BENCH_TASKS": str(tasks),
            },
            stdout=sys.stderr,
        )
        try:
            for _ in range(3000):
                if result.exists():
                    # What is being sent or acknowledged still is to be.
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(1 if command is self.work else 60)
                    return json.loads(result.read_text())
                if process.poll() is not None:
                    fail(f"{command} has ended")
                time.sleep(0.1)
            fail(f"{command} doesn't end")
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def install_service(pair: str, work: Path, variables: Mapping[str, str]) -> Target:
    """Render it, with its tasks in Redis where that carries them, else in PostgreSQL."""
    queue, broker = pair.split("-")
    source = work / f"service-{pair}"
    answers = {"database": "postgresql", "cache": "none", "queue": queue, "broker": broker}
    answers["outbox"] = "false" if broker == "redis" else "true"
    sets = [word for name, answer in answers.items() for word in ("--set", f"{name}={answer}")]
    new = ("uv", "run", "shipway", "new", source, "--no-git", "--no-lock", "--defaults", *sets)
    execute(*new, directory=HERE.parent)
    execute("uv", "sync", "--no-dev", "--python", sys.executable, directory=source)
    execute(source / ".venv/bin/alembic", "upgrade", "head", directory=source, **variables)
    script = (source / ".venv/bin/python", QUEUES / "service.py")
    variables = {**variables, "PYTHONPATH": f"{QUEUES}:{source}"}
    return Target((*script, "enqueue"), (*script, "work"), source, variables)


def install_libraries(work: Path) -> Path:
    """Make an environment of them all; the path of their programs."""
    environment = work / "libraries"
    execute("uv", "venv", "--python", sys.executable, environment, directory=work)
    where = ("--python", environment / "bin/python", "-r", QUEUES / "requirements.txt")
    execute("uv", "pip", "install", *where, directory=work)
    return environment / "bin"


def library(pair: str, programs: Path, variables: Mapping[str, str]) -> Target:
    queue, _ = pair.split("-")
    program, *options = COMMANDS[queue].split()
    script = (programs / "python", QUEUES / f"plain_{queue}.py", "enqueue")
    variables = {**variables, "PYTHONPATH": f"{QUEUES}"}
    return Target(script, (programs / program, *options), QUEUES, variables)


def results_url(pair: str, urls: Mapping[str, str], postgres: Postgres) -> str:
    """Where a library keeps what became of tasks: where the service does, if that suits it.

    Celery connects anew for each result in a database, and dramatiq can't use one.
    """
    queue, broker = pair.split("-")
    if broker == "redis" or queue != "taskiq":
        return urls["redis"]
    return postgres.create(f"results_{broker}")


def compare(
    targets: Sequence[Target], options: argparse.Namespace, results: Path
) -> list[list[Mapping[str, Measures]]]:
    """Take turns, there and back; what each target took, by round."""
    rounds = []
    for number in range(options.rounds):
        order = -1 if number % 2 else 1
        measured = [each.measure(options.tasks, results) for each in targets[::order]]
        rounds.append(measured[::order])
    return rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=1010, help="of each run: 10, and some 20")
    parser.add_argument("--only", default=",".join(PAIRS), help=f"of {','.join(PAIRS)}")
    options = parser.parse_args()
    if unknown := {*options.only.split(",")} - {*PAIRS}:
        fail(f"unknown: {', '.join(unknown)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with ExitStack() as stack:
        work = Path(stack.enter_context(TemporaryDirectory(prefix="shipway-bench-")))
        pairs = options.only.split(",")
        needed = {"redis", *(pair.split("-")[1] for pair in pairs)}
        postgres = stack.enter_context(own_postgres(work))
        urls = {broker: stack.enter_context(OWN[broker](work)) for broker in needed}
        programs = install_libraries(work)
        print("| | tasks/s | plain | × plain | CPU µs | plain | × plain |")
        print("|---|--:|--:|--:|--:|--:|--:|", flush=True)
        for pair in pairs:
            url = urls[pair.split("-")[1]]
            data = postgres.create(pair.replace("-", "_"))
            variables = {
                "BROKER_URL": url,
                "RQ_REDIS_URL": url,
                "RESULTS_URL": results_url(pair, urls, postgres),
                "DATABASE_URL": data.replace("postgresql:", "postgresql+asyncpg:"),
                "HOST": "127.0.0.1",
                "LOG_LEVEL": "WARNING",
            }
            targets = [install_service(pair, work, variables), library(pair, programs, variables)]
            rounds = compare(targets, options, work)
            for asked in rounds[0][0]:
                cells = line([[measured[asked] for measured in run] for run in rounds])
                print(f"| {pair}: {asked} | {' | '.join(cells)} |", flush=True)


def line(rounds: Sequence[Sequence[Measures]]) -> list[str]:
    """Write medians, and medians of the ratios within rounds: above 1 costs more."""
    cells = []
    for measure, scale in (("seconds", 0.0), ("cpu", 1e6)):
        for target in (0, 1):
            median = statistics.median(run[target][measure] for run in rounds)
            cells.append(f"{median * scale if scale else 1 / median:.0f}")
        ratio = statistics.median(one[measure] / other[measure] for one, other in rounds)
        cells.append(f"{ratio:.2f}")
    return cells


if __name__ == "__main__":
    main()
