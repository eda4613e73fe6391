"""Measure a rendered service against a floor and against the usual way of writing one."""

import argparse
import itertools
import os
import shutil
import signal
import statistics
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from measuring import Measures, check, measure, measure_copy, measure_export
from postgres import Postgres, own_postgres
from processes import CLIENT_CPU, fail
from targets import YARDSTICKS, Target, serving
from workloads import WORKLOADS

TOOLS = {"wrk": "wrk", "psql": "postgresql-client", "taskset": "util-linux", "uv": "uv"}
BASES = ("COPY", "floor", "naive")


def table(asked: str, targets: Mapping[str, Sequence[Measures]]) -> str:
    """Write medians in Markdown, and medians of ratios: each is within a round."""
    bases = [base for base in BASES if base in targets]
    measures = list(next(iter(targets.values()))[0])
    lines = [[asked, *measures, *(f"× {base}" for base in bases)]]
    lines += [["---", *["--:"] * (len(lines[0]) - 1)]]
    for target, rounds in targets.items():
        values = [statistics.median(run[measure] for run in rounds) for measure in measures]
        line = [f"{value:.{0 if value >= 100 else 2}f}" for value in values]  # noqa: PLR2004 - digits
        for base in bases:
            pairs = zip(rounds, targets[base], strict=True)
            ratios = [run[measures[0]] / other[measures[0]] for run, other in pairs]
            line.append(f"{statistics.median(ratios):.2f}")
        lines.append([target, *line])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def compare(
    asked: str, targets: Sequence[Target], options: argparse.Namespace, postgres: Postgres
) -> str:
    """Take turns, there and back, so that a slow minute of the machine hits all."""
    results: dict[str, list[Measures]] = {target.name: [] for target in targets}
    if asked == "export":
        for _ in range(options.rounds):
            results.setdefault("COPY", []).append(measure_copy(postgres, targets[0].name))
            for target in targets:
                results[target.name].append(measure_export(target))
        return table(asked, results)
    for target in targets:
        measure(target, asked, 2, postgres)
    for number in range(options.rounds):
        for target in targets[:: -1 if number % 2 else 1]:
            results[target.name].append(measure(target, asked, options.seconds, postgres))
    return table(asked, results)


def main() -> None:
    kinds, names = [*WORKLOADS], ["service", *YARDSTICKS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each run")
    parser.add_argument("--only", default=",".join(kinds), help=f"of {','.join(kinds)}")
    parser.add_argument("--targets", default="floor,naive,service", help=f"of {','.join(names)}")
    parser.add_argument("--postgres", metavar="URL", help="of a server that runs; no database")
    options = parser.parse_args()
    only, chosen = options.only.split(","), options.targets.split(",")
    if unknown := {*only, *chosen} - {*kinds, *names}:
        fail(f"unknown: {', '.join(unknown)}")
    for tool, package in TOOLS.items():
        if shutil.which(tool) is None:
            fail(f"{tool} is missing: install the package {package}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with ExitStack() as stack:
        work = Path(stack.enter_context(TemporaryDirectory(prefix="shipway-bench-")))
        if options.postgres:
            postgres = Postgres(options.postgres.rstrip("/"), None)
        else:
            postgres = stack.enter_context(own_postgres(work))
        targets = []
        for name in chosen:
            print(f"Preparing {name}…", file=sys.stderr)
            targets.append(stack.enter_context(serving(name, work, postgres)))
        os.sched_setaffinity(0, {CLIENT_CPU})
        for target, asked in itertools.product(targets, only):
            check(target, asked)
        for asked in only:
            print(compare(asked, targets, options, postgres), flush=True)


if __name__ == "__main__":
    main()
