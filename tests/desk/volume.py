"""A desk with much of everything, made in bulk: what happens often hangs on one donation, one payout, one day.

Rows are written past the triggers that a thousand of them need not run; no figure of them is meant to add up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from fundraising import donations, trail
from fundraising.books import manual_entries
from fundraising.exports import work
from fundraising.exports.work import Wish
from fundraising.ledger import Bucket
from fundraising.models import (
    Answer,
    BankAccount,
    BankLine,
    Break,
    BreakNote,
    Category,
    Cause,
    Close,
    Donation,
    DonationNote,
    Donor,
    Entry,
    Evidence,
    Export,
    JournalEntry,
    JournalLine,
    Mandate,
    Match,
    Membership,
    Notice,
    Partner,
    PartnerKey,
    Posting,
    Purpose,
    Role,
    Seal,
    SpendingStep,
    Statement,
    Upload,
)
from fundraising.money import Money
from fundraising.seals import verbs as seals
from fundraising.spending import verbs
from fundraising.vault import blind_index
from payments.models import (
    BalanceTransaction,
    Dispute,
    EventState,
    InboxEvent,
    MandateChange,
    Payment,
    PaymentState,
    Payout,
    RefundRequest,
    StripeAccount,
    Subscription,
)
from receipts.models import MailState, OutgoingMail, Receipt, Refusal
from receipts.receipts import issue_receipt
from tests import factories, staff
from tests.desk.volume_of_papers import Papers
from tests.factories import AppealKit, next_number
from tests.fundraising.seals.kits import Pair, encoded
from tests.payments.desk import make_account

EURO = {"currency": "EUR"}
FIVE = {"currency": "EUR", "amount_minor": 500}


@dataclass
class Full:
    """Things of which each has much, known by the names that the parts of addresses have."""

    kit: AppealKit
    account: StripeAccount
    boss: User
    bank: BankAccount
    statement: Statement
    line: BankLine
    donation: Donation
    receipt: Receipt
    payout: Payout
    dispute: Dispute
    found: Break
    draft: JournalEntry
    entry: Entry
    mandate: Mandate
    event: InboxEvent
    cheque: Donation
    export: Export
    upload: Upload
    ids: dict[Bucket, int]
    partner: Partner = field(init=False)
    step: SpendingStep = field(init=False)  # a commitment, on which much rests
    report: SpendingStep = field(init=False)
    seal: Seal = field(init=False)
    papers: Papers = field(init=False)
    donations: list[Donation] = field(default_factory=list)
    now: datetime = field(default_factory=timezone.now)

    @property
    def today(self) -> date:
        return self.now.date()


def begin() -> Full:
    """One of each."""
    kit = factories.make_appeal()
    entity, now = kit.entity, timezone.now()
    boss = staff.make_person(*Role, entity=entity, name="the-boss")
    account = make_account(kit)
    donation, _key = factories.received_donation(kit)
    receipt = issue_receipt(donation)
    cheque, _key = factories.received_donation(kit)
    Donation.objects.filter(pk=cheque.pk).update(channel="cheque")
    bank = BankAccount.objects.create(
        entity=entity, slug=f"bank-{next_number()}", name="House bank", iban="DE89370400440532013000", currency="EUR"
    )
    statement = Statement.objects.create(
        bank_account=bank, format="csv", name="march.csv", sha256="0" * 64, sealed_bytes=b"", first_on=now.date(),
        last_on=now.date(), opening_minor=0, closing_minor=500, lines_read=1, lines_new=1, imported_by=boss,
    )  # fmt: skip
    line = BankLine.objects.create(
        bank_account=bank, content="0" * 64, booked_on=now.date(), amount_minor=90_000, unexplained_minor=90_000,
        name="Bo Lindqvist", reference="for the boats",
    )  # fmt: skip
    line.statements.add(statement)
    moment = {**FIVE, "status_at": now}
    payout = Payout.objects.create(
        account=account, payout_id="po_first", created_at=now, arrival_on=now.date(), status="paid", itemised_at=now,
        **moment,
    )  # fmt: skip
    dispute = Dispute.objects.create(
        account=account, dispute_id="dp_first", charge_id="ch_first", donation=donation, status="needs_response",
        reason="fraudulent", opened_at=now, evidence_due_by=now + timedelta(days=2), **moment,
    )  # fmt: skip
    found = Break.objects.create(
        entity=entity, cause=Cause.CHARGE_MISSING, subject="ch_lost", donation=donation, **FIVE
    )
    Break.objects.create(  # names what the many name: pages ask once for each kind of thing
        entity=entity, cause=Cause.SUSPENSE, subject="txn:first", facts={"payout": "po_first"}, **FIVE
    )
    euros = Money(500, "EUR")
    draft = manual_entries.draft_entry(
        entity, [manual_entries.Line(Purpose.EXPENSES, euros), manual_entries.Line(Purpose.OTHER_INCOME, -euros)],
        text="Pens", accounted_on=now.date(), by=staff.make_person(),
        attachment=manual_entries.Attachment("pens.pdf", b"%PDF-1.7"),
    )  # fmt: skip
    export = work.ask(entity, Wish.read("accounts", "csv", {}), by=boss)
    work.write_due()
    upload = Upload.objects.create(
        bank_account=bank, by=boss, name="march.csv", sealed_bytes=b"", expires_at=now + timedelta(days=1)
    )
    mandate = Mandate.objects.create(
        entity=entity, donor=donation.donor, page=donation.page, round=donation.round, wording=donation.wording,
        locale="en", interval="month", state="active", started_at=now, **FIVE,
    )  # fmt: skip
    Subscription.objects.create(
        account=account, mandate=mandate, subscription_id="sub_first", customer_id="cus_1", item_id="si_1",
        product_id="prod_1", status="active", status_at=now, unit_minor=500,
    )  # fmt: skip
    event = InboxEvent.objects.create(
        account=account, event_id="evt_first", type="charge.succeeded", body=b'{"id": "evt_first"}',
        state=EventState.FAILED, next_attempt_at=None, reason="no such page",
    )  # fmt: skip
    purposes = (Purpose.CLEARING, Purpose.PROVIDER, Purpose.PAYOUTS)
    stripe = [Bucket(entity.pk, purpose, "EUR", provider=account.slug) for purpose in purposes]
    others = [
        Bucket(entity.pk, Purpose.SUSPENSE, "EUR"), Bucket(entity.pk, Purpose.BANK, "EUR", provider=bank.slug),
        Bucket(entity.pk, Purpose.SUSPENSE, "EUR", provider=bank.slug), Bucket(entity.pk, Purpose.FEES, "EUR"),
        Bucket(entity.pk, Purpose.REFUNDS, "EUR", fund=donation.fund_id, round=donation.round_id),
    ]  # fmt: skip
    ids = factories.account_ids(*stripe, *others)
    entry = Entry.objects.get(donation=donation)
    full = Full(
        kit, account, boss, bank, statement, line, donation, receipt, payout, dispute, found, draft, entry, mandate,
        event, cheque, export, upload, ids,
    )  # fmt: skip
    _begin_spending(full, _key)
    full.papers = Papers(full)
    return full


def _begin_spending(full: Full, charge: str) -> None:
    """A little money on its whole way."""
    second, on = staff.make_person(), full.today
    euros = Money(5_000, "EUR")
    donations.settle(key=f"txn:{charge}", fact_key=charge, gross=euros, settled=euros, fee=Money(0, "EUR"))

    def booked(step: SpendingStep) -> SpendingStep:
        return verbs.approve(step, by=second) if step.state == "waiting" else step

    here: dict[str, Any] = {"by": full.boss, "on": on}
    full.partner = Partner.objects.create(entity=full.kit.entity, real_name="Whoever")
    verbs.set_budget(full.kit.appeal, Category.FOOD, euros, reason="Bread", by=full.boss)
    line = full.kit.appeal.budget_lines.get()
    booked(verbs.allocate(line, Money(4_000, "EUR"), **here))
    full.step = booked(verbs.commit(line, full.partner, Money(3_000, "EUR"), **here))
    sent = booked(verbs.disburse(full.step, full.bank, Money(2_000, "EUR"), **here))
    arrival = verbs.confirm_arrival(sent, Money(2_000, "EUR"), **here)
    seen = manual_entries.Attachment("bills.pdf", b"%PDF-1.7")
    told = verbs.report_spending(arrival, Money(1_000, "EUR"), evidence=Evidence.REVIEWED, attachment=seen, **here)
    full.report = booked(told)
    _begin_seal(full, second)


def _begin_seal(full: Full, second: User) -> None:
    """A key of the partner, made for the appeal alone, and what it has sealed."""
    pair, appeal, today = Pair(), full.kit.appeal, full.today
    Partner.objects.filter(pk=full.partner.pk).update(delay_days=0)
    key = seals.add_key(full.partner, pair.public, appeal=appeal, by=full.boss)
    days = {"valid_from": today, "valid_until": today + timedelta(days=9)}
    seal = seals.draft_seal(appeal, key, dict.fromkeys(full.kit.pages, "Yes, for us."), by=full.boss, **days)
    seals.take_signature(seal, pair.sign(seal.statement), by=full.boss)
    full.seal = seals.publish(seal, by=second)


def add(full: Full, number: int) -> None:
    """That many more of everything."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        parts = (_donations, _entries, _at_stripe, _mandates, _bank, _breaks, _by_hand, _papers, _people, _spending)
        for some in parts:
            start = next_number() * 10_000
            some(full, range(start, start + number))
        start = next_number() * 10_000
        full.papers.add(full, range(start, start + number))
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("ANALYZE")


