"""The team's repository as real servers give it: SSH with a known host, HTTPS by an authority of its own."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from flipgate.adapters.git import Git
from flipgate.adapters.git_access import Credentials
from flipgate.core.spec.git import Author
from flipgate.core.values.errors import FlipgateError, Forbidden, NotFound, PermanentError
from lab.git.server import GitHandler
from tests.repository import Served, git, served
from tests.ssh_server import RAN, TRIED, SshServed, by_ssh, new_key

PATH = "app/kustomization.yaml"


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("team")) as team:
        team.begins({PATH: "images: []\n"})
        yield team


@pytest.fixture(scope="module")
def started(team: Served) -> Iterator[SshServed]:
    with by_ssh(team) as ssh:
        yield ssh


@pytest.fixture
def ssh(started: SshServed) -> SshServed:
    """One that nobody has come to yet."""
    started.forget()
    return started


def keyed(ssh: SshServed) -> Credentials:
    return Credentials(private_key=ssh.deploy_key, known_hosts=ssh.known_hosts)


def refused(address: str, credentials: Credentials) -> FlipgateError:
    with pytest.raises(FlipgateError) as refusal, Git(address, "main", credentials).checkout():
        pass
    return refusal.value


def changed(repository: Git, text: str) -> str:
    with repository.checkout() as copy:
        copy.write(PATH, text)
        commit = copy.commit("ours", Author())
        copy.push()
    return commit


def test_a_deploy_key_reads_and_pushes_on_a_known_host(team: Served, ssh: SshServed) -> None:
    first, text = team.tip, team.read(PATH)
    commit = changed(Git(ssh.url, "main", keyed(ssh)), "images: [a]\n")
    assert team.tip == commit
    assert ssh.saw(RAN) == ["git-upload-pack", "git-receive-pack"]
    with Git(ssh.url, "main", keyed(ssh)).checkout() as copy:
        assert copy.at(first, PATH) == text


HOLDS = """
import sys, time
from pathlib import Path
from flipgate.adapters.git import Git
from flipgate.adapters.git_access import Credentials
address, key, hosts = sys.argv[1:]
with Git(address, "main", Credentials(private_key=Path(key).read_text(), known_hosts=hosts)).checkout() as copy:
    print(copy.head, flush=True)
    time.sleep(600)
"""


def killed_in_a_checkout(ssh: SshServed, place: Path) -> str:
    """The commit that a process had of the server, in this place, before it was killed."""
    place.mkdir()
    words = [sys.executable, "-c", HOLDS, ssh.url, str(ssh.folder / "deploy"), ssh.known_hosts]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(place)}
    ) as process:
        assert process.stdout
        head = process.stdout.readline().strip()
        process.kill()
    return head


def test_a_process_that_is_killed_leaves_no_key(team: Served, ssh: SshServed, tmp_path: Path) -> None:
    assert killed_in_a_checkout(ssh, tmp_path / "there") == team.tip
    left = [each for each in (tmp_path / "there").rglob("*") if each.is_file()]
    assert left, "or it had no copy"
    assert not [each for each in left if "PRIVATE KEY" in each.read_text(errors="replace")]


def test_what_a_killed_process_has_left_is_removed_by_the_next_one(
    team: Served, ssh: SshServed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "there"
    killed_in_a_checkout(ssh, place)
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    (left,) = place.iterdir()
    there = Git(ssh.url, "main", keyed(ssh))
    with there.checkout():
        assert left.exists(), "it may be one that somebody is making just now"
    os.utime(left, (1, 1))
    with there.checkout() as living:
        os.utime(living.folder.parent, (1, 1))
        assert not left.exists()
        with there.checkout():
            assert living.folder.exists(), "its owner lives"


def test_where_nothing_can_be_kept_in_memory_alone_the_key_is_in_a_file_of_ours(
    team: Served, ssh: SshServed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "memfd_create")
    with Git(ssh.url, "main", keyed(ssh)).checkout() as copy:
        (key,) = copy.folder.parent.glob("home/key")
        assert key.stat().st_mode & 0o777 == 0o600


def test_a_server_that_gives_no_commit_by_its_name(team: Served) -> None:
    """What Flux applied last may be older than the branch's newest; files that were left out do not come later."""
    git(team.bare, "config", "uploadpack.allowFilter", "true")
    first, text = team.tip, team.read(PATH)
    team.pushes({PATH: "images: [z]\n"})
    with by_ssh(team, version=0) as old, Git(old.url, "main", keyed(old)).checkout() as copy:
        assert copy.at(first, PATH) == text
        with pytest.raises(NotFound):
            copy.at("0" * 40, PATH)
        copy.write(PATH, "images: [b]\n")
        commit = copy.commit("ours", Author())
        copy.push()
    assert team.tip == commit


