"""What a break is about is named as people know it, on the list and on its page, with a way there; no raw key."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.test import Client

from fundraising.bank import findings, statements
from fundraising.breaks import Finding, note_findings
from fundraising.models import BankAccount, BankLine, Break, Cause, LegalEntity, Role, SpendingStep, Statement
from fundraising.money import Money
from fundraising.spending import verbs
from payments.models import Payout, StripeAccount
from tests import factories, staff
from tests.fundraising.bank.samples import Row, camt, make_account
from tests.fundraising.spending.kits import ON, Spending, euros, give, make_spending

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 3)


def note(entity: LegalEntity, cause: Cause, subject: str, facts: dict[str, Any], **more: Any) -> Break:
    finding = Finding(cause, subject, Money(500, "EUR"), DAY, facts, **more)
    note_findings(entity.pk, [cause], [finding], among=subject)
    return Break.objects.get(entity=entity, cause=cause, subject=subject)


def pages(client: Client, one: Break) -> tuple[str, str]:
    where = f"/desk/{one.entity.slug}/breaks/"
    return client.get(where).content.decode(), client.get(f"{where}{one.uuid}/").content.decode()


def assert_named(entity: LegalEntity, one: Break, text: str, place: str) -> None:
    """On the list and on its page; its key on neither."""
    finance = staff.at_desk(Role.FINANCE, entity)
    for page in pages(finance, one):
        assert f'<a href="/desk/{entity.slug}/{place}">{text}</a>' in page
        assert one.subject not in page


@pytest.fixture
def account() -> BankAccount:
    return make_account()


def a_line(account: BankAccount, minor: int = 12_000) -> BankLine:
    clerk = staff.make_person(Role.FINANCE, entity=account.entity)
    data = camt([Row(DAY, minor, name="Ada Rossi")])
    return statements.import_statement(account, name="november.xml", data=data, by=clerk).lines.get()


def a_step(world: Spending) -> SpendingStep:
    give(world.kit, euros(100_000))
    verbs.allocate(world.housing, euros(40_000), by=world.author, on=ON)
    commitment = verbs.commit(world.housing, world.partner, euros(40_000), by=world.author, on=ON)
    return verbs.disburse(commitment, world.bank, euros(40_000), by=world.author, on=ON)


def test_a_bank_line_is_named_by_its_day_amount_and_name(account: BankAccount) -> None:
    line = a_line(account)
    one = note(account.entity, Cause.BANK_LINE_UNKNOWN, f"bank-line:{line.pk}", {"bank_line": line.pk})
    assert_named(account.entity, one, "Bank line of November 3, 2026, €120.00, Ada Rossi", f"bank/lines/{line.pk}/")


def test_the_name_on_a_bank_line_is_kept_from_those_who_may_not_read_both_donors_and_partners(
    account: BankAccount,
) -> None:
    line = a_line(account)
    one = note(account.entity, Cause.BANK_LINE_UNKNOWN, f"bank-line:{line.pk}", {"bank_line": line.pk})
    for page in pages(staff.at_desk(Role.AUDITOR, account.entity), one):
        assert "Bank line of November 3, 2026, €120.00</a>" in page
        assert "Ada Rossi" not in page


def test_bank_lines_that_repeat_others_or_look_alike_are_named_as_well(account: BankAccount) -> None:
    line = a_line(account)
    named = "Bank line of November 3, 2026, €120.00, Ada Rossi"
    for cause, subject in (
        (Cause.BANK_LINE_DOUBLED, f"payout:po_1:{line.pk}"),
        (Cause.BANK_LINE_DOUBLED, f"donation:0b9c3c1e-3f0e-4d0c-9a3e-3d8f8f6a2b11:{line.pk}"),
        (Cause.LINES_ALIKE, "alike:0b9c3c1e-3f0e-4d0c-9a3e-3d8f8f6a2b11"),
    ):
        one = note(account.entity, cause, subject, {"bank_line": line.pk})
        assert_named(account.entity, one, named, f"bank/lines/{line.pk}/")


def test_statements_and_bank_accounts_are_named(account: BankAccount) -> None:
    a_line(account)
    statement = Statement.objects.get()
    facts = {"statement": str(statement.uuid), "after": str(statement.uuid)}
    one = note(account.entity, Cause.STATEMENT_GAP, f"statement:{statement.uuid}", facts)
    words = f"Statement “november.xml” of {account.name}"
    assert_named(account.entity, one, words, f"bank/statements/{statement.uuid}/")
    other = note(account.entity, Cause.BALANCE_DIFFERS, f"bank:{account.slug}", {"statement": str(statement.uuid)})
    words = f"Bank account “{account.name}”"
    assert (
        f'bank/accounts/{account.slug}/lines/">{words}</a>'
        in pages(staff.at_desk(Role.FINANCE, account.entity), other)[1]
    )


def test_what_the_detectors_of_the_bank_find_has_a_name(account: BankAccount) -> None:
    line = a_line(account)
    findings.note(account.entity)
    one = Break.objects.get(cause=Cause.BANK_LINE_UNKNOWN)
    assert_named(account.entity, one, "Bank line of November 3, 2026, €120.00, Ada Rossi", f"bank/lines/{line.pk}/")


def test_a_step_of_the_money_is_named_by_its_appeal_and_never_by_its_partner() -> None:
    world = make_spending()
    step = a_step(world)
    entity, appeal = world.kit.entity, world.kit.appeal
    one = note(entity, Cause.ORDER_NOT_IN_BANK, f"step:{step.uuid}", {"step": str(step.uuid)})
    title = world.kit.wordings["en"].title
    for page in pages(staff.at_desk(Role.FINANCE, entity), one):
        assert f'spending/steps/{step.uuid}/">' in page
        assert f"April 12, 2026, €400.00, {title}</a>" in page
        assert one.subject not in page
        assert world.partner.real_name not in page
    assert appeal.slug not in pages(staff.at_desk(Role.AUDITOR, entity), one)[0]


def test_a_break_of_the_money_trail_leads_to_its_step_and_to_its_appeal() -> None:
    world = make_spending()
    step, entity, slug = a_step(world), world.kit.entity, world.kit.appeal.slug
    title = world.kit.wordings["en"].title
    ordered = note(entity, Cause.ORDER_NOT_IN_BANK, f"step:{step.uuid}", {"step": str(step.uuid)})
    short = note(entity, Cause.FUND_SHORT, f"fund:{step.fund_id}:EUR", {"fund": step.fund_id})
    for one in (ordered, short):
        page = pages(staff.at_desk(Role.FINANCE, entity), one)[1]
        assert f'spending/appeals/{slug}/">The money of the appeal “{title}”</a>' in page
    page = pages(staff.at_desk(Role.FINANCE, entity), ordered)[1]
    assert f'spending/steps/{step.uuid}/">The step of the money</a>' in page


def test_a_fund_and_an_appeal_are_named() -> None:
    kit = factories.make_appeal()
    facts = {"fund": kit.appeal.fund_id, "available": 500, "appeal": kit.appeal.slug}
    one = note(kit.entity, Cause.FUND_LEFT, f"fund:{kit.appeal.fund_id}:EUR", facts)
    assert_named(kit.entity, one, f"Fund “{kit.appeal.fund.name}”", f"books/funds/{kit.appeal.fund_id}/")
    page = pages(staff.at_desk(Role.FINANCE, kit.entity), one)[1]
    assert f'appeals/{kit.appeal.slug}/">{kit.wordings["en"].title}</a>' in page


def test_payouts_charges_and_balances_of_stripe_are_named() -> None:
    kit = factories.make_appeal()
    donation, charge = factories.received_donation(kit)
    account = StripeAccount.objects.create(slug="acct", entity=kit.entity, api_key="sk")
    at = datetime(2026, 11, 1, tzinfo=UTC)
    Payout.objects.create(
        account=account, payout_id="po_1x", currency="EUR", amount_minor=98_250, arrival_on=DAY, created_at=at,
        status_at=at, status="paid",
    )  # fmt: skip
    one = note(kit.entity, Cause.PAYOUT_NOT_IN_BANK, "po_1x", {"in_bank": 0})
    finance = staff.at_desk(Role.FINANCE, kit.entity)
    for page in pages(finance, one):
        assert f'<a href="/desk/{kit.entity.slug}/payouts/po_1x/">Payout of November 3, 2026, €982.50</a>' in page
    key = charge.partition(":")[2]
    of_donation = note(kit.entity, Cause.AMOUNT_DIFFERS, "ch_ours", {}, donation_id=donation.pk)
    assert f'donations/{donation.uuid}/">Charge of donation {donation.reference}</a>' in pages(finance, of_donation)[0]
    foreign = note(kit.entity, Cause.CHARGE_FOREIGN, f"ch_{key}", {"entry": charge})
    assert f">Charge ch_{key}</a>" in pages(finance, foreign)[0]
    balance = note(kit.entity, Cause.BALANCE_DIFFERS, "stripe:acct:EUR", {"in_books": 5})
    assert_named(kit.entity, balance, "Balance at Stripe, EUR", "payouts/")
    line = note(kit.entity, Cause.SUSPENSE, "txn:txn_1z", {})
    assert 'wraps">Stripe&#x27;s line txn_1z<' in pages(finance, line)[0]


def test_the_list_asks_as_few_questions_for_many_bank_lines_as_for_one(
    account: BankAccount, django_assert_max_num_queries: Any
) -> None:
    clerk = staff.make_person(Role.FINANCE, entity=account.entity)
    data = camt([Row(DAY, 1_000 + number) for number in range(40)])
    for line in statements.import_statement(account, name="x", data=data, by=clerk).lines.all():
        note(account.entity, Cause.BANK_LINE_UNKNOWN, f"bank-line:{line.pk}", {"bank_line": line.pk})
    finance = staff.at_desk(Role.FINANCE, account.entity)
    with django_assert_max_num_queries(20):
        assert finance.get(f"/desk/{account.entity.slug}/breaks/").status_code == 200
