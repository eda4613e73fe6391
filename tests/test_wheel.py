"""What is installed from a wheel renders without a network, and can be updated with one."""

import compileall
import sys
import zipfile
from pathlib import Path

import pytest
from workbench import Bench, Outcome, Template, answers_of, clone, succeeded, tree

URL = "https://github.com/shipway/shipway.git"
# Git refuses every transport but the file system: a look outside would fail.
OFFLINE = {"GIT_ALLOW_PROTOCOL": "file"}
NEW = ("--defaults", "--no-git", "--no-lock")


@pytest.fixture(scope="module")
def installed(bench: Bench, template: Template) -> Path:
    """What a wheel of this repository puts into `site-packages`, compiled as pip does."""
    site = bench.root / "site-packages"
    build = (sys.executable, "-m", "hatchling", "build", "--target=wheel", "--directory")
    succeeded(bench.run(*build, bench.root / "dist", cwd=template.path))
    (wheel,) = (bench.root / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    compileall.compile_dir(site, quiet=2)
    return site


def shipway(bench: Bench, site: Path, *arguments: str | Path, cwd: Path) -> Outcome:
    command = (sys.executable, "-m", "shipway", *arguments)
    return bench.run(*command, cwd=cwd, extra={"PYTHONPATH": str(site), **OFFLINE})


def test_a_wheel_renders_what_its_checkout_renders(
    bench: Bench, template: Template, installed: Path, tmp_path: Path
) -> None:
    outcome = succeeded(shipway(bench, installed, "new", "orders", *NEW, cwd=tmp_path))
    assert outcome.stdout.startswith("Rendered `orders` from v0.1.0 (sqlite, memory, none)\n")
    fresh = template.render(tmp_path / "fresh" / "orders")
    assert tree(tmp_path / "orders", origin=False) == tree(fresh, origin=False)
    recorded = answers_of(tmp_path / "orders")
    assert (recorded["_src_path"], recorded["_commit"]) == (URL, "v0.1.0")


def test_without_git_it_renders_all_the_same(bench: Bench, installed: Path, tmp_path: Path) -> None:
    command = (sys.executable, "-m", "shipway", "new", "orders", "--defaults", "--no-lock")
    (tmp_path / "bin").mkdir()
    extra = {"PYTHONPATH": str(installed), "PATH": str(tmp_path / "bin")}
    outcome = succeeded(bench.run(*command, cwd=tmp_path, extra=extra))
    assert "warning: `git` is not installed" in outcome.stderr
    assert "git init && git add --all" in outcome.stdout


def test_its_own_version_needs_no_network(bench: Bench, installed: Path, tmp_path: Path) -> None:
    succeeded(shipway(bench, installed, "new", "orders", *NEW, cwd=tmp_path))
    service = tmp_path / "orders"
    bench.commit(service)
    succeeded(shipway(bench, installed, "set", "cache=none", cwd=service))
    fresh = ("new", "fresh/orders", *NEW, "--cache=none")
    succeeded(shipway(bench, installed, *fresh, cwd=tmp_path))
    assert tree(service) == tree(tmp_path / "fresh" / "orders")
    bench.commit(service)
    for command in ("update", "check"):
        outcome = shipway(bench, installed, command, cwd=service)
        assert outcome.returncode == 1
        assert f"error: the template `{URL}` cannot be reached" in outcome.stderr


@pytest.mark.parametrize("door", ["shipway", "copier"])
def test_a_service_from_a_wheel_follows_the_repository(
    bench: Bench, installed: Path, door: str, tmp_path: Path
) -> None:
    succeeded(shipway(bench, installed, "new", "orders", *NEW, cwd=tmp_path))
    service = tmp_path / "orders"
    bench.commit(service)
    template = clone(bench, tmp_path / "shipway", tag="v0.1.0", lean=True)
    justfile = template.path / "template" / "justfile.jinja"
    justfile.write_text("# News.\n\n" + justfile.read_text())
    template.commit("v99.0.0")
    redirected = tmp_path / "gitconfig"
    own = (bench.root / "gitconfig").read_text()
    redirected.write_text(f'{own}[url "file://{template.path}"]\n    insteadOf = {URL}\n')
    extra = {
        "GIT_CONFIG_GLOBAL": str(redirected),
        "COPIER_CACHE_DIR": str(tmp_path / "cache"),
        **OFFLINE,
    }
    if door == "shipway":
        outcome = succeeded(template.shipway("check", service, extra=extra))
        assert "At v0.1.0; the template is at v99.0.0." in outcome.stdout
        succeeded(template.shipway("update", service, extra=extra))
        bench.commit(service)
        again = template.shipway("update", service, extra=extra)
        assert "Nothing to do" in succeeded(again).stdout
    else:
        command = (Path(sys.executable).with_name("copier"), "update", "--defaults", "--quiet")
        succeeded(bench.run(*command, cwd=service, extra=extra))
    assert (service / "justfile").read_text().startswith("# News.\n")
    assert answers_of(service)["_src_path"] == URL
