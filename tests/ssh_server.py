"""A team's repository for tests over SSH: a real server that runs git, for whoever has the deploy key.

python -m tests.ssh_server FOLDER REPOSITORY VERSION: says its port, and notes what it sees in FOLDER/seen.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from tests.repository import Served

PROGRAMS = ("git-upload-pack", "git-receive-pack")
TRIED, RAN = "tried", "ran"


@dataclass(frozen=True)
class SshServed:
    """The server, and what it lets in."""

    folder: Path
    port: int
    deploy_key: str

    @property
    def url(self) -> str:
        return f"ssh://git@127.0.0.1:{self.port}/config.git"

    @property
    def known_hosts(self) -> str:
        """As `ssh-keyscan` prints it."""
        return f"[127.0.0.1]:{self.port} {(self.folder / 'host.pub').read_text()}"

    def forget(self) -> None:
        """What was seen until now."""
        (self.folder / "seen").write_text("")

    def saw(self, what: str) -> list[str]:
        """The users that tried to get in, or the programs that it ran."""
        lines = [line.split() for line in (self.folder / "seen").read_text().splitlines()]
        return [word for kind, word in lines if kind == what]


def new_key(file: Path, passphrase: str = "", *form: str) -> str:
    """A private key, made as its owner does; the public half lies beside it as FILE.pub."""
    words = form or ("-t", "ed25519")
    subprocess.run(["ssh-keygen", "-q", *words, "-N", passphrase, "-f", str(file)], check=True)
    return file.read_text()


@contextmanager
def by_ssh(team: Served, version: int = 2) -> Iterator[SshServed]:
    """Serves the repository to the key that it makes, by this version of git's protocol at most: 0 is what an sshd
    speaks that does not accept GIT_PROTOCOL."""
    folder = team.folder / f"ssh-{version}"
    folder.mkdir()
    (folder / "seen").touch()
    new_key(folder / "host")
    key = new_key(folder / "deploy")
    quiet = ("-W", "ignore::RuntimeWarning")  # of asyncssh itself, about a queue that it does not wait for
    command = [sys.executable, *quiet, "-m", "tests.ssh_server", str(folder), str(team.bare), str(version)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield SshServed(folder, int(process.stdout.readline()), key)
        finally:
            process.kill()


async def serve(folder: Path, repository: str, version: str) -> None:
    """Serves without end."""

    def note(what: str, word: str) -> None:
        with (folder / "seen").open("a") as seen:
            seen.write(f"{what} {word}\n")

    class Server(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            note(TRIED, username)
            return True

    async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
        program, _, path = (process.command or "").partition(" ")
        if program not in PROGRAMS or path != "'/config.git'":
            process.stderr.write(b"ERROR: Repository not found.\n")
            process.exit(1)
            return
        note(RAN, program)
        asked = process.env.get("GIT_PROTOCOL", "") if version == "2" else ""
        git = await asyncio.create_subprocess_exec(
            *("git", program.removeprefix("git-"), repository),
            env={**os.environ, "GIT_PROTOCOL": asked},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await process.redirect(git.stdin, git.stdout, git.stderr)
        process.exit(await git.wait())

    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Server,
        server_host_keys=[str(folder / "host")],
        authorized_client_keys=str(folder / "deploy.pub"),
        process_factory=run,
        encoding=None,
    )
    print(server.get_port(), flush=True)
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), *sys.argv[2:]))
