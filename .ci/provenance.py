"""Says what a wheel was made from: an in-toto statement with SLSA's provenance (v1), unsigned, for it has no secrets.

    python .ci/provenance.py FOLDER -- COMMAND...

FOLDER holds the wheel and its SBOM, and gets provenance.json; COMMAND is what built the wheel. The same commit and the
same lock give the same statement, but for the SBOM's hash: that has a date.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SBOM = "sbom.cdx.json"
PINNED = (Path("uv.lock"), Path(".ci/build-constraints.txt"))
BUILD_TYPE = "https://flipgate.dev/build/wheel/v1"
BUILDER = "https://flipgate.dev/build/unsigned"
"""Nobody vouches for it: who signs the statement says by that who built."""


def main(folder: Path, command: list[str]) -> None:
    """Writes the statement about the one wheel in the folder."""
    (wheel,) = folder.glob("flipgate-*.whl")
    sbom = json.loads((folder / SBOM).read_text())
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [described(wheel)],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"command": command},
                "internalParameters": {"python": platform.python_version(), "uv": said("uv", "--version")},
                "resolvedDependencies": [source(), *map(described, PINNED), *built_with(), *needed(sbom)],
            },
            "runDetails": {"builder": {"id": BUILDER}, "byproducts": [described(folder / SBOM)]},
        },
    }
    (folder / "provenance.json").write_text(json.dumps(statement, indent=2) + "\n")


def described(file: Path) -> dict[str, Any]:
    """A file by its name and what is in it."""
    name = str(file) if file in PINNED else file.name
    return {"name": name, "digest": {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()}}


def source() -> dict[str, Any]:
    """The commit; and whether files differ from it, for then it is not what was built."""
    changed = bool(said("git", "status", "--porcelain"))
    return {
        "name": "source",
        "digest": {"gitCommit": said("git", "rev-parse", "HEAD")},
        "annotations": {"changedSince": changed},
    }


def built_with() -> Iterator[dict[str, Any]]:
    """The build's own requirements: each file that is allowed, by its hash."""
    for pin in PINNED[1].read_text().replace("\\\n", " ").splitlines():
        if found := re.match(r"([\w.-]+)==(\S+)", pin):
            for digest in re.findall(r"--hash=sha256:(\w+)", pin):
                yield package(f"pkg:pypi/{found[1]}@{found[2]}", digest, "build")


def needed(sbom: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What it needs at run time: each file of uv.lock that may be installed, by its hash."""
    for component in sbom["components"]:
        for file in component["externalReferences"]:
            for each in file.get("hashes", []):
                yield package(component["purl"], each["content"], "run time") | {"downloadLocation": file["url"]}


def package(uri: str, digest: str, use: str) -> dict[str, Any]:
    """One file of a package."""
    return {"uri": uri, "digest": {"sha256": digest}, "annotations": {"use": use}}


def said(*command: str) -> str:
    """What a program prints. It fails where that does."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[sys.argv.index("--") + 1 :])
