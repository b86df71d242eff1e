"""Builds the lab's programs from their pinned Go modules, once for each user.

A built program lies in the cache under a name made from everything that decides what it is: go.mod, go.sum, our own
lines and the toolchain's version. A build happens in a folder beside it and is moved there whole, so what is found
under the name is finished; its manifest says how large it has to be, so a damaged one is built again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.machine import locks, paths, running
from lab.machine.errors import LabError
from lab.machine.progress import Progress, silent
from lab.plane import toolchain

_VERSION_PACKAGE = "k8s.io/component-base/version"
_SCRATCH = ".building-"
_STRIPPED = "-s -w"  # no symbol table, no debug information: half the size


@dataclass(frozen=True)
class Program:
    """One thing to build. `data` names files of modules that a run needs: (module, pattern), all put into `crds`.

    `modules` is the folder of its go.mod and go.sum where that is not its name: programs of one origin share them.
    """

    name: str
    package: str
    linker_flags: str = _STRIPPED
    data: tuple[tuple[str, str], ...] = ()
    modules: str = ""
    tags: str = ""

    @property
    def settings(self) -> str:
        """What decides what comes out, beside the modules."""
        patterns = (pattern for _, pattern in self.data)
        return " ".join([self.linker_flags, self.tags, *patterns]).rstrip()

    @property
    def folder(self) -> Path:
        """Where its go.mod and go.sum lie."""
        return paths.PROGRAMS / (self.modules or self.name)


KNOWN = {
    program.name: program
    for program in (
        Program(
            "controlplane",
            ".",
            f"{_STRIPPED} -X {_VERSION_PACKAGE}.gitVersion=v1.36.3 "
            f"-X {_VERSION_PACKAGE}.gitMajor=1 -X {_VERSION_PACKAGE}.gitMinor=36",
        ),
        Program(
            "traefik",
            "github.com/traefik/traefik/v3/cmd/traefik",
            data=(
                ("github.com/traefik/traefik/v3", "docs/content/reference/dynamic-configuration/traefik.io_*.yaml"),
                ("sigs.k8s.io/gateway-api", "config/crd/standard/gateway.networking.k8s.io_*.yaml"),
            ),
        ),
        Program(
            "prometheus",
            "github.com/prometheus/prometheus/cmd/prometheus",
            modules="metrics",
            # Of its ways to find targets, Kubernetes' alone: the clients of the clouds take longer than all the rest.
            tags="remove_all_sd,enable_kubernetes_sd",
        ),
        Program("alertmanager", "github.com/prometheus/alertmanager/cmd/alertmanager", modules="metrics"),
        Program(
            "kustomize-controller",
            "github.com/fluxcd/kustomize-controller",
            data=(
                ("github.com/fluxcd/kustomize-controller", "config/crd/bases/*.yaml"),
                ("github.com/fluxcd/source-controller", "config/crd/bases/*.yaml"),
            ),
            modules="flux",
        ),
    )
}


def ensure(programs: Sequence[str], progress: Progress = silent) -> dict[str, Path]:
    """The paths of these programs, built if they are not in the cache yet. Minutes for the first time, then nothing.

    Raises:
        LabError: A build failed, or there is nothing to build with.
    """
    go = toolchain.choose()
    wanted = {name: KNOWN[name] for name in programs}
    missing = [program for program in wanted.values() if not intact(entry(program, go.version), program)]
    if missing:
        with locks.held(paths.cache() / "build.lock", "another build of the lab's programs", progress):
            for left in paths.cache().glob(f"{_SCRATCH}*"):  # by a build that was killed: nobody else builds now
                shutil.rmtree(left, ignore_errors=True)
            for number, program in enumerate(missing, start=1):
                if not intact(entry(program, go.version), program):  # not built while we waited
                    _try_build(program, go, f"{program.name} ({number} of {len(missing)})", progress)
    return {name: entry(program, go.version) / name for name, program in wanted.items()}


def entry(program: Program, go_version: str) -> Path:
    """The cache folder of this program, built by this toolchain."""
    return paths.cache() / f"{program.name}-{key(program.folder, go_version, program.settings)}"


def key(folder: Path, go_version: str, flags: str = "") -> str:
    """A name for what would come out: it changes with the modules, our own lines, the flags and the toolchain."""
    digest = hashlib.sha256(f"{go_version}\0{flags}\0".encode())
    for path in sorted([folder / "go.mod", folder / "go.sum", *folder.glob("*.go")]):
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def intact(folder: Path, program: Program) -> bool:
    """Whether the folder holds a finished build: its manifest is there and every file has the size noted in it."""
    try:
        sizes = json.loads((folder / "manifest.json").read_text())["sizes"]
        return program.name in sizes and all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


class _Count:
    """What `go` says on stderr while it works: modules fetched, packages compiled, the last line that is neither."""

    def __init__(self) -> None:
        self.fetched = 0
        self.compiled = 0
        self.package = ""
        self.last_error = ""

    def take(self, line: str) -> None:
        line = line.strip()
        if line.startswith("go: downloading"):
            self.fetched += 1
        elif re.fullmatch(r"[\w./~-]+", line):
            self.compiled += 1
            self.package = line
        elif line and not line.startswith("#"):
            self.last_error = line


def _try_build(program: Program, go: toolchain.Toolchain, title: str, progress: Progress) -> None:
    try:
        _build(program, go, title, progress)
    except OSError as error:
        raise LabError(
            f"{program.name} could not be put into the cache {paths.cache()}: {error}\n"
            "Make room there, or name another folder with XDG_CACHE_HOME, and run the same command again."
        ) from error


def _build(program: Program, go: toolchain.Toolchain, title: str, progress: Progress) -> None:
    began = time.monotonic()
    target = entry(program, go.version)
    with tempfile.TemporaryDirectory(prefix=f"{_SCRATCH}{program.name}-", dir=paths.cache()) as outer:
        scratch = Path(outer) / "entry"
        scratch.mkdir()
        call = _Go(program, toolchain.fetch(go, progress), target.with_suffix(".log"), title, progress)
        call.log.write_text(f"{go.version}\n")
        packages = call.list_packages()
        call.build(scratch / program.name, packages)
        for module, pattern in program.data:
            _copy(call.module_folder(module).glob(pattern), scratch / "crds")
        _finish(scratch, target)
    progress(f"{title}: built in {running.duration(time.monotonic() - began)}")


@dataclass(frozen=True)
class _Go:
    """Calls of `go` for one program."""

    program: Program
    go: Path
    log: Path
    title: str
    progress: Progress

    def list_packages(self) -> list[str]:
        """Fetch what is needed, and say which packages there are, the program's own last."""
        count = _Count()
        printed = self._call(
            ["list", "-deps", *self._tags, self.program.package],
            count,
            lambda: f"fetching modules, {count.fetched} so far",
        )
        return printed.split()

    def build(self, output: Path, packages: list[str]) -> None:
        """Compile and link. Packages that Go has kept from before are not told of: hence the "at most"."""
        count = _Count()

        def describe() -> str:
            if packages and count.package == packages[-1]:
                return f"compiled {count.compiled} packages, linking"
            return f"compiled {count.compiled} of at most {len(packages)} packages"

        flags = ["-v", "-trimpath", "-buildvcs=false", "-ldflags", self.program.linker_flags, *self._tags]
        self._call(
            ["build", *flags, "-o", str(output), self.program.package],
            count,
            describe,
        )

    @property
    def _tags(self) -> list[str]:
        return ["-tags", self.program.tags] if self.program.tags else []

    def module_folder(self, module: str) -> Path:
        """Where the module cache keeps this module, which is fetched if nothing that was compiled lies in it."""
        printed = self._call(["mod", "download", "-json", module], _Count(), lambda: f"fetching {module}")
        return Path(json.loads(printed)["Dir"])

    def _call(self, arguments: Sequence[str], count: _Count, describe: Callable[[], str]) -> str:
        code, printed = running.run(
            [self.go, *arguments],
            cwd=self.program.folder,
            env=toolchain.environment(),
            log=self.log,
            each_line=count.take,
            describe=lambda: f"{self.title}: {describe()}",
            progress=self.progress,
        )
        if code:
            raise LabError(
                f"{self.program.name} could not be built: `go {arguments[0]}` ended with {code}: "
                f"{count.last_error or 'no reason given'}\nThe whole story: {self.log}\n"
                "Run the same command again to go on from where it stopped: what was compiled is kept."
            )
        return printed


def _copy(files: Iterable[Path], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for path in files:
        shutil.copyfile(path, folder / path.name)  # not its mode: files of the module cache are read-only


def _finish(scratch: Path, target: Path) -> None:
    """Note what a whole build holds, get it onto the disk, and give it its name in one step."""
    sizes = {str(path.relative_to(scratch)): path.stat().st_size for path in scratch.rglob("*") if path.is_file()}
    (scratch / "manifest.json").write_text(json.dumps({"sizes": sizes}, indent=1))
    for path in [*(path for path in scratch.rglob("*") if path.is_file()), scratch]:
        _flush(path)
    if target.exists():  # a damaged one: nothing else is built twice
        shutil.rmtree(target)
    os.rename(scratch, target)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
