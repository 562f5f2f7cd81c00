"""An email's HTML under tracking: links are found as a browser finds them, and no other byte
changes."""

import re
from datetime import UTC, datetime
from html import escape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.enums import Channel
from domain.tracked_html import tracked_html
from templates.adapter import Templates, starter_versions

PIXEL = "https://herald.example/pixel"


def rewritten(html: str) -> tuple[str, list[str]]:
    """The HTML with its links replaced by `T0`, `T1`…, and where they led."""
    seen: list[str] = []

    def link(url: str) -> str:
        seen.append(url)
        return f"T{len(seen) - 1}"

    return tracked_html(html, link=link), seen


@pytest.mark.parametrize(
    ("html", "expected", "urls"),
    [
        ('<a href="https://x.y/a">t</a>', '<a href="T0">t</a>', ["https://x.y/a"]),
        ("<A class=b HREF='HTTP://X.Y' id=c>", "<A class=b HREF='T0' id=c>", ["HTTP://X.Y"]),
        ("<a href=https://x.y/a/>", "<a href=T0>", ["https://x.y/a/"]),
        ("<a\n\thref = \n'https://x.y'/>", "<a\n\thref = \n'T0'/>", ["https://x.y"]),
        ('<area href="https://x.y" alt>', '<area href="T0" alt>', ["https://x.y"]),
        ('<a href="https://x.y/?a=1&amp;b=2">', '<a href="T0">', ["https://x.y/?a=1&b=2"]),
        ('<a href="https:&#x2f;&#47;x.y">', '<a href="T0">', ["https://x.y"]),
        ('<a href="https://x.y/?a=1&copy=2&reg">', '<a href="T0">', ["https://x.y/?a=1&copy=2®"]),
        ('<a href="https://x.y/?a=1&notit;">', '<a href="T0">', ["https://x.y/?a=1&notit;"]),
        ('<a href=" https://x.y ">', '<a href="T0">', ["https://x.y"]),
        ('<a title="<a href=\'https://no.no\'>" href="https://x.y">',
         '<a title="<a href=\'https://no.no\'>" href="T0">', ["https://x.y"]),
        ('<a href="https://x.y" href="https://no.no">', '<a href="T0" href="https://no.no">',
         ["https://x.y"]),
        ("<a =x href=https://x.y>", "<a =x href=T0>", ["https://x.y"]),
        ('<a a"b href="https://x.y">', '<a a"b href="T0">', ["https://x.y"]),
        ('<a x="1"href="https://x.y">', '<a x="1"href="T0">', ["https://x.y"]),
        ('</><a href="https://x.y">', '</><a href="T0">', ["https://x.y"]),
        ('<!--><a href="https://x.y">', '<!--><a href="T0">', ["https://x.y"]),
        ('<!-- --!><a href="https://x.y">', '<!-- --!><a href="T0">', ["https://x.y"]),
        ('<? ?><!x><a href="https://x.y">', '<? ?><!x><a href="T0">', ["https://x.y"]),
        ('1 < 2 <3 <a href="https://x.y">', '1 < 2 <3 <a href="T0">', ["https://x.y"]),
        ('<title></titlex><a href=https://no.no></title><a href="https://x.y">',
         '<title></titlex><a href=https://no.no></title><a href="T0">', ["https://x.y"]),
    ],
)  # fmt: skip
def test_links_are_found_as_a_browser_finds_them(html: str, expected: str, urls: list[str]) -> None:
    assert rewritten(html) == (expected, urls)


@pytest.mark.parametrize(
    "html",
    [
        '<a href="mailto:a@x.y">', '<a href="tel:+49">', '<a href="#top">', '<a href="/path">',
        '<a href="//x.y">', '<a href="javascript:x">', '<a href="">', "<a href>", "<a>",
        '<a href="https://">', '<a href="https://x.y/a&#10;b">', '<a href="https://x.y/a\nb">',
        '<a href href="https://x.y">', '<a name="https://x.y">',
        '<a href="https://x.y" data-herald-no-track>', '<a DATA-HERALD-NO-TRACK href=https://x.y>',
        '<a href="https://x.y/' + "a" * 2000 + '">', '<a href="https://x.y/' + "ü" * 1500 + '">',
        '<link href="https://x.y">', '<img src="https://x.y">', '<abbr href="https://x.y">',
        '<a:b href="https://x.y">', '</a href="https://x.y">',
        '<!-- <a href="https://x.y"> -->', '<!--[if mso]><a href="https://x.y"><![endif]-->',
        '<style><a href="https://x.y"></style>', '<script>"<a href=https://x.y>"</script>',
        '<textarea><a href="https://x.y"></textarea>', '<p title="<a href=https://x.y>">',
        '<plaintext><a href="https://x.y">', '<title><a href="https://x.y">',
        '<a href="https://x.y"', '<a href="https://x.y', '<a href="https://x.y" b=\'>',
        '<p class="><a href=https://x.y>', "<!-- <a href=https://x.y>",
    ],
)  # fmt: skip
def test_what_is_no_link_to_the_web_stays(html: str) -> None:
    assert rewritten(html) == (html, [])


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<body>x</body></html>", "<body>x*</body></html>"),
        ("<body>x</BODY >", "<body>x*</BODY >"),
        ("<!-- </body> -->x</html>", "<!-- </body> -->x*</html>"),
        ("x", "x*"),
        ("", "*"),
        ("<p>x<a href=", "<p>x*<a href="),
        ("<p>x<!-- y", "<p>x*<!-- y"),
        ("<p>x<style>y", "<p>x*<style>y"),
        ("x</body>y</body>z", "x</body>y*</body>z"),
        ('</body><a href="https://x.y">', '*</body><a href="https://x.y">'),
    ],
)
def test_the_pixel_stands_at_the_end_of_the_body(html: str, expected: str) -> None:
    found = tracked_html(html, pixel="https://h.h/p?a&b")
    image = re.search(r'<img src="https://h.h/p\?a&amp;b" width="1" height="1" alt=""[^>]*>', found)
    assert image is not None
    assert found.replace(image[0], "*") == expected


