"""PostgreSQL: one of our own from the system's binaries, or one that runs already."""

import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from processes import CLIENT_CPU, execute, fail, free_port, running

# The disk and the background are the same for all: they are left out.
SETTINGS = (
    *("listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"),
    *("shared_buffers=512MB", "max_wal_size=4GB", "checkpoint_timeout=30min"),
    *("synchronous_commit=off", "autovacuum=off", "jit=off", "log_min_messages=fatal"),
)


@dataclass(frozen=True)
class Postgres:
    """A server, with a database for each target."""

    url: str
    pid: int | None

    def create(self, database: str) -> str:
        """Make an empty database; its URL."""
        self.run("postgres", "-c", f"DROP DATABASE IF EXISTS {database}")
        self.run("postgres", "-c", f"CREATE DATABASE {database}")
        return f"{self.url}/{database}"

    def run(self, database: str, *arguments: str | Path) -> None:
        psql = ("psql", "-qX", "-v", "ON_ERROR_STOP=1", "-d", f"{self.url}/{database}")
        execute(*psql, *arguments, directory=Path.cwd())


@contextmanager
def own_postgres(work: Path) -> Generator[Postgres]:
    """Start a server whose data is gone afterwards. It refuses to run as root."""
    # Debian keeps it off the PATH.
    found = [*Path("/usr/lib/postgresql").glob("*/bin"), *os.get_exec_path()]
    binaries = next((Path(path) for path in found if Path(path, "postgres").exists()), None)
    if binaries is None:
        fail("PostgreSQL is missing: `apt-get install -y postgresql`")
    binaries = (binaries / "postgres").resolve().parent
    data = work / "postgres"
    data.mkdir(mode=0o700)
    prefix: tuple[str, ...] = ()
    if os.geteuid() == 0:
        work.chmod(0o755)
        shutil.chown(data, "postgres", "postgres")
        prefix = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
    initdb = (*prefix, binaries / "initdb", "-D", data, "-A", "trust", "-U", "postgres")
    execute(*initdb, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", directory=work)
    port = free_port()
    server = [*prefix, binaries / "postgres", "-D", data, "-p", port]
    server += [word for setting in SETTINGS for word in ("-c", setting)]
    ping = (binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", port, "-U", "postgres")

    def ready() -> bool:
        return subprocess.run(ping, check=False).returncode == 0

    with running(*server, cpu=CLIENT_CPU, directory=work, ready=ready) as pid:
        yield Postgres(f"postgresql://postgres@127.0.0.1:{port}", pid)
