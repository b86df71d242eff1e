"""What a pod's volumes are made of, without a cluster."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import httpx
import pytest

from lab.node import inside, storage, volumes
from lab.node.kube import Kube
from lab.node.volumes import Mount, VolumeError
from lab.node.world import World
from tests.lab.machine.one_pod import Node, a_pod, until

NAMED = {
    "/api/v1/namespaces/blue/configmaps/conf": {"data": {"a": "1", "b": "2"}, "binaryData": {"c": "/w=="}},
    "/api/v1/namespaces/blue/secrets/keys": {"data": {"k": base64.b64encode(b"\xff").decode()}},
    "/api/v1/namespaces/blue/persistentvolumeclaims/data": {"spec": {"volumeName": "pv"}, "status": {"phase": "Bound"}},
    "/api/v1/namespaces/blue/persistentvolumeclaims/early": {"spec": {}, "status": {"phase": "Pending"}},
}


def mounted(folder: Path, volume: dict[str, Any], sample: bool = False, **mount: Any) -> tuple[Mount, ...]:
    pod = a_pod({"volumes": [{"name": "v"} | volume]})
    container = {"volumeMounts": [{"name": "v", "mountPath": "/data/"} | mount]}
    node = Node(
        folder, NAMED | {"/api/v1/persistentvolumes/pv": {"spec": {"hostPath": {"path": f"{folder}/volumes/pv"}}}}
    )

    async def play() -> tuple[Mount, ...]:
        kube = Kube(httpx.AsyncClient(base_url="http://api.example", transport=httpx.MockTransport(node.answer)))
        try:
            world = World(kube, "lab-node-1", "127.0.0.1", folder, print)
            return await volumes.mounts_of(container, pod, {"POD": "api-0"}, world, sample)
        finally:
            await kube.close()

    return asyncio.run(play())


def test_a_config_map_is_files_and_a_secret_keeps_its_bytes(tmp_path: Path) -> None:
    (mount,) = mounted(tmp_path, {"configMap": {"name": "conf"}}, readOnly=True)
    assert {path.name: path.read_bytes() for path in mount.source.iterdir()} == {"a": b"1", "b": b"2", "c": b"\xff"}
    assert (mount.target, mount.read_only) == ("/data", True)
    (mount,) = mounted(tmp_path / "s", {"secret": {"secretName": "keys", "defaultMode": 0o400}})
    assert (mount.source / "k").read_bytes() == b"\xff"
    assert (mount.source / "k").stat().st_mode & 0o777 == 0o400


def test_items_choose_and_what_is_gone_is_taken_away(tmp_path: Path) -> None:
    mounted(tmp_path, {"configMap": {"name": "conf"}})
    (mount,) = mounted(tmp_path, {"configMap": {"name": "conf", "items": [{"key": "a", "path": "deep/er"}]}})
    assert [path.relative_to(mount.source) for path in mount.source.rglob("*") if path.is_file()] == [Path("deep/er")]


@pytest.mark.parametrize(
    ("volume", "words"),
    [
        ({"configMap": {"name": "none"}}, 'configmap "none" not found'),
        ({"configMap": {"name": "conf", "items": [{"key": "z", "path": "z"}]}}, "non-existent config key: z"),
        ({"persistentVolumeClaim": {"claimName": "early"}}, 'persistentvolumeclaim "early" is not bound'),
        ({"persistentVolumeClaim": {"claimName": "none"}}, "not found"),
        ({"hostPath": {"path": "/of/nobody"}}, "hostPath /of/nobody does not exist"),
        ({"csi": {"driver": "x"}}, "the lab mounts no csi volumes"),
    ],
)
def test_what_can_not_be_had_is_named(tmp_path: Path, volume: dict[str, Any], words: str) -> None:
    with pytest.raises(VolumeError, match=words):
        mounted(tmp_path, volume)
    if not volume.keys() & set(volumes.DATA):
        assert mounted(tmp_path, volume, sample=True) == (), "the sample reads no such files"


def test_a_claim_is_the_folder_of_its_volume_and_sub_paths_stay_in_it(tmp_path: Path) -> None:
    claim = {"persistentVolumeClaim": {"claimName": "data"}}
    assert mounted(tmp_path, claim)[0].source == tmp_path / "volumes" / "pv"
    assert mounted(tmp_path, claim, subPathExpr="$(POD)/x")[0].source == tmp_path / "volumes" / "pv" / "api-0" / "x"
    with pytest.raises(VolumeError, match="leads out"):
        mounted(tmp_path, claim, subPath="a/../../..")


def test_an_account_s_token_is_left_out(tmp_path: Path) -> None:
    assert mounted(tmp_path, {"projected": {"sources": []}}, mountPath=volumes.ACCOUNT) == ()


def test_a_folder_that_the_machine_lacks_is_made_beside_what_it_has() -> None:
    assert inside.split(["/usr/bin/sh"]) == {"/"}
    assert inside.split(["/of-nobody/a"]) == {"/"}
    assert inside.split(["/usr/lib/of-nobody/a/b"]) == {"/", "/usr", "/usr/lib"}


def test_an_empty_dir_outlives_its_container_and_not_its_pod(tmp_path: Path) -> None:
    container = {"name": "app", "image": "sportsdata/api:1", "ports": [{"containerPort": 18412}]}
    spec = {
        "containers": [container | {"volumeMounts": [{"name": "v", "mountPath": "/data"}]}],
        "volumes": [{"name": "v", "emptyDir": {}}],
    }

    async def play() -> list[str]:
        node = Node(tmp_path)
        starts = tmp_path / "u1" / ".volumes" / "v" / "starts"
        async with node.running(a_pod(spec)) as pod:
            await until(starts.exists)
            before = starts.read_text()
            container = pod.container("app")
            assert container is not None
            assert container._runner is not None
            await container._runner.kill()
            await until(lambda: starts.read_text() not in ("", before))
            after = starts.read_text()
        return [before, after, str(starts.exists())]

    assert asyncio.run(play()) == ["1\n", "2\n", "False"]


def test_a_claim_gets_a_volume_of_its_size_bound_to_it_alone(tmp_path: Path) -> None:
    claim = {
        "metadata": {"namespace": "blue", "name": "data", "uid": "u7", "annotations": {}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}},
    }
    volume = storage.volume_for(claim, tmp_path)
    assert volume["spec"]["capacity"] == {"storage": "2Gi"}
    assert volume["spec"]["claimRef"]["uid"] == "u7"
    assert volume["spec"]["hostPath"]["path"] == str(tmp_path / "pvc-u7")
