"""The lab's namespace: a network and a process tree of its own, made by `unshare`, and ended by the kernel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.machine import paths
from lab.machine.errors import LabError
from lab.machine.processes import Identity, children

END_PATIENCE = 20.0  # seconds for the kernel to end everything in a namespace


_APART = ("--net", "--pid", "--fork", "--kill-child", "--mount-proc")
_OWN_USER = ("--user", "--map-root-user")


def permitted() -> tuple[str, ...]:
    """The call of `unshare` that this machine lets us make: as root, or with a user namespace of our own.

    Raises:
        LabError: It lets us make none; a cluster of the user's own is the way out.
    """
    instead = "The lab can't run here. Bring a cluster of your own (kind, k3d, a real one): --kubeconfig FILE."
    if sys.platform != "linux" or not shutil.which("unshare"):
        raise LabError(f"The lab needs Linux and the program `unshare` (package util-linux). {instead}")
    said = ""
    for extra in ((), _OWN_USER) if os.geteuid() == 0 else (_OWN_USER,):
        command = ("unshare", *extra, *_APART)
        answer = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            return command
        said = (answer.stderr.strip().splitlines() or ["no reason given"])[-1]
    raise LabError(f"This machine permits no network namespace of the lab's own ({said}). {instead}")


def start(
    command: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None, sockets: Sequence[int] = ()
) -> Identity:
    """Start what follows `unshare ...` in `command` in a namespace of its own; who its keeper outside is.

    `command` begins with what `permitted()` gave. The keeper is nobody's child: it outlives us and leaves no zombie.

    Raises:
        LabError: It ended at once.
    """
    script = '"$@" </dev/null >>"$LAB_LOG" 2>&1 & echo $!'
    answer = subprocess.run(
        ["sh", "-c", script, "sh", *command],
        cwd=paths.CHECKOUT,
        env={**(os.environ if env is None else env), "LAB_LOG": str(log)},
        pass_fds=list(sockets),
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    keeper = Identity.of(int(answer.stdout))
    if keeper is None:
        raise LabError(f"A first process of the lab ended at once: see {log}")
    return keeper


def end(keeper: Identity) -> None:
    """End a namespace with everything in it, and wait until nothing of it is left. No-op if it is gone.

    Raises:
        LabError: Something of it still runs.
    """
    first = children(keeper.pid) if keeper.alive() else ()
    for process in (*first, keeper):  # the keeper ends with its child; if there is none yet, it is told itself
        process.kill()
    for process in (*first, keeper):
        if not process.wait(END_PATIENCE):
            raise LabError(f"Process {process.pid} of the lab still runs {END_PATIENCE:.0f} s after it was killed.")
