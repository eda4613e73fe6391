"""What can go wrong, each with one line that says what and one that says what to do."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

FAILURE = 1
USAGE = 2
INTERRUPTED = 130


class UserError(Exception):
    """Ends the command with two lines on stderr and an exit code."""

    def __init__(self, what: str, hint: str, exit_code: int = FAILURE) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.exit_code = exit_code


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _nearest(word: str, known: Iterable[str]) -> str:
    matches = get_close_matches(word, list(known), n=1)
    return f"did you mean `{matches[0]}`? " if matches else ""


# --- Answers ----------------------------------------------------------------------------


def malformed_pair(pair: str) -> UserError:
    return UserError(f"`{pair}` is not an answer", "write it as `key=value`", USAGE)


def no_pairs() -> UserError:
    return UserError("no answer is given", "for example `shipway set cache=none`", USAGE)


def given_twice(key: str, first: object, second: object) -> UserError:
    return UserError(
        f"`{key}` is given twice, as `{first}` and as `{second}`", "give it once", USAGE
    )


def unknown_key(key: str, known: Iterable[str]) -> UserError:
    known = list(known)
    return UserError(
        f"there is no question `{key}`", f"{_nearest(key, known)}questions: {_listed(known)}", USAGE
    )


def bad_choice(key: str, value: str, choices: Iterable[str]) -> UserError:
    choices = list(choices)
    return UserError(
        f"`{value}` is not a choice for `{key}`",
        f"{_nearest(value, choices)}choices: {_listed(choices)}",
        USAGE,
    )


def invalid_answer(key: str, reason: str) -> UserError:
    return UserError(f"the answer to `{key}` is not valid", reason, USAGE)


def unknown_preset(name: str, known: Iterable[str]) -> UserError:
    known = list(known)
    return UserError(
        f"there is no preset `{name}`", f"{_nearest(name, known)}presets: {_listed(known)}", USAGE
    )


def broken_preset(name: str, reason: str) -> UserError:
    return UserError(f"preset `{name}` is broken: {reason}", f"correct `presets/{name}.yml`")


def later_question(key: str, commit: str) -> UserError:
    return UserError(
        f"`{key}` is not a question of {commit}, from which this service was rendered",
        "run `shipway update` first",
    )


def no_terminal(keys: Iterable[str]) -> UserError:
    return UserError(
        f"there is no terminal to ask on: {_listed(keys)}",
        "pass `--defaults`, or answer with `--set key=value`",
        USAGE,
    )


# --- Targets and ports ------------------------------------------------------------------


def target_not_empty(path: Path) -> UserError:
    return UserError(f"`{path}` is not empty", "choose another path, or an empty directory", USAGE)


def target_is_file(path: Path) -> UserError:
    return UserError(f"`{path}` is not a directory", "choose another path", USAGE)


def not_writable(path: Path) -> UserError:
    return UserError(f"`{path}` is not writable", "choose another path, or change its permissions")


def start_on_dry_run() -> UserError:
    return UserError(
        "`--dry-run` writes nothing that `--start` could run", "pass one of them", USAGE
    )


def port_without_start() -> UserError:
    return UserError("`--port` has no use without `--start`", "pass `--start` as well", USAGE)


def port_out_of_range(port: int) -> UserError:
    return UserError(f"{port} is not a port", "choose one from 1 to 65535 with `--port`", USAGE)


def port_busy(port: int) -> UserError:
    return UserError(
        f"port {port} is in use", f"choose another one, for example `--port {port % 65535 + 1}`"
    )


def port_forbidden(port: int, reason: str) -> UserError:
    return UserError(
        f"port {port} cannot be used: {reason}", "choose another one, for example `--port 8000`"
    )


# --- Tools ------------------------------------------------------------------------------


def no_git() -> UserError:
    return UserError("`git` is not installed", "install it: https://git-scm.com/downloads")


def no_uv() -> UserError:
    return UserError("`uv` is not installed", "run `pip install uv`")


def step_failed(command: Sequence[str], code: int) -> UserError:
    return UserError(
        f"`{' '.join(command)}` failed with exit code {code}; nothing was kept",
        "read its output above, or run `shipway new` without `--start`",
    )


def service_died(code: int) -> UserError:
    return UserError(
        f"the service ended with exit code {code} before it was ready; nothing was kept",
        "read its output above, or run `shipway new` without `--start`",
    )


def service_late(seconds: float) -> UserError:
    return UserError(
        f"the service was not ready within {seconds:.0f} seconds; nothing was kept",
        "read its output above, or run `shipway new` without `--start`",
    )


def hook_failed(code: int) -> UserError:
    return UserError(
        f"`hooks/post_copy.py` failed with exit code {code}; nothing was kept",
        "read its output above, or pass `--no-git --no-lock`",
    )


def git_failed(reason: str) -> UserError:
    return UserError(f"git says: {reason}", "run the command again when that is mended")


def service_ended(code: int) -> UserError:
    return UserError(f"the service ended with exit code {code}", "read its output above")


def template_missing(path: Path) -> UserError:
    return UserError(
        f"this installation of shipway carries no template at `{path}`", "install it again"
    )


# --- The command ------------------------------------------------------------------------


def misused(message: str) -> UserError:
    return UserError(message.strip().rstrip("."), "run the command with `--help`", USAGE)


def system_says(error: OSError) -> UserError:
    place = f"`{error.filename}`: " if error.filename else ""
    reason = (error.strerror or str(error)).lower()
    return UserError(f"{place}{reason}", "mend that, then run the command again")


def unexpected(error: BaseException) -> UserError:
    words = " ".join(str(error).split()) or "no message"
    return UserError(
        f"unexpected {type(error).__name__}: {words}",
        "please report it with the output of the same command under `SHIPWAY_DEBUG=1`",
    )
