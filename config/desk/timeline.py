"""What became of a donation, told in words: from booked facts and from what is known of its papers.

Every row has a day, mostly an amount, and the entry of the ledger that says so. No row names a donor, but for notes of
staff, which are there for those who may see donors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time

from django.db.models import Prefetch, Q
from django.utils.translation import get_language, gettext

from fundraising.desk import Desk
from fundraising.locales import babel_locale
from fundraising.models import (
    Break,
    BreakState,
    Channel,
    Donation,
    DonationNote,
    Entry,
    Match,
    Posting,
    Purpose,
    SpendingStep,
    StepKind,
    StepState,
)
from fundraising.money import Money
from fundraising.roles import May
from payments.models import (
    BalanceTransaction,
    Dispute,
    Payment,
    PaymentState,
    Payout,
    RefundRequest,
    RefundState,
)
from receipts.desk.problems import of_mail
from receipts.models import UNDELIVERED, MailKind, OutgoingMail, Receipt, ReceiptState

from .links import to

ALLOCATIONS = 5  # of the fund after a donation: more say nothing more of it

TAKEN_BACK = (Purpose.REFUNDS, Purpose.WITHHELD, Purpose.CHARGEBACKS)
LOSS = {Purpose.WITHHELD, Purpose.CHARGEBACKS}  # what a bank withheld becomes what it has taken


@dataclass(frozen=True)
class Row:
    """Something that happened. `tone` is good, bad, plain or note; of a day of the bank only the day is known."""

    at: datetime
    text: str
    amount: Money | None = None
    tone: str = "plain"
    url: str = ""
    entry: Entry | None = None
    is_day: bool = False


@dataclass(frozen=True)
class Figures:
    """What a donation came to, as booked. `fees` and `net` are in the currency in which the provider settled."""

    given: Money
    refunded: Money
    withheld: Money
    taken_back: Money
    left: Money
    fees: tuple[Money, ...]
    net: tuple[Money, ...]


class Story:
    """The facts of one donation, each kind read once."""

    def __init__(self, desk: Desk, donation: Donation) -> None:
        self.desk, self.donation = desk, donation
        postings = Prefetch("postings", Posting.objects.select_related("account").order_by("pk"))
        entries = Entry.objects.filter(donation=donation).select_related("reverses").prefetch_related(postings)
        self.entries = list(entries.order_by("occurred_at", "pk"))
        self.payments = list(Payment.objects.filter(donation=donation).order_by("pk"))
        self.receipts = list(Receipt.objects.filter(lines__donation=donation).defer("snapshot").order_by("pk"))
        self.mails = list(
            OutgoingMail.objects.filter(Q(receipt__donation=donation) | Q(notice__donation=donation))
            .select_related("receipt", "notice")
            .defer("receipt__snapshot")
            .order_by("pk")
        )
        self.disputes = list(Dispute.objects.filter(donation=donation).order_by("opened_at"))
        self.requests = list(RefundRequest.objects.filter(donation=donation).order_by("pk"))
        self.notes = self._notes()
        self.breaks = list(Break.objects.filter(donation=donation, entity=desk.entity).order_by("pk"))
        self.payouts, self.of_payout = self._payouts()
        self.matches = self._matches()

    def _notes(self) -> list[DonationNote]:
        """What staff wrote, for those who may see donors: it may name them."""
        if not self.desk.may(May.READ_DONORS):
            return []
        return list(DonationNote.objects.filter(donation=self.donation).select_related("by"))

    def _payouts(self) -> tuple[list[Payout], dict[str, str]]:
        """The payouts in which its settled money went out, and which balance transaction is in which."""
        ids = [entry.key.removeprefix("txn:") for entry in self.entries if entry.key.startswith("txn:")]
        lines = BalanceTransaction.objects.filter(account__entity=self.desk.entity, txn_id__in=ids) if ids else []
        of_payout = {line.txn_id: line.payout_id for line in lines if line.payout_id}
        if not of_payout:
            return [], {}
        found = Payout.objects.filter(account__entity=self.desk.entity, payout_id__in=of_payout.values())
        return list(found.order_by("created_at")), of_payout

    def _matches(self) -> list[Match]:
        """The bank lines of the donation itself, and of its payouts."""
        ids = [payout.payout_id for payout in self.payouts]
        rows = Match.objects.filter(
            Q(donation=self.donation) | Q(kind="payout", key__in=ids),
            line__bank_account__entity=self.desk.entity,
            undone_at=None,
        )
        return list(rows.select_related("line__bank_account").order_by("pk"))

    # --- Figures

    def figures(self) -> Figures:
        sums: dict[tuple[str, str], int] = {}
        for entry in self.entries:
            for posting in entry.postings.all():
                where = (posting.account.purpose, posting.currency)
                sums[where] = sums.get(where, 0) + posting.amount_minor
        code = self.donation.currency

        def of(purpose: Purpose) -> Money:
            return Money(sums.get((purpose, code), 0), code)

        given = -of(Purpose.DONATIONS)
        refunded, withheld, taken = of(Purpose.REFUNDS), of(Purpose.WITHHELD), of(Purpose.CHARGEBACKS)
        fees: dict[str, int] = {}
        for (purpose, currency), minor in sums.items():
            if purpose in {Purpose.FEES, Purpose.FEE_TAX}:
                fees[currency] = fees.get(currency, 0) + minor
        net = {currency: minor for (purpose, currency), minor in sums.items() if purpose == Purpose.PROVIDER}
        return Figures(
            given=given,
            refunded=refunded,
            withheld=withheld,
            taken_back=taken,
            left=given - refunded - withheld - taken,
            fees=tuple(Money(minor, currency) for currency, minor in fees.items()),
            net=tuple(Money(minor, currency) for currency, minor in net.items()),
        )

    # --- Rows

    def rows(self) -> list[Row]:
        """All that happened, the oldest first."""
        tellers = (
            self._opened, self._attempts, self._contested, self._booked, self._sent_out, self._in_bank,
            self._allocated, self._asked_for, self._papers, self._mailed, self._off, self._noted,
        )  # fmt: skip
        rows = [row for teller in tellers for row in teller()]
        return sorted(rows, key=lambda row: row.at)

    def _opened(self) -> Iterator[Row]:
        page = self.donation.page.get_absolute_url()
        is_online = self.donation.channel == Channel.ONLINE
        text = gettext("Opened on the page %(page)s.") if is_online else gettext("Recorded for the page %(page)s.")
        yield Row(self.donation.opened_at, text % {"page": page}, url=page)

    def _attempts(self) -> Iterator[Row]:
        """Attempts that came to nothing; one that succeeded is told by its charge."""
        for number, payment in enumerate(self.payments, start=1):
            if payment.state == PaymentState.FAILED:
                said = {"number": number, "code": payment.error_code.replace("_", " ")}
                yield Row(payment.created_at, gettext("Attempt %(number)d failed: %(code)s.") % said, tone="bad")
            elif payment.state == PaymentState.EXPIRED:
                text = gettext("Attempt %(number)d was left, and its checkout expired.")
                yield Row(payment.created_at, text % {"number": number})
            elif payment.charge_id is None and payment.error_code:  # one more try is possible, or will be made
                said = {"number": number, "code": payment.error_code.replace("_", " ")}
                text = gettext("Attempt %(number)d was refused so far: %(code)s.")
                yield Row(payment.created_at, text % said, tone="bad")
            elif payment.charge_id is None:
                text = gettext("Attempt %(number)d is under way.")
                yield Row(payment.created_at, text % {"number": number})

    def _booked(self) -> Iterator[Row]:
        for entry in self.entries:
            text, amount, tone = told(entry, self.donation)
            yield Row(entry.occurred_at, text, amount, tone, to(self.desk, "desk-entry", pk=entry.pk), entry)

    def _sent_out(self) -> Iterator[Row]:
        """A payout is of many donations: its own amount stands in the text."""
        for payout in self.payouts:
            said = {"payout": payout.payout_id, "sum": _shown(payout.amount)}
            url = to(self.desk, "desk-payout", payout_id=payout.payout_id)
            yield Row(payout.created_at, gettext("Paid out in payout %(payout)s (%(sum)s in all).") % said, url=url)
            if payout.status in {"failed", "canceled"}:
                text = gettext("Payout %(payout)s came back: the money is with Stripe again.")
                yield Row(payout.status_at, text % said, tone="bad", url=url)

    def _allocated(self) -> Iterator[Row]:
        """What its fund allocated in its currency after it came, for those who may read the books: the pool's way."""
        if self.donation.received_at is None or not self.desk.may(May.READ_BOOKS):
            return
        steps = SpendingStep.objects.filter(
            fund=self.donation.fund_id,
            kind=StepKind.ALLOCATION,
            state=StepState.BOOKED,
            currency=self.donation.currency,
            accounted_on__gte=self.donation.received_at.date(),
        )
        for step in steps.select_related("line").order_by("accounted_on", "pk")[:ALLOCATIONS]:
            purpose = step.line.get_category_display() if step.line else ""
            said = {"sum": _shown(Money(step.amount_minor, step.currency)), "purpose": purpose}
            text = gettext("Its fund, of which it is a share, allocated %(sum)s for: %(purpose)s.") % said
            at = datetime.combine(step.accounted_on, time.max, UTC)
            yield Row(at, text, url=to(self.desk, "desk-step", uuid=step.uuid))

    def _in_bank(self) -> Iterator[Row]:
        for match in self.matches:
            line, amount = match.line, Money(match.amount_minor, match.line.bank_account.currency)
            said = {"account": line.bank_account.name, "payout": match.key, "sum": _shown(amount)}
            if match.donation_id:
                text = gettext("In the bank: on %(account)s.") % said
            else:
                text = gettext("In the bank: payout %(payout)s is on %(account)s (%(sum)s in all).") % said
            at = datetime.combine(line.booked_on, time.max, UTC)
            url = to(self.desk, "desk-bank-line", pk=line.pk)
            yield Row(at, text, amount if match.donation_id else None, "good", url, match.entry, is_day=True)

    def _contested(self) -> Iterator[Row]:
        for dispute in self.disputes:
            said = {"dispute": dispute.dispute_id, "reason": dispute.reason.replace("_", " ")}
            url = to(self.desk, "desk-disputes")
            text = gettext("The donor's bank contests it: %(reason)s (dispute %(dispute)s).") % said
            yield Row(dispute.opened_at, text, dispute.amount, "bad", url)
            if dispute.closed_at:
                said["status"] = dispute.status.replace("_", " ")
                text = gettext("Dispute %(dispute)s is decided: %(status)s.") % said
                yield Row(dispute.closed_at, text, dispute.amount, "good" if dispute.status == "won" else "bad", url)

    def _asked_for(self) -> Iterator[Row]:
        """Refunds wanted that are not booked; a booked one is told by its entry."""
        for wanted in self.requests:
            said = {"who": wanted.asked_by or gettext("the service"), "code": wanted.error_code.replace("_", " ")}
            text = gettext("Refund asked for by %(who)s.") % said
            yield Row(wanted.created_at, text, wanted.amount)
            if wanted.state == RefundState.REFUSED:
                text = gettext("Stripe refused the refund: %(code)s.") % said
                yield Row(wanted.created_at, text, wanted.amount, "bad")

    def _papers(self) -> Iterator[Row]:
        for receipt in self.receipts:
            said = {"number": receipt.number, "reason": receipt.get_ended_reason_display()}
            text = gettext("Receipt %(number)s was issued.") % said
            yield Row(receipt.issued_at, text, receipt.amount, "good")
            if receipt.ended_at and receipt.state == ReceiptState.VOIDED:
                text = gettext("Receipt %(number)s was voided: %(reason)s.") % said
                yield Row(receipt.ended_at, text, receipt.amount)
            elif receipt.ended_at:
                text = gettext("Receipt %(number)s was replaced: %(reason)s.") % said
                yield Row(receipt.ended_at, text, receipt.amount)

    def _mailed(self) -> Iterator[Row]:
        for mail in self.mails:
            what = mail_name(mail)
            if mail.sent_at:
                yield Row(mail.sent_at, gettext("Mailed: %(what)s.") % {"what": what})
            if mail.delivered_at:
                yield Row(mail.delivered_at, gettext("Delivered: %(what)s.") % {"what": what})
            if mail.state in UNDELIVERED:
                said = {"what": what, "error": of_mail(mail.last_error)}
                text = gettext("Not delivered: %(what)s. %(error)s") % said
                yield Row(mail.sent_at or mail.next_attempt_at, text, tone="bad", url=to(self.desk, "desk-failed"))

    def _off(self) -> Iterator[Row]:
        """Breaks, for those who may read the books."""
        for found in self.breaks if self.desk.may(May.READ_BOOKS) else ():
            url = to(self.desk, "desk-break", uuid=found.uuid)
            said = {"cause": found.get_cause_display()}
            text = gettext("Break: %(cause)s.") % said
            tone = "bad" if found.state in {BreakState.OPEN, BreakState.PROPOSED} else "plain"
            yield Row(found.found_at, text, found.amount if found.amount_minor else None, tone, url)
            if found.resolved_at and found.state == BreakState.RESOLVED:
                text = gettext("Break resolved: %(cause)s.") % said
                yield Row(found.resolved_at, text, tone="good", url=url)

    def _noted(self) -> Iterator[Row]:
        for note in self.notes:
            said = {"who": note.by.get_username(), "text": note.text}
            emptied = gettext("Note of %(who)s, emptied because the donor was erased.")
            yield Row(note.at, (gettext("Note of %(who)s: %(text)s") if note.text else emptied) % said, tone="note")


