import httpx2
import pytest
from fastapi import FastAPI
from pydantic import TypeAdapter, ValidationError

from app.core.fields import Moment, RowId


@pytest.mark.parametrize("value", [1, "1", 9 * 10**18, str(9 * 10**18)])
def test_a_whole_number_is_an_id(value: object) -> None:
    assert TypeAdapter(RowId).validate_python(value) == int(str(value))


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        "-1",
        9 * 10**18 + 1,
        2**63,
        str(10**20),
        True,
        1.0,
        "1.0",
        "1_0",
        " 1",
        "1\n",
        "\u0661",
        None,
    ],
)
def test_anything_else_is_not(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(RowId).validate_python(value)


@pytest.mark.parametrize("value", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"])
def test_a_moment_has_a_year_in_utc(value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Moment).validate_python(value)


async def test_an_id_that_is_too_large_is_refused(app: FastAPI, client: httpx2.AsyncClient) -> None:
    @app.get("/test/items/{item_id}")
    async def get_item(item_id: RowId) -> RowId:
        return item_id

    assert (await client.get(f"/test/items/{10**20}")).status_code == 422
