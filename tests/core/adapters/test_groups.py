"""What an API server serves is asked for once, by many threads."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from flipgate.adapters.cluster import Reader


def group(name: str) -> dict[str, Any]:
    version = {"groupVersion": f"{name}/v1"}
    return {"name": name, "preferredVersion": version, "versions": [version]}


def test_nobody_finds_a_part_of_the_groups_while_another_thread_reads_them() -> None:
    """Or KEDA, which comes late in the alphabet, would not be served there for who asks meanwhile."""

    class Answer(list[dict[str, Any]]):
        def __iter__(self) -> Iterator[dict[str, Any]]:
            for each in super().__iter__():
                assert connection.groups == {}
                yield each

    answer = {"groups": Answer([group("apps"), group("keda.sh")])}
    connection: Any = SimpleNamespace(context="", server="", groups={}, json=lambda *_, **__: answer)
    assert list(Reader(connection).groups()) == list(connection.groups) == ["apps", "keda.sh"]
