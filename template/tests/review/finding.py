"""What guards find, and how one of their findings is accepted."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from tests.review.calls import Calls
from tests.review.code import Code, Function, Module, is_platform
from tests.review.requests import Seen

COMMENT = re.compile(r"#\s*review:\s*accept\b\s*(?P<guard>[\w-]*)\s*:?\s*(?P<reason>.*)")


@dataclass(frozen=True, order=True)
class Finding:
    """A line, and what is the matter with it."""

    path: str
    line: int
    guard: str
    what: str


@dataclass(frozen=True)
class Guard:
    """Something that costs, and what sees it."""

    name: str
    # What it costs, and what to write instead.
    why: str
    fix: str
    # What it can't see.
    blind: str
    # At the code, or at each request that the tests make.
    look: Callable[[Calls], Iterable[Finding]] | None = None
    judge: Callable[[Seen], Iterable[Finding]] | None = None

    def at(self, function: Function, node: ast.AST, what: str) -> Finding:
        """Find something in a function."""
        line = getattr(node, "lineno", function.node.lineno)
        return Finding(function.module.path, line, self.name, what)


@dataclass(frozen=True)
class Accepted:
    """A comment: `# review: accept <guard>: <reason>`, in the line of a finding or above it."""

    path: str
    line: int
    guard: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Tell whether it was written for a finding."""
        return (self.path, self.guard) == (finding.path, finding.guard) and (
            finding.line in {self.line, self.line + 1}
        )


def acceptances(modules: Iterable[Module]) -> Iterator[Accepted]:
    """List the comments that accept something."""
    for module in modules:
        for number, line in enumerate(module.lines, start=1):
            if (found := COMMENT.search(line)) is not None:
                yield Accepted(module.path, number, found["guard"], found["reason"].strip())


def review(code: Code, guards: Mapping[str, Guard]) -> list[Finding]:
    """Let all guards look; leave out what is accepted, and add what is accepted in vain."""
    calls = Calls(code)
    looking = [guard.look for guard in guards.values() if guard.look is not None]
    found = {(each.path, each.line, each.guard): each for look in looking for each in look(calls)}
    mine = [module for module in code.modules.values() if not is_platform(module)]
    accepted = list(acceptances(mine))
    left = [each for each in found.values() if not any(a.covers(each) for a in accepted)]
    return sorted([*left, *complaints(accepted, found.values(), guards)])


def complaints(
    accepted: Iterable[Accepted], found: Iterable[Finding], guards: Mapping[str, Guard]
) -> Iterator[Finding]:
    """Find what is wrong with the comments themselves."""
    for each in accepted:
        guard = guards.get(each.guard)
        if guard is None:
            what = f"there is no guard `{each.guard}`: {', '.join(guards)}"
        elif not each.reason:
            what = f"it says no reason: `# review: accept {each.guard}: because …`"
        elif guard.look is not None and not any(each.covers(finding) for finding in found):
            what = f"`{each.guard}` finds nothing here any more: remove the comment"
        else:
            continue
        yield Finding(each.path, each.line, "acceptance", what)
