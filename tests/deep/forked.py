"""Many runs of pytest on services of one environment, without the imports of each."""

import json
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from deep.installation import Service

FORKING = Path(__file__).with_name("forking.py")


@dataclass(frozen=True)
class Tested:
    """What became of a run."""

    # `None` if it took too long.
    exit_code: int | None
    output: str


@dataclass(frozen=True)
class Forks:
    """Whoever runs pytest."""

    process: "subprocess.Popen[str]"

    def test(self, path: Path, *arguments: str, seconds: float) -> Tested:
        """Run it on a service; what it starts ends with it."""
        output = path / ".pytest.log"
        order = {"path": str(path), "output": str(output), "seconds": seconds}
        orders = cast("IO[str]", self.process.stdin)
        orders.write(json.dumps({**order, "arguments": arguments}) + "\n")
        orders.flush()
        answer = cast("IO[str]", self.process.stdout).readline().strip()
        assert answer, "whoever runs the tests has ended"
        return Tested(None if answer == "late" else int(answer), output.read_text())


@contextmanager
def forking(service: Service) -> Generator[Forks]:
    """Start with the environment of a service."""
    python = service.environment / "bin" / "python"
    path = f"{python.parent}:{service.bench.environment()['PATH']}"
    process = subprocess.Popen(
        [python, FORKING],
        cwd=service.path,
        env=service.bench.environment({**service.variables(), "PATH": path}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Forks(process)
        finally:
            cast("IO[str]", process.stdin).close()
            process.wait(30)