def _make(model: Any, rows: Iterable[dict[str, Any]]) -> list[Any]:
    return model.objects.bulk_create([model(**row) for row in rows])  # type: ignore[no-any-return]


def _donations(full: Full, numbers: range) -> None:
    """Some by the donor who has all of them, some by others; also some that wait for a bank transfer."""
    first = full.donation
    people = _make(Donor, (
        {
            "entity": full.kit.entity, "email": f"p{n}@example.org", "first_name": "Bo", "last_name": f"Zimt {n}",
            "country": "IT", "locale": "en", "email_index": blind_index(f"p{n}@example.org"), "identity_index": str(n),
        }
        for n in numbers
    ))  # fmt: skip
    told = {
        "entity": full.kit.entity, "page": first.page, "round": first.round, "wording": first.wording, "locale": "en",
        **FIVE,
    }  # fmt: skip
    got = {"fund": first.fund, "state": "received", "received_at": full.now, "mandate": full.mandate}
    made = _make(Donation, ({**told, **got, "donor": first.donor, "submission": f"a{n}"} for n in numbers))
    full.donations += made
    _make(Donation, (
        {**told, "donor": person, "submission": f"b{n}", "channel": "bank", "transfer_reference": f"RF{n}"}
        for n, person in zip(numbers, people, strict=True)
    ))  # fmt: skip
    _make(DonationNote, ({"donation": first, "by": full.boss, "text": f"Called, {n}"} for n in numbers))
    _make(Answer, ({"donation": first, "question_id": n, "label": f"Question {n}", "text": "yes"} for n in numbers))
    _make(Payment, (
        {"donation": one, "account": full.account, "state": PaymentState.SUCCEEDED, "charge_id": f"ch_{n}",
         "last4": "4242", "brand": "visa"}
        for n, one in zip(numbers, made, strict=True)
    ))  # fmt: skip
    _make(Payment, (
        {"donation": first, "account": full.account, "state": PaymentState.FAILED, "session_id": f"cs_{n}"}
        for n in numbers
    ))  # fmt: skip


