"""Images in a kustomization: what is changed, and that nothing else is."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flipgate.core.git.overlay import by_repository, with_images
from flipgate.core.spec.images import parse_image
from flipgate.core.values.errors import BadInput, Refused

WHERE = "app/overlays/production-green/kustomization.yaml"
DIGEST = "sha256:" + "a" * 64

TEAM = """\
# Green. Ask in #platform before you change this.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization

namespace: production-green

resources:
  - ../../base/apps/api   # the API
  - ../../base/apps/producer

images:
  - name: acr.example/sportsdataapi
    newTag: "2281"  # ← New image tag
  - name: acr.example/sportsdataproducer
    newTag: '1350'
  # the provider is pinned
  - name: provider
    newName: acr.example/sportsdataprovider
    digest: sha256:1111111111111111111111111111111111111111111111111111111111111111

configMapGenerator:
  - name: app-config
    env: config-green.env
"""


def changed(text: str, *refs: str) -> str:
    return with_images(text, [parse_image(ref) for ref in refs], WHERE)


def lines_changed(before: str, after: str) -> list[tuple[str, str]]:
    old, new = before.splitlines(), after.splitlines()
    assert len(old) == len(new)
    return [(a, b) for a, b in zip(old, new, strict=True) if a != b]


def test_a_tag_is_changed_and_no_other_byte() -> None:
    after = changed(TEAM, "acr.example/sportsdataapi:2290", "acr.example/sportsdataproducer:1351")
    assert lines_changed(TEAM, after) == [
        ('    newTag: "2281"  # ← New image tag', '    newTag: "2290"  # ← New image tag'),
        ("    newTag: '1350'", "    newTag: '1351'"),
    ]


def test_the_same_images_change_nothing() -> None:
    assert changed(TEAM, "acr.example/sportsdataapi:2281") == TEAM


def test_an_entry_that_renames_is_found_by_what_pods_run() -> None:
    after = changed(TEAM, f"acr.example/sportsdataprovider@{DIGEST}")
    assert [new for _, new in lines_changed(TEAM, after)] == [f"    digest: {DIGEST}"]


def test_a_tag_takes_a_digest_s_place_and_the_other_way_round() -> None:
    tagged = changed(TEAM, "acr.example/sportsdataprovider:7")
    assert [new for _, new in lines_changed(TEAM, tagged)] == ['    newTag: "7"']
    back = changed(TEAM, f"acr.example/sportsdataapi@{DIGEST}")
    assert [new for _, new in lines_changed(TEAM, back)] == [f'    digest: "{DIGEST}"  # ← New image tag']


def test_an_image_that_is_not_listed_is_added_at_the_end_of_the_list() -> None:
    after = changed(TEAM, "acr.example/contest:12")
    assert '1111\n  - name: acr.example/contest\n    newTag: "12"\n\nconfigMapGenerator' in after
    assert yaml.safe_load(after)["images"][-1] == {"name": "acr.example/contest", "newTag": "12"}


def test_a_tag_beside_a_digest() -> None:
    after = changed(TEAM, f"acr.example/sportsdataapi:2290@{DIGEST}")
    assert yaml.safe_load(after)["images"][0] == {
        "name": "acr.example/sportsdataapi",
        "newTag": "2290",
        "digest": DIGEST,
    }
    assert "# ← New image tag" in after
    alone = changed(after, "acr.example/sportsdataapi:2291")
    assert yaml.safe_load(alone)["images"][0] == {"name": "acr.example/sportsdataapi", "newTag": "2291"}


@pytest.mark.parametrize(
    "text",
    [
        "kind: Kustomization\n",
        "kind: Kustomization",
        "kind: Kustomization\nimages:\n",
        "kind: Kustomization\nimages: []\n",
        "kind: Kustomization\nimages:\n- name: other\n  newTag: '1'",
        "kind: Kustomization\nimages:\n- name: other\n  newTag: '1'\n# the end\n",
        "images:\n- newTag: v1\n  name: shop/api\nkind: Kustomization\n",
        "images:\n- {name: shop/api, newTag: v1}\n- name: b\n",
        "images: [{name: shop/api}, {name: b, digest: 'sha256:0'}]\nkind: Kustomization\n",
        "images:\n- digest: 'sha256:0'\n  name: shop/api\n  newTag: x\n",
        "images:\n- name: shop/api\n  newTag:\nresources: [a]\n",
        "images:\r\n- name: shop/api # ours\r\n  newTag: v1 # now\r\n",
        "---\nimages:\n    -   name: shop/api\n        newTag: v1\n...\n",
    ],
)
@pytest.mark.parametrize("version", [":v2", f"@{DIGEST}", f":v2@{DIGEST}", ":0123", ":1e3", ":null", ":2024-01-01"])
def test_however_it_is_written(text: str, version: str) -> None:
    ref = f"shop/api{version}"
    after, image = changed(text, ref), parse_image(ref)
    before, now = yaml.safe_load(text), yaml.safe_load(after)
    found = next(each for each in now.pop("images") if each["name"] == "shop/api")
    wanted = {"newTag": image.tag, "digest": image.digest}
    assert found == {"name": "shop/api"} | {key: value for key, value in wanted.items() if value}
    before.pop("images", None)
    assert now == before
    assert after.count("#") == text.count("#")
    assert ("\r\n" in after) == ("\r\n" in text)
    assert "\r\n" not in text or after.count("\n") == after.count("\r\n")
    assert changed(after, ref) == after


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("- a\n", "is not one mapping"),
        ("a: [\n", "not readable as YAML"),
        ("{kind: Kustomization}\n", "on one line"),
        ("a: &i {name: shop/api, newTag: v1}\nimages:\n- *i\n", "anchors"),
        ("images:\n- shop/api\n", "is no mapping"),
        ("a: 1\n---\nb: 2\n", "is not one mapping"),
    ],
)
def test_what_cannot_be_changed_with_care_is_refused(text: str, fact: str) -> None:
    with pytest.raises(BadInput, match=fact) as refused:
        changed(text, "shop/api:v2")
    assert WHERE in str(refused.value)


def test_two_services_of_one_repository_get_one_image() -> None:
    assert [str(each) for each in by_repository({"a": "shop/x:1", "b": "shop/x:1", "c": "shop/y:2"})] == [
        "shop/x:1",
        "shop/y:2",
    ]
    with pytest.raises(Refused, match=r"shop/x would get 2: a shop/x:1, b shop/x:2"):
        by_repository({"a": "shop/x:1", "b": "shop/x:2"})


words = st.text("abc:#'\"{}[]&*!|>%@ -\n", max_size=12)


@given(
    st.dictionaries(st.sampled_from(["resources", "namespace", "labels"]), words),
    st.lists(words, max_size=3),
    st.booleans(),
)
def test_whatever_stands_beside_it_stays(beside: dict[str, str], names: list[str], flow: bool) -> None:
    entries = [{"name": f"shop/{index}", "newTag": name} for index, name in enumerate(names)]
    data = {**beside, "images": [*entries, {"name": "shop/api", "newTag": "v1"}], "z": "end"}
    text = yaml.safe_dump(data, sort_keys=False, default_flow_style=flow)
    data["images"] = [*entries, {"name": "shop/api", "newTag": "v2"}]
    assert yaml.safe_load(changed(text, "shop/api:v2")) == data


@pytest.mark.parametrize("tag", ["12e4567", "0812", "08012024", "0o17", "1E5", "0x1f", "1_000"])
def test_a_tag_that_kustomize_would_take_for_a_number_is_quoted(tag: str) -> None:
    text = "images:\n- name: shop/api\n  newTag: v1\n"
    assert f'newTag: "{tag}"\n' in changed(text, f"shop/api:{tag}")
    assert "newTag: 3f2a9c0\n" in changed(text, "shop/api:3f2a9c0")


def test_aliases_without_an_end_are_refused_and_not_followed() -> None:
    images = "images:\n- name: shop/api\n  newTag: v1\n"
    with pytest.raises(BadInput, match="alias within"):
        changed(f"a: &a\n  b: *a\n{images}", "shop/api:v2")
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    laughs += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    with pytest.raises(BadInput, match="more than 200,000 values"):
        changed(laughs + images, "shop/api:v2")
