"""What the public sees of seals: the appeal's page, the page of its seals, files to check, and the question."""

from __future__ import annotations

import base64
from datetime import date, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client, override_settings
from django.urls import reverse
from django.utils.translation import override

from fundraising import content
from fundraising.models import Appeal, AppealState, Campaign, DonationPage, Partner
from fundraising.seals import showing, verbs
from fundraising.seals.asking import Answer, ask
from fundraising.seals.statements import verifies
from tests.fundraising.seals.kits import ALIAS, PLACE, TODAY, Sealing, in_days, make_sealing
from tests.fundraising.spending.kits import SECRET

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[date]:
    """What day it is; a test may change it."""
    days = [TODAY]
    monkeypatch.setattr(showing, "today", lambda: days[0])
    return days


@pytest.fixture
def sealing(db: None) -> Sealing:
    return make_sealing()


def address(page: DonationPage, name: str = "seal", **more: Any) -> str:
    with override(page.locale):
        return reverse(name, kwargs={"slug": page.slug, **more})


def seen(url: str) -> str:
    cache.clear()
    answer = Client().get(url)
    assert answer.status_code == 200, url
    return answer.content.decode()


def test_the_appeals_page_shows_the_seal_and_leads_to_it(sealing: Sealing) -> None:
    page = sealing.kit.pages["en"]
    assert "Authorised by" not in seen(page.get_absolute_url())
    sealing.published()
    html = seen(page.get_absolute_url())
    assert f"Authorised by {ALIAS}" in html
    assert f'href="{address(page)}"' in html
    assert "We know this appeal." in seen(address(page))
    assert "Conosciamo questo appello." in seen(address(sealing.kit.pages["it"]))


def test_whoever_has_the_files_can_check_the_seal_without_us(sealing: Sealing) -> None:
    seal, page = sealing.published(), sealing.kit.pages["en"]
    parts = {
        part: Client().get(address(page, "seal-part", uuid=seal.uuid, part=part)).content
        for part in ("statement", "key", "signature")
    }
    assert parts["key"].startswith(b"-----BEGIN PUBLIC KEY-----")
    signature = base64.b64encode(parts["signature"]).decode()
    assert verifies(sealing.pair.public, parts["statement"].decode(), signature)
    told = Client().get(address(page, "seal-json")).json()["seals"]
    assert [(one["statement"], one["signature"], one["public_key"]) for one in told] == [
        (parts["statement"].decode(), signature, sealing.pair.public)
    ]
    assert told[0]["fingerprint_published_at"] == PLACE
    assert Client().get(address(page, "seal-part", uuid=seal.uuid, part="private")).status_code == 404


ENDINGS = {
    "expired": "expired",
    "ended": "withdrawn",
    "revoked": "revoked",
    "closed": "takes no money",
    "moved": "has changed",
}


@pytest.mark.parametrize(("how", "said"), ENDINGS.items())
def test_a_seal_that_is_valid_no_more_is_gone_at_once_and_its_page_says_why(
    sealing: Sealing, clock: list[date], how: str, said: str
) -> None:
    seal, page = sealing.published(), sealing.kit.pages["en"]
    match how:
        case "expired":
            clock[0] = in_days(101)
        case "ended":
            verbs.end(seal, by=sealing.author)
        case "revoked":
            verbs.revoke_key(sealing.key, by=sealing.author, why="lost")
        case "closed":
            Appeal.objects.update(state=AppealState.CLOSED)
        case "moved":
            page.slug = "elsewhere"
            page.save()
    assert "Authorised by" not in seen(page.get_absolute_url())
    html = seen(address(page))
    assert "No seal is valid for this appeal" in html
    assert said in html
    for word in (ALIAS, "We know this appeal.", PLACE, seal.signature, sealing.pair.public):
        assert word not in html
    told = Client().get(address(page, "seal-json")).json()
    assert (told["seals"], len(told["ended"])) == ([], 1)
    assert Client().get(address(page, "seal-part", uuid=seal.uuid, part="statement")).status_code == 404


