"""Somebody at a browser, in one of the two UIs that Prefect's server ships: what they do there, and what they see."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import ClassVar

from playwright.sync_api import FloatRect, Locator, Page, Response, expect
from playwright.sync_api import TimeoutError as TooLate

from lab.control.pipelines import Pipelines
from tests.lab.stage import wait_until

PATIENCE_MS = 60_000
"""For a page to show what it is to show: two cores are shared with the lab and a browser."""
TRIES, TRY_MS = 6, 20_000
"""How often a form is sent to a server that is too busy, and how long each may take."""
OPTIONAL = "(Optional)"
"""What both UIs add to the label of a field that the form's schema does not require."""
NEW_UI = "/v2"
"""Where the server has the new UI; the old one is at `/`."""


@dataclass
class Person(ABC):
    """One of them, who knows Prefect's login. Where the two UIs differ is in the subclasses."""

    page: Page
    prefect: Pipelines
    pictures: Path | None = None
    """Where pictures for the docs go, if they are to be made."""
    ui: ClassVar[str]

    @abstractmethod
    def come_to(self, link: str) -> None:
        """Opens a link that flipgate has told, and logs in where that is asked for."""

    @abstractmethod
    def ask_to_resume(self) -> Locator:
        """Finds Resume on a run's page and clicks it; the form."""

    @abstractmethod
    def choose(self, decision: str) -> None:
        """Picks one of the form's decisions."""

    @abstractmethod
    def textbox(self, label: str) -> Locator:
        """A field of the form for text."""

    @abstractmethod
    def tick(self, text: str) -> Locator:
        """The switch of a tick that may be left out, by its text: to both UIs all of them are optional."""

    @abstractmethod
    def hours(self) -> Locator:
        """The field for how much longer."""

    @abstractmethod
    def send(self) -> None:
        """Sends the form, whatever comes of it."""

    @abstractmethod
    def need_refused(self, field: str) -> None:
        """Sees that Prefect itself did not take the form, for want of this field."""

    @abstractmethod
    def turn_to(self, tab: str) -> None:
        """Turns to a tab of a run's page."""

    def form(self) -> Locator:
        return self.page.get_by_role("dialog")

    def fill(self, *ticks: str, **words: str) -> None:
        """Fills the form in: ticks by their texts, `decision`, `hours`, and texts by their names."""
        for text in ticks:
            switch = self.tick(text)
            expect(switch).to_have_attribute("aria-checked", "false")
            switch.click()
            expect(switch).to_have_attribute("aria-checked", "true")
        for name, text in words.items():
            if name == "decision":
                self.choose(text)
            else:
                (self.hours() if name == "hours" else self.textbox(name.capitalize())).fill(text)

    def answer(self, *ticks: str, **words: str) -> None:
        """Fills the form in and sends it, and sees that it was taken."""
        self.fill(*ticks, **words)
        self.send_until_taken()

    def send_until_taken(self) -> None:
        """Sends the form, again where the server was too busy for it (SQLite under writes: HTTP 503), or where nothing
        was answered in all that time: the form stays then, as it is filled in."""
        heard: list[str] = []
        final: list[str] = []  # answers after which sending it again would change nothing

        def hear(answer: Response) -> None:
            checked = "/schemas/" in answer.url
            if answer.request.method == "POST" and ("/resume" in answer.url or checked):
                heard.append(f"HTTP {answer.status} {answer.url}")
                if answer.status != HTTPStatus.SERVICE_UNAVAILABLE and not (checked and answer.ok):
                    final.append(heard[-1])

        self.page.on("response", hear)
        for _ in range(TRIES):
            self.send()
            try:
                self.form().wait_for(state="hidden", timeout=TRY_MS)
            except TooLate:
                if final:
                    break
            else:
                return
        raise AssertionError(f"the form was sent, and stays: {heard}")

    def need_state(self, name: str) -> None:
        """Sees the run get into this state on its page, which follows it."""
        expect(self.page.get_by_text(name, exact=True).first).to_be_visible(timeout=2 * PATIENCE_MS)

    def open_artifact(self, run: str, key: str) -> Locator:
        """Opens what a run shows under this key, by the run's page; what the page is made of."""
        self.come_to(run)
        self.turn_to("Artifacts")
        self.page.get_by_role("link").filter(has_text=key).click()
        self.page.wait_for_url("**/artifacts/artifact/*")
        return self.page.locator("body")

    def picture(self, name: str, what: Locator) -> None:
        """Keeps a picture of a part of the page, if pictures are to be made."""
        if self.pictures:
            box = wait_until(f"{name} to stay on the page", what.bounding_box)  # the new UI draws an artifact twice
            clip = FloatRect(x=box["x"], y=box["y"], width=box["width"], height=box["height"])
            self.page.screenshot(path=self.pictures / f"{name}.png", clip=clip, animations="disabled", caret="hide")

    def log_in(self) -> None:
        """On a page that asks for it."""
        self.page.get_by_placeholder("admin:pass").fill(self.prefect.login)
        self.page.get_by_role("button", name="Login").click()


