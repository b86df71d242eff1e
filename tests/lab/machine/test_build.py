"""The cache of the lab's programs: what it calls the same, and what it takes for finished. Nothing is built here."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lab.machine import locks, paths
from lab.machine.errors import LabError
from lab.plane import build, toolchain
from lab.plane.build import KNOWN, Program

PROGRAM = Program("traefik", "example.test/traefik")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    paths.cache().mkdir(parents=True)


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    folder = tmp_path / "modules"
    folder.mkdir()
    for name in ("go.mod", "go.sum", "main.go"):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def finished() -> Path:
    """A whole build in the cache, as `_finish` leaves it."""
    scratch = paths.cache() / ".building"
    (scratch / "crds").mkdir(parents=True)
    (scratch / "traefik").write_bytes(b"program")
    (scratch / "crds" / "one.yaml").write_text("kind: One")
    build._finish(scratch, paths.cache() / "traefik-key")
    return paths.cache() / "traefik-key"


def test_key_is_the_same_for_the_same_content(modules: Path) -> None:
    assert build.key(modules, "go1.26.8") == build.key(modules, "go1.26.8")


@pytest.mark.parametrize("name", ["go.mod", "go.sum", "main.go", "another.go"])
def test_key_changes_with_each_file(modules: Path, name: str) -> None:
    before = build.key(modules, "go1.26.8")
    (modules / name).write_text("changed")
    assert build.key(modules, "go1.26.8") != before


def test_key_changes_with_toolchain_and_flags(modules: Path) -> None:
    keys = {build.key(modules, "go1.26.8"), build.key(modules, "go1.27.3"), build.key(modules, "go1.26.8", "-s")}
    assert len(keys) == 3


def test_a_program_that_needs_other_files_beside_it_is_built_anew() -> None:
    needs = replace(PROGRAM, data=(("example.test/crds", "*.yaml"),))
    assert build.entry(needs, "go1.26.8") != build.entry(PROGRAM, "go1.26.8")


def test_key_does_not_change_with_other_files(modules: Path) -> None:
    before = build.key(modules, "go1.26.8")
    (modules / "notes.txt").write_text("nothing to do with it")
    assert build.key(modules, "go1.26.8") == before


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_every_known_program_has_its_bill_of_materials(name: str) -> None:
    assert (KNOWN[name].folder / "go.mod").is_file()
    assert (KNOWN[name].folder / "go.sum").is_file()


def test_finished_build_is_good(finished: Path) -> None:
    assert build.intact(finished, PROGRAM)


def _truncate(folder: Path) -> None:
    (folder / "traefik").write_bytes(b"prog")


def _lose_program(folder: Path) -> None:
    (folder / "traefik").unlink()


def _lose_data(folder: Path) -> None:
    (folder / "crds" / "one.yaml").unlink()


def _lose_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def _cut_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"sizes": {"traef')


def _empty_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"sizes": {}}')


@pytest.mark.parametrize(
    "damage", [_truncate, _lose_program, _lose_data, _lose_manifest, _cut_manifest, _empty_manifest]
)
def test_damaged_build_is_not_taken_for_a_good_one(finished: Path, damage: Callable[[Path], None]) -> None:
    damage(finished)
    assert not build.intact(finished, PROGRAM)


def _go(tmp_path: Path, script: str) -> Path:
    """A `go` that does what the script says, on PATH's place."""
    program = tmp_path / "bin" / "go"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nif [ "$1" = env ]; then echo go1.26.8; exit; fi\n{script}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


# Finds the word after -o and writes the program there.
_BUILDS = 'while [ $# -gt 0 ]; do [ "$1" = -o ] && echo program >"$2"; shift; done'


