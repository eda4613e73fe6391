"""Whatever clients send: no error of the service's own, and no answer that OpenAPI doesn't know."""

import asyncio
import os
import sys

import httpx2
import pytest

from tests.fixtures.server import Server

EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "5")
SEED = os.environ.get("FUZZ_SEED", "1")


@pytest.mark.slow
async def test_nothing_breaks(server: Server) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"]
    options = ["--max-examples", EXAMPLES, "--seed", SEED]
    fuzz = await asyncio.create_subprocess_exec(
        *command, *options, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await fuzz.communicate()

    assert fuzz.returncode == 0, said.decode()
    assert httpx2.get(f"{server.url}/health").is_success
    assert "Traceback" not in server.stop()
