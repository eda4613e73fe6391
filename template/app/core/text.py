"""Text that can be kept, and sent on, whoever it comes from."""

from typing import Annotated

from pydantic import AfterValidator


def require_storable(text: str) -> str:
    """Refuse what JSON can say and little else can hold: NUL, and halves of surrogate pairs."""
    if "\x00" in text:
        raise ValueError("Text must not contain NUL")
    text.encode()  # a ValueError, where it fails
    return text


Text = Annotated[str, AfterValidator(require_storable)]