def _entries(full: Full, numbers: range) -> None:
    """Settlements, all of the first donation; one line of the bank for each."""
    when = {"entity": full.kit.entity, "occurred_at": full.now, "accounted_on": full.today}
    made = _make(Entry, ({**when, "key": f"txn:txn_{n}", "donation": full.donation} for n in numbers))
    booked = _make(Entry, ({**when, "key": f"bank:line_{n}"} for n in numbers))
    accounts = list(full.ids.values())
    _make(Posting, (
        {"entry": entry, "account_id": account, "currency": "EUR", "amount_minor": minor}
        for entry in [*made, *booked]
        for account, minor in zip(accounts[:2], (500, -500), strict=True)
    ))  # fmt: skip
    if full.entry.postings.count() == 2:
        _make(Posting, (
            {"entry": full.entry, "account_id": account, "currency": "EUR", "amount_minor": (-1) ** place}
            for place, account in enumerate(accounts[2:])
        ))  # fmt: skip
    lines = _make(BankLine, (
        {"bank_account": full.bank, "content": str(n), "booked_on": full.today, "amount_minor": 500,
         "unexplained_minor": 500, "entry": entry, "name": f"Sender {n}", "reference": "thank you"}
        for n, entry in zip(numbers, booked, strict=True)
    ))  # fmt: skip
    full.statement.lines.add(*lines)
    _make(Match, (
        {"line": full.line, "kind": "payout", "key": "po_first", "amount_minor": 1, "entry": entry, "by": full.boss}
        for entry in made
    ))  # fmt: skip


