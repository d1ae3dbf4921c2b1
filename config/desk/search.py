"""Finds a donation from anything that a donor might quote. Words narrow: all of them must fit.

First each kind of word is looked up by an index of its own, all words of a kind in one query; then the donations are
asked for once. Names and addresses are found by blind indexes: the database never sees what was typed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.db.models.lookups import Exact
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from fundraising.desk import Desk
from fundraising.models import BankLine, Donation, Donor, Entry, Mandate, Match
from fundraising.roles import May
from fundraising.vault import blind_index, blind_words
from payments.models import Dispute, InboxEvent, Payment, Payout, Subscription
from receipts.models import Receipt, ReceiptLine

from .terms import Amount, Word, read

SHOWN = 50
# Of a name or a card as common as that, only the newest are looked at.
LOOKED_AT = 5_000
# A donor's day begins up to fourteen hours before that of the books, and ends up to twelve after.
DAY_BEFORE, DAY_AFTER = timedelta(hours=14), timedelta(hours=36)
Reason = str | Promise


@dataclass
class Hits:
    """What a word was found to name: donations and donors by id, each with why."""

    donations: dict[int, Reason] = field(default_factory=dict)
    donors: dict[int, Reason] = field(default_factory=dict)


@dataclass(frozen=True)
class FoundDonation:
    donation: Donation
    reasons: tuple[Reason, ...]


@dataclass
class Found:
    """All that was found; no list is longer than SHOWN."""

    words: list[Word]
    donations: list[FoundDonation] = field(default_factory=list)
    payouts: list[Payout] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    lines: list[BankLine] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    events: list[InboxEvent] = field(default_factory=list)
    is_more: bool = False
    is_common: bool = False  # a name that too many have: some were not looked at
    left_out: bool = False  # names and addresses were not looked up, for want of the right

    @property
    def count(self) -> int:
        lists = (self.donations, self.payouts, self.receipts, self.lines, self.entries, self.events)
        return sum(len(rows) for rows in lists)

    @property
    def personal_kinds(self) -> list[str]:
        """Which kinds of personal data were looked up, for the trail: never the words themselves."""
        kinds = {"e-mail": "emails", "name": "name", "IBAN": "iban"}
        return [kind for kind, attribute in kinds.items() if any(getattr(word, attribute) for word in self.words)]


def search(desk: Desk, query: str) -> Found:
    """Look for the words among what belongs to this legal entity."""
    words = read(query)
    found = Found(words)
    if not desk.may(May.READ_DONORS):
        found.left_out = any(word.is_personal for word in words)
        words = [word for word in map(_without_personal, words) if _means_something(word)]
        if len(words) < len(found.words):  # a word that must fit and cannot be looked up
            return found
    if words:
        _Search(desk, words, found).run()
    return found


def _without_personal(word: Word) -> Word:
    word.emails, word.name, word.iban = [], "", ""
    return word


def _means_something(word: Word) -> bool:
    return any(value for name, value in vars(word).items() if name != "text")


class _Search:
    """One search: the look-ups by kind of word, then the donations that fit all words."""

    def __init__(self, desk: Desk, words: list[Word], found: Found) -> None:
        self.desk, self.entity, self.found = desk, desk.entity, found
        names = [word for word in words if word.is_name_only]
        self.words = [word for word in words if not word.is_name_only]
        self.names = [word.name for word in names]
        if names:  # one person has all of them: looked up together
            self.words.append(Word(" ".join(self.names), name=" ".join(self.names)))
        self.hits = [Hits() for _word in self.words]

    def run(self) -> None:
        self._see_donors()
        self._see_stripe_ids()
        self._see_cards()
        self._see_receipts()
        self._see_mandates()
        if self.desk.may(May.READ_BOOKS):
            self._see_lines()
            self._see_payouts()
        self._see_donations()

    def _each(self) -> Iterable[tuple[Word, Hits]]:
        return zip(self.words, self.hits, strict=True)

    # --- Look-ups by kind of word

    def _see_donors(self) -> None:
        """By e-mail address, and by words of the name."""
        by_index = {blind_index(email): hits for word, hits in self._each() for email in word.emails}
        if by_index:
            rows = Donor.objects.filter(entity=self.entity, email_index__in=by_index)
            for pk, index in rows.values_list("pk", "email_index")[:LOOKED_AT]:
                by_index[index].donors[pk] = _("e-mail")
        for word, hits in self._each():
            if wanted := blind_words(word.name):
                self._see_names(wanted, hits)

    def _see_names(self, wanted: list[str], hits: Hits) -> None:
        rows = Donor.objects.filter(entity=self.entity, name_words__contains=wanted).order_by()
        pks = list(rows.values_list("pk", flat=True)[: LOOKED_AT + 1])
        self.found.is_common |= len(pks) > LOOKED_AT
        hits.donors.update(dict.fromkeys(pks, _("name")))

    def _see_stripe_ids(self) -> None:
        by_id = {word.stripe_id: hits for word, hits in self._each() if word.stripe_id}
        if not by_id:
            return
        kinds = {stripe_id.split("_")[0] for stripe_id in by_id}
        if kinds & {"ch", "py", "pi", "cs", "in"}:
            self._see_payments(by_id)
        self._see_entries(by_id)
        if kinds & {"dp", "du"}:
            disputes = Dispute.objects.filter(account__entity=self.entity, dispute_id__in=by_id)
            for dispute_id, donation in disputes.values_list("dispute_id", "donation"):
                by_id[dispute_id].donations[donation] = _("dispute")
        if kinds & {"sub"}:
            self._see_subscriptions(by_id)
        if kinds & {"evt"} and self.desk.may(May.READ_BOOKS):
            events = InboxEvent.objects.filter(account__entity=self.entity, event_id__in=by_id)
            self.found.events = list(events.defer("body")[:SHOWN])

    def _see_subscriptions(self, by_id: dict[str, Hits]) -> None:
        """The collections of the mandate that Stripe calls so."""
        rows = Subscription.objects.filter(account__entity=self.entity, subscription_id__in=by_id)
        of_mandate = {mandate: by_id[name] for name, mandate in rows.values_list("subscription_id", "mandate")}
        if of_mandate:
            donations = Donation.objects.filter(mandate__in=list(of_mandate)).order_by("-pk")
            for pk, mandate in donations.values_list("pk", "mandate")[:LOOKED_AT]:
                of_mandate[mandate].donations[pk] = _("subscription")

    def _see_payments(self, by_id: dict[str, Hits]) -> None:
        ids = list(by_id)
        attempts = Payment.objects.filter(
            Q(charge_id__in=ids) | Q(payment_intent_id__in=ids) | Q(session_id__in=ids) | Q(invoice_id__in=ids),
            donation__entity=self.entity,
        )
        columns = ("charge_id", "payment_intent_id", "session_id", "invoice_id")
        for donation, *stripe_ids in attempts.values_list("donation", *columns):
            for stripe_id in stripe_ids:
                if stripe_id in by_id:
                    by_id[stripe_id].donations[donation] = _("id at Stripe")

    def _see_entries(self, by_id: dict[str, Hits]) -> None:
        """Facts are booked under the id of the provider's object."""
        fact = {"ch": "charge", "py": "charge", "re": "refund", "pyr": "refund", "dp": "dispute", "du": "dispute",
                "txn": "txn"}  # fmt: skip
        keys = {f"{fact[kind]}:{stripe_id}": stripe_id for stripe_id in by_id
                if (kind := stripe_id.split("_")[0]) in fact}  # fmt: skip
        if not keys:
            return
        entries = list(Entry.objects.filter(entity=self.entity, key__in=keys).select_related("donation")[:SHOWN])
        for entry in entries:
            if entry.donation_id:
                by_id[keys[entry.key]].donations[entry.donation_id] = _("booked fact")
        if self.desk.may(May.READ_BOOKS):
            self.found.entries = entries

    def _see_cards(self) -> None:
        by_last4 = {word.last4: hits for word, hits in self._each() if word.last4}
        if by_last4:
            paid = Payment.objects.filter(last4__in=by_last4, donation__entity=self.entity)
            for last4, donation in paid.order_by("-pk").values_list("last4", "donation")[:LOOKED_AT]:
                by_last4[last4].donations[donation] = _("last four digits")

    def _see_receipts(self) -> None:
        by_number = {word.receipt: hits for word, hits in self._each() if word.receipt}
        if by_number:
            rows = Receipt.objects.filter(number__in=by_number, donor__entity=self.entity)
            self.found.receipts = list(rows.select_related("donation").defer("snapshot")[:SHOWN])
            lines = ReceiptLine.objects.filter(receipt__in=self.found.receipts)
            for number, donation in lines.order_by("pk").values_list("receipt__number", "donation")[:LOOKED_AT]:
                by_number[number].donations[donation] = _("receipt")

    def _see_mandates(self) -> None:
        """A donor may read out the reference of their mandate: its collections are what they mean."""
        for word, hits in self._each():
            ranges = _uuids(word)
            mandates = Mandate.objects.filter(entity=self.entity, uuid__range=ranges) if ranges else []
            # Asked for first: within the statement, the planner would rather read all donations.
            if known := [mandate.pk for mandate in mandates]:
                rows = Donation.objects.filter(mandate__in=known).order_by("-pk")
                hits.donations.update(dict.fromkeys(rows.values_list("pk", flat=True)[:SHOWN], _("mandate")))

    def _see_lines(self) -> None:
        """Bank lines that fit all words, and the donations that they were matched with."""
        words = self.words
        if not self.desk.may_read_bank_names:  # a line may name a partner at risk
            words = [_without_personal(copy(word)) for word in words]
        conditions = [_line_fits(word) for word in words]
        if not all(conditions):
            return
        rows = BankLine.objects.filter(*conditions, bank_account__entity=self.entity, withdrawn_at=None)
        self.found.lines = list(rows.select_related("bank_account").order_by("-booked_on", "-pk")[:SHOWN])
        if self.found.lines:
            matches = Match.objects.filter(line__in=self.found.lines, undone_at=None).exclude(donation=None)
            for donation in matches.values_list("donation", flat=True):
                for hits in self.hits:
                    hits.donations[donation] = _("bank line")

    def _see_payouts(self) -> None:
        conditions = [_payout_fits(word) for word in self.words]
        if all(conditions):
            rows = Payout.objects.filter(*conditions, account__entity=self.entity)
            self.found.payouts = list(rows.select_related("account").order_by("-created_at")[:SHOWN])

    # --- The donations that fit

    def _see_donations(self) -> None:
        rows: QuerySet[Donation] = Donation.objects.filter(entity=self.entity)
        for word, hits in self._each():
            fits = Q(pk__in=hits.donations) | Q(donor__in=hits.donors) | _donation_fits(word)
            rows = rows.filter(fits)
        newest = rows.select_related("donor", "page").order_by("-opened_at", "-pk")
        found = list(newest.defer("tribute_name", "employer", "in_kind")[: SHOWN + 1])
        self.found.is_more = len(found) > SHOWN
        self.found.donations = [FoundDonation(donation, self._reasons(donation)) for donation in found[:SHOWN]]

    def _reasons(self, donation: Donation) -> tuple[Reason, ...]:
        """Why it was found, each reason once."""
        reasons: dict[str, Reason] = defaultdict(str)
        for word, hits in self._each():
            for reason in (hits.donations.get(donation.pk), hits.donors.get(donation.donor_id), *_why(donation, word)):
                if reason:
                    reasons[str(reason)] = reason
        return tuple(reasons.values())


