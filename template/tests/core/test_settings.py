import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings import Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"


def test_the_example_lists_every_setting_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = re.findall(r"^(?:# )?([A-Z_]+)=", EXAMPLE.read_text(), re.MULTILINE)

    assert sorted(listed) == sorted(name.upper() for name in Settings.model_fields)
    for name in listed:
        monkeypatch.delenv(name, raising=False)
    assert Settings(_env_file=EXAMPLE) == Settings(_env_file=None)


def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9000")

    assert Settings().port == 9000


def test_a_secret_can_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "service_version").write_text("1.2.3\n")

    assert Settings(_secrets_dir=tmp_path).service_version == "1.2.3"


def test_settings_do_not_change(settings: Settings) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1


def test_an_error_does_not_tell_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "s3cret")

    with pytest.raises(ValidationError) as caught:
        Settings()

    assert "s3cret" not in str(caught.value)


def test_a_setting_that_can_not_be_used_ends_the_start_with_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PORT", "many")

    run = subprocess.run([sys.executable, "-m", "app.serve"], capture_output=True, text=True)

    assert run.returncode == 1
    assert run.stderr.startswith("error: PORT: ")
    assert run.stderr.count("\n") == 1
    assert "many" not in run.stderr
