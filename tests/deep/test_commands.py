"""The commands that a user types, and those inside files that need Docker to run."""

import signal
import subprocess
from pathlib import Path

import httpx2
import pytest
import yaml
from deep.installation import Service, answers, command_of, install, interpreters
from workbench import Template, append, clone, eventually, free_port, succeeded

pytestmark = pytest.mark.xdist_group("commands")


@pytest.fixture(scope="module")
def service(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """The embedded default, installed and migrated."""
    version = next(iter(interpreters()))
    destination = tmp_path_factory.mktemp("commands") / "orders"
    return install(template, destination, {"python_version": version})


def test_recipes_that_serve(service: Service) -> None:
    """`just dev` and `just serve` migrate first, then answer."""
    for recipe in ("serve", "dev"):
        port = free_port()
        command = ["uv", "run", "just", recipe]
        command += [str(port)] if recipe == "dev" else []
        with service.running(*command, port=port) as url:
            assert httpx2.get(f"{url}/posts").json()["items"] == []
            assert httpx2.get(f"{url}/docs").is_success


def test_a_recipe_that_serves_without_a_database(template: Template, tmp_path: Path) -> None:
    """There is nothing to migrate first."""
    answers = {"python_version": next(iter(interpreters())), "database": "none"}
    service = install(template, tmp_path / "orders", answers)
    port = free_port()
    with service.running("uv", "run", "just", "dev", str(port), port=port) as url:
        paths = httpx2.get(f"{url}/openapi.json").json()["paths"]
        assert "/repositories/{owner}/{name}" in paths


@pytest.mark.parametrize(
    "recipe",
    [
        ["--list"],
        ["migrate"],
        ["format"],
        ["lint"],
        ["types"],
        ["imports"],
        ["review"],
        ["review", "--explain"],
        ["hooks"],
        # Arguments arrive as they were quoted.
        ["test", "tests/core/test_fields.py", "-k", "id or text"],
    ],
    ids=" ".join,
)
def test_recipes_that_end(service: Service, recipe: list[str]) -> None:
    """They succeed on the service as it was rendered, and change nothing in it."""
    succeeded(service.just(*recipe))

    assert service.bench.git(service.path, "status", "--porcelain") == "?? uv.lock"


def test_a_revision_is_written_for_what_changed(service: Service) -> None:
    """`just revision` finds a new column, and its migration is lint-clean."""
    models = service.path / "app/features/posts/models.py"
    original = models.read_text()
    models.write_text(
        original.replace(
            "    word_count: Mapped[int | None]\n",
            "    word_count: Mapped[int | None]\n    subtitle: Mapped[str | None]\n",
        )
    )
    try:
        succeeded(service.just("migrate"))
        succeeded(service.just("revision", "add $HOME `id` subtitles"))
        (written,) = set(service.path.glob("migrations/versions/*.py")) - {
            service.path / "migrations/versions/0001_posts.py"
        }
        assert "subtitle" in written.read_text()
        assert "add $HOME `id` subtitles" in written.read_text()
        succeeded(service.just("lint"))
        succeeded(service.just("migrate"))
        succeeded(service.run("alembic", "downgrade", "0001"))
        written.unlink()
    finally:
        models.write_text(original)


def test_the_update_recipe(template: Template, tmp_path: Path) -> None:
    """`just update` brings what is new in the platform, and fails on a conflict."""
    released = clone(template.bench, tmp_path / "shipway", tag="v0.1.0")
    version = next(iter(interpreters()))
    service = install(released, tmp_path / "orders", {"python_version": version})
    agents = service.path / "AGENTS.md"
    template.bench.commit(service.path, "Lock")

    append(released.path / "template" / "AGENTS.md.jinja", "- Be kind.\n")
    released.commit("v0.2.0")
    succeeded(service.just("update"))
    assert agents.read_text().endswith("- Be kind.\n")

    agents.write_text(agents.read_text().replace("- Be kind.", "- Be brief."))
    template.bench.commit(service.path, "Update")
    changed = released.path / "template" / "AGENTS.md.jinja"
    changed.write_text(changed.read_text().replace("- Be kind.", "- Be patient."))
    released.commit("v0.3.0")
    conflict = service.just("update")
    assert conflict.returncode != 0
    assert "AGENTS.md" in conflict.stdout


def test_what_the_image_runs(service: Service) -> None:
    """The Dockerfile's command serves, and its health check tells whether it does."""
    dockerfile = (service.path / "Dockerfile").read_text()
    port = free_port()
    check = ["env", f"PORT={port}", *command_of(dockerfile, "HEALTHCHECK")]
    serve = ["uv", "run", *command_of(dockerfile, "CMD")]

    with service.running(*serve, port=port):
        succeeded(service.run(*check))
    assert service.run(*check).returncode != 0


def test_what_compose_sets(service: Service) -> None:
    """The settings accept its environment, and its migration command runs."""
    compose = yaml.safe_load((service.path / "compose.yaml").read_text())
    variables = compose["services"]["app"]["environment"]
    assert variables
    load = ("env", *(f"{key}={value}" for key, value in variables.items()), "python", "-c")
    succeeded(service.run(*load, "from app.settings import Settings; Settings()"))
    succeeded(service.run(*compose["services"]["migrate"]["command"]))


def test_the_first_command_of_the_readme(template: Template, tmp_path: Path) -> None:
    """In a clone with nothing but Python and pip, it ends in a service that runs."""
    readme = (template.path / "README.md").read_text()
    command = next(line for line in readme.splitlines() if "--start" in line).lstrip("$ ")
    assert command.startswith("pip install uv && ")
    clone = tmp_path / "shipway"
    template.bench.git(tmp_path, "clone", "--quiet", str(template.path), str(clone))
    python = next(iter(interpreters().values()))
    subprocess.run([python, "-m", "venv", tmp_path / "venv"], check=True)
    port = free_port()
    environment = template.bench.environment()
    bare = environment["PATH"].split(":", 1)[1]
    environment["PATH"] = f"{tmp_path / 'venv' / 'bin'}:{bare}"

    with subprocess.Popen(
        ["bash", "-c", f"{command} --port {port}"],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            eventually(
                lambda: process.poll() is not None or answers(f"{url}/ready"), within_seconds=180
            )
            assert process.poll() is None, process.communicate()[0]
            for path in ("/posts", "/health", "/ready", "/status", "/docs"):
                assert httpx2.get(url + path).is_success, path
        finally:
            process.send_signal(signal.SIGTERM)
            output = process.communicate(timeout=30)[0]
    assert f"{url}/docs" in output
    assert template.bench.git(clone, "status", "--porcelain") == ""
    assert (tmp_path / "orders" / ".git").is_dir()
