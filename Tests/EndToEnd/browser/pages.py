"""Pages of a server in a real browser."""

import contextlib
import os

from playwright.sync_api import Page, expect, sync_playwright

# Chromium may take its time beside a build.
expect.set_options(timeout=20_000)


@contextlib.contextmanager
def browser():
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=["--no-sandbox"])
        yield running
        running.close()


class Visit:
    """A page that is open, and what went wrong in it."""

    def __init__(self, page: Page, address: str):
        self.page = page
        self.wrong: list[str] = []
        self.loads = 0
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("dialog", lambda dialog: self.wrong.append(f"a dialog: {dialog.message}"))
        page.on("request", lambda request: self._note(request.url, address))
        page.on("load", lambda _: setattr(self, "loads", self.loads + 1))
        page.on("console", lambda line: self._hear(line))

    def _note(self, url: str, address: str):
        if not url.startswith((address.split("?")[0], "data:", "blob:")):
            self.wrong.append(f"a request elsewhere: {url}")

    def _hear(self, line):
        # A server that is gone, and choices that make no sense, are told to the reader; the browser logs them too.
        if line.type == "error" and "ERR_" not in line.text and "status of 422" not in line.text:
            self.wrong.append(line.text)

    def reading(self) -> str:
        return self.page.inner_text("#reading")

    def window(self) -> tuple[str, str]:
        return self.page.input_value("#choice-from"), self.page.input_value("#choice-to")


@contextlib.contextmanager
def visit(running, address: str, width=1280, height=900, scheme="light", fragment="", waits=True, **options):
    context = running.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, **options)
    page = context.new_page()
    one = Visit(page, address)
    page.goto(address + (f"#{fragment}" if fragment else ""))
    if waits:
        expect(page.locator("#chart > svg").first).to_be_visible()
    yield one
    context.close()
    assert one.wrong == []
