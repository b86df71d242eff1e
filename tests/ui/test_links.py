"""What somebody sees who follows a link to a run and was never here before."""

from __future__ import annotations

from uuid import uuid4

import pytest
from playwright.sync_api import Browser, expect

from lab.control.pipelines import Pipelines
from tests.ui.person import NEW_UI

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("old")]


def test_the_new_ui_asks_for_the_login_and_the_old_one_says_page_not_found(
    browser: Browser, prefect_server: Pipelines
) -> None:
    """Why links lead to the new one (flipgate/adapters/runs.py); docs/approvals.md says so, too."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{prefect_server.ui_url}{NEW_UI}/runs/flow-run/{uuid4()}")
    expect(page.get_by_placeholder("admin:pass")).to_be_visible()
    page.goto(f"{prefect_server.ui_url}/runs/flow-run/{uuid4()}")
    expect(page.get_by_text("Page not found", exact=True)).to_be_visible()
    expect(page.get_by_placeholder("admin:pass")).to_have_count(0)
    context.close()
