"""What a Traefik was started with is read as it reads it itself."""

from __future__ import annotations

import pytest

from flipgate.core.traffic.traefik_arguments import any_on, arguments_of, is_on, value_of

EMPTY = "--providers.kubernetesCRD.allowEmptyServices"


@pytest.mark.parametrize(
    ("arguments", "on"),
    [
        ([EMPTY], True),
        ([f"{EMPTY}=true"], True),
        ([f"{EMPTY}=True"], True),
        ([f"{EMPTY.lower()}=1"], True),
        ([EMPTY[1:]], True),
        ([EMPTY, "false"], True),  # a word of its own, which belongs to nothing
        ([f"{EMPTY}=false"], False),
        ([f"{EMPTY}="], False),
        ([f"{EMPTY}=true", f"{EMPTY}=false"], False),
        ([f"{EMPTY}x"], False),
        ([EMPTY.lstrip("-")], False),
        ([], False),
    ],
)
def test_what_is_on_or_off(arguments: list[str], on: bool) -> None:
    assert is_on(arguments, "providers.kubernetescrd.allowemptyservices") is on


def test_a_value_stands_behind_its_flag_or_in_the_next_word() -> None:
    assert value_of(["--a.b=1", "--a.B", "2", "-c=3"], "a.b") == "2"
    assert value_of(["--a.b=1", "-c=3"], "c") == "3"
    assert value_of(["--a.b"], "a.b") == value_of([], "a.b") == ""


@pytest.mark.parametrize(
    ("argument", "on"),
    [
        ("--entryPoints.websecure.http.tls", True),
        ("--entrypoints.websecure.http.tls.certResolver=le", True),
        ("--entrypoints.websecure.http.tls=false", False),
        ("--entrypoints.websecure.http.tls=False", False),
        ("--entrypoints.websecure.http.tls=0", False),
        ("--entrypoints.web.http.tls=true", False),
    ],
)
def test_of_an_entry_point_it_was_told_something_of_tls(argument: str, on: bool) -> None:
    assert any_on(["traefik", argument], "entrypoints.websecure.http.tls") is on


def test_of_each_container_and_of_what_is_no_pod() -> None:
    pod = {"spec": {"containers": [{"command": ["traefik"], "args": ["--a=1"]}, {"name": "sidecar"}]}}
    assert arguments_of(pod) == ["traefik", "--a=1"]
    assert arguments_of({}) == []
