"""The team's repository by real git, over HTTP: copies, commits, pushes, and a server that is away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from flipgate.adapters.git import Credentials, Git
from flipgate.core.spec.git import Author
from flipgate.core.values.errors import (
    Conflict,
    FlipgateError,
    Forbidden,
    NotFound,
    PermanentError,
    TemporaryError,
    Unreachable,
)
from lab.git.server import DEAF, REFUSED, SILENT
from tests.repository import TOKEN, Served, git, served

PATH = "app/kustomization.yaml"
AUTHOR = Author()
SSH = """\
#!/bin/sh
printf '%s\\n' "$@" > "$SEEN"
for word in "$@"; do
    case "$word" in */key) stat -c %a "$word" >> "$SEEN"; cat "$word" >> "$SEEN" ;; esac
done
echo "Host key verification failed." >&2
exit 255
"""


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as team:
        team.begins({PATH: "images: []\n", "other": "x\n"})
        yield team


def repository(team: Served, credentials: Credentials | None = None, **changes: object) -> Git:
    known = {"address": team.url, "branch": "main", "credentials": credentials or team.credentials}
    return Git(**{**known, **changes})  # type: ignore[arg-type]


def test_a_file_is_read_changed_committed_and_pushed(team: Served) -> None:
    with repository(team).checkout() as copy:
        assert (copy.head, copy.read(PATH)) == (team.tip, "images: []\n")
        copy.write(PATH, "images: [a]\n")
        assert "+images: [a]" in copy.diff()
        commit = copy.commit("deploy: shop\n\nBy ana", AUTHOR)
        copy.push()
    assert team.tip == commit
    assert team.read(PATH) == "images: [a]\n"
    assert git(team.bare, "log", "-1", "--format=%an %ae %B") == "flipgate flipgate@localhost deploy: shop\n\nBy ana"
    assert git(team.bare, "rev-list", "--count", "main") == "2", "the copy was shallow, the history is whole"


def test_who_is_later_than_somebody_else_is_told_and_makes_it_anew(team: Served) -> None:
    with repository(team).checkout() as copy:
        copy.write(PATH, "images: [a]\n")
        copy.commit("ours", AUTHOR)
        theirs = team.pushes({"other": "y\n"}, "theirs")
        with pytest.raises(Conflict):
            copy.push()
        assert copy.refresh() == theirs
        assert copy.read(PATH) == "images: []\n"
        copy.write(PATH, "images: [b]\n")
        copy.commit("ours again", AUTHOR)
        copy.push()
    assert team.log() == ["ours again", "theirs", "The platform"]


def test_a_branch_that_was_moved_back_is_not_moved_forward_by_us(team: Served) -> None:
    first = team.tip
    team.pushes({"other": "y\n"})
    with repository(team).checkout() as copy:
        copy.write(PATH, "images: [a]\n")
        copy.commit("ours", AUTHOR)
        git(team.bare, "update-ref", "refs/heads/main", first)  # somebody forced
        with pytest.raises(Conflict):
            copy.push()
    assert team.tip == first


def test_a_file_at_a_commit_that_the_copy_does_not_have(team: Served) -> None:
    old = team.tip
    team.pushes({PATH: "images: [z]\n"})
    with repository(team).checkout() as copy:
        assert copy.at(old, PATH) == "images: []\n"
        assert copy.at(copy.head, PATH) == "images: [z]\n"
        assert copy.at(old, "nowhere") is None
        for commit in ("--upload-pack=x", "", "0" * 40):
            with pytest.raises((NotFound, TemporaryError)):
                copy.at(commit, PATH)


@pytest.mark.parametrize(("how", "kind"), [(REFUSED, Unreachable), (SILENT, Unreachable)], ids=["refused", "silent"])
def test_a_server_that_is_away_is_said_and_the_token_is_not(team: Served, how: str, kind: type[FlipgateError]) -> None:
    with team.away(how), pytest.raises(kind) as away, repository(team, seconds=1.0).checkout():
        pass
    assert TOKEN not in str(away.value)
    assert team.url in str(away.value)


def test_a_push_whose_answer_is_lost_has_arrived(team: Served) -> None:
    with repository(team).checkout() as copy:
        copy.write(PATH, "images: [a]\n")
        commit = copy.commit("ours", AUTHOR)
        with team.away(DEAF), pytest.raises(TemporaryError):
            copy.push()
        assert copy.refresh() == commit


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"credentials": Credentials(token="stolen")}, Forbidden),
        ({"branch": "nowhere"}, NotFound),
    ],
    ids=["another token", "no such branch"],
)
def test_what_the_server_refuses(team: Served, changes: dict[str, object], kind: type[FlipgateError]) -> None:
    with pytest.raises(kind) as refused, repository(team, **changes).checkout():
        pass
    assert "stolen" not in str(refused.value)


def test_nobody_answers_there(team: Served) -> None:
    with pytest.raises(Unreachable), repository(team, address="http://127.0.0.1:9/config.git").checkout():
        pass


def test_nothing_outside_the_copy_is_read_or_written(team: Served) -> None:
    os.symlink("/etc/hostname", team.clone / "link")
    os.symlink("/etc", team.clone / "folder")
    team.pushes({"other": "z\n"})
    with repository(team).checkout() as copy:
        for path in ("link", "folder/hostname"):
            with pytest.raises(PermanentError, match="is a link"):
                copy.read(path)
            with pytest.raises(PermanentError, match="is a link"):
                copy.write(path, "x")


def test_hooks_and_filters_of_a_repository_are_not_run(team: Served, tmp_path: Path) -> None:
    team.pushes({".gitattributes": "* filter=evil\n", ".githooks/pre-commit": f"#!/bin/sh\ntouch {tmp_path}/ran\n"})
    with repository(team).checkout() as copy:
        copy.write(PATH, "images: [a]\n")
        copy.commit("ours", AUTHOR)
        copy.push()
    assert not (tmp_path / "ran").exists()


def test_with_credentials_of_ours_git_sees_no_others(
    team: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".gitconfig").write_text(f'[url "http://127.0.0.1:9/"]\n  insteadOf = http://{team.address}/\n')
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.sshCommand")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "false")
    with repository(team).checkout() as copy:
        assert copy.head == team.tip


def test_a_private_key_is_used_with_its_known_hosts_alone(tmp_path: Path) -> None:
    program = tmp_path / "ssh"
    program.write_text(SSH)
    program.chmod(0o755)
    seen = tmp_path / "seen"
    ours = Credentials(private_key="-----BEGIN KEY-----\nabc", known_hosts="git.example ssh-ed25519 AAAA")
    there = Git("git@git.example:acme/config.git", "main", ours)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        patch.setenv("SEEN", str(seen))
        with pytest.raises(Forbidden, match="Host key verification failed") as refused, there.checkout():
            pass
    said = seen.read_text()
    assert "StrictHostKeyChecking=yes" in said
    assert "BatchMode=yes" in said
    assert "\n600\n-----BEGIN KEY-----\nabc\n" in said
    assert "BEGIN KEY" not in str(refused.value)


def test_a_commit_that_says_the_same_as_a_newer_one_is_not_as_new(team: Served) -> None:
    old = team.tip
    there = team.pushes({PATH: "images: [a]\n"})
    back = team.pushes({PATH: "images: []\n"})
    after = team.pushes({"other": "y\n"})
    with repository(team).checkout() as copy:
        assert [copy.has_last_change(each, [PATH]) for each in (old, there, back, after)] == [False, False, True, True]
        assert not copy.has_last_change("0" * 40, [PATH])
        assert copy.has_last_change(there, ["other"]) is False
        assert copy.has_last_change(old, ["nowhere"]) is False
