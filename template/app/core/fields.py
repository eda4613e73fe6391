"""Types of fields whose every value can be stored."""

from typing import Annotated

from pydantic import AfterValidator, Field

# 64 bits, as wide as the column.
RowId = Annotated[int, Field(ge=1, le=2**63 - 1)]


def require_storable(text: str) -> str:
    """Refuse what JSON can say and databases can't keep: NUL, and halves of surrogate pairs."""
    if "\x00" in text:
        raise ValueError("Text must not contain NUL")
    text.encode()  # a ValueError, where it fails
    return text


Text = Annotated[str, AfterValidator(require_storable)]
