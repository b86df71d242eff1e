"""Whether what is committed reaches the cluster by a Kustomization, as far as Flux's objects say it."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.git.fed import fed_problems, no_commit, same_repository
from flipgate.core.git.flux import read_kustomization, read_source
from flipgate.core.spec.git import GitSpec

SPEC = GitSpec(repository="https://git.example/acme/config.git", routes=("routing.yaml",))
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("https://git.example/acme/config", True),
        ("ssh://git@git.example/acme/config.git", True),
        ("git@Git.Example:acme/config.git", True),
        ("ssh://git@git.example:2222/acme/config.git", False),
        ("https://git.example/acme/other.git", False),
        ("https://git.example:no/acme/config.git", False),
    ],
)
def test_a_repository_by_another_protocol_is_the_same(one: str, same: bool) -> None:
    assert same_repository(one, SPEC.repository) is same


@pytest.mark.parametrize(
    ("ref", "problem"),
    [
        ({"branch": "main"}, ""),
        ({"name": "refs/heads/main"}, ""),
        ({}, "branch master of"),
        ({"branch": "main", "tag": "v1"}, "tag v1 of"),
        ({"branch": "main", "commit": COMMIT, "tag": "v1"}, f"commit {COMMIT} of"),
    ],
)
def test_what_follows_another_branch_or_none_never_applies_a_commit(ref: dict[str, str], problem: str) -> None:
    fed = read_kustomization("Kustomization f/a", "f", {"spec": {"sourceRef": {"kind": "GitRepository", "name": "s"}}})
    source = read_source("GitRepository f/s", {"spec": {"url": SPEC.repository, "ref": ref}})
    said = list(fed_problems(SPEC, fed, source, has_commit=True))
    assert [problem in each for each in said] == ([True] if problem else [])


@pytest.mark.parametrize(
    ("status", "applied"),
    [
        ({"lastAppliedRevision": f"main@sha1:{COMMIT}"}, COMMIT),
        ({"lastAppliedRevision": "v1@sha256:ab", "lastAppliedOriginRevision": f"main@sha1:{COMMIT}"}, COMMIT),
        ({"lastAppliedRevision": "v1@sha256:ab", "lastAppliedOriginRevision": f"main/{COMMIT}"}, COMMIT),
        ({"lastAppliedRevision": "v1@sha256:ab", "lastAppliedOriginRevision": COMMIT}, COMMIT),
        ({"lastAppliedRevision": "v1@sha256:ab", "lastAppliedOriginRevision": "v1.2.3"}, ""),
        ({"lastAppliedRevision": f"v1@sha256:{COMMIT}"}, ""),
        ({}, ""),
    ],
)
def test_the_commit_that_an_artifact_was_made_of_is_what_was_applied(status: dict[str, Any], applied: str) -> None:
    obj = {"spec": {"sourceRef": {"kind": "OCIRepository", "name": "s"}}, "status": status}
    fed = read_kustomization("Kustomization f/a", "f", obj)
    assert fed.applied == applied
    assert bool(no_commit(fed)) is (bool(status) and not applied)


def test_what_names_no_commit_says_what_its_pipeline_has_to_do() -> None:
    status = {"lastAppliedRevision": "v1@sha256:ab"}
    artifact, bucket = (
        read_kustomization("K", "f", {"spec": {"sourceRef": {"kind": kind, "name": "s"}}, "status": status})
        for kind in ("OCIRepository", "Bucket")
    )
    assert '(flux push artifact ... --revision="main@sha1:$(git rev-parse HEAD)": ' in no_commit(artifact)
    assert no_commit(bucket).endswith("a Bucket has no place for it")