names = st.sampled_from(["p", "div", "td", "a", "area", "A", "span", "b", "o:p"])
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<&"), max_size=8)
values = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
web = st.builds(
    "{}{}{}".format,
    st.sampled_from(["https://", "http://", "HTTPS://"]),
    st.sampled_from(["x.example", "ü.example", "127.0.0.1:80"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30),
).filter(lambda url: url == url.strip("\t\n\f\r "))


@st.composite
def elements(draw: st.DrawFn) -> tuple[str, list[str]]:
    """One start tag as a careful author writes it, and the links in it."""
    name = draw(names)
    urls: list[str] = []
    parts = [
        f' data-{draw(st.sampled_from("xyz"))}="{escape(draw(values))}"'
        for _ in range(draw(st.integers(0, 2)))
    ]
    if draw(st.booleans()):
        url = draw(web)
        quote = draw(st.sampled_from("\"'"))
        parts.insert(draw(st.integers(0, len(parts))), f" href={quote}{escape(url)}{quote}")
        urls = [url] if name.lower() in {"a", "area"} else []
    return f"<{name}{''.join(parts)}>{draw(texts)}", urls


@given(st.lists(elements(), max_size=6))
def test_every_link_leads_on_to_where_it_led(drawn: list[tuple[str, list[str]]]) -> None:
    html = "".join(text for text, _ in drawn)
    found, urls = rewritten(html)
    assert urls == [url for _, there in drawn for url in there]

    class Reader(HTMLParser):
        """A second opinion."""

        def __init__(self) -> None:
            super().__init__()
            self.links: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag in {"a", "area"}:
                self.links += [value or "" for name, value in attrs if name == "href"]

    reader = Reader()
    reader.feed(found)
    assert reader.links == [f"T{index}" for index in range(len(urls))]


fragments = st.sampled_from(
    ["<", ">", "</", "<!--", "-->", "--!>", "<a", "<area", " ", "\n", "/", "=", '"', "'", "href",
     "href=", "https://x.y", "http://", "&amp;", "&#", "<p", "<style>", "</style>", "<title",
     "</body>", "<body", "</html>", "<script", "<?", "<!", "ü", "\x00", "data-herald-no-track"]
)  # fmt: skip


@given(st.lists(st.one_of(fragments, st.text(max_size=3)), max_size=40).map("".join))
def test_malformed_markup_keeps_every_byte_but_the_links(html: str) -> None:
    html = html.replace("\ue000", "")
    urls: list[str] = []

    def link(url: str) -> str:
        urls.append(url)
        return "\ue000"

    kept = tracked_html(html, link=link).split("\ue000")
    assert len(kept) == len(urls) + 1
    assert re.fullmatch("(.+?)".join(map(re.escape, kept)), html, re.DOTALL)
    assert tracked_html(html) == html


@given(st.lists(st.one_of(fragments, st.text(max_size=3)), max_size=40).map("".join))
def test_the_pixel_is_all_that_opens_add(html: str) -> None:
    found = tracked_html(html, pixel=PIXEL)
    [image] = re.findall(rf'<img src="{PIXEL}"[^>]*>', found)
    assert found.replace(image, "", 1) == html


def test_long_mail_takes_linear_time() -> None:
    for piece in ("<", "<a ", '<p x="', "<!--", "<a href=https://x.y>", "<title>", "</", "=", "<p"):
        tracked_html(piece * 200_000, link=lambda url: url, pixel=PIXEL)


def test_every_starter_mail_keeps_its_layout() -> None:
    renderer = Templates()
    for version in starter_versions(datetime(2026, 1, 1, tzinfo=UTC)):
        if "email" not in version.channels:
            continue
        own = {"unsubscribe": "https://h.example/u", "preferences": "https://h.example/p"}
        context = {"links": own, "title": "T", "content": "C", "recommendations": [],
                   "notification": {"id": "n", "type": version.type},
                   "user": {"id": "u", "name": "N", "email": "", "locale": "", "timezone": "",
                            "country": "", "attributes": {}},
                   **version.example}  # fmt: skip
        html = renderer.render(version, Channel.EMAIL, context).html
        assert html is not None
        found, urls = rewritten(html)
        assert set(own.values()) <= set(urls), version.key
        restored = found
        for index, url in enumerate(urls):
            restored = restored.replace(f'href="T{index}"', f'href="{escape(url)}"')
        assert restored == html
