"""What one types, what comes of it, and what is said when it cannot be done."""

import os
import pty
import re
import resource
import select
import signal
import subprocess
from pathlib import Path

import pytest
from workbench import (
    SCRIPTS,
    Bench,
    Template,
    answers_of,
    append,
    clone,
    copy,
    eventually,
    names,
    succeeded,
    tree,
)

PLAIN = ("--defaults", "--no-git", "--no-lock")
COMMANDS = ("new", "update", "set", "check", "presets")


# --- Help -------------------------------------------------------------------------------


def test_help_answers_at_once(lean: Template) -> None:
    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    # Processor time: what it takes on a machine that has nothing else to do, unlike a test's.
    seconds = []
    for _ in range(5):
        before = spent()
        succeeded(lean.shipway("--help"))
        seconds.append(spent() - before)
    assert min(seconds) < 0.3


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_shows_an_example(lean: Template, command: str) -> None:
    shown = succeeded(lean.shipway(command, "--help")).stdout
    assert f"Example: shipway {command}" in shown
    assert command in succeeded(lean.shipway("--help")).stdout


def test_alone_it_tells_what_there_is(lean: Template) -> None:
    alone = succeeded(lean.shipway())

    assert alone.stdout == succeeded(lean.shipway("--help")).stdout
    assert alone.stderr == ""


def test_the_version_is_that_of_the_package(lean: Template) -> None:
    project = (lean.path / "pyproject.toml").read_text()
    name, version = succeeded(lean.shipway("--version")).stdout.split()
    assert name == "shipway"
    assert f'version = "{version}"' in project


def test_presets_are_listed_with_their_answers(lean: Template) -> None:
    shown = succeeded(lean.shipway("presets")).stdout
    for preset in (lean.path / "presets").glob("*.yml"):
        description, *_ = preset.read_text().splitlines()
        assert f"{preset.stem} " in shown
        assert description.removeprefix("# ") in shown
    assert "cache=none" in shown


# --- New --------------------------------------------------------------------------------


