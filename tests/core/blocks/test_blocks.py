"""The blocks by Prefect's own standards for them, and what a flow gets where a block is missing or wrong."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Any

import pytest

import blocks
from flipgate.core.values.errors import BadInput

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds

NEEDS_THE_NETWORK = "test_has_a_valid_image"


def all_blocks() -> list[Any]:
    """Every class of block that a module of blocks/ defines itself."""
    from prefect.blocks.core import Block

    modules = [importlib.import_module(f"blocks.{each.name}") for each in pkgutil.iter_modules(blocks.__path__)]
    mine = [(module, value) for module in modules for value in vars(module).values() if isinstance(value, type)]
    return [value for module, value in mine if issubclass(value, Block) and value.__module__ == module.__name__]


def test_all_keep_prefects_standards() -> None:
    from prefect.testing.standard_test_suites import BlockStandardTestSuite  # Prefect takes seconds: not at the top

    class Standards(BlockStandardTestSuite):
        block = None

    standards = [name for name in dir(Standards) if name.startswith("test_") and name != NEEDS_THE_NETWORK]
    assert "test_all_fields_have_a_description" in standards
    assert [each.__name__ for each in all_blocks()] == ["FlipgateChat", "FlipgateCluster", "FlipgateGit"]
    for block in all_blocks():
        for name in standards:
            getattr(Standards(), name)(block)


def test_their_pictures_are_those_that_prefects_server_shows_for_its_own() -> None:
    import prefect.server

    known = (Path(prefect.server.__file__).parent / "collection_blocks_data.json").read_text()
    for block in all_blocks():
        assert f'"{block._logo_url}"' in known


def test_prefect_finds_them_by_the_entry_point_alone() -> None:
    from prefect.blocks.core import Block
    from prefect.plugins import load_prefect_collections

    found = load_prefect_collections()["flipgate"]
    assert (found.__name__, found.ours()) == ("flipgate.collection", True)
    assert [Block.get_block_class_from_key(each.get_block_type_slug()) for each in all_blocks()] == all_blocks()


def test_a_block_that_is_not_there_is_refused_by_name_and_the_default_need_not_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from blocks import cluster

    def missing(name: str) -> None:
        raise ValueError(f"Unable to find block document named {name}")

    monkeypatch.setattr(cluster.FlipgateCluster, "load", missing)
    with pytest.raises(BadInput, match="block flipgate-cluster/prod: does not exist on this Prefect server") as refused:
        cluster.connect("shop", "prod")
    assert refused.value.next_command == "prefect block create flipgate-cluster"
    with pytest.raises(BadInput, match="flipgate-cluster/prod"):
        cluster.applications("prod")
    assert cluster._load("default") == cluster.FlipgateCluster()


@pytest.mark.parametrize("name", ["../../../admin/settings", "prod\n", "Prod", "", "{{ prod }}"])
def test_what_no_block_is_called_is_asked_of_nobody(name: str) -> None:
    from blocks import cluster

    with pytest.raises(BadInput, match="is no block's name"):
        cluster.connect("shop", name)