def test_of_a_partner_that_is_withheld_since_no_page_says_anything(sealing: Sealing) -> None:
    seal = sealing.published()
    Partner.objects.update(shown="withheld")
    for page in sealing.kit.pages.values():
        for url in (page.get_absolute_url(), address(page), address(page, "seal-json")):
            html = seen(url)
            for word in (ALIAS, PLACE, seal.signature, sealing.pair.public, seal.code, "Quenzoborough"):
                assert word not in html, url
        assert Client().get(address(page, "seal-json")).json()["ended"] == []
        assert Client().get(address(page, "seal-part", uuid=seal.uuid, part="key")).status_code == 404
    assert ask(seal.code, "en").answer == Answer.ENDED


def test_a_withheld_partners_seal_names_nobody(caplog: pytest.LogCaptureFixture) -> None:
    sealing = make_sealing(withheld=True)
    seal, page = sealing.published(), sealing.kit.pages["en"]
    urls = [page.get_absolute_url(), address(page), address(page, "seal-json")]
    urls += [address(page, "seal-part", uuid=seal.uuid, part=part) for part in ("statement", "key")]
    urls += [reverse("genuine") + f"?q={seal.code}"]
    for url in urls:
        html = seen(url)
        for word in (ALIAS, "the south", "Quenzoborough", str(sealing.partner), str(sealing.partner.uuid)):
            assert word not in html, url
    assert "Authorised by a partner whose name is withheld for safety" in seen(urls[0])
    assert "Quenzoborough" not in caplog.text


def test_what_is_remembered_of_an_appeals_page_holds_nothing_sealed_of_its_partner(sealing: Sealing) -> None:
    sealing.published()
    page = sealing.kit.pages["en"]
    [remembered] = content.appeal_content(page.locale, page.slug).seals
    assert not {"real_name", "contact", "account"} & set(vars(remembered.key.partner))
    assert not {"fingerprint_at", "revoked_why"} & set(vars(remembered.key))


def test_an_appeal_that_nobody_may_see_has_no_page_of_seals(sealing: Sealing) -> None:
    seal, page = sealing.published(), sealing.kit.pages["en"]
    Campaign.objects.update(published=False)
    for url in (
        address(page), address(page, "seal-json"), address(page, "seal-part", uuid=seal.uuid, part="key"),
    ):  # fmt: skip
        assert Client().get(url).status_code == 404
    assert ask(settings.PUBLIC_URL + page.get_absolute_url(), "en").answer == Answer.OUR_SITE
    assert ask(seal.code, "en").answer == Answer.UNKNOWN


def test_the_seal_costs_an_appeals_page_one_query(sealing: Sealing, django_assert_num_queries: Any) -> None:
    seals = [sealing.published(valid_until=in_days(days)) for days in (10, 20, 30)]
    page = DonationPage.objects.select_related("appeal").get(pk=sealing.kit.pages["en"].pk)
    with django_assert_num_queries(1):
        valid, _ended = showing.seals_of(page)
        assert [one.seal for one in valid] == seals
        assert valid[0].fingerprint_at == PLACE


# --- Is this collection genuine? ----------------------------------------------------------------------


def test_our_address_is_known_however_it_is_typed(sealing: Sealing) -> None:
    page, host = sealing.kit.pages["it"], settings.PUBLIC_URL.split("://")[1]
    path = page.get_absolute_url()
    assert ask(settings.PUBLIC_URL + path, "en").answer == Answer.OURS
    sealing.published()
    for typed in (
        f"{settings.PUBLIC_URL}{path}", f" {host.upper()}{path} ", f"{host}{path}?utm=1#give",
        f"{settings.PUBLIC_URL}{address(page)}",
    ):  # fmt: skip
        found = ask(typed, "en")
        assert (found.answer, found.page) == (Answer.SEALED, page), typed
    assert ask(f"{settings.PUBLIC_URL}/en/c/whatever/", "en").answer == Answer.OUR_SITE
    assert ask(f"{settings.PUBLIC_URL}/it/a/nothing-here/", "en").answer == Answer.OUR_SITE


