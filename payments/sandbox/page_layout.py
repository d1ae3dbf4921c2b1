"""What all pages of the sandbox share: the frame, the banner, the language, posted forms."""

from collections.abc import Iterable
from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse

from payments.sandbox import cards
from payments.sandbox.checkout_texts import TEXTS
from payments.sandbox.store import Object

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}
MAXIMUM_FORM = 20_000


def language(thing: Object, request: Request) -> str:
    """A session's ``locale``; with ``auto`` or none, what the browser prefers; English when we have no other."""
    wanted = thing.get("locale") or "auto"
    if wanted == "auto":
        wanted = request.headers.get("accept-language", "en")
    return wanted[:2].lower() if wanted[:2].lower() in TEXTS else "en"


def page(lang: str, title: str, body: str, status: int = 200) -> HTMLResponse:
    """A whole page; ``body`` is HTML already."""
    html = f"""<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{title} – {TEXTS[lang]["sandbox"]}</title>
<link rel="stylesheet" href="/c/style.css">
</head>
<body>
<header class="banner">{TEXTS[lang]["banner"]}</header>
<main>
{body}
</main>
</body>
</html>
"""
    return HTMLResponse(html, status, HEADERS)


def not_found() -> HTMLResponse:
    """The page for addresses that lead nowhere (any more)."""
    texts = TEXTS["en"]
    return page("en", texts["not_found"], f"<h1>{texts['not_found']}</h1><p>{texts['not_found_text']}</p>", 404)


async def posted(request: Request) -> dict[str, str]:
    """The fields of a posted form, the first value of each."""
    body = (await request.body())[:MAXIMUM_FORM].decode("utf-8", "replace")
    return {name: values[0] for name, values in parse_qs(body).items()}


def field(name: str, kind: str, label: str, value: str, attributes: str) -> str:
    """A labelled field; ``attributes`` is HTML already."""
    return (
        f'<p class="field"><label for="{name}">{label}</label>'
        f'<input id="{name}" name="{name}" type="{kind}" value="{escape(value)}" {attributes}></p>'
    )


def buttons(cases: Iterable[str], texts: dict[str, str]) -> str:
    """A button for each test case of ``cards.BY_CASE``."""
    # They skip the browser's own checks: a click on a test case should work whatever the fields hold.
    rows = [
        f'<button type="submit" name="case" value="{case}" formnovalidate>{texts[case]} '
        f"<small>{_grouped(cards.BY_CASE[case].number)}</small></button>"
        for case in cases
    ]
    return "\n".join(rows)


def _grouped(number: str) -> str:
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))