# --- What a word says of a donation itself ---------------------------------------------------------


def _donation_fits(word: Word) -> Q:
    """What needs no look-up: amount, day, references, currency. Nothing of it: a condition that never holds."""
    fits = Q(pk__in=())
    for amount in word.amounts:
        in_currency = Q(currency__in=amount.currencies)
        fits |= Q(amount_minor=amount.minor) & in_currency
        fits |= _wished(amount) & in_currency
    for day in word.dates:
        since, until = _instants(day)
        fits |= Q(opened_at__range=(since, until))
    if uuids := _uuids(word):
        fits |= Q(uuid__range=uuids)
    if word.transfer:
        fits |= Q(transfer_reference=word.transfer)
    if word.currency:
        fits |= Q(currency=word.currency)
    return fits


def _wished(amount: Amount) -> Q:
    """What the donor wanted to give, before they covered the fee on top."""
    return Q(fee_cover_minor__gt=0) & Q(Exact(F("amount_minor") - F("fee_cover_minor"), amount.minor))


def _why(donation: Donation, word: Word) -> Iterable[Reason]:
    for amount in word.amounts:
        if donation.currency in amount.currencies:
            if donation.amount_minor == amount.minor:
                yield _("amount")
            elif donation.fee_cover_minor and donation.amount_minor - donation.fee_cover_minor == amount.minor:
                yield _("amount without the fee")
    if any(since <= donation.opened_at <= until for since, until in map(_instants, word.dates)):
        yield _("day")
    uuids = _uuids(word)
    if uuids and uuids[0] <= donation.uuid <= uuids[1]:
        yield _("reference")
    if word.transfer and donation.transfer_reference == word.transfer:
        yield _("reference of a bank transfer")
    if word.currency == donation.currency:
        yield _("currency")


