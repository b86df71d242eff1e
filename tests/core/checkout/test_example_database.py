"""The example's own migrations, run as its file declares them, say and do what docs/database.md asks of programs."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from flipgate.core.gates.database import Database
from flipgate.core.gates.migration import Version, judge_backup, read_version
from flipgate.core.spec.application import load_application
from flipgate.core.values.verdicts import Evidence, Verdict
from tests.core.source import ROOT

EXAMPLE = ROOT / "examples" / "sportsdata"
(SPORTS,) = load_application((EXAMPLE / "flipgate.yaml").read_text(), "flipgate.yaml").spec.databases

Run = Callable[..., str]


def types(folder: Path, *words: str, code: int = 0) -> str:
    """What this prints, run in that folder as flipgate runs it."""
    program = EXAMPLE / "commands" / words[0]
    ran = subprocess.run([program, *words[1:]], cwd=folder, capture_output=True, text=True, timeout=30)
    assert ran.returncode == code, ran.stderr
    return ran.stdout + ran.stderr


def declared(database: Database, verb: str) -> tuple[str, ...]:
    command: tuple[str, ...] = getattr(database, verb).command
    return command


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs what the file declares, on a database that was just created."""
    types(tmp_path, "migrate", "create")
    return lambda verb: types(tmp_path, *declared(SPORTS, verb))


def columns(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "sports.db")) as database:
        return [row[1] for row in database.execute("PRAGMA table_info(venues)")]


def test_it_is_expanded_then_contracted_and_each_is_done_once(run: Run, tmp_path: Path) -> None:
    seen = []
    for verb in ("expand", "expand", "contract", "contract", "expand"):
        said = run(verb)
        seen.append((read_version(run("version")), columns(tmp_path), "nothing to do" in said))
    both, one = ["name", "seats", "capacity"], ["name", "capacity"]
    expanded, contracted = Version("2"), Version("3")
    assert seen == [
        (expanded, both, False),
        (expanded, both, True),
        (contracted, one, False),
        (contracted, one, True),
        (contracted, one, True),
    ]


def test_an_expansion_is_taken_back_and_nothing_else(run: Run, tmp_path: Path) -> None:
    assert "nothing to do" in run("down")
    run("expand")
    run("down")
    assert (read_version(run("version")), columns(tmp_path)) == (Version("1"), ["name", "seats"])


def test_one_that_is_not_expanded_loses_nothing_by_a_contract(run: Run, tmp_path: Path) -> None:
    assert "nothing to do" in run("contract")
    assert columns(tmp_path) == ["name", "seats"]


def test_its_newest_backup_is_of_now(run: Run) -> None:
    said = Evidence("sports: backup", Verdict.PASS, "", "", "", "", output=run("backup"))
    judged = judge_backup("sports: backup", said, 24, datetime.now(UTC))
    assert (judged.verdict, judged.answer.rpartition(", ")[2]) == (Verdict.PASS, "0.0 h ago")


def test_creating_it_twice_changes_nothing(run: Run, tmp_path: Path) -> None:
    run("expand")
    assert "nothing to do" in types(tmp_path, "migrate", "create")
    assert columns(tmp_path) == ["name", "seats", "capacity"]


@pytest.mark.parametrize("verb", ["version", "expand", "contract", "down"])
def test_one_that_is_not_there_is_not_made_by_looking(tmp_path: Path, verb: str) -> None:
    asked = partial(types, tmp_path, *declared(SPORTS, verb))
    assert "is not there: migrate create" in asked(code=1)
    assert list(tmp_path.iterdir()) == []
