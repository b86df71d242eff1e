"""What a release would run, its identity, and how many pods it gets."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from flipgate.core.record.release import release_id
from flipgate.core.values.errors import Refused
from flipgate.core.values.sides import Side
from flipgate.core.workloads.render import config_maps, images_of, render, wanted_images
from flipgate.core.workloads.view import SideState
from tests.core.builders import BLUE, GREEN, NAMESPACES, PLACES, deployment, refuses, shop, side, without

IMAGES = {"web": "acme/web:2", "mailer": "acme/mailer:2"}
SETTINGS = {"settings": {"LEVEL": "info"}}


def identity(state: SideState, images: dict[str, str] = IMAGES, settings: dict[str, Any] = SETTINGS) -> str:
    return release_id(render(shop(), state, images, settings))


def with_container(state: Side, **changes: Any) -> SideState:
    web = deployment()
    web["spec"]["template"]["spec"]["containers"][0].update(changes)
    return side(state, web)


def named_after(which: Side) -> tuple[SideState, dict[str, Any]]:
    """A side whose workloads and settings name the side and its namespace, as they do in life."""
    env = [{"name": "SIDE", "value": str(which)}, {"name": "NAMESPACE", "value": NAMESPACES[which]}]
    return with_container(which, env=env), {"settings": {"SIDE": str(which), "LEVEL": "info"}}


def test_the_same_content_is_one_release_on_whichever_side_it_is_rendered() -> None:
    assert identity(side(BLUE)) == identity(side(GREEN))
    (blue, blues), (green, greens) = named_after(BLUE), named_after(GREEN)
    assert identity(blue, settings=blues) == identity(green, settings=greens)


def test_the_image_a_side_runs_now_is_no_part_of_what_it_would_run() -> None:
    assert identity(side(GREEN, deployment(image="acme/web:old"))) == identity(side(GREEN))


def test_counts_versions_and_status_are_no_part_of_the_release() -> None:
    busy = deployment(replicas=9)
    busy["metadata"]["resourceVersion"] = "99"
    busy["spec"]["template"]["metadata"] = {"creationTimestamp": None}
    usual = deployment()
    usual["spec"]["template"]["metadata"] = {}
    assert identity(side(GREEN, busy)) == identity(side(GREEN, usual))


@pytest.mark.parametrize(
    "other",
    [
        identity(side(GREEN), {**IMAGES, "web": "acme/web:3"}),
        identity(side(GREEN), {**IMAGES, "mailer": "acme/mailer:3"}),
        identity(with_container(GREEN, args=["--fast"])),
        identity(with_container(GREEN, env=[{"name": "SIDE", "value": "blue"}])),
        identity(side(GREEN), settings={"settings": {"LEVEL": "debug"}}),
        identity(side(GREEN), settings={"settings": None}),
        identity(side(GREEN), settings={}),
    ],
    ids=["an image", "a worker's image", "a template", "the other side's name", "a value", "no data", "no settings"],
)
def test_any_change_of_images_templates_or_configuration_is_another_release(other: str) -> None:
    assert other != identity(side(GREEN))


def test_order_does_not_matter() -> None:
    turned = SideState(PLACES[GREEN], dict(reversed(list(side(GREEN).workloads.items()))))
    more = {**SETTINGS, "other": {"A": "1"}}
    assert identity(turned, dict(reversed(IMAGES.items())), dict(reversed(more.items()))) == identity(
        side(GREEN), settings=more
    )


def test_rendering_leaves_what_was_read_alone() -> None:
    state = side(GREEN)
    before = copy.deepcopy(state)
    render(shop(), state, IMAGES, SETTINGS)
    assert state == before


def test_the_declared_containers_image_is_set_and_sidecars_keep_theirs() -> None:
    web = deployment()
    web["spec"]["template"]["spec"]["containers"].insert(0, {"name": "proxy", "image": "acme/proxy:1"})
    template = render(shop(), side(GREEN, web), IMAGES, {})["services"]["web"]
    assert [c["image"] for c in template["spec"]["containers"]] == ["acme/proxy:1", "acme/web:2"]


def test_a_missing_workload_is_named() -> None:
    with pytest.raises(Refused, match="lacks the Deployments mailer") as refused:
        render(shop(), without(side(GREEN), "mailer"), IMAGES, {})
    assert refused.value.reason == "WorkloadMissing"
    assert "side green (namespace shop-green)" in str(refused.value)


def test_a_container_and_an_image_that_are_missing_are_named_and_replaced_by_no_other() -> None:
    with refuses("ContainerMissing", match="has no container web"):
        render(shop(), with_container(GREEN, name="proxy"), IMAGES, {})
    with refuses("ImageUnknown", match="no image is known for mailer"):
        render(shop(), side(GREEN), {"web": "acme/web:2"}, {})


# Images


def test_what_was_built_is_laid_over_what_is_live() -> None:
    assert wanted_images(shop(), side(BLUE), {"web": "acme/web:2"}) == {
        "mailer": "acme/mailer:1",
        "web": "acme/web:2",
    }


def test_images_are_by_service_sorted_and_without_those_that_are_not_there() -> None:
    assert list(images_of(shop(), side(BLUE)).items()) == [("mailer", "acme/mailer:1"), ("web", "acme/web:1")]
    assert images_of(shop(), without(side(BLUE), "web")) == {"mailer": "acme/mailer:1"}


# Configuration

CONTAINER_READS = {
    "envFrom": {"envFrom": [{"configMapRef": {"name": "settings"}}]},
    "env": {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "A"}}}]},
}


@pytest.mark.parametrize("reads", CONTAINER_READS.values(), ids=CONTAINER_READS.keys())
@pytest.mark.parametrize("kind", ["containers", "initContainers"])
def test_config_maps_are_found_in_the_environment(reads: dict[str, Any], kind: str) -> None:
    assert config_maps({"spec": {kind: [{"name": "web", **reads}]}}) == {"settings"}


@pytest.mark.parametrize(
    "volume",
    [
        {"name": "v", "configMap": {"name": "settings"}},
        {"name": "v", "projected": {"sources": [{"configMap": {"name": "settings"}}, {"secret": {"name": "s"}}]}},
    ],
    ids=["plain", "projected"],
)
def test_config_maps_are_found_in_volumes(volume: dict[str, Any]) -> None:
    assert config_maps({"spec": {"volumes": [volume]}}) == {"settings"}


def test_secrets_and_plain_values_are_not_read() -> None:
    container = {
        "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "B"}}}],
        "envFrom": [{"secretRef": {"name": "s"}}],
    }
    volumes = [{"name": "v", "secret": {"secretName": "s"}}, {"name": "w", "emptyDir": {}}]
    assert config_maps({"spec": {"containers": [container], "volumes": volumes}}) == set()
    assert config_maps({}) == set()


# What only looks like a change


@pytest.mark.parametrize(
    "mark", ["kubectl.kubernetes.io/restartedAt", "openshift.openshift.io/restartedAt", "cattle.io/timestamp"]
)
@pytest.mark.parametrize("usual", [{}, {"labels": {"app": "web"}}, {"annotations": {"scrape": "yes"}}])
def test_a_restart_makes_no_other_release(usual: dict[str, Any], mark: str) -> None:
    """On either side: the next release is rendered from the one that was restarted while it was live."""
    restarted, as_it_was = deployment(), deployment()
    as_it_was["spec"]["template"]["metadata"] = usual
    marked = {**usual, "annotations": {**usual.get("annotations", {}), mark: "2026-03-01T12:00:00Z"}}
    restarted["spec"]["template"]["metadata"] = marked
    assert identity(side(BLUE, restarted)) == identity(side(GREEN, as_it_was))


def test_any_other_annotation_is_a_change() -> None:
    other = deployment()
    other["spec"]["template"]["metadata"] = {"annotations": {"example.com/restartedAt": "2026-03-01T12:00:00Z"}}
    assert identity(side(GREEN, other)) != identity(side(GREEN))


def generated(which: Side, suffix: str, level: str = "info") -> tuple[SideState, dict[str, Any]]:
    """A side whose configuration comes from kustomize's configMapGenerator: the name ends with its content's hash."""
    name = f"settings-{suffix}"
    env = [{"configMapRef": {"name": name}}, {"secretRef": {"name": "secret-6ct58987ht"}}]
    return with_container(which, envFrom=env), {name: {"SIDE": str(which), "LEVEL": level}}


def test_generated_names_that_differ_by_side_are_the_same_configuration_when_their_content_is() -> None:
    (blue, blues), (green, greens) = generated(BLUE, "5f8gb4t2k7"), generated(GREEN, "h2m9cd6b4f")
    assert identity(blue, settings=blues) == identity(green, settings=greens)
    warned, warns = generated(GREEN, "h2m9cd6b4f", level="warn")
    assert identity(blue, settings=blues) != identity(warned, settings=warns)


@pytest.mark.parametrize("other", ["settings-blue", "settings-5f8gb4t2k", "settings-5f8gb4t2ka", "5f8gb4t2k7"])
def test_a_name_that_nobody_generated_counts_as_it_is(other: str) -> None:
    def with_settings(name: str) -> str:
        state = with_container(GREEN, envFrom=[{"configMapRef": {"name": name}}])
        return identity(state, settings={name: {"LEVEL": "info"}})

    assert with_settings(other) != with_settings("settings-5f8gb4t2k7")


def test_of_two_generations_of_a_configuration_neither_is_lost() -> None:
    env = [{"configMapRef": {"name": f"settings-{each}"}} for each in ("5f8gb4t2k7", "h2m9cd6b4f")]
    state = with_container(GREEN, envFrom=env)
    both = {"settings-5f8gb4t2k7": {"LEVEL": "info"}, "settings-h2m9cd6b4f": {"LEVEL": "warn"}}
    assert len(render(shop(), state, IMAGES, both)["configuration"]) == 2
