"""What CI puts beside the wheel: all that it needs, and what it was made from, held against the lock and the wheel."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.machine.paths import CHECKOUT

LOCKED: list[dict[str, Any]] = tomllib.loads((CHECKOUT / "uv.lock").read_text())["package"]
Files = dict[tuple[str, str], set[str]]
"""Hashes of what may be installed, by a package's name and version."""


@dataclass(frozen=True)
class Made:
    """What `.ci/package` has made."""

    folder: Path

    def read(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text())

    @property
    def wheel(self) -> Path:
        (found,) = self.folder.glob("*.whl")
        return found

    @property
    def materials(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.read("provenance.json")["predicate"]["buildDefinition"][
            "resolvedDependencies"
        ]
        return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run([CHECKOUT / ".ci" / "package", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Made(folder)


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def wanted_by(package: dict[str, Any], extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    more = package.get("optional-dependencies", {})
    for each in [*package.get("dependencies", []), *(one for extra in extras for one in more[extra])]:
        yield each["name"], frozenset(each.get("extra", []))


def runtime() -> Files:
    """All that flipgate needs, by the lock: on any platform, with the extras that somebody asks for."""
    seen: set[tuple[str, frozenset[str]]] = set()
    ahead = [("flipgate", frozenset[str]())]
    while ahead:
        if (now := ahead.pop()) not in seen:
            seen.add(now)
            ahead += [want for each in LOCKED if each["name"] == now[0] for want in wanted_by(each, now[1])]
    names = {name for name, _ in seen} - {"flipgate"}
    return {(each["name"], each["version"]): hashes(each) for each in LOCKED if each["name"] in names}


def hashes(package: dict[str, Any]) -> set[str]:
    files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
    return {file["hash"].removeprefix("sha256:") for file in files}


def by_package(descriptors: list[dict[str, Any]], use: str) -> Files:
    found: Files = {}
    for each in descriptors:
        if each.get("annotations", {}).get("use") == use:
            name, version = each["uri"].removeprefix("pkg:pypi/").split("@")
            found.setdefault((name, version), set()).add(each["digest"]["sha256"])
    return found


def test_the_lock_pins_each_package_by_hash() -> None:
    assert len(runtime()) > 50
    assert not [each["name"] for each in LOCKED if each["name"] != "flipgate" and not hashes(each)]


def test_the_sbom_names_all_that_is_locked_for_run_time_and_nothing_else(made: Made) -> None:
    listed: Files = {}
    for component in made.read("sbom.cdx.json")["components"]:
        files = component["externalReferences"]
        digests = {each["content"] for file in files for each in file["hashes"]}
        listed[component["name"], component["version"]] = digests
    assert listed == runtime()


def test_the_provenance_is_about_this_wheel(made: Made) -> None:
    statement = made.read("provenance.json")
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert statement["subject"] == [{"name": made.wheel.name, "digest": {"sha256": sha256(made.wheel)}}]
    (sbom,) = statement["predicate"]["runDetails"]["byproducts"]
    assert sbom["digest"]["sha256"] == sha256(made.folder / "sbom.cdx.json")


def test_it_names_the_commit_the_lock_and_each_package_by_hash(made: Made) -> None:
    named = {each["name"]: each["digest"] for each in made.materials if "name" in each}
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert named == {
        "source": {"gitCommit": head.stdout.strip()},
        **{name: {"sha256": sha256(CHECKOUT / name)} for name in ("uv.lock", ".ci/build-constraints.txt")},
    }
    assert by_package(made.materials, "run time") == runtime()
    assert {name for name, _ in by_package(made.materials, "build")} >= {"hatchling", "packaging", "pathspec"}


def test_what_it_was_built_by_is_pinned_and_says_so(made: Made, tmp_path: Path) -> None:
    """The command that it names makes the same wheel; with another hash of one requirement it makes none."""
    command = made.read("provenance.json")["predicate"]["buildDefinition"]["externalParameters"]["command"]
    pins = ".ci/build-constraints.txt"
    assert "--require-hashes" in command
    again = [*command, "--out-dir", str(tmp_path)]
    subprocess.run(again, cwd=CHECKOUT, capture_output=True, check=True)
    assert sha256(tmp_path / made.wheel.name) == sha256(made.wheel)

    other = tmp_path / "pins.txt"
    other.write_text(re.sub(r"(?<=sha256:)\w+", "0" * 64, (CHECKOUT / pins).read_text()))
    refused = subprocess.run(
        [str(other) if word == pins else word for word in again], cwd=CHECKOUT, capture_output=True, text=True
    )
    assert refused.returncode
    assert "hash" in refused.stderr.lower()


def test_nothing_of_the_environment_or_of_this_machine_is_in_it(made: Made) -> None:
    text = (made.folder / "provenance.json").read_text()
    assert str(CHECKOUT) not in text
    assert str(made.folder) not in text
