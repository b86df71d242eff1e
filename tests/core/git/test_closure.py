"""What an overlay names, and what that names: followed without knowing kustomize's fields."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Collection

import pytest

from flipgate.core.git.closure import follow, named_paths

OVERLAY = "app/overlays/blue"
TEAM = """\
resources: [../../base, deployment.yaml, "https://github.com/acme/base//x?ref=v1", ../..]
configMapGenerator: [{name: a, files: [app.properties=files/app.properties]}]
patches:
  - path: patches/replicas.yaml
  - patch: |
      - op: remove
        path: /spec/replicas
"""


def test_each_word_of_it_may_be_a_path() -> None:
    found = named_paths(TEAM, OVERLAY)
    expected = {"app/base", *(f"{OVERLAY}/{each}" for each in ("deployment.yaml", "files/app.properties"))}
    assert expected | {f"{OVERLAY}/patches/replicas.yaml"} <= found
    assert not {each for each in found if "github" in each or "replicas\n" in each}


@pytest.mark.parametrize("word", [".", "..", "../..", "../../..", "../../../..", "/etc", "a\0b", "x" * 501, ""])
def test_what_leads_back_or_out_of_the_repository_is_no_path(word: str) -> None:
    assert not named_paths(json.dumps({"resources": [word]}), OVERLAY)


@pytest.mark.parametrize("text", ["{", "- a: &x [*x]", "just a word: [", ""])
def test_what_is_not_readable_is_kustomize_s_to_say(text: str) -> None:
    assert named_paths(text, OVERLAY) == frozenset()


def test_one_after_the_other_is_followed_with_one_exchange_each() -> None:
    files = {
        f"{OVERLAY}/kustomization.yaml": "resources: [../../base, own.yaml]\nlabels: [{pairs: {app: videos}}]",
        f"{OVERLAY}/own.yaml": "",
        "app/base/kustomization.yml": "resources: [../../shared, ../overlays/blue]",
        "app/base/README.md": "",
        "shared/Kustomization": "resources: [a.yaml]",
        "shared/a.yaml": "",
        "videos/huge": "",
    }
    shown: set[str] = set()
    exchanges = []

    def show(paths: Collection[str]) -> None:
        if new := set(paths) & files.keys() - shown:
            exchanges.append(new)
            shown.update(new)

    def folders_among(paths: Collection[str]) -> set[str]:
        return {path for path in paths if any(posixpath.dirname(each).startswith(path) for each in files)}

    follow([OVERLAY], folders_among=folders_among, show=show, find=lambda path: files[path] if path in shown else None)
    assert shown == files.keys() - {"videos/huge", "app/base/README.md"}
    assert len(exchanges) == 4
