"""Types of fields whose every value can be stored."""

from typing import Annotated

from pydantic import AfterValidator, Field

# 64 bits, as wide as the column.
RowId = Annotated[int, Field(ge=1, le=2**63 - 1)]


def reject_null_characters(text: str) -> str:
    """Refuse NUL, which databases refuse or cut the text at."""
    if "\x00" in text:
        raise ValueError("Text must not contain NUL characters")
    return text


Text = Annotated[str, AfterValidator(reject_null_characters)]