def test_addresses_that_only_look_like_ours_are_not_known(sealing: Sealing) -> None:
    sealing.published()
    path, host = sealing.kit.pages["en"].get_absolute_url(), settings.PUBLIC_URL.split("://")[1]
    for typed in (
        f"https://{host}.evil.example{path}", f"https://{host}@evil.example{path}", f"https://evil.example/{host}{path}",
        f"https://evil.example\\@{host}{path}", f"javascript://{host}{path}", f"https://x{host}{path}",
        f"https://{host.replace('a', 'а').replace('1', '１')}{path}", "https://[", "http://", "//", ":", "\0", path,
        "x" * 5_000,
    ):  # fmt: skip
        assert ask(typed, "en").answer == Answer.UNKNOWN, typed


def test_a_code_leads_to_the_page_in_the_readers_language(sealing: Sealing) -> None:
    seal = sealing.published()
    typed = "-".join([seal.code[:4].lower(), seal.code[4:8], seal.code[8:]])
    for locale, page in sealing.kit.pages.items():
        found = ask(typed, locale)
        assert (found.answer, found.page) == (Answer.SEALED, page)
    assert ask(seal.code, "ar").page == sealing.kit.pages["en"]
    assert ask("ABCDEFGHIJKL", "en").answer == Answer.UNKNOWN


def test_the_code_of_a_seal_that_has_ended_or_waits_is_not_good(sealing: Sealing) -> None:
    waits, old = sealing.signed(valid_until=in_days(5)), sealing.published(valid_until=in_days(6))
    sealing.published(valid_until=in_days(7))
    verbs.end(old, by=sealing.author)
    assert ask(waits.code, "en").answer == Answer.UNKNOWN
    assert ask(old.code, "en").answer == Answer.ENDED
    Appeal.objects.update(state=AppealState.CLOSED)
    assert ask(old.code, "en").answer == Answer.CLOSED


def test_the_page_answers_in_words_keeps_nothing_and_is_in_nobodys_cache(sealing: Sealing) -> None:
    sealing.published()
    page = sealing.kit.pages["en"]
    url = reverse("genuine")
    answers = {
        "": "Before you give, ask",
        settings.PUBLIC_URL + page.get_absolute_url(): "Yes: we and the partner stand behind it",
        "https://evil.example/en/a/x/": "We do not know this collection",
        settings.PUBLIC_URL: "It is on our site, but no appeal",
    }
    for typed, said in answers.items():
        answer = Client().get(url, {"q": typed} if typed else {})
        assert said in answer.content.decode()
        assert "no-store" in answer["Cache-Control"]
        assert answer["Referrer-Policy"] == "no-referrer"
    hostile = Client().get(url, {"q": '"><script>alert(1)</script>'}).content.decode()
    assert "<script>alert" not in hostile


@override_settings(THROTTLES={"genuine": (2, 86_400 * 365 * 100)})
def test_questions_are_limited_and_the_empty_page_is_not() -> None:
    url = reverse("genuine")
    codes = [Client().get(url, {"q": "x"}).status_code for _time in range(3)]
    assert codes == [200, 200, 429]
    assert Client().get(url).status_code == 200


def test_pages_of_seals_are_fresh_for_seconds_and_never_stale(sealing: Sealing) -> None:
    sealing.published()
    told = Client().get(address(sealing.kit.pages["en"]))["Cache-Control"]
    assert "max-age=5" in told
    assert "must-revalidate" in told
    assert "stale" not in told


def test_two_partners_seal_one_appeal(sealing: Sealing) -> None:
    sealing.published()
    other = make_sealing(withheld=True, kit=sealing.kit)
    other.published(valid_until=TODAY + timedelta(days=3))
    html = seen(sealing.kit.pages["en"].get_absolute_url())
    assert f"Authorised by {ALIAS}" in html
    assert "Authorised by a partner whose name is withheld" in html
    assert SECRET not in html
