"""The team's repository by real git, over HTTP: copies, commits, pushes, and a server that is away."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from flipgate.adapters.git import Git
from flipgate.adapters.git_access import Credentials, ssh_command
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
    case "$word" in */fd/*) stat -L -c %a "$word" >> "$SEEN"; cat "$word" >> "$SEEN" ;; esac
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
        commit = copy.commit("deploy: shop\n\nBy ana", AUTHOR)
        copy.push()
    assert team.tip == commit
    assert team.read(PATH) == "images: [a]\n"
    assert git(team.bare, "log", "-1", "--format=%an %ae %B") == "flipgate flipgate@localhost deploy: shop\n\nBy ana"
    assert git(team.bare, "rev-list", "--count", "main") == "2", "the copy was shallow, the history is whole"


def test_the_branch_s_newest_commit_is_asked_without_fetching_it(team: Served) -> None:
    assert repository(team).find_head() == team.tip
    with pytest.raises(NotFound):
        repository(team, branch="nowhere").find_head()
    with team.away(REFUSED), pytest.raises(Unreachable):
        repository(team).find_head()


def test_a_reference_that_ends_in_the_branch_s_name_is_another(team: Served) -> None:
    """As git filter-branch leaves one, and `git push --mirror` brings it to the server."""
    git(team.bare, "update-ref", "refs/original/refs/heads/main", team.tip)
    git(team.bare, "update-ref", "refs/a/refs/heads/main", team.tip)
    git(team.bare, "update-ref", "refs/original/refs/heads/gone", team.tip)
    team.pushes({"other": "y\n"})
    assert repository(team).find_head() == team.tip
    with pytest.raises(NotFound):
        repository(team, branch="gone").find_head()


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


def test_another_branch_is_moved_only_from_where_it_was_seen(team: Served) -> None:
    with repository(team).checkout() as copy:
        assert copy.tip("flipgate/shop/green") == ""
        copy.write(PATH, "images: [a]\n")
        ours = copy.commit("ours", AUTHOR)
        copy.push_to("flipgate/shop/green", ours, "")
        assert copy.tip("flipgate/shop/green") == ours
        assert copy.is_by(ours, AUTHOR)
        theirs = team.pushes_to("flipgate/shop/green", {"other": "y\n"})
        for lease in ("", ours):
            with pytest.raises(Conflict):
                copy.push_to("flipgate/shop/green", ours, lease)
        assert copy.tip("flipgate/shop/green") == theirs
        copy.refresh()
        assert not copy.has(theirs)
        copy.push_to("flipgate/shop/green", copy.head, theirs)
        assert copy.has(copy.tip("flipgate/shop/green"))
    assert team.log() == ["The platform"]


def test_a_commit_that_somebody_has_amended_is_by_nobody_alone(team: Served) -> None:
    with repository(team).checkout() as copy:
        copy.write(PATH, "images: [a]\n")
        copy.push_to("flipgate/shop/green", copy.commit("ours", AUTHOR), "")
        theirs = team.amends("flipgate/shop/green", {"other": "y\n"})
        assert copy.tip("flipgate/shop/green") == theirs
        assert not copy.is_by(theirs, AUTHOR)


def test_a_name_that_git_keeps_without_its_end_is_known_again(team: Served) -> None:
    """An Inc. is an Inc to git, by its version."""
    author = Author(name='"Acme Inc."', email="bot@acme.example")
    with repository(team).checkout() as copy:
        copy.write(PATH, "images: [a]\n")
        ours = copy.commit("ours", author)
        assert copy.is_by(ours, author)
        assert not copy.is_by(ours, Author(name="Acme", email="bot@acme.example"))


def test_the_changes_since_a_branch_was_made_are_none_of_before(team: Served) -> None:
    team.pushes({PATH: "images: [before]\n"})
    team.pushes_to_new("a", {"other": "y\n"})
    with repository(team).checkout() as copy:
        assert copy.changes_since("a", [PATH]) == []
        seen = team.pushes({PATH: "images: [b]\n"})
        team.pushes({"notes": "n\n"})
        last = team.pushes({PATH: "images: [c]\n"})
        assert copy.changes_since("a", [PATH]) == [last, seen]
        team.brings_up_to_date("a")
        assert copy.changes_since("a", [PATH]) == []


def test_a_file_without_a_commit_keeps_what_came_after_it_or_is_not_to_be_had(team: Served) -> None:
    lines = [f"line {number}\n" for number in range(9)]
    team.pushes({PATH: "".join(lines)})
    ours = team.pushes({PATH: "".join(["ours\n", *lines[1:]])})
    team.pushes({PATH: "".join(["ours\n", *lines[1:8], "theirs\n"])})
    with repository(team).checkout() as copy:
        assert copy.has(ours)
        assert copy.without(ours, PATH) == "".join([*lines[:8], "theirs\n"])
    team.pushes({PATH: "".join(["theirs, too\n", *lines[1:]])})
    with repository(team).checkout() as copy:
        assert copy.has(ours)
        assert copy.without(ours, PATH) is None
        assert copy.without(git(team.bare, "rev-list", "--max-parents=0", "main"), PATH) is None


def test_a_folder_whose_name_begins_as_an_option_does_is_a_folder(team: Served) -> None:
    team.pushes({"-p/a.yaml": "a: 1\n"})
    with repository(team).checkout() as copy:
        copy.write("-p/a.yaml", "a: 2\n")
        ours = copy.commit("ours", AUTHOR)
        copy.push()
        assert copy.without(ours, "-p/a.yaml") == "a: 1\n"


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


def test_credentials_that_may_read_and_not_push_are_known_before_anything_is_pushed(team: Served) -> None:
    repository(team).try_push()
    assert len(team.log()) == 1, "nothing was pushed"
    git(team.bare, "config", "http.receivepack", "false")
    assert repository(team).find_head() == team.tip
    with pytest.raises(Forbidden, match="returned error: 403"):
        repository(team).try_push()


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


def test_files_are_read_and_committed_byte_for_byte_whatever_a_repository_says_of_them(team: Served) -> None:
    (team.clone / ".git/info").mkdir(exist_ok=True)
    (team.clone / ".git/info/attributes").write_text("* -text !working-tree-encoding\n")
    text = "# ours\r\nimages: []\r\n"
    said = "* text=auto\n*.yaml ident working-tree-encoding=UTF-16\n"
    team.pushes({PATH: text, "other": "x\r\ny\r\n", ".gitattributes": said})
    with repository(team).checkout() as copy:
        assert copy.read(PATH) == text
        copy.write(PATH, text.replace("[]", "[a]"))
        copy.commit("ours", AUTHOR)
        copy.push()
    assert git(team.bare, "diff", "--name-only", "main~1", "main") == PATH
    assert git(team.bare, "diff", "--numstat", "main~1", "main").split()[:2] == ["1", "1"]


def test_the_token_is_told_to_the_declared_server_alone(team: Served) -> None:
    asked: list[str] = []

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Authorization", ""))
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.end_headers()

    class Leading(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{other.server_port}{self.path}")
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Other) as other, HTTPServer(("127.0.0.1", 0), Leading) as first:
        for server in (other, first):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        there = f"http://127.0.0.1:{first.server_port}/config.git"
        with pytest.raises(FlipgateError), repository(team, address=there).checkout():
            pass
        for server in (other, first):
            server.shutdown()
    assert asked
    assert not any(asked)


def test_a_password_in_a_person_s_own_configuration_is_not_printed(
    team: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = f'[url "http://me:hunter2-secret@127.0.0.1:9/"]\n  insteadOf = http://{team.address}/\n'
    (tmp_path / ".gitconfig").write_text(config)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(FlipgateError) as away, Git(team.url, "main").checkout():
        pass
    assert "hunter2" not in str(away.value)


def test_a_place_that_cannot_be_written_is_an_error_of_ours(team: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(TemporaryError, match="no copy could be kept here"), repository(team).checkout():
        pass


def test_what_git_cannot_be_given_is_an_error_of_ours(team: Served) -> None:
    with repository(team).checkout() as copy:
        copy.write(PATH, "images: [a]\n")
        with pytest.raises(PermanentError, match="cannot be run here"):
            copy.commit("a\0b", AUTHOR)


def test_known_hosts_are_found_in_a_folder_whose_name_has_a_space(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    with ssh_command(Credentials(private_key="k"), tmp_path / "a b") as command:
        words = [*shlex.split(command), "-G", "git.example"]
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    assert f"userknownhostsfile {tmp_path}/a b/known_hosts" in said


def test_all_exchanges_together_have_an_end(team: Served) -> None:
    with repository(team).within(20).checkout() as copy:
        copy.write(PATH, "images: [a]\n")
        copy.commit("ours", AUTHOR)
    late = repository(team).within(0)
    with pytest.raises(Unreachable, match="had no end"), late.checkout():
        pass
