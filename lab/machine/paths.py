"""Where the lab keeps what it builds and what it runs: the XDG base directories, nothing in the checkout."""

from __future__ import annotations

import os
import re
from pathlib import Path

from lab.machine.errors import LabError

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAMS = CHECKOUT / "lab" / "programs"
MANIFESTS = CHECKOUT / "lab" / "manifests"

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


def _base(variable: str, fallback: str) -> Path:
    value = os.environ.get(variable, "")
    return Path(value) if os.path.isabs(value) else Path.home() / fallback


def cache() -> Path:
    """The folder of built programs, one for each user."""
    return _base("XDG_CACHE_HOME", ".cache") / "flipgate" / "lab"


def labs() -> Path:
    """The folder that holds one folder for each lab."""
    return _base("XDG_STATE_HOME", ".local/state") / "flipgate" / "labs"


def lab_dir(name: str) -> Path:
    """The folder of one lab.

    Raises:
        LabError: The name would not do as a folder's and a context's name.
    """
    if not _NAME.fullmatch(name):
        raise LabError(f"{name!r} is no name for a lab: use up to 40 of a-z, 0-9 and '-', not '-' at either end.")
    return labs() / name


def lock_file(name: str) -> Path:
    """The file whose lock is held by whoever starts or stops this lab. Outside its folder, which `down` removes."""
    lab_dir(name)
    return labs() / f".{name}.lock"
