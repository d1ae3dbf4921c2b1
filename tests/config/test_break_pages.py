"""The pages of breaks: every cause in words, what can be done beside it, and nobody but who may."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.desk import break_words
from config.desk.breaks import RESOLUTIONS
from fundraising.breaks import Finding, note_findings
from fundraising.breaks.resolving import seen
from fundraising.models import Break, BreakState, Cause, LegalEntity, Role
from fundraising.money import Money
from tests import factories, staff

pytestmark = pytest.mark.django_db
MOST_QUERIES = 20
STEP = "0b9c3c1e-3f0e-4d0c-9a3e-3d8f8f6a2b11"


@pytest.fixture
def entity() -> LegalEntity:
    return factories.make_entity()


@pytest.fixture
def finance(entity: LegalEntity) -> Client:
    return staff.at_desk(Role.FINANCE, entity)


def found(entity: LegalEntity, cause: Cause = Cause.CHARGE_FOREIGN, minor: int = 500, subject: str = "ch_1") -> Break:
    facts = {"entry": f"charge:{subject}", "in_suspense": minor, "at_provider": {"amount": minor, "fee": None}}
    note_findings(
        entity.pk, [cause], [Finding(cause, subject, Money(minor, "USD"), date(2026, 7, 1), facts)], among=subject
    )
    return Break.objects.get(entity=entity, cause=cause, subject=subject)


def address(one: Break, verb: str = "") -> str:
    return f"/desk/{one.entity.slug}/breaks/{one.uuid}/{verb}"


def send(client: Client, one: Break, verb: str, **fields: str) -> Any:
    return client.post(address(one, verb), {"seen": seen(one), "reason": "As the bank told us", **fields})


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_a_page_in_words_with_something_that_can_be_done(
    entity: LegalEntity, finance: Client, cause: Cause
) -> None:
    one = found(entity, cause)
    page = finance.get(address(one)).content.decode()
    assert str(break_words.WHAT[cause])[:40].replace("'", "&#x27;") in page
    assert page.count('name="resolution"') >= 2
    answer = send(finance, one, "resolve/", resolution="explained")
    assert answer.status_code == 302
    one.refresh_from_db()
    assert one.state == BreakState.RESOLVED


@pytest.mark.parametrize(
    ("cause", "facts", "place"),
    [
        (Cause.ORDER_NOT_IN_BANK, {"step": STEP, "missing": 500}, "spending/steps/{step}/"),
        (Cause.FUND_SHORT, {"fund": 12, "available": -500}, "books/funds/{fund}/"),
        (Cause.FUND_LEFT, {"fund": 12, "available": 500, "appeal": "winter"}, "appeals/{appeal}/"),
    ],
)
def test_a_break_of_the_money_trail_leads_to_where_it_is_mended(
    entity: LegalEntity, finance: Client, cause: Cause, facts: dict[str, Any], place: str
) -> None:
    note_findings(entity.pk, [cause], [Finding(cause, "one", Money(500, "EUR"), date(2026, 7, 1), facts)])
    page = finance.get(address(Break.objects.get())).content.decode()
    assert f'href="/desk/{entity.slug}/{place.format(**facts)}"' in page


@pytest.mark.parametrize("subject", ["po_1", "payout:po_1", "payout:po_1:77"])
def test_a_break_about_a_payout_leads_to_it(entity: LegalEntity, finance: Client, subject: str) -> None:
    one = found(entity, Cause.BANK_LINE_DOUBLED, subject=subject)
    page = finance.get(address(one)).content.decode()
    assert f'href="/desk/{entity.slug}/payouts/po_1/"' in page


def test_every_refusal_is_put_into_words() -> None:
    from pathlib import Path
    from re import findall

    sources = [
        Path(path).read_text() for path in ("fundraising/breaks/resolving.py", "fundraising/breaks/resolutions.py")
    ]
    sources.append(Path("payments/breaks/resolutions.py").read_text())
    raised = {
        code
        for text in sources
        for code in findall(r'(?:NotResolvable|Overtaken|NoAnswer|BreakError)\("(\w+)"\)', text)
    }
    assert raised
    assert raised <= break_words.REFUSALS.keys()


def test_codes_of_resolutions_are_one_each_and_fit_their_column() -> None:
    assert all(code == one.code and len(code) <= 20 for code, one in RESOLUTIONS.items())


def test_the_list_filters_by_cause_age_owner_state_and_currency(entity: LegalEntity, finance: Client) -> None:
    found(entity, Cause.CHARGE_FOREIGN, subject="ch_young")
    old = found(entity, Cause.SUSPENSE, subject="ch_old")
    Break.objects.filter(pk=old.pk).update(found_at=timezone.now() - timedelta(days=9))
    for query, subjects in {
        "": {"ch_young", "ch_old"},
        "cause=suspense": {"ch_old"},
        "age=7": {"ch_old"},
        "owner=me": set(),
        "owner=nobody": {"ch_young", "ch_old"},
        "currency=EUR": set(),
        "state=resolved": set(),
        "state=all": {"ch_young", "ch_old"},
        "age=nonsense&owner=x&state=y&page=-1": {"ch_young", "ch_old"},
    }.items():
        page = finance.get(f"/desk/{entity.slug}/breaks/?{query}").content.decode()
        assert {subject for subject in ("ch_young", "ch_old") if f'wraps">Charge {subject}<' in page} == subjects, query


def test_the_pages_ask_few_questions_whatever_the_number_of_breaks(entity: LegalEntity, finance: Client) -> None:
    for number in range(120):
        one = found(entity, subject=f"ch_{number}")
    for path in (f"/desk/{entity.slug}/breaks/", f"/desk/{entity.slug}/suspense/", address(one)):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert finance.get(path).status_code == 200
        assert len(asked) <= MOST_QUERIES, path


def test_chosen_breaks_change_hands_together(entity: LegalEntity, finance: Client) -> None:
    both = [found(entity, subject=subject) for subject in ("ch_1", "ch_2")]
    colleague = staff.make_person(Role.APPROVER, entity=entity)
    fields = {"chosen": [str(one.pk) for one in both], "owner": str(colleague.pk), "back": "/elsewhere"}
    answer = finance.post(f"/desk/{entity.slug}/breaks/assign/", fields)
    assert (answer.status_code, answer["Location"]) == (302, "/elsewhere")
    assert set(Break.objects.values_list("owner", flat=True)) == {colleague.pk}


def test_a_way_back_to_another_site_is_not_taken(entity: LegalEntity, finance: Client) -> None:
    answer = finance.post(f"/desk/{entity.slug}/breaks/assign/", {"back": "https://evil.example/"})
    assert answer["Location"] == f"/desk/{entity.slug}/breaks/"


def test_above_the_threshold_a_second_person_finds_the_button(entity: LegalEntity, finance: Client) -> None:
    one = found(entity, minor=50_000)
    send(finance, one, "resolve/", resolution="explained")
    one.refresh_from_db()
    assert one.state == BreakState.PROPOSED
    assert "Approve and book" not in finance.get(address(one)).content.decode()
    approver = staff.at_desk(Role.APPROVER, entity)
    assert "Approve and book" in approver.get(address(one)).content.decode()
    assert send(approver, one, "approve/").status_code == 302
    one.refresh_from_db()
    assert one.state == BreakState.RESOLVED


def test_an_approver_cannot_approve_a_proposal_of_their_own(entity: LegalEntity) -> None:
    one = found(entity, minor=50_000)
    approver = staff.at_desk(Role.APPROVER, entity)
    send(approver, one, "resolve/", resolution="explained")
    one.refresh_from_db()
    answer = send(approver, one, "approve/")
    assert answer.status_code == 409
    assert "proposed this yourself" in answer.content.decode()


def test_finance_takes_back_only_a_proposal_of_their_own(entity: LegalEntity, finance: Client) -> None:
    one = found(entity, minor=50_000)
    send(finance, one, "resolve/", resolution="explained")
    one.refresh_from_db()
    assert send(staff.at_desk(Role.FINANCE, entity), one, "reject/").status_code == 403
    assert send(finance, one, "reject/").status_code == 302


def test_a_stale_form_is_refused_with_what_was_typed(entity: LegalEntity, finance: Client) -> None:
    one = found(entity)
    as_seen = seen(one)
    found(entity, minor=700)
    answer = finance.post(
        address(one, "resolve/"), {"seen": as_seen, "reason": "Typed with care", "resolution": "explained"}
    )
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "figures changed" in page
    assert "Typed with care" in page


@pytest.mark.parametrize("until", ["", "tomorrow", "2020-01-01", "2999-01-01"])
def test_waiting_needs_a_day_to_come(entity: LegalEntity, finance: Client, until: str) -> None:
    answer = send(finance, found(entity), "resolve/", resolution="wait", until=until)
    assert answer.status_code == 409
    assert "a day to come" in answer.content.decode()


def test_a_refund_asks_once_more_who_it_is(entity: LegalEntity) -> None:
    person = staff.make_person(Role.FINANCE, entity=entity)
    answer = send(staff.signed_in(person, seconds_ago=4_000), found(entity), "resolve/", resolution="refund")
    assert answer.status_code == 302
    assert "/breaks/" not in answer["Location"].partition("?")[0]


def test_auditors_read_and_are_shown_no_form(entity: LegalEntity) -> None:
    one = found(entity)
    auditor = staff.at_desk(Role.AUDITOR, entity)
    page = auditor.get(address(one)).content.decode()
    assert "<textarea" not in page
    assert send(auditor, one, "resolve/", resolution="explained").status_code == 403


def test_breaks_of_another_legal_entity_are_not_found(entity: LegalEntity, finance: Client) -> None:
    other = found(factories.make_entity())
    assert finance.get(f"/desk/{entity.slug}/breaks/{other.uuid}/").status_code == 404
    finance.post(f"/desk/{entity.slug}/breaks/assign/", {"chosen": [str(other.pk)], "owner": ""})
    assert not other.notes.filter(event="assigned").exists()


def test_a_comment_is_shown_in_the_history_as_text(entity: LegalEntity, finance: Client) -> None:
    one = found(entity)
    finance.post(address(one, "comment/"), {"text": "<b>Asked</b> the bank"})
    assert "&lt;b&gt;Asked" in finance.get(address(one)).content.decode()


def test_a_resolved_break_may_be_opened_again_with_a_reason(entity: LegalEntity, finance: Client) -> None:
    one = found(entity)
    send(finance, one, "resolve/", resolution="explained")
    one.refresh_from_db()
    assert send(finance, one, "reopen/", reason="").status_code == 409
    assert send(finance, one, "reopen/").status_code == 302
    one.refresh_from_db()
    assert one.state == BreakState.OPEN
