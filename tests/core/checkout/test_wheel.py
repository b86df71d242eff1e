"""What `pip install flipgate` puts on a machine, by the wheel itself: no name but its own, beside whatever is there."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import PathDistribution
from pathlib import Path
from zipfile import Path as ZipPath
from zipfile import ZipFile

import pytest

from lab.machine.paths import CHECKOUT

THEIRS = ("flows", "tasks", "blocks")
IMPORTED = """
import flipgate.collection, flows, tasks, blocks
assert {flows.whose, tasks.whose, blocks.whose} == {"theirs"}
print(flipgate.collection.CHECKOUT, flipgate.collection.ours())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """Built as for a release; takes seconds."""
    out = tmp_path_factory.mktemp("wheel")
    command = ["uv", "build", "--wheel", "--quiet", "--out-dir", str(out)]
    built = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    (file,) = out.glob("*.whl")
    return ZipFile(file)


def test_it_claims_one_name_and_carries_types_and_the_license(wheel: ZipFile) -> None:
    top = {name.split("/")[0] for name in wheel.namelist()}
    (info,) = top - {"flipgate"}
    assert info.endswith(".dist-info")
    assert {"flipgate/py.typed", f"{info}/licenses/LICENSE"} <= set(wheel.namelist())

    entries = PathDistribution(ZipPath(wheel, f"{info}/")).entry_points  # type: ignore[arg-type]
    assert {(each.group, each.name, each.value) for each in entries} == {
        ("console_scripts", "flipgate", "flipgate.cli:main"),
        ("prefect.collections", "flipgate", "flipgate.collection"),
    }


@pytest.mark.parametrize("place", ["in a project", "beside flipgate"])
def test_modules_of_the_same_names_stay_their_owners(wheel: ZipFile, tmp_path: Path, place: str) -> None:
    installed, project = tmp_path / "site-packages", tmp_path / "project"
    wheel.extractall(installed)
    for name in THEIRS:
        package = (project if place == "in a project" else installed) / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("whose = 'theirs'")

    env = {**os.environ, "PYTHONPATH": f"{project}:{installed}"}
    run = subprocess.run([sys.executable, "-c", IMPORTED], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == (f"{installed} False\n", "")

    for words in (["--version"], ["--help"]):
        command = [sys.executable, "-c", "from flipgate.cli import main; main()", *words]
        run = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert (run.returncode, run.stderr) == (0, "")
        assert "flipgate" in run.stdout