def _uuids(word: Word) -> tuple[UUID, UUID] | None:
    """The range of UUIDs that begin like the reference."""
    if word.uuid:
        return word.uuid, word.uuid
    if word.reference:
        return UUID(word.reference + "0" * 24), UUID(word.reference + "f" * 24)
    return None


def _instants(day: date) -> tuple[datetime, datetime]:
    """The day as any donor on earth may have had it."""
    midnight = datetime.combine(day, time.min, UTC)
    return midnight - DAY_BEFORE, midnight + DAY_AFTER


# --- Bank lines and payouts ------------------------------------------------------------------------


def _line_fits(word: Word) -> Q:
    """What a word may say of a bank line; an empty condition where it can say nothing."""
    fits = Q()
    if word.name:
        fits |= Q(words__contains=blind_words(word.name)) | Q(bank_reference=word.name)
    if word.transfer:
        fits |= Q(words__contains=blind_words(word.transfer))
    if word.iban:
        fits |= Q(iban_index=blind_index(word.iban))
    if word.reference:
        fits |= Q(bank_reference=word.text)
    for amount in word.amounts:
        same = Q(amount_minor=amount.minor) | Q(amount_minor=-amount.minor)
        fits |= same & Q(bank_account__currency__in=amount.currencies)
    if word.dates:
        fits |= Q(booked_on__in=word.dates)
    return fits


def _payout_fits(word: Word) -> Q:
    fits = Q()
    if word.stripe_id:
        fits |= Q(payout_id=word.stripe_id)
    if word.name:
        fits |= Q(trace_id=word.name)
    for amount in word.amounts:
        fits |= Q(amount_minor__in=[amount.minor, -amount.minor], currency__in=amount.currencies)
    if word.dates:
        fits |= Q(arrival_on__in=word.dates)
    return fits