def test_plain_copier_renders_the_same(template: Template, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours" / "orders", tmp_path / "theirs" / "orders"
    outcome = succeeded(template.shipway("new", ours, *PLAIN))
    assert outcome.stdout.startswith("Rendered `orders` from v0.1.0 (sqlite, memory, none)\n")
    copier = ("copy", "--defaults", "--quiet", "--vcs-ref=HEAD", template.path, theirs)
    succeeded(template.copier(*copier))
    assert tree(ours, origin=False) == tree(theirs, origin=False)


def test_the_service_starts_with_a_commit(lean: Template, tmp_path: Path) -> None:
    nobody = {"GIT_CONFIG_GLOBAL": os.devnull}
    succeeded(lean.shipway("new", "orders", "--defaults", "--no-lock", cwd=tmp_path, extra=nobody))
    log = lean.bench.git(tmp_path / "orders", "log", "--format=%s by %an on %D")
    assert log == "Start from shipway by shipway on HEAD -> main"
    assert lean.bench.git(tmp_path / "orders", "status", "--porcelain") == ""
    assert names(tmp_path) == ["orders"]


def test_a_repository_that_is_there_is_its_owners(lean: Template, tmp_path: Path) -> None:
    (tmp_path / "README").write_text("An estate.\n")
    lean.bench.commit(tmp_path)
    outcome = lean.shipway("new", "orders", "--defaults", "--no-lock", cwd=tmp_path)
    assert "\n  git add --all . && git commit " in succeeded(outcome).stdout
    assert not (tmp_path / "orders" / ".git").exists()
    assert lean.bench.git(tmp_path, "rev-list", "--count", "HEAD") == "1"


def test_an_empty_directory_can_be_filled(lean: Template, tmp_path: Path) -> None:
    here = tmp_path / "orders"
    here.mkdir()
    outcome = succeeded(lean.shipway("new", ".", *PLAIN, cwd=here))
    assert "cd " not in outcome.stdout
    assert tree(here) == tree(lean.render(tmp_path / "fresh" / "orders"))


def test_what_is_left_to_do_can_be_pasted(lean: Template, tmp_path: Path) -> None:
    outcome = lean.shipway("new", "my estate/orders", *PLAIN, cwd=tmp_path)
    steps = succeeded(outcome).stdout.partition("Next:\n")[2].splitlines()
    assert steps[:2] == ["  cd 'my estate/orders'", "  uv lock"]
    assert steps[2].startswith("  git init && git add --all . && git commit ")
    assert steps[3:] == ["  uv run just dev"]
    committed = lean.shipway("new", "orders", "--defaults", "--no-lock", cwd=tmp_path)
    _, lock, commit, _ = succeeded(committed).stdout.partition("Next:\n")[2].splitlines()
    assert (lock, "Lock the dependencies" in commit) == ("  uv lock", True)


def test_an_option_outranks_the_preset_and_that_the_default(lean: Template, tmp_path: Path) -> None:
    minimal = ("new", tmp_path / "minimal", *PLAIN, "--preset", "minimal")
    succeeded(lean.shipway(*minimal))
    assert answers_of(tmp_path / "minimal")["cache"] == "none"
    options = ("--cache=memory", "--set=license=MIT", "--set", "description=Bills = money.")
    succeeded(lean.shipway("new", tmp_path / "own", *PLAIN, "--preset=minimal", *options))
    own = answers_of(tmp_path / "own")
    assert (own["cache"], own["license"]) == ("memory", "MIT")
    assert own["description"] == "Bills = money."


def test_a_dry_run_lists_and_leaves_nothing(
    lean: Template, lean_service: Path, tmp_path: Path
) -> None:
    outcome = lean.shipway("new", "orders", "--defaults", "--dry-run", cwd=tmp_path)
    title, *listed = succeeded(outcome).stdout.splitlines()
    assert sorted(line.strip() for line in listed) == sorted(tree(lean_service))
    assert title == f"Would write {len(listed)} files to `orders`:"
    assert names(tmp_path) == []


def at_a_terminal(
    lean: Template, *arguments: str, cwd: Path, pressing: bytes
) -> tuple[int | None, str]:
    """Press that key at every question: the exit code, and what the screen showed."""
    screen, keyboard = pty.openpty()
    environment = lean.bench.environment(lean.variables({"TERM": "dumb"}))
    command = [SCRIPTS / "shipway", *arguments]
    child = subprocess.Popen(
        command, cwd=cwd, env=environment, stdin=keyboard, stdout=keyboard, stderr=keyboard
    )
    shown = ""
    while (says_more := select.select([screen], [], [], 0.1)[0]) or child.poll() is None:
        if says_more:
            shown += os.read(screen, 4096).decode(errors="replace")
            if "\x1b[6n" in shown:  # where is the cursor? A terminal would say.
                shown = shown.replace("\x1b[6n", "")
                os.write(screen, b"\x1b[1;1R")
        elif "?" in shown:
            os.write(screen, pressing)
    return child.returncode, shown


def test_what_is_left_open_is_asked(lean: Template, tmp_path: Path) -> None:
    options = ("new", "orders", "--no-git", "--no-lock", "--cache=none")
    code, shown = at_a_terminal(lean, *options, cwd=tmp_path, pressing=b"\r")
    assert code == 0, shown
    assert "What is the service called?" in shown
    assert "expensive to read" not in shown
    assert answers_of(tmp_path / "orders")["cache"] == "none"


def test_an_interrupted_question_leaves_nothing(lean: Template, tmp_path: Path) -> None:
    code, shown = at_a_terminal(lean, "new", "orders", cwd=tmp_path, pressing=b"\x03")
    assert code == 130, shown
    assert "What is the service called?" in shown
    assert "error: interrupted" in shown
    assert "Answers" not in shown
    assert names(tmp_path) == []


@pytest.mark.parametrize("entry", [("shipway",), ("python", "-m", "shipway")])
def test_an_interruption_may_come_during_the_imports(
    lean: Template, entry: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    extra = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{lean.path / 'src'}"}
    outcome = lean.bench.run(SCRIPTS / entry[0], *entry[1:], cwd=tmp_path, extra=extra)
    assert outcome.returncode == 130
    assert outcome.stderr.startswith("error: interrupted\nhint: ")
    assert len(outcome.stderr.splitlines()) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_new_leaves_nothing(
    lean: Template, number: signal.Signals, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    uv = tmp_path / "uv"
    uv.write_text(f'#!/bin/sh\necho $$ >"{tmp_path}/pid"\nexec sleep 600\n')
    uv.chmod(0o755)
    child = lean.launch("new", "a/b/orders", "--defaults", cwd=place, extra={"UV": str(uv)})
    eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    assert names(place)
    child.send_signal(number)
    _, said = child.communicate(timeout=30)
    assert child.returncode == 128 + number
    assert "Traceback" not in said
    assert ("error: interrupted" in said) == (number == signal.SIGINT)
    assert names(place) == []
    locker = int((tmp_path / "pid").read_text())
    eventually(lambda: not Path(f"/proc/{locker}").exists())


def test_whoever_is_faster_keeps_the_place(lean: Template, tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\nmkdir ../../orders && touch ../../orders/theirs\n")
    uv.chmod(0o755)
    flags = ("new", "orders", "--defaults")
    outcome = lean.shipway(*flags, cwd=tmp_path / "place", extra={"UV": str(uv)})
    assert outcome.returncode == 2
    assert "/orders` is not empty" in outcome.stderr
    assert names(tmp_path / "place") == ["orders"]
    assert names(tmp_path / "place" / "orders") == ["theirs"]


def test_a_lock_that_fails_is_a_warning(lean: Template, tmp_path: Path) -> None:
    flags = ("new", "orders", "--defaults")
    outcome = lean.shipway(*flags, cwd=tmp_path, extra={"UV": "/bin/false"})
    assert "warning: `uv lock` failed" in succeeded(outcome).stderr
    assert lean.bench.git(tmp_path / "orders", "status", "--porcelain") == ""


def test_the_hook_can_be_run_again_by_hand(lean: Template, tmp_path: Path) -> None:
    service = lean.render(tmp_path / "orders")
    for _ in range(2):
        hook = ("hooks/post_copy.py", service, "--no-lock")
        succeeded(lean.bench.run(SCRIPTS / "python", *hook, cwd=lean.path))
    assert lean.bench.git(service, "rev-list", "--count", "HEAD") == "1"


# --- Errors -----------------------------------------------------------------------------

MISTAKES = [
    ("new orders", 2, "there is no terminal to ask on", "--defaults"),
    ("new orders --defaults --set cach=none", 2, "no question `cach`", "did you mean `cache`?"),
    ("new orders --defaults --set ledger=no", 2, "no question `ledger`", ": `service_name`"),
    ("new orders --defaults --set cache", 2, "`cache` is not an answer", "key=value"),
    ("new orders --defaults --cache=disk", 2, "`disk` is not a choice for `cache`", "`memory`"),
    ("new orders --defaults --cache=none --set cache=memory", 2, "given twice", "once"),
    ("new orders --defaults --preset=minimum", 2, "no preset `minimum`", "`minimal`?"),
    (
        "new orders --defaults --set service_name=My_App",
        2,
        "`service_name` is not valid",
        "hyphens",
    ),
    ("new orders --defaults --port=9000", 2, "no use without `--start`", "--start"),
    ("new orders --defaults --start --port=70000", 2, "70000 is not a port", "1 to 65535"),
    ("new orders --defaults --start --dry-run", 2, "`--dry-run`", "one of them"),
    ("new full --defaults", 2, "/full` is not empty", "another path"),
    ("new full/file --defaults", 2, "is not a directory", "another path"),
    ("new full/file/orders --defaults", 2, "is not a directory", "another path"),
    ("new /proc/shipway/orders --defaults", 1, "`/proc` is not writable", "another path"),
    ("new", 2, "Missing argument", "--help"),
    ("new orders --colour=red", 2, "No such option", "--help"),
    ("launch", 2, "No such command", "--help"),
    ("update full", 1, "not a service rendered by shipway", "shipway new"),
    ("update nowhere", 1, "not a service rendered by shipway", "shipway new"),
    ("update alien", 1, "another template", "copier update"),
    ("check alien", 1, "another template", "copier update"),
    ("set cache=none --project alien", 1, "another template", "copier update"),
    ("set cache=disk", 2, "`disk` is not a choice", "choices: "),
    ("set", 2, "no answer is given", "`shipway set cache=none`"),
]


@pytest.mark.parametrize(("line", "code", "what", "hint"), MISTAKES)
def test_a_mistake_is_told_in_two_lines(
    lean: Template, tmp_path: Path, line: str, code: int, what: str, hint: str
) -> None:
    for name in ("full/file", "alien/.copier-answers.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("_src_path: gh:someone/else\n_commit: v1\n")
    outcome = lean.shipway(*line.split(), cwd=tmp_path)
    assert outcome.returncode == code, outcome.stderr
    lines = [said for said in outcome.stderr.splitlines() if not said.endswith("…")]
    assert len(lines) == 2, outcome.stderr
    assert lines[0].startswith("error: ")
    assert what in lines[0]
    assert lines[1].startswith("hint: ")
    assert hint in lines[1]
    assert names(tmp_path) == ["alien", "full"]


def refused(outcome: subprocess.CompletedProcess[str], what: str) -> None:
    assert outcome.returncode == 1, outcome.stdout
    assert outcome.stderr.count("error: ") == 1
    assert what in outcome.stderr
    assert "\nhint: " in f"\n{outcome.stderr}"
    assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize("change", [("update",), ("set", "cache=none", "--project")])
def test_only_what_git_can_give_back_is_changed(
    lean: Template, lean_service: Path, change: tuple[str, ...], tmp_path: Path
) -> None:
    service = copy(lean_service, tmp_path / "orders")
    append(service / "justfile", "# Ours.\n")
    refused(lean.shipway(*change, service), "has changes that are not committed")
    lean.bench.git(service, "restore", "justfile")
    lean.bench.git(service, "config", "status.showUntrackedFiles", "no")
    (service / "notes").write_text("Ours.\n")
    refused(lean.shipway(*change, service), "has changes that are not committed")
    assert (service / "notes").read_text() == "Ours.\n"
    bare = lean.render(tmp_path / "bare")
    refused(lean.shipway(*change, bare), "is not under git")
    nothing = {"PATH": str(tmp_path)}
    refused(lean.shipway(*change, service, extra=nothing), "`git` is not installed")


@pytest.mark.parametrize(
    ("recorded", "instead", "what"),
    [
        (r"_src_path: .*", "_src_path: /nowhere/shipway", "`/nowhere/shipway` is not there"),
        (r"_src_path: .*", "_src_path: file:///nowhere/shipway.git", "cannot be reached"),
        (r"_commit: .*", "_commit: v0.0.7", "has no version `v0.0.7`"),
        (r"_commit: .*\n", "", "records no version"),
    ],
)
@pytest.mark.parametrize("command", ["update", "check"])
def test_a_template_that_is_gone_is_named(
    bench: Bench,
    lean: Template,
    lean_service: Path,
    command: str,
    recorded: str,
    instead: str,
    what: str,
    tmp_path: Path,
) -> None:
    service = copy(lean_service, tmp_path / "orders")
    answers = service / ".copier-answers.yml"
    answers.write_text(re.sub(recorded, instead, answers.read_text()))
    bench.commit(service)
    refused(lean.shipway(command, service), what)


def test_the_unexpected_is_told_in_two_lines_too(bench: Bench, tmp_path: Path) -> None:
    template = clone(bench, tmp_path / "shipway", lean=True)
    (template.path / "copier.yml").write_text("service_name: [")
    flags = ("new", "orders", *PLAIN)
    refused(template.shipway(*flags), "error: unexpected ParserError: ")
    debugged = template.shipway(*flags, extra={"SHIPWAY_DEBUG": "1"})
    assert "Traceback" in debugged.stderr
    assert names(tmp_path) == ["shipway"]