def mail_name(mail: OutgoingMail) -> str:
    """What a mail tells: the receipt and its number, or the news."""
    if mail.notice:
        return str(mail.notice.get_kind_display())
    return f"{MailKind(mail.kind).label} {mail.receipt.number if mail.receipt else ''}".strip()


def told(entry: Entry, donation: Donation) -> tuple[str, Money | None, str]:
    """An entry in words, with its amount and its tone."""
    legs = {(posting.account.purpose, posting.currency): posting for posting in entry.postings.all()}
    sums = {purpose: Money(posting.amount_minor, posting.currency) for (purpose, _code), posting in legs.items()}
    if entry.reverses:
        return _told_reversal(entry.reverses.key, sums)
    if Purpose.PENDING in sums:
        return _told_pending(sums[Purpose.PENDING])
    if Purpose.DONATIONS in sums:
        return _told_receipt(sums, donation)
    if set(sums) >= LOSS:
        return gettext("The dispute is lost: the bank keeps it for good."), sums.get(Purpose.CHARGEBACKS), "bad"
    if entry.key.startswith("charge:") and Purpose.CHARGEBACKS in sums:
        return gettext("The bank returned the debit."), sums[Purpose.CHARGEBACKS], "bad"
    if Purpose.REFUNDS in sums:
        return gettext("Refunded."), sums[Purpose.REFUNDS], "plain"
    if Purpose.WITHHELD in sums:
        return gettext("The bank withholds it until the dispute is decided."), sums[Purpose.WITHHELD], "bad"
    if Purpose.PROVIDER in sums:
        return _told_settlement(sums)
    return gettext("Booked: %(key)s.") % {"key": entry.key}, None, "plain"


