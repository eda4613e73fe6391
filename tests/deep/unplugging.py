"""What a service has to notice."""

from typing import NamedTuple


class Unplugging(NamedTuple):
    """A fault: the text of a file, what it becomes, and the test that has to notice."""

    path: str
    text: str
    becomes: str
    noticed_by: str
