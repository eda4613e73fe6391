"""Reviews the code: `just review`, and `just review --explain` for what the guards look for."""

import sys
from pathlib import Path

from tests.review.code import read_code
from tests.review.finding import Guard, review
from tests.review.registry import ACCEPT, all_guards, described

ROOT = Path(__file__).parents[2]


def explained(guard: Guard) -> str:
    """Say what a guard looks for, and what it can't see."""
    when = "in the code" if guard.look else "while the tests run"
    return (
        f"{guard.name} ({when})\n    Costs: {guard.why}\n    Instead: {guard.fix}\n"
        f"    Can't see: {guard.blind}\n"
    )


def main(arguments: list[str]) -> int:
    """Review, or explain."""
    if arguments == ["--explain"]:
        sys.stdout.write("\n".join(map(explained, all_guards().values())))
        sys.stdout.write(f"\n{ACCEPT}\n")
        return 0
    if arguments:
        sys.stderr.write("error: there is only `--explain`\n")
        return 2
    findings = review(read_code(ROOT), all_guards())
    if findings:
        sys.stdout.write(f"{described(findings)}\n")
    return 1 if findings else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
