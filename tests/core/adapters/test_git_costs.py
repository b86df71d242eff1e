"""What a look at a large repository costs: only what is asked for is fetched, where the server can do so."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from flipgate.adapters.git import Git
from flipgate.adapters.git_copy import Checkout
from flipgate.adapters.kustomize import render_in
from flipgate.core.spec.git import Author
from flipgate.core.values.errors import BadInput
from tests.repository import Served, git, served

HUGE_BYTES = 1_000_000
OVERLAY = "app/overlays/blue"
FILES = {
    f"{OVERLAY}/kustomization.yaml": "namespace: blue\nresources: [../../base]\ncomponents: [../../metrics]\n",
    "app/base/kustomization.yaml": "resources: [config.yaml]\n",
    "app/base/config.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n",
    "app/base/README.md": "not rendered\n",
    "app/metrics/kustomization.yaml": "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\n"
    "configMapGenerator: [{name: b, envs: [its.env]}]\n",
    "app/metrics/its.env": "on=yes\n",
    "clusters/routes.yaml": "kind: IngressRoute\n",
    ".gitattributes": "*.md text\n",
}


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Served]:
    """A repository with one file that is larger than all others together, elsewhere."""
    with served(tmp_path) as team:
        git(team.bare, "config", "uploadpack.allowFilter", "true")
        huge = random.Random(1).randbytes(HUGE_BYTES // 2).hex()
        team.begins({**FILES, "videos/huge": huge})
        yield team


def repository(team: Served) -> Git:
    return Git(team.url, "main", team.credentials)


def stored_bytes(copy: Checkout) -> int:
    return sum(each.stat().st_size for each in copy.folder.rglob("*") if each.is_file())


def there(copy: Checkout) -> set[str]:
    found = (each.relative_to(copy.folder) for each in copy.folder.rglob("*") if each.is_file())
    return {str(each) for each in found if each.parts[0] != ".git"}


def test_only_what_is_read_is_fetched(team: Served) -> None:
    with repository(team).checkout() as copy:
        assert copy.read("clusters/routes.yaml") == FILES["clusters/routes.yaml"]
        assert stored_bytes(copy) < HUGE_BYTES / 10
        assert there(copy) == {"clusters/routes.yaml", ".gitattributes"}


def test_an_overlay_is_rendered_from_what_it_names_and_nothing_else(team: Served) -> None:
    with repository(team).checkout() as copy:
        (text,) = render_in(copy, [OVERLAY])
        assert "name: a\n  namespace: blue" in text
        assert "on: " in text
        assert stored_bytes(copy) < HUGE_BYTES / 10
        assert there(copy) == FILES.keys() - {"app/base/README.md", "clusters/routes.yaml"}


def test_an_overlay_that_renders_from_what_is_not_understood_gets_the_whole_repository(team: Served) -> None:
    """A transformer's own file names a further one, as kustomize knows, and flipgate does not."""
    transformer = (
        "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: x}\npath: more.yaml\n"
        "target: {kind: ConfigMap, name: a}\n"
    )
    patch = '[{"op": "add", "path": "/data", "value": {"patched": "by"}}]\n'
    text = FILES[f"{OVERLAY}/kustomization.yaml"] + "transformers: [t.yaml]\n"
    team.pushes(
        {f"{OVERLAY}/kustomization.yaml": text, f"{OVERLAY}/t.yaml": transformer, f"{OVERLAY}/more.yaml": patch}
    )
    with repository(team).checkout() as copy:
        (text,) = render_in(copy, [OVERLAY])
        assert "patched: by" in text
        assert "videos/huge" in there(copy)


def test_what_was_not_fetched_is_in_the_commit_all_the_same(team: Served) -> None:
    with repository(team).checkout() as copy:
        copy.write("clusters/routes.yaml", "kind: HTTPRoute\n")
        commit = copy.commit("ours", Author())
        copy.push()
    assert team.tip == commit
    assert git(team.bare, "diff", "--name-only", "main~1", "main") == "clusters/routes.yaml"


def test_others_have_pushed_what_is_needed_now(team: Served) -> None:
    with repository(team).checkout() as copy:
        render_in(copy, [OVERLAY])
        text = "resources: [config.yaml, other.yaml]\n"
        other = FILES["app/base/config.yaml"].replace("name: a", "name: other")
        team.pushes({"app/base/kustomization.yaml": text, "app/base/other.yaml": other})
        copy.refresh()
        (text,) = render_in(copy, [OVERLAY])
        assert "name: other" in text


