import pytest
from pydantic import TypeAdapter, ValidationError

from app.core.text import Text


@pytest.mark.parametrize("value", ["a\x00b", "\ud800", "a\udfffb"])
def test_text_that_can_not_be_stored_is_refused(value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Text).validate_python(value)


@pytest.mark.parametrize("value", ["", "ü", "a\nb", "\U0001f6a2"])
def test_other_text_is_kept_as_it_is(value: str) -> None:
    assert TypeAdapter(Text).validate_python(value) == value
