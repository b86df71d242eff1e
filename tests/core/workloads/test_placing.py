"""On which nodes a pod may run, and which of a release's pods fit on none."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from flipgate.adapters.limits import scheduled_requests
from flipgate.core.workloads.nodes import CORDONED, Node, Taint, keeps_out
from flipgate.core.workloads.placing import Coming, Unplaced, place, placed

MIB = 2**20
DATABASES = Taint("dedicated", "db", "NoSchedule")


def node(
    name: str = "n1", *, cpu: str = "2", memory: int = 2048, pods: int = 10, taint: Taint | None = None, **labels: str
) -> Node:
    free = {"cpu": Decimal(cpu), "memory": Decimal(memory * MIB), "pods": Decimal(pods)}
    return Node(name, free, labels, (taint,) if taint else ())


def coming(service: str, pods: int, *, cpu: str = "1", memory: int = 0, **spec: Any) -> Coming:
    return Coming(service, pods, {"cpu": Decimal(cpu), "memory": Decimal(memory * MIB)}, spec)


def affine(*expressions: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A pod's spec whose one term of required node affinity is made of these."""
    required = {"nodeSelectorTerms": [{"matchExpressions": list(expressions), **more}]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}


def asks(operator: str, *values: str, key: str = "zone") -> dict[str, Any]:
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


@pytest.mark.parametrize(
    ("toleration", "kept_out"),
    [
        ({"key": "dedicated", "value": "db"}, False),
        ({"key": "dedicated", "operator": "Equal", "value": "db", "effect": "NoSchedule"}, False),
        ({"key": "dedicated", "operator": "Exists"}, False),
        ({"operator": "Exists"}, False),
        ({"key": "dedicated", "operator": "Exists", "effect": "NoExecute"}, True),
        ({"key": "dedicated", "value": "web"}, True),
        ({"key": "other", "operator": "Exists"}, True),
    ],
)
def test_a_taint_keeps_out_what_does_not_tolerate_it(toleration: dict[str, Any], kept_out: bool) -> None:
    said = keeps_out(node(taint=DATABASES), {"tolerations": [toleration]})
    assert said == ("with taint dedicated=db:NoSchedule" if kept_out else "")


def test_a_cordoned_node_takes_what_tolerates_that() -> None:
    cordoned = node(taint=Taint(CORDONED, "", "NoSchedule"))
    assert keeps_out(cordoned, {}) == "cordoned"
    assert keeps_out(cordoned, {"tolerations": [{"operator": "Exists"}]}) == ""


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        (asks("In", "a", "b"), True),
        (asks("In", "c"), False),
        (asks("NotIn", "c"), True),
        (asks("NotIn", "a"), False),
        (asks("NotIn", "a", key="absent"), True),
        (asks("Exists"), True),
        (asks("Exists", key="absent"), False),
        (asks("DoesNotExist", key="absent"), True),
        (asks("DoesNotExist"), False),
        (asks("Gt", "7", key="generation"), True),
        (asks("Gt", "8", key="generation"), False),
        (asks("Lt", "9", key="generation"), True),
        (asks("Lt", "9"), False),  # not a number
        (asks("Gt", "1", key="absent"), False),
    ],
)
def test_required_node_affinity_has_six_operators(expression: dict[str, Any], matches: bool) -> None:
    said = keeps_out(node(zone="a", generation="8"), affine(expression))
    assert said == ("" if matches else "outside its required node affinity")


