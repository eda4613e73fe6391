"""Each preset, rendered by pytest-copie as plain Copier would, is what the command renders."""

from pathlib import Path

import pytest
from matrix import Row, presets
from pytest_copie.plugin import Copie
from workbench import Template, tree


@pytest.mark.parametrize("answers", presets().values(), ids=presets())
def test_a_preset_is_a_service(
    copie: Copie,
    template: Template,
    answers: Row,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COPIER_SETTINGS_PATH", str(template.bench.root / "copier-settings.yml"))
    answers = {**answers, "service_name": "orders"}

    result = copie.copy(extra_answers=dict(answers), template_dir=template.path)

    # Before anything else: pytest-copie keeps exceptions to itself.
    assert result.exception is None
    assert result.project_dir is not None
    assert answers.items() <= result.answers.items()
    rendered = template.render(tmp_path / "orders", answers)
    assert tree(result.project_dir, origin=False) == tree(rendered, origin=False)
