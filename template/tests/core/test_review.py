"""What a reviewer looks for: in the code, and in requests. `just review --explain` lists it."""

import ast
import hashlib
import select
import textwrap
import threading
import time
from concurrent import futures
from itertools import count
from pathlib import Path

import aiohttp
import httpx2
import pytest

from app import api
from tests.fixtures.planting import Plant, findings
from tests.review.code import Code, Module, collect, read_code
from tests.review.finding import review
from tests.review.registry import all_guards, described
from tests.review.requests import ROOT, Queue


def test_the_code_shows_nothing_that_a_reviewer_would_not_let_pass() -> None:
    found = review(read_code(ROOT), all_guards())

    assert not found, described(found)


def found_in(source: str) -> list[tuple[int, str]]:
    """Review a module of its own."""
    text = textwrap.dedent(source).strip()
    name, code = "app.features.planted", Code()
    code.modules[name] = Module(name, "planted.py", ast.parse(text), text.splitlines())
    collect(code, code.modules[name], code.modules[name].tree, name)
    return [(found.line, found.guard) for found in review(code, all_guards())]


BLOCKING = """
    import time

    async def handler():
        helper(){comment}

    def helper():
        deeper()

    def deeper():
        time.sleep(1)
"""


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("", [(4, "blocking-call")]),
        ("  # review: accept blocking-call: nobody else is served then", []),
        ("  # review: accept blocking-call", [(4, "acceptance")]),
        ("  # review: accept cpu-in-async: it is slow", [(4, "acceptance"), (4, "blocking-call")]),
        ("  # review: accept all: in a hurry", [(4, "acceptance"), (4, "blocking-call")]),
    ],
)
def test_a_finding_is_accepted_with_a_reason_alone(
    comment: str, expected: list[tuple[int, str]]
) -> None:
    assert found_in(BLOCKING.format(comment=comment)) == expected


def test_what_accepts_nothing_is_found_too() -> None:
    source = "x = 1  # review: accept blocking-call: it was slow once"

    assert found_in(source) == [(1, "acceptance")]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("time.sleep(0)", "`time.sleep`"),
        ("Path('/etc/hostname').exists()", "`os.stat`"),
        ("Path(__file__).parent.joinpath('main.py').read_text()", "`io.TextIOWrapper.read`"),
        ("threading.Event().wait(0.01)", "ock.acquire`"),
    ],
)
async def test_what_blocks_is_named_two_calls_deep(
    client: httpx2.AsyncClient, plant: Plant, call: str, said: str
) -> None:
    plant(
        f"""
        def deeper():
            {call}

        def helper():
            deeper()

        @app.get("/planted")
        async def handler() -> None:
            helper()
        """,
        Path=Path,
        __file__=api.__file__,
        threading=threading,
        time=time,
    )

    response = await client.get("/planted")

    assert response.is_server_error
    (found,) = findings()
    assert (found.path, found.line) == ("app/features/planted.py", 3)
    assert found.guard == "blocked-loop"
    assert said in found.what


async def test_what_computes_is_named(client: httpx2.AsyncClient, plant: Plant) -> None:
    plant(
        """
        @app.get("/planted")
        async def handler() -> None:
            ended = time.thread_time() + 0.2
            while time.thread_time() < ended:
                hashlib.sha256(bytes(1000))
        """,
        time=time,
        hashlib=hashlib,
    )

    await client.get("/planted")

    (found,) = findings()
    assert (found.path, found.guard) == ("app/features/planted.py", "blocked-loop")


@pytest.mark.parametrize(("queued", "expected"), [(0, ["blocked-loop"]), (5, [])])
async def test_what_holds_the_loop_is_named_but_not_who_waits_for_a_cpu(
    client: httpx2.AsyncClient,
    plant: Plant,
    monkeypatch: pytest.MonkeyPatch,
    queued: float,
    expected: list[str],
) -> None:
    monkeypatch.setattr("tests.review.guards.running.HELD_SECONDS", 0.2)
    monkeypatch.setattr(Queue, "seconds", property(lambda _: next(seconds)))
    seconds = count(0.0, queued)
    plant(
        """
        @app.get("/planted")
        async def handler() -> None:
            # Nobody has heard of it.
            select.select([], [], [], 0.4)
        """,
        select=select,
    )

    await client.get("/planted")

    assert [found.guard for found in findings()] == expected


@pytest.mark.parametrize(
    "opening",
    [
        "async with aiohttp.ClientSession():",
        "async with httpx2.AsyncClient():",
        "with ThreadPoolExecutor(1):",
    ],
)
async def test_what_is_opened_for_a_request_is_named(
    client: httpx2.AsyncClient, plant: Plant, opening: str
) -> None:
    plant(
        f"""
        @app.get("/planted")
        async def handler() -> None:
            {opening}
                pass
        """,
        aiohttp=aiohttp,
        httpx2=httpx2,
        ThreadPoolExecutor=futures.ThreadPoolExecutor,
    )

    await client.get("/planted")

    # To read the certificates may hold up the loop, too.
    found = [each for each in findings() if each.guard != "blocked-loop"]
    assert [(each.line, each.guard) for each in found] == [(4, "opened-per-request")]


@pytest.mark.parametrize(
    "answer",
    [
        "-> str: return 'x' * {size}",
        "-> list[str]: return ['x'] * ({size} // 4)",
        "-> dict[str, str]: return {{'body': 'x' * {size}}}",
    ],
)
@pytest.mark.parametrize(("size", "expected"), [(1_000_000, ["large-body"]), (900_000, [])])
async def test_a_long_answer_is_named(
    client: httpx2.AsyncClient, plant: Plant, answer: str, size: int, expected: list[str]
) -> None:
    plant(f'@app.get("/planted")\nasync def handler() {answer.format(size=size)}')

    await client.get("/planted")

    # To write it takes a while, too.
    assert [each.guard for each in findings() if each.guard == "large-body"] == expected


def test_each_guard_says_what_it_can_not_see() -> None:
    guards = all_guards().values()

    assert all(guard.blind and guard.why and guard.fix for guard in guards)
    assert len(guards) > 5
