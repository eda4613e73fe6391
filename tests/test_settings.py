"""The settings of a service: each is listed, has the default it is listed with, and is read."""

import re

from matrix import Row
from rendering import every_row, rendered
from settings import default, fields, overridden, read

# `PORT=8000`, or `# CPU_WORKERS=2` where the default is computed.
VARIABLE = re.compile(r"^(# )?([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)


@every_row
def test_the_example_lists_every_setting_and_no_other(row: Row) -> None:
    project = rendered(row)
    listed = [name for _, name, _ in VARIABLE.findall(project.files[".env.example"])]
    assert sorted(listed) == sorted(field.upper() for field in fields(project))


@every_row
def test_the_example_gives_the_defaults(row: Row) -> None:
    project = rendered(row)
    listed = VARIABLE.findall(project.files[".env.example"])
    given = {name: None if commented else value for commented, name, value in listed}
    assert given == {name.upper(): default(field) for name, field in fields(project).items()}


@every_row
def test_every_setting_is_read(row: Row) -> None:
    project = rendered(row)
    assert fields(project).keys() - read(project) == set()


@every_row
def test_only_settings_that_exist_are_overridden(row: Row) -> None:
    project = rendered(row)
    assert overridden(project) - fields(project).keys() == set()
