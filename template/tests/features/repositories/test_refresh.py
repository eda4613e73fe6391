from dataclasses import replace

import httpx2
import pytest

from app.core.lifespan import State
from app.core.tasks.contract import TaskState
from tests.fixtures.tasks import eventually, until_state
from tests.fixtures.upstream import Upstream

pytestmark = pytest.mark.usefixtures("workers_here")

PATH = "/repositories/acme/ships"


async def refresh(client: httpx2.AsyncClient) -> str:
    response = await client.post(f"{PATH}/refresh")
    assert response.status_code == 202
    told = response.json()
    assert response.headers["location"] == told["status_url"] == f"/tasks/{told['task_id']}"
    return told["task_id"]


async def test_a_repository_is_looked_up_again_and_told(
    client: httpx2.AsyncClient, github: Upstream, state: State
) -> None:
    (await client.get(PATH)).raise_for_status()
    asked = len(github.asked)
    told = state["live"].latest
    task_id = await refresh(client)
    await until_state(state["broker"].ledger, task_id, TaskState.SUCCEEDED)
    await eventually(lambda: state["live"].latest != told)

    assert len(github.asked) == 2 * asked


async def test_github_may_be_away_for_a_while(
    client: httpx2.AsyncClient, github: Upstream, state: State
) -> None:
    answers = dict(github.answers)
    path = "/repos/acme/ships/languages"
    github.answers[path] = replace(answers[path], status=503)
    task_id = await refresh(client)
    await until_state(state["broker"].ledger, task_id, TaskState.WAITING)
    github.answers = answers

    status = await until_state(state["broker"].ledger, task_id, TaskState.SUCCEEDED)
    assert status.attempts > 1


async def test_what_github_does_not_know_is_not_tried_again(
    client: httpx2.AsyncClient, github: Upstream, state: State
) -> None:
    github.answers = {}
    task_id = await refresh(client)

    status = await until_state(state["broker"].ledger, task_id, TaskState.DEAD)
    assert status.attempts == 1
