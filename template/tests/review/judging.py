"""What comes of the requests that a test made."""

from collections.abc import Iterable, Iterator

import pytest

from tests.review.code import read_module
from tests.review.finding import Finding, acceptances
from tests.review.registry import all_guards, described
from tests.review.requests import ROOT, Seen


def judged(seen: Seen) -> Iterator[Finding]:
    """Let all guards look at a request."""
    for guard in all_guards().values():
        if guard.judge is not None:
            yield from guard.judge(seen)


def report(findings: Iterable[Finding]) -> None:
    """Fail with what was found, each once, but for what is accepted."""
    found = {(each.path, each.line, each.guard): each for each in findings}
    left = [each for each in found.values() if not is_accepted(each)]
    if left:
        pytest.fail(described(sorted(left)), pytrace=False)


def is_accepted(finding: Finding) -> bool:
    """Tell whether a comment says why it has to be so."""
    module = read_module(ROOT, ROOT / finding.path)
    return any(each.covers(finding) and each.reason for each in acceptances([module]))
