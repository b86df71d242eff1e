"""The git section: addresses, paths, branches, messages, as they are taken and refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from flipgate.core.spec.application import load_application
from flipgate.core.spec.git import GitSpec
from flipgate.core.values.errors import BadInput
from flipgate.core.values.sides import Side

EXAMPLE = Path(__file__).parents[3] / "examples/sportsdata/flipgate.yaml"
OVERLAYS = {"blue": "app/overlays/production-blue", "green": "./app//overlays/./production-green/"}
WHOLE = {"repository": "https://git.example/acme/config.git", "overlays": OVERLAYS}


def read(**changes: object) -> GitSpec:
    return GitSpec.model_validate({**WHOLE, **changes}, strict=True, by_alias=True, by_name=False)


def test_what_is_left_out_and_how_paths_are_written() -> None:
    spec = read()
    assert (spec.branch, spec.timeout_seconds, spec.flux) == ("main", 300, None)
    assert spec.overlays is not None
    assert spec.overlays.of(Side.GREEN) == "app/overlays/production-green"


@pytest.mark.parametrize(
    "address",
    [
        "https://git.example/acme/config.git",
        "https://git.example:8443/acme/config",
        "git@ssh.dev.azure.com:v3/acme/config/config",
        "ssh://git@git.example:22/acme/config.git",
        "http://127.0.0.1:3000/config.git",
    ],
)
def test_addresses_that_are_taken(address: str) -> None:
    assert read(repository=address).repository == address


@pytest.mark.parametrize(
    ("key", "value", "fact"),
    [
        ("repository", "https://ana:s3cret@git.example/config", "must not hold a user or a token"),
        ("repository", "http://git.example/config", "must be https"),
        ("repository", "--upload-pack=touch /tmp/x", "must be https://HOST/PATH"),
        ("repository", "ext::sh -c true", "must be https://HOST/PATH"),
        ("repository", "file:///srv/config.git", "must be https://HOST/PATH"),
        ("repository", "git.example/config", "must be https://HOST/PATH"),
        ("repository", "ssh://git:pw@git.example/config", "must be https://HOST/PATH"),
        ("repository", "https://git.example/a\nb", "without spaces"),
        ("repository", "https://git.example/a b", "without spaces"),
        ("repository", "https://git.example/config#s3cret", "without spaces"),
        ("repository", "-x@git.example:config", "must be https://HOST/PATH"),
        ("repository", "ssh://-oProxyCommand=x/config", "must be https://HOST/PATH"),
        ("branch", "--force", "name of a branch"),
        ("branch", "a..b", "name of a branch"),
        ("branch", "", "name of a branch"),
        ("routes", ("../other",), "within the repository"),
        ("routes", ("/etc/passwd",), "within the repository"),
        ("routes", (".git/config",), "within the repository"),
        ("message", "{nobody}", "no other braces"),
        ("message", "{release!r}", "no other braces"),
        ("message", "{", "no other braces"),
        ("message", " ", "must say something"),
        ("overlays", {"blue": "a", "green": "./a"}, "one of its own"),
        ("overlays", None, "neither overlays nor routes"),
        ("request", {"command": ("open",)}, "request is for moves of users, and no routes are named"),
        ("request", {"command": ("/usr/bin/env",)}, "not a program below the folder that FLIPGATE_COMMANDS names"),
        ("request", {"command": ("sh -c 'true'",)}, "not a program below the folder"),
        ("request", {"command": ()}, "at least 1 item"),
    ],
)
def test_what_cannot_be_meant(key: str, value: object, fact: str) -> None:
    with pytest.raises(ValidationError, match=fact) as wrong:
        read(**{key: value})
    assert "s3cret" not in str(wrong.value.errors(include_input=False))


def test_a_message_with_braces_of_its_own() -> None:
    assert read(message="{{x}} {what} {release}").message.format(what="a", release="b") == "{x} a b"


def test_a_token_in_an_address_is_not_printed() -> None:
    git = "  git: {repository: 'https://ana:s3cret@git.example/config', routes: [a]}\n"
    with pytest.raises(BadInput, match=r"spec\.git\.repository: must not hold a user or a token") as wrong:
        load_application(EXAMPLE.read_text().replace("spec:\n", f"spec:\n{git}", 1), "flipgate.yaml")
    assert "s3cret" not in str(wrong.value)
