"""What must not be read in a log: passwords, tokens, cookies, credentials in URLs.

It is applied to whole lines, where they are written, so it holds for every logger, a library's
too. It knows secrets by the names that stand before them: what bears no name isn't recognized.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache

from pydantic_core import to_jsonable_python

HIDDEN = "***"

# Parts of names, in any case, with `-` and `_` alike.
SECRETS = (
    "password",
    "passwd",
    "secret",
    "token",
    "api_key",
    "access_key",
    "private_key",
    "authorization",
    "cookie",
    "credential",
)

# `https://ann:secret@example.org/`
CREDENTIALS = re.compile(r"(://[^\s/:@]{0,200}:)[^\s/@]{1,500}@")
SCHEMES = re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE)


class Redaction:
    """Hides what bears one of these names."""

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self._names = (*SECRETS, *names)
        # A text without any of these has no secret. To see that takes a tenth of the patterns.
        signs = {name.lower().rpartition("_")[2] for name in self._names}
        self._signs = (*sorted(signs), "://", "bearer", "basic")
        self.is_secret = lru_cache(1024)(self._bears_one)

    @cached_property
    def _name(self) -> re.Pattern[str]:
        known = "|".join(re.escape(name).replace("_", "[_-]?") for name in self._names)
        return re.compile(known, re.IGNORECASE)

    def _bears_one(self, name: str) -> bool:
        return self._name.search(name) is not None

    @cached_property
    def _named(self) -> re.Pattern[str]:
        """`password=x`, `"token": "x"`, `(b'authorization', b'Bearer x')`; of cookies the line."""
        name = rf"(?:{self._name.pattern})[\w-]{{0,40}}"
        between = r"""(?:\s?[=:]\s?|["']\s?[,:]\s?b?)"""
        value = r""""[^"]*"|'[^']*'|(?:bearer|basic)\s+\S+|[^\s,;&"')}\]]+"""
        cookie = rf"""(?:set-)?cookie{between}[^\r\n]+"""
        return re.compile(rf"(?P<cookie>{cookie})|({name}{between})({value})", re.IGNORECASE)

    def concerns(self, text: str) -> bool:
        """Tell whether there may be a secret in a text."""
        lower = text.lower()
        # A generator would take twice as long, and this is done for each line.
        for sign in self._signs:  # noqa: SIM110
            if sign in lower:
                return True
        return False

    def text(self, text: str) -> str:
        """Hide the secrets in a text."""
        if not self.concerns(text):
            return text
        text = self._named.sub(hide, text)
        text = SCHEMES.sub(rf"\1 {HIDDEN}", text)
        return CREDENTIALS.sub(rf"\1{HIDDEN}@", text)

    def value(self, name: str, value: object) -> object:
        """Hide a value with such a name, or what is inside it."""
        if self.is_secret(name):
            return HIDDEN
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int | float | None):
            return value
        if isinstance(value, Mapping):
            return {f"{key}": self.value(f"{key}", inner) for key, inner in value.items()}
        if isinstance(value, Sequence) and not isinstance(value, bytes):
            return [self.value("", inner) for inner in value]
        # It may be written with what it holds.
        return self.value(name, to_jsonable_python(value, fallback=str, inf_nan_mode="strings"))


def hide(found: re.Match[str]) -> str:
    """Keep the name."""
    if found["cookie"]:
        return re.split(r"[=:,]", found["cookie"], maxsplit=1)[0] + f": {HIDDEN}"
    return f"{found[2]}{HIDDEN}"