def test_a_host_of_another_key_is_told_nothing(ssh: SshServed, tmp_path: Path) -> None:
    new_key(tmp_path / "other")
    other = (tmp_path / "other.pub").read_text()
    for hosts in ("", f"[127.0.0.1]:{ssh.port} {other}"):
        error = refused(ssh.url, replace(keyed(ssh), known_hosts=hosts))
        assert isinstance(error, Forbidden)
    assert not ssh.saw(TRIED)
    assert "IDENTIFICATION HAS CHANGED" in str(error)
    assert "@@" not in str(error)


def test_another_key_is_refused(ssh: SshServed, tmp_path: Path) -> None:
    error = refused(ssh.url, replace(keyed(ssh), private_key=new_key(tmp_path / "other")))
    assert isinstance(error, Forbidden)
    assert not ssh.saw(RAN)


def test_another_repository_of_the_server(ssh: SshServed) -> None:
    assert isinstance(refused(ssh.url.replace("config", "other"), keyed(ssh)), NotFound)


@pytest.mark.parametrize(
    "form", [[], ["-t", "ecdsa", "-m", "PEM"], ["-t", "ecdsa", "-m", "PKCS8"]], ids=["openssh", "pem", "pkcs8"]
)
def test_a_key_with_a_passphrase_is_refused_before_anybody_is_connected_to(
    ssh: SshServed, tmp_path: Path, form: list[str]
) -> None:
    key = new_key(tmp_path / "locked", "secret-phrase", *form)
    error = refused(ssh.url, replace(keyed(ssh), private_key=key))
    assert isinstance(error, PermanentError)
    assert "is locked by a passphrase" in str(error)
    assert key.splitlines()[-2] not in str(error)
    assert not ssh.saw(TRIED)


def test_what_is_no_key_at_all_is_said_so(ssh: SshServed) -> None:
    error = refused(ssh.url, replace(keyed(ssh), private_key="-----BEGIN OPENSSH PRIVATE KEY-----\nx"))
    assert isinstance(error, Forbidden)


@pytest.fixture
def secure(team: Served) -> Iterator[tuple[str, Path]]:
    """The same repository by HTTPS, with the file of the authority that the server's certificate is by."""
    authority = trustme.CA()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(GitHandler, team.folder))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    file = team.folder / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    yield f"https://127.0.0.1:{server.server_port}/config.git", file
    server.shutdown()
    server.server_close()


def test_a_token_by_https_where_the_worker_trusts_the_servers_authority(
    team: Served, secure: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, authority = secure
    monkeypatch.setenv("GIT_SSL_CAINFO", str(authority))
    commit = changed(Git(url, "main", team.credentials), "images: [by https]\n")
    assert team.tip == commit
    assert isinstance(refused(url, Credentials(token="stolen")), Forbidden)


def test_an_authority_that_nobody_trusts_is_told_no_token(team: Served, secure: tuple[str, Path]) -> None:
    url, _ = secure
    error = refused(url, team.credentials)
    assert isinstance(error, PermanentError)
    assert "GIT_SSL_CAINFO" in str(error)