@pytest.fixture
def only_program(modules: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setattr(paths, "PROGRAMS", modules.parent)
    program = Program("modules", ".")
    monkeypatch.setitem(KNOWN, "modules", program)
    return program


def test_a_build_is_done_once(tmp_path: Path, only_program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{_go(tmp_path, _BUILDS).parent}:/usr/bin:/bin")
    said: list[str] = []
    first = build.ensure(["modules"], said.append)["modules"]
    assert first.read_text() == "program\n"
    assert any("built in" in line for line in said)
    said.clear()
    assert build.ensure(["modules"], said.append) == {"modules": first}
    assert said == []


def test_programs_of_one_origin_share_modules_and_nothing_else(
    tmp_path: Path, only_program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    tells = 'all="$*"; while [ $# -gt 0 ]; do [ "$1" = -o ] && echo "$all" >"$2"; shift; done'
    monkeypatch.setenv("PATH", f"{_go(tmp_path, tells).parent}:/usr/bin:/bin")
    monkeypatch.setitem(KNOWN, "one", Program("one", "./one", modules="modules"))
    monkeypatch.setitem(KNOWN, "two", Program("two", "./two", modules="modules", tags="small"))
    built = build.ensure(["one", "two"])
    assert "-tags" not in built["one"].read_text()
    assert "-tags small" in built["two"].read_text()
    monkeypatch.setitem(KNOWN, "two", Program("two", "./two", modules="modules", tags="large"))
    assert "-tags large" in build.ensure(["two"])["two"].read_text(), "other tags, another program"


def test_files_of_a_module_of_which_nothing_is_compiled_are_fetched(
    tmp_path: Path, only_program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "module"
    module.mkdir()
    (module / "kinds.yaml").write_text("kind: One")
    fetches = f'[ "$*" = "mod download -json example.test/kinds" ] && echo \'{{"Dir": "{module}"}}\''
    go = _go(tmp_path, "\n".join([fetches, _BUILDS, "true"]))
    monkeypatch.setenv("PATH", f"{go.parent}:/usr/bin:/bin")
    monkeypatch.setitem(KNOWN, "modules", replace(only_program, data=(("example.test/kinds", "*.yaml"),)))
    built = build.ensure(["modules"])["modules"]
    assert (built.parent / "crds" / "kinds.yaml").read_text() == "kind: One"


def test_a_failed_build_says_what_where_and_what_next_and_leaves_nothing(
    tmp_path: Path, only_program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = _go(tmp_path, f'[ "$1" = build ] || exit 0\n{_BUILDS}\necho "no space left on device" >&2\nexit 1')
    monkeypatch.setenv("PATH", f"{go.parent}:/usr/bin:/bin")
    with pytest.raises(LabError, match="no space left on device") as raised:
        build.ensure(["modules"])
    assert str(build.entry(only_program, "go1.26.8").with_suffix(".log")) in str(raised.value)
    assert "again" in str(raised.value)
    assert [path.name for path in paths.cache().iterdir() if path.is_dir()] == []


def test_a_damaged_build_is_built_again(tmp_path: Path, only_program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{_go(tmp_path, _BUILDS).parent}:/usr/bin:/bin")
    program = build.ensure(["modules"])["modules"]
    program.write_text("")
    assert build.ensure(["modules"])["modules"].read_text() == "program\n"


def test_what_a_killed_build_left_is_cleared(
    tmp_path: Path, only_program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{_go(tmp_path, _BUILDS).parent}:/usr/bin:/bin")
    left = paths.cache() / ".building-modules-x"
    (left / "entry").mkdir(parents=True)
    build.ensure(["modules"])
    assert not left.exists()


def test_a_full_disk_is_said_in_a_sentence(
    tmp_path: Path, only_program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("PATH", f"{_go(tmp_path, _BUILDS).parent}:/usr/bin:/bin")
    monkeypatch.setattr(build, "_flush", full)
    with pytest.raises(LabError, match=r"No space left on device[^~]*XDG_CACHE_HOME"):
        build.ensure(["modules"])


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("go1.26.8", (1, 26, 8)),
        ("go version go1.27.3 linux/amd64", (1, 27, 3)),
        ("go1.26", (1, 26)),
        ("go1.26rc1", (1, 25)),
        ("devel +abc", None),
        ("", None),
    ],
)
def test_go_version(text: str, numbers: tuple[int, ...] | None) -> None:
    assert toolchain.parse_version(text) == numbers


@pytest.mark.parametrize(("version", "taken"), [("go1.26.0", True), ("go1.30", True), ("go1.25.9", False)])
def test_only_a_new_enough_go_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, taken: bool
) -> None:
    program = _go(tmp_path, "")
    program.write_text(f"#!/bin/sh\necho {version}\n")
    monkeypatch.setenv("PATH", str(program.parent))
    assert toolchain.choose() == (
        toolchain.Toolchain(version, program) if taken else toolchain.Toolchain(f"go{toolchain.PACKAGED}", None)
    )


def test_without_go_and_without_an_installer_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(LabError, match=r"Go 1\.26 or newer on PATH nor uv or pip.*--kubeconfig"):
        toolchain.fetch(toolchain.choose(), lambda line: None)


def test_go_never_fetches_a_toolchain() -> None:
    assert toolchain.environment()["GOTOOLCHAIN"] == "local"


def test_the_second_builder_is_told_whom_it_waits_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class LockedError(Exception):
        pass

    def give_up(line: str) -> None:
        raise LockedError(line)

    with (
        locks.held(tmp_path / "lock", "nobody", lambda line: None),
        pytest.raises(LockedError, match=r"waiting for another build \(process \d+\), 0 s"),
        locks.held(tmp_path / "lock", "another build", give_up),
    ):
        pass
