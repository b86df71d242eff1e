"""What lets git in, and how it is told: by its environment, or by memory that only this user's programs may read, never
by an argument, an address or a configuration that others see."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from shlex import join
from typing import Final
from urllib.parse import urlsplit

from flipgate.core.git.keys import locked
from flipgate.core.values.errors import PermanentError
from flipgate.core.values.frozen import dataclass

SAFE: Final = (
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "protocol.allow=never"),
    *("-c", "protocol.https.allow=always"),
    *("-c", "protocol.http.allow=always"),
    *("-c", "protocol.ssh.allow=always"),
    *("-c", "http.followRedirects=initial"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "gc.auto=0"),
    *("-c", "commit.gpgSign=false"),
    *("-c", "submodule.recurse=false"),
    *("-c", "core.autocrlf=false"),
    *("-c", "advice.detachedHead=false"),
)
"""Options of every git of ours: nothing of a repository is run, and nobody is asked."""
ASK: Final = """\
#!/bin/sh
case "$1" in
"Username for '$FLIPGATE_GIT_SCHEME://$FLIPGATE_GIT_HOST'"*) printf '%s' "$FLIPGATE_GIT_USER" ;;
"Password for '$FLIPGATE_GIT_SCHEME://"*"@$FLIPGATE_GIT_HOST'"*) printf '%s' "$FLIPGATE_GIT_TOKEN" ;;
esac
"""
"""Answers git for the declared server alone: whoever that leads on to is told nothing."""
KEPT: Final = frozenset({"GIT_TERMINAL_PROMPT", "GIT_LFS_SKIP_SMUDGE", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO"})
"""What a person or an image may have set for git, and that leaves it safe."""
ITS_CONFIGURATION: Final = (
    "GIT_ASKPASS",
    *(f"GIT_CONFIG_{each}" for each in ("GLOBAL", "SYSTEM", "NOSYSTEM", "COUNT", "KEY_", "VALUE_")),
)
"""Where a person has git find what lets them in, kept where nothing else does. Options of ours (SAFE) come before it
(git-config, "Environment")."""


@dataclass(frozen=True)
class Credentials:
    """What lets flipgate in: a token by HTTPS, or a private key by SSH with the hosts that are known."""

    user: str = "git"
    token: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    known_hosts: str = ""
    """Lines as of ~/.ssh/known_hosts. With a private key no other host is connected to."""

    def hidden(self, text: str) -> str:
        """The text without what must not be printed."""
        for secret in (self.token.strip(), self.private_key.strip()):
            text = text.replace(secret, "***") if secret else text
        return text


@contextmanager
def environment_of_git(address: str, said: Credentials | None, home: Path) -> Iterator[dict[str, str]]:
    """The environment of git, which keeps what it needs in the folder `home`. With credentials of ours it sees no
    others: no configuration, no agent, no helper. Raises PermanentError for a key that nobody can unlock."""
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "GIT_LFS_SKIP_SMUDGE": "1"}
    kept = KEPT if said else KEPT | {name for name in environment if name.startswith(ITS_CONFIGURATION)}
    for name in [each for each in environment if each.startswith("GIT_") and each not in kept]:
        del environment[name]
    environment["GIT_LITERAL_PATHSPECS"] = "1"  # a path is no pattern, whatever it begins with
    if said is None:
        yield environment
        return
    if locked(said.private_key):
        raise PermanentError(
            "is locked by a passphrase, and nobody is there to type it",
            obj=f"the private key for {address}",
            untouched="the repository",
            next_command="ssh-keygen -p -N '' -f KEYFILE",
        )
    own = home / "home"
    own.mkdir(mode=0o700)
    for name in ("SSH_AUTH_SOCK", "SSH_ASKPASS", "XDG_CONFIG_HOME"):
        environment.pop(name, None)
    site = urlsplit(address)
    ask = own / "ask"
    ask.write_text(ASK)
    ask.chmod(0o700)
    environment |= {
        "HOME": str(own),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ASKPASS": str(ask),
        "FLIPGATE_GIT_SCHEME": site.scheme,
        "FLIPGATE_GIT_HOST": site.netloc,
        "FLIPGATE_GIT_USER": said.user,
        "FLIPGATE_GIT_TOKEN": said.token,
    }
    with ssh_command(said, own) as command:
        yield {**environment, "GIT_SSH_COMMAND": command}


@contextmanager
def ssh_command(said: Credentials, home: Path) -> Iterator[str]:
    """The command by which git connects: with this key, to known hosts alone, and without asking anybody."""
    hosts = home / "known_hosts"
    hosts.write_text(said.known_hosts.rstrip("\n") + "\n")
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=20"]
    options += [f'UserKnownHostsFile="{hosts}"', "GlobalKnownHostsFile=/dev/null"]
    if not said.private_key:
        yield _command(options)
        return
    with _kept(said.private_key.rstrip("\n") + "\n", home / "key") as key:
        yield _command([*options, "IdentitiesOnly=yes"], "-i", key)


def _command(options: list[str], *more: str) -> str:
    return join(["ssh", "-F", "/dev/null", *more, *(word for each in options for word in ("-o", each))])


@contextmanager
def _kept(key: str, file: Path) -> Iterator[str]:
    """The path by which a program of this user reads the key: of memory that is gone with this process, in whatever way
    it ends. ssh closes what it inherits (closefrom in its main), so it opens this process's own. Where the system has
    no such memory, a file that is gone with the folder."""
    if not hasattr(os, "memfd_create"):
        file.touch(mode=0o600)
        file.write_text(key)
        yield str(file)
        return
    with open(os.memfd_create("flipgate-key"), "w") as memory:
        os.fchmod(memory.fileno(), 0o600)  # ssh takes no key that others may read
        memory.write(key)
        memory.flush()
        yield f"/proc/{os.getpid()}/fd/{memory.fileno()}"
