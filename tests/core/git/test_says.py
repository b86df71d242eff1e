"""What a Git server's words mean: somebody is not let in, or it is tried again."""

from __future__ import annotations

import pytest

from flipgate.core.git.says import explain
from flipgate.core.values.errors import Forbidden, TemporaryError


def test_a_server_s_words_are_printed_without_what_a_terminal_obeys_or_nobody_should_see() -> None:
    said = "remote: \x1b[31mno\nremote: Authorization: Basic Z2l0OnNlY3JldC10b2tlbg==\n"
    error = str(explain("push", said, "branch main", 1))
    assert "\x1b" not in error
    assert "Z2l0" not in error


REFUSALS = (
    "ERROR: Permission to acme/config.git denied to acme-bot.\nfatal: Could not read from remote repository.",
    "ERROR: The key you are authenticating with has been marked as read only.\nfatal: Could not read from remote",
    "remote: error: GH013: Repository rule violations found for refs/heads/main.\n"
    "!\trefs/heads/main:refs/heads/main\t[remote rejected] (push declined due to repository rule violations)",
    "remote: error: GH006: Protected branch update failed for refs/heads/main.",
    "!\tHEAD:refs/heads/main\t[remote rejected] (TF402455: Pushes to this branch are not permitted; you must use a "
    "pull request to update this branch.)",
    "!\tHEAD:refs/heads/main\t[remote rejected] (prohibited by Gerrit: not permitted: update)",
    "remote: This repository was archived so it is read-only.\nfatal: Could not read from remote repository.",
    "remote: ERROR: Your SSH key has expired.\nfatal: Could not read from remote repository.",
    "ERROR: The 'acme' organization has enabled or enforced SAML SSO.\nfatal: Could not read from remote repository.",
)
"""What GitHub, Azure DevOps, Gerrit and GitLab say to who is not let in, or not past what protects a branch."""


@pytest.mark.parametrize("said", REFUSALS)
def test_a_server_that_refuses_is_known_by_its_words_and_is_not_taken_for_one_that_is_away(said: str) -> None:
    assert isinstance(explain("push", said, "branch main", 1), Forbidden)


@pytest.mark.parametrize(
    "said",
    [
        "error: unable to create temporary file: Read-only file system\n! [remote rejected] main (unpacker error)",
        "! [remote rejected] main -> main (Internal Server Error)",
        "! [remote rejected] main -> main (cannot lock ref 'refs/heads/main': is at 1 but expected 2)",
    ],
)
def test_what_a_server_cannot_do_just_now_is_tried_again(said: str) -> None:
    assert isinstance(explain("push", said, "branch main", 1), TemporaryError)
