"""A kubeconfig's user that acts as somebody else is that somebody, as with kubectl, in every request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from flipgate.adapters.cluster import Cluster
from flipgate.core.values.errors import BadInput, Forbidden
from lab.control.records import Lab
from tests.api.shop import Shop

EVE = {
    "as": "eve",
    "as-uid": "4711",
    "as-groups": ["on-call", "süd"],
    "as-user-extra": {"example.org/scopes": ["a", "b"]},
}
NO_USER = [{"as-groups": ["on-call"]}, {"as-uid": "4711"}, {"as": "", "as-user-extra": {"scopes": ["a"]}}]


def kubeconfig(lab: Lab, folder: Path, acting_as: dict[str, Any]) -> Path:
    """The admin's own, whose user acts as another."""
    config = yaml.safe_load(lab.kubeconfig.read_text())
    config["users"] = [{**each, "user": {**each["user"], **acting_as}} for each in config["users"]]
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def test_an_admin_who_acts_as_somebody_has_their_name_and_their_rights(
    cluster: Cluster, lab: Lab, tmp_path: Path
) -> None:
    shop = Shop.applied(cluster, lab.kubeconfig)
    eve = Cluster.connect(kubeconfig(lab, tmp_path, EVE))
    said = eve.who_am_i(timeout=10)["status"]["userInfo"]
    assert said == {
        "username": "eve",
        "uid": "4711",
        "groups": ["on-call", "süd", "system:authenticated"],
        "extra": {"example.org/scopes": ["a", "b"]},
    }
    maps = f"/api/v1/namespaces/{shop.own}/configmaps"
    with pytest.raises(Forbidden, match='User "eve" cannot list'):
        eve.get(maps)
    with pytest.raises(Forbidden, match='User "eve" cannot create'):
        eve.create(maps, {"metadata": {"name": "mine"}})


@pytest.mark.parametrize("acting_as", [*NO_USER, {"as": "eve\nX: y"}, {"as": "eve", "as-groups": [7]}])
def test_what_names_nobody_is_refused_before_anything_is_asked(
    lab: Lab, tmp_path: Path, acting_as: dict[str, Any]
) -> None:
    with pytest.raises(BadInput, match="the kubeconfig's user"):
        Cluster.connect(kubeconfig(lab, tmp_path, acting_as))