def _told_reversal(key: str, sums: dict[str, Money]) -> tuple[str, Money | None, str]:
    kind = key.split(":")[0]
    amount = next((_size(sums[purpose]) for purpose in (*TAKEN_BACK, Purpose.PENDING, Purpose.DONATIONS)
                   if purpose in sums), None)  # fmt: skip
    if kind == "refund":
        return gettext("The refund failed: the money is back with us."), amount, "bad"
    if set(sums) >= LOSS:
        return gettext("The bank took its decision back: the dispute is open again."), amount, "plain"
    if kind == "dispute":
        return gettext("The dispute is over: the bank gave the money back."), amount, "good"
    if Purpose.PENDING in sums:
        return gettext("The announcement ends: the money came, or will not come."), amount, "plain"
    return gettext("Taken back: %(key)s.") % {"key": key}, amount, "plain"


def _told_pending(amount: Money) -> tuple[str, Money | None, str]:
    if amount.minor > 0:
        return gettext("Announced by the bank; not received yet."), amount, "plain"
    return gettext("The announcement ends: the money came, or will not come."), -amount, "plain"


def _told_receipt(sums: dict[str, Money], donation: Donation) -> tuple[str, Money | None, str]:
    amount = -sums[Purpose.DONATIONS]
    if amount.minor < 0:
        return gettext("Taken back from the donation."), -amount, "bad"
    if Purpose.HAND in sums:
        texts = {Channel.CHEQUE: gettext("Received as a cheque."), Channel.CASH: gettext("Received in cash.")}
        return texts.get(Channel(donation.channel), gettext("Received in hand.")), amount, "good"
    if Purpose.CLEARING in sums:
        return gettext("Charged: the donor has paid."), amount, "good"
    return gettext("Received by bank transfer."), amount, "good"


def _told_settlement(sums: dict[str, Money]) -> tuple[str, Money | None, str]:
    net = sums[Purpose.PROVIDER]
    fee = sums.get(Purpose.FEES)
    if Purpose.FEE_TAX in sums:
        fee = fee + sums[Purpose.FEE_TAX] if fee else sums[Purpose.FEE_TAX]
    if not fee:
        return gettext("Settled at Stripe without a fee."), net, "plain"
    said = {"fee": _shown(fee)}
    if net.minor < 0:
        return gettext("Taken from the balance at Stripe, with a fee of %(fee)s.") % said, net, "plain"
    return gettext("Settled at Stripe, net of a fee of %(fee)s.") % said, net, "plain"


def _shown(amount: Money) -> str:
    return amount.format(babel_locale(get_language()))


def _size(amount: Money) -> Money:
    return -amount if amount.minor < 0 else amount