def _at_stripe(full: Full, numbers: range) -> None:
    here, euros = {"account": full.account}, {**FIVE, "status_at": full.now}
    since = full.now - timedelta(days=2)
    _make(Payout, (
        {**here, **euros, "payout_id": f"po_{n}", "status": "paid", "created_at": full.now, "arrival_on": full.today}
        for n in numbers
    ))  # fmt: skip
    for booked_at in (full.now, None):
        _make(BalanceTransaction, (
            {**here, **FIVE, "txn_id": f"txn_{'u' if booked_at is None else ''}{n}", "type": "charge",
             "reporting_category": "charge", "source": f"ch_{n}", "payout_id": "po_first", "fee_minor": 0,
             "net_minor": 500, "created_at": since, "available_on": since, "booked_at": booked_at}
            for n in numbers
        ))  # fmt: skip
    _make(Dispute, (
        {**here, **euros, "dispute_id": f"dp_{n}", "charge_id": f"ch_{n}", "donation": full.donation,
         "status": "needs_response", "reason": "fraudulent", "opened_at": full.now, "evidence_due_by": full.now}
        for n in numbers
    ))  # fmt: skip
    _make(InboxEvent, (
        {**here, "event_id": f"evt_{n}", "type": "charge.succeeded", "body": b"{}", "state": EventState.PARKED,
         "received_at": since}
        for n in numbers
    ))  # fmt: skip
    for state in ("wanted", "refused"):
        _make(RefundRequest, (
            {**here, **FIVE, "charge_id": f"ch_{state}_{n}", "donation": full.donation, "reason": "duplicate",
             "state": state, "created_at": since}
            for n in numbers
        ))  # fmt: skip


def _mandates(full: Full, numbers: range) -> None:
    first = full.mandate
    like = {
        name: getattr(first, name) for name in ("entity", "donor", "page", "round", "wording", "locale", "interval")
    }
    made = _make(Mandate, ({**like, **FIVE, "state": "active", "started_at": full.now} for _n in numbers))
    _make(Notice, ({"mandate": one, "kind": "mandate_failed", "about": "in_1:1"} for one in made))
    _make(MandateChange, ({"mandate": one, "kind": "pause", "state": "wanted"} for one in made))
    _make(MandateChange, ({"mandate": first, "kind": "pause", "state": "made"} for _n in numbers))
    _make(Subscription, (
        {"account": full.account, "mandate": one, "subscription_id": f"sub_{n}", "customer_id": "cus_1",
         "item_id": "si_1", "product_id": "prod_1", "status": "active", "status_at": full.now, "unit_minor": 500}
        for n, one in zip(numbers, made, strict=True)
    ))  # fmt: skip


def _bank(full: Full, numbers: range) -> None:
    _make(BankAccount, (
        {"entity": full.kit.entity, "slug": f"bank-{n}", "name": f"Bank {n}", "iban": f"DE{n}", **EURO}
        for n in numbers[:30]
    ))  # fmt: skip
    made = _make(Statement, (
        {"bank_account": full.bank, "format": "csv", "name": f"{n}.csv", "sha256": str(n), "sealed_bytes": b"",
         "lines_read": 1, "lines_new": 1, "imported_by": full.boss}
        for n in numbers
    ))  # fmt: skip
    full.line.statements.add(*made)