def test_one_term_of_several_will_do_and_within_one_all_have_to_match() -> None:
    both = affine(asks("In", "a"), asks("In", "big", key="size"))
    assert keeps_out(node(zone="a"), both)
    either = affine(asks("In", "b"))
    required = either["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    required["nodeSelectorTerms"] += [{}, {"matchFields": [asks("In", "n1", key="metadata.name")]}]
    assert keeps_out(node("n1"), either) == ""
    assert keeps_out(node("n2"), either), "a term without anything matches no node"


def test_a_node_selector_is_named_with_the_label_that_lacks() -> None:
    said = keeps_out(node(disk="hdd"), {"nodeSelector": {"disk": "ssd"}})
    assert said == "without the label disk=ssd of its nodeSelector"


def test_pods_that_fit_are_no_shortage() -> None:
    assert place([node("n1"), node("n2")], [coming("web", 4)]) == ()


def test_what_is_short_is_said_with_numbers_and_on_how_many_nodes() -> None:
    nodes = [node("n1", cpu="1.5"), node("n2", cpu="0.5"), node("n3", taint=DATABASES)]
    assert place(nodes, [coming("web", 3)]) == (
        Unplaced(
            "web",
            2,
            3,
            "of 3 nodes: 1 with taint dedicated=db:NoSchedule, 2 short of cpu (a pod requests 1, at most 0.5 left)",
        ),
    )


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        ([node(memory=100)], "of 1 node: 1 short of memory (a pod requests 200Mi, at most 100Mi left)"),
        ([node(pods=0)], "of 1 node: 1 short of pods (a pod is one more, at most 0 left)"),
        ([], "there is no node"),
        ([node("a", pods=-1), node("b", pods=0)], "of 2 nodes: 2 short of pods (a pod is one more, at most 0 left)"),
    ],
)
def test_memory_and_the_count_of_pods_may_be_short_too(nodes: list[Node], why: str) -> None:
    (found,) = place(nodes, [coming("web", 1, memory=200)])
    assert found.why == why


def test_the_largest_are_placed_first_and_the_fullest_node_is_filled_first() -> None:
    """Any other order would leave no room for the large pod."""
    nodes = [node("large", cpu="4"), node("small", cpu="2")]
    assert place(nodes, [coming("a-small", 2), coming("big", 1, cpu="4")]) == ()


def test_services_take_room_from_each_other() -> None:
    found = place([node(cpu="3")], [coming("web", 2), coming("api", 2)])
    assert [(each.service, each.pods, each.of) for each in found] == [("web", 1, 2)]


def test_in_a_sentence_each_service_is_named_that_lacks_room() -> None:
    wanted = [coming("web", 2), coming("api", 3)]
    assert placed([node(cpu="9")], wanted) == ("5 pods fit", "1 node")
    assert placed([node(cpu="3"), node("n2", taint=DATABASES)], wanted) == (
        "web: 2 of 2 pods fit on no node (of 2 nodes: 1 with taint dedicated=db:NoSchedule, 1 short of cpu (a pod "
        "requests 1, at most 0 left))",
        "2 nodes",
    )


def test_of_many_reasons_the_commonest_are_said() -> None:
    nodes = [node(f"n{number}", taint=Taint(f"t{number % 6}", "", "NoSchedule")) for number in range(7)]
    (found,) = place(nodes, [coming("web", 1)])
    assert found.why.startswith("of 7 nodes: 2 with taint t0:NoSchedule, 1 with taint t1:NoSchedule, ")
    assert found.why.endswith(", 2 for other reasons")


def test_a_resource_that_no_node_has_fits_nowhere() -> None:
    wants = Coming("model", 1, {"nvidia.com/gpu": Decimal(1)}, {})
    (found,) = place([node()], [wants])
    assert found.why == "of 1 node: 1 short of nvidia.com/gpu (a pod requests 1, at most 0 left)"


def test_a_scheduler_counts_what_is_named_and_init_containers_one_after_the_other() -> None:
    def takes(cpu: str | None, **more: Any) -> dict[str, Any]:
        return {"name": "c", "resources": {"requests": {"cpu": cpu} if cpu else {}}, **more}

    assert scheduled_requests({"containers": [takes("500m"), takes(None)]}) == {"cpu": Decimal("0.5")}
    inits = [takes("1"), takes("200m", restartPolicy="Always"), takes("900m")]
    # the last one runs beside the sidecar: 900m + 200m; the containers with it are 700m
    assert scheduled_requests({"containers": [takes("500m")], "initContainers": inits}) == {"cpu": Decimal("1.1")}
    whole = {"containers": [takes("500m")], "resources": {"requests": {"cpu": "2"}}, "overhead": {"cpu": "250m"}}
    assert scheduled_requests(whole) == {"cpu": Decimal("2.25")}
    limited = {"containers": [{"name": "c", "resources": {"limits": {"cpu": "300m"}}}]}
    assert scheduled_requests(limited) == {"cpu": Decimal("0.3")}
