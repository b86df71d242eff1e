"""What a flow's World knows of the run that works."""

from __future__ import annotations

from types import SimpleNamespace

import pytest


@pytest.mark.xdist_group("prefect")
@pytest.mark.parametrize(("ui", "page"), [("https://prefect.example", "https://prefect.example/runs/1"), ("", "")])
def test_a_world_knows_the_page_of_its_run(monkeypatch: pytest.MonkeyPatch, ui: str, page: str) -> None:
    from flows import opening

    monkeypatch.setattr(opening, "flow_run", SimpleNamespace(id="1", name="deploy shop"))
    monkeypatch.setattr(opening, "get_run_logger", lambda: SimpleNamespace(info=print))
    monkeypatch.setattr(opening, "url_of", lambda run: f"{ui}/runs/{run}" if ui else "")
    monkeypatch.setattr(opening, "connect", lambda *_, **__: SimpleNamespace())
    assert opening.open_world("shop", "default").run_page == page