def test_an_older_commit_is_looked_at_without_the_history_behind_it(team: Served) -> None:
    first = team.tip
    for number in range(3):
        team.pushes({"clusters/routes.yaml": f"kind: Route{number}\n", "videos/huge": f"{number}" * HUGE_BYTES})
    with repository(team).checkout() as copy:
        assert copy.at(first, "clusters/routes.yaml") == FILES["clusters/routes.yaml"]
        assert copy.has_last_change(copy.head, ["clusters/routes.yaml"])
        assert not copy.has_last_change(first, ["clusters/routes.yaml"])
        assert stored_bytes(copy) < HUGE_BYTES / 10


@pytest.mark.parametrize("allowed", ["true", "false"])
def test_a_server_that_leaves_nothing_out(team: Served, allowed: str) -> None:
    git(team.bare, "config", "uploadpack.allowFilter", allowed)
    first = team.tip
    team.pushes({"clusters/routes.yaml": "kind: HTTPRoute\n"})
    with repository(team).checkout() as copy:
        assert copy.read("clusters/routes.yaml") == "kind: HTTPRoute\n"
        assert copy.at(first, "clusters/routes.yaml") == FILES["clusters/routes.yaml"]
        assert len(render_in(copy, [OVERLAY])) == 1
        copy.write("clusters/routes.yaml", "kind: Third\n")
        commit = copy.commit("ours", Author())
        copy.push()
    assert team.tip == commit


def test_whatever_a_file_is_called_it_is_had_and_no_other(team: Served) -> None:
    names = ["a b/[x]*?.yaml", "#a", "!a", "\\d", "a b/x.yaml", "ü"]
    team.pushes({name: name for name in names})
    for name in names:
        with repository(team).checkout() as copy:
            assert copy.read(name) == name
            assert there(copy) == {name, ".gitattributes"}


def test_an_overlay_that_reads_through_a_link_is_rendered_all_the_same(team: Served) -> None:
    (team.clone / "app/folder").symlink_to("base")
    (team.clone / "app/base/link.yaml").symlink_to("linked.yaml")
    linked = FILES["app/base/config.yaml"].replace("name: a", "name: linked")
    named = "resources: [config.yaml, link.yaml]\n"
    overlay = "resources: [../../folder]\n"
    team.pushes(
        {"app/base/kustomization.yaml": named, "app/base/linked.yaml": linked, f"{OVERLAY}/kustomization.yaml": overlay}
    )
    with repository(team).checkout() as copy:
        (rendering,) = render_in(copy, [OVERLAY])
        assert "name: linked" in rendering


@pytest.mark.parametrize("text", [None, b"\xff\xfe"], ids=["a link", "no text"])
def test_what_a_kustomization_is_that_is_no_file_of_text_kustomize_says(team: Served, text: bytes | None) -> None:
    (team.clone / "app/more").mkdir()
    its = team.clone / "app/more/kustomization.yaml"
    if text is None:
        its.symlink_to("common.yaml")
    else:
        its.write_bytes(text)
    common = "resources: [config.yaml]\nnameSuffix: -linked\n"
    overlay = "resources: [../../more]\n"
    team.pushes(
        {
            "app/more/common.yaml": common,
            "app/more/config.yaml": FILES["app/base/config.yaml"],
            f"{OVERLAY}/kustomization.yaml": overlay,
        }
    )
    with repository(team).checkout() as copy:
        if text is None:
            (rendering,) = render_in(copy, [OVERLAY])
            assert "name: a-linked" in rendering
        else:
            with pytest.raises(BadInput, match="does not render"):
                render_in(copy, [OVERLAY])


def test_a_word_that_git_would_take_for_more_than_a_path_is_one(team: Served) -> None:
    words = "['a=../../:(glob)**', 'b=../../:8080', 'c=../../:!x']"
    named = f"resources: [config.yaml]\nconfigMapGenerator: [{{name: c, literals: {words}}}]\n"
    team.pushes({"app/base/kustomization.yaml": named})
    with repository(team).checkout() as copy:
        (rendering,) = render_in(copy, [OVERLAY])
        assert "name: a" in rendering


def test_who_may_execute_a_file_is_not_changed_with_it(team: Served) -> None:
    (team.clone / "clusters/run.sh").write_text("one\n")
    (team.clone / "clusters/run.sh").chmod(0o755)
    team.pushes({"x": "y\n"})
    with repository(team).checkout() as copy:
        copy.write("clusters/run.sh", "two\n")
        copy.commit("ours", Author())
        copy.push()
    assert git(team.bare, "ls-tree", "main", "clusters/run.sh").startswith("100755")