def _breaks(full: Full, numbers: range) -> None:
    causes = list(Cause)
    people = [full.boss, *(staff.make_person(Role.FINANCE, entity=full.kit.entity) for _n in numbers[:20])]
    _make(Break, (
        {"entity": full.kit.entity, "cause": causes[n % len(causes)], "subject": f"thing {n}", "owner": people[n % 20],
         "donation": full.donation, "occurred_on": full.today, **FIVE, "facts": {"payout": "po_first"}}
        for n in numbers
    ))  # fmt: skip
    _make(BreakNote, (
        {"found": full.found, "event": "commented", "text": f"Asked them, {n}", "by": people[n % 20]} for n in numbers
    ))  # fmt: skip


def _spending(full: Full, numbers: range) -> None:
    """Partners, and steps that wait: of the appeal, and resting on its commitment."""
    entity, first = full.kit.entity, full.step
    _make(Partner, ({"entity": entity, "real_name": f"Whoever {n}"} for n in numbers))
    like = {
        "entity": entity, "fund": first.fund, "line": first.line, "accounted_on": full.today, "needs_second": True,
        "by": full.boss, "currency": "EUR",
    }  # fmt: skip
    _make(SpendingStep, ({**like, "kind": "allocation", "amount_minor": n} for n in numbers))
    signed = {
        name: getattr(full.seal, name)
        for name in ("appeal", "key", "statement", "signature", "state", "by", "signed_by", "published_by",
                     "published_at")
    }  # fmt: skip
    _make(Seal, ({**signed, "code": f"{n:012}"} for n in numbers))
    _make(PartnerKey, (
        {"partner": full.partner, "public_key": encoded(n.to_bytes(32)), "by": full.boss} for n in numbers
    ))  # fmt: skip
    _make(SpendingStep, (
        {**like, "kind": "release", "rests_on": first, "partner": full.partner, "amount_minor": n} for n in numbers
    ))  # fmt: skip


def _by_hand(full: Full, numbers: range) -> None:
    wanted = {"entity": full.kit.entity, "accounted_on": full.today}
    _make(JournalEntry, ({**wanted, "text": f"Pens {n}", "by": full.boss} for n in numbers))
    _make(JournalLine, (
        {"journal_entry": full.draft, "purpose": Purpose.EXPENSES, **FIVE, "fund": full.donation.fund} for _n in numbers
    ))  # fmt: skip
    _make(Close, ({"entity": full.kit.entity, "reason": f"Month {n}", "by": full.boss} for n in numbers))
    _make(Export, ({"entity": full.kit.entity, "kind": "journal", "format": "csv", "asked_by": full.boss}
                   for _n in numbers))  # fmt: skip


def _papers(full: Full, numbers: range) -> None:
    """Papers of the first donation, and what failed of others."""
    like = {
        name: getattr(full.receipt, name)
        for name in ("series", "donor", "locale", "template", "currency", "amount_minor", "received_on", "snapshot",
                     "pdf_sha256", "check_code")
    }  # fmt: skip
    made = _make(Receipt, (
        {**like, "sequence": n, "number": f"X-{n}", "donation": full.donation, "state": "voided", "ended_at": full.now,
         "ended_reason": "refunded"}
        for n in numbers
    ))  # fmt: skip
    _make(OutgoingMail, (
        {"receipt": one, "kind": "receipt", "state": MailState.FAILED, "message_id": str(uuid4()),
         "last_error": "550", "attempts": 9}
        for one in made
    ))  # fmt: skip
    refused = full.donations[-len(numbers) :]
    _make(Refusal, ({"donation": one, "code": "no_statement", "next_attempt_at": full.now} for one in refused))


def _people(full: Full, numbers: range) -> None:
    people = User.objects.bulk_create(User(username=f"person-{n}", email=f"h{n}@staff.example") for n in numbers)
    entity = full.kit.entity
    Membership.objects.bulk_create(Membership(user=one, entity=entity, role=Role.CAMPAIGNER) for one in people)
    tell = partial(trail.record, "break_commented", by=full.boss, entity=full.kit.entity)
    for n in numbers:
        tell(about=f"break:{n}", reason="asked")