class InTheNewUi(Person):
    """Whose links flipgate tells."""

    ui = "new"

    def come_to(self, link: str) -> None:
        self.page.goto(link)
        asked, shown = self.page.get_by_placeholder("admin:pass"), self.page.get_by_role("link", name="Dashboard")
        expect(asked.or_(shown)).to_be_visible()
        if asked.is_visible():
            self.log_in()
        expect(shown).to_be_visible()

    def ask_to_resume(self) -> Locator:
        self.page.get_by_role("button", name="Open menu").click()
        self.page.get_by_role("menuitem", name="Resume").click()
        expect(self.textbox("Name")).to_be_attached()
        return self.form()

    def turn_to(self, tab: str) -> None:
        self.page.get_by_role("tab", name=tab).click()

    def choose(self, decision: str) -> None:
        self.form().get_by_role("button", name="Select Decision").click()
        self.page.get_by_role("option", name=decision, exact=True).click()

    def textbox(self, label: str) -> Locator:
        return self.form().get_by_role("textbox", name=label, exact=True)

    def tick(self, text: str) -> Locator:
        return self.form().get_by_role("switch", name=f"{text} {OPTIONAL}", exact=True)

    def hours(self) -> Locator:
        return self.form().get_by_role("spinbutton", name=f"Hours {OPTIONAL}", exact=True)

    def send(self) -> None:
        self.form().get_by_role("button", name="Resume", exact=True).click()

    def need_refused(self, field: str) -> None:
        expect(self.page.get_by_text(f"'{field}' is a required property").first).to_be_visible()


class InTheOldUi(Person):
    """Which asks for no login on a run's page: whoever has none sees `Page not found` there."""

    ui = "old"

    def come_to(self, link: str) -> None:
        if self.page.url == "about:blank":
            self.page.goto(f"{self.prefect.ui_url}/login")
            self.log_in()
            self.page.wait_for_url("**/dashboard*")
        self.page.goto(link.replace(f"{self.prefect.ui_url}{NEW_UI}/", f"{self.prefect.ui_url}/"))

    def ask_to_resume(self) -> Locator:
        self.page.get_by_role("button", name="Resume", exact=True).click()
        expect(self.textbox("Name")).to_be_visible()
        return self.form()

    def turn_to(self, tab: str) -> None:
        self.page.get_by_role("tablist").get_by_text(tab, exact=True).click()

    def choose(self, decision: str) -> None:
        """By its arrow: where the field itself is clicked, the list closes again at once (3.9.1)."""
        self._property("Decision").locator(".p-select-button__icon").click()
        self.page.locator(".p-select-option").get_by_text(decision, exact=True).click()

    def textbox(self, label: str) -> Locator:
        return self._property(label).get_by_role("textbox")

    def tick(self, text: str) -> Locator:
        return self._property(f"{text} {OPTIONAL}").get_by_role("switch")

    def hours(self) -> Locator:
        return self._property(f"Hours {OPTIONAL}").get_by_role("spinbutton")

    def send(self) -> None:
        self.form().get_by_role("button", name="Submit", exact=True).click()

    def need_refused(self, field: str) -> None:
        expect(self._property(field.capitalize())).to_contain_text(f"'{field}' is a required property")

    def _property(self, label: str) -> Locator:
        """A field with all that belongs to it: its label is not tied to it."""
        own = self.page.locator(".schema-form-property__label").get_by_text(label, exact=True)
        return self.form().locator(".schema-form-property", has=own)
