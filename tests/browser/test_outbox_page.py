"""The outbox as a person sees it, in a real browser: an email, an SMS, a push message."""

import os
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest
from playwright.async_api import Browser, Page

from templates.calendar import language_of
from tests.unit.sandbox.support import SandboxProcess, email, onesignal, push

HTML = "<h1 style='color:#1d4ed8'>Grüße, Ada</h1><script>document.title='taken over'</script>"
SHOTS = os.environ.get("HERALD_SCREENSHOTS")


@pytest.fixture
def sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess() as process:
        yield process


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    opened = await browser.new_page(viewport={"width": 900, "height": 1100})
    yield opened
    await opened.close()


async def keep(page: Page, name: str) -> None:
    """A picture for whoever asks for one."""
    if SHOTS:
        await page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


async def test_each_channel_looks_as_it_would(sandbox: SandboxProcess, page: Page) -> None:
    assert sandbox.email(email(html=HTML, subject="Neue Stelle")).status_code == 200
    assert sandbox.sms(Body="Ihr Gespräch ist morgen ✨" + "!" * 60).status_code == 201
    web = {"notification": {"actions": [{"action": "apply", "title": "Apply now"}]}}
    ios = {"payload": {"aps": {"badge": 3}}}
    answer = sandbox.push(push(webpush=web, apns=ios, data={"jobId": "4711"}))
    assert answer.status_code == 200, answer.text
    buttons = [{"id": "apply", "text": "Bewerben"}]
    answer = sandbox.onesignal(onesignal(headings={"en": "Passt zu Ihnen"}, buttons=buttons))
    assert answer.status_code == 200, answer.text
    await page.goto(f"{sandbox.url}/outbox")
    assert await page.locator("article.card").count() == 4
    frame = page.frame_locator("article.email iframe")
    assert await frame.locator("h1").inner_text() == "Grüße, Ada"
    assert await page.title() != "taken over", "an email runs nothing"
    sms = page.locator("article.sms")
    assert "✨" in await sms.locator(".bubble").inner_text()
    assert "2 segments, UCS-2, 85 characters" in await sms.inner_text()
    pieces = await sms.locator(".bubble span").all_text_contents()
    assert [len(piece) for piece in pieces] == [67, 18], "where the vendor cuts it"
    pushes = page.locator("article.push")
    texts = [await pushes.nth(n).inner_text() for n in range(2)]
    assert "Bewerben" in texts[0]
    assert "Passt zu Ihnen" in texts[0]
    assert "Apply now" in texts[1]
    assert "jobId=4711" in texts[1]
    assert await pushes.nth(1).locator(".badge").inner_text() == "3"
    await keep(page, "outbox")


async def test_mail_by_smtp_is_there_without_reloading(sandbox: SandboxProcess, page: Page) -> None:
    await page.goto(f"{sandbox.url}/outbox")
    assert "Nothing here yet" in await page.locator("body").inner_text()
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "jobs@example.com", "ada@example.com", "By SMTP"
    mail.set_content("Only words.")
    mail.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="cv.pdf")
    port = int(sandbox.http.get("/smtp/address").json()["url"].rpartition(":")[2])
    await aiosmtplib.send(mail, hostname="127.0.0.1", port=port, start_tls=False)
    card = page.locator("article.email")
    await card.wait_for(timeout=10_000)
    text = await card.inner_text()
    assert "By SMTP" in text
    assert "Only words." in text
    assert "cv.pdf" in text
    await keep(page, "outbox-smtp")


async def test_every_starter_mail_reads_well_in_a_narrow_window(
    sandbox: SandboxProcess, page: Page
) -> None:
    """Nothing of a mail is wider than a phone, in any language."""
    from domain.enums import Channel
    from runtime.adapters import utc_now
    from templates.adapter import Templates, starter_versions

    renderer = Templates()
    await page.set_viewport_size({"width": 390, "height": 800})
    for version in starter_versions(utc_now()):
        words = {
            "user": {"name": "Ada", "timezone": "Europe/Berlin"}, "data": dict(version.example),
            "title": "A title" if version.type is None else "", "content": "",
            "recommendations": [], "notification": {},
            "links": {"unsubscribe": "https://x.example/u", "preferences": "https://x.example/p"},
        }  # fmt: skip
        rendered = renderer.render(version, Channel.EMAIL, words)
        assert rendered.html is not None
        await page.set_content(rendered.html)
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, (version.key, version.locale, width)
        body = await page.locator("body").inner_text()
        assert ("Abmelden" in body) is (language_of(version.locale) == "de"), version.key
        if version.key == "job_match":
            await keep(page, f"mail-{version.key}-{version.locale}")
