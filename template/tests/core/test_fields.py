import pytest
from pydantic import TypeAdapter, ValidationError

from app.core.fields import Moment, RowId, Text


@pytest.mark.parametrize("value", [1, "1", 2**63 - 1, str(2**63 - 1)])
def test_a_whole_number_is_an_id(value: object) -> None:
    assert TypeAdapter(RowId).validate_python(value) == int(str(value))


@pytest.mark.parametrize(
    "value", [0, -1, "-1", 2**63, str(10**20), True, 1.0, "1.0", "1_0", " 1", "1\n", "\u0661", None]
)
def test_anything_else_is_not(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(RowId).validate_python(value)


@pytest.mark.parametrize("value", ["a\x00b", "\ud800", "a\udfffb"])
def test_text_that_can_not_be_stored_is_refused(value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Text).validate_python(value)


@pytest.mark.parametrize("value", ["", "ü", "a\nb", "\U0001f6a2"])
def test_other_text_is_kept_as_it_is(value: str) -> None:
    assert TypeAdapter(Text).validate_python(value) == value


@pytest.mark.parametrize("value", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"])
def test_a_moment_has_a_year_in_utc(value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Moment).validate_python(value)
