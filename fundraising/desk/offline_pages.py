"""Donations past the provider at the desk: recording them, and the bank transfers whose money is awaited."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from .. import locales, offline
from ..bank.matching import NotMatchable
from ..drafts import DonationDraft
from ..models import (
    AppealState,
    AppealWording,
    BankLine,
    Channel,
    Donation,
    DonationPage,
    DonationState,
    PublicName,
    Round,
)
from ..money import AmountError, Money, currencies, parse_typed
from ..offline import cash, recording
from ..offline.recording import NotRecordable, Recorded
from ..offline.references import in_groups
from ..roles import May
from ..words import clean_line, clean_name, clean_organisation
from . import Desk, desk_page, render
from .books_forms import day_field
from .export_links import export_url
from .paging import by_id

REFUSALS = {
    "future": _("This day is still to come."),
    "no_text": _("Please write what was given."),
    "no_line": _("The bank line has another amount, or is explained by now."),
}


class RecordForm(forms.Form):
    """A donation as staff know it: who, how much, how and when, and for which appeal."""

    uuid = forms.UUIDField(widget=forms.HiddenInput)
    channel = forms.ChoiceField(
        label=_("How it came"),
        choices=[(channel.value, channel.label) for channel in (Channel.CHEQUE, Channel.CASH, Channel.IN_KIND)],
    )
    page = forms.ModelChoiceField(
        label=_("For"), queryset=DonationPage.objects.none(), help_text=_("The appeal, in the donor's language.")
    )
    given_on = day_field(_("Given on"), help_text=_("The day it was handed over."))
    amount = forms.CharField(
        label=_("Amount"), required=False, max_length=40, help_text=_("Leave empty for a donation in kind.")
    )
    currency = forms.ChoiceField(label=_("Currency"))
    cheque = forms.RegexField(r"^[\w/ -]*$", label=_("Number of the cheque"), required=False, max_length=30)
    in_kind = forms.CharField(
        label=_("What was given in kind"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Noted without a value: in no total, and without a receipt."),
    )
    first_name = forms.CharField(label=_("First name"), max_length=80)
    last_name = forms.CharField(label=_("Last name"), max_length=80)
    organisation = forms.CharField(label=_("Organisation"), required=False, max_length=200)
    email = forms.EmailField(
        label=_("E-mail"), required=False, help_text=_("Without one the receipt is issued, and you print it.")
    )
    country = forms.ChoiceField(label=_("Country"))
    public_name = forms.ChoiceField(
        label=_("How they appear on the page"), choices=PublicName.choices, initial=PublicName.ANONYMOUS
    )
    is_another = forms.BooleanField(
        label=_("Another one: I hold both"), required=False, help_text=_("Only if there are two of the same.")
    )

    def __init__(self, desk: Desk, data: Any = None, *, line: BankLine | None = None) -> None:
        super().__init__(data, initial=_first(desk, line))
        self.line = line
        fields: Any = self.fields
        pages = DonationPage.objects.filter(appeal__campaign__entity=desk.entity)
        pages = pages.exclude(appeal__state=AppealState.DRAFT).select_related("appeal__campaign__entity")
        fields["page"].queryset = pages.order_by("-appeal_id", "locale")
        fields["page"].label_from_instance = lambda page: f"{page.slug} ({page.locale})"
        fields["currency"].choices = currencies()
        fields["country"].choices = locales.countries(get_language() or "en")
        if line:  # the bank has said the rest
            for name in ("channel", "given_on", "amount", "currency", "cheque", "in_kind"):
                del fields[name]
        if not self.data.get("is_another"):  # asked once there is one like it
            self.asked = fields.pop("is_another")

    def clean_first_name(self) -> str:
        return clean_name(self.cleaned_data["first_name"])

    def clean_last_name(self) -> str:
        return clean_name(self.cleaned_data["last_name"])

    def clean_organisation(self) -> str:
        return clean_organisation(self.cleaned_data["organisation"])

    def clean_in_kind(self) -> str:
        return clean_line(self.cleaned_data["in_kind"].replace("\r\n", " ").replace("\n", " "), 500)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.line:
            data["money"] = Money(self.line.unexplained_minor, self.line.bank_account.currency)
        elif data.get("channel") == Channel.IN_KIND:
            data["money"] = Money(0, data.get("currency") or "EUR")
        elif "currency" in data:
            self._clean_amount(data)
        if "page" in data and not data["page"].appeal.rounds.exists():
            self.add_error("page", _("This appeal has no round yet."))
        return data

    def _clean_amount(self, data: dict[str, Any]) -> None:
        try:
            data["money"] = parse_typed(data.get("amount", ""), data["currency"])
        except AmountError:
            self.add_error("amount", _("This is not an amount. Write it like 25 or 25.50."))

    def refuse(self, refusal: NotRecordable) -> None:
        """Say beside its field why it cannot be recorded so."""
        field = {"future": "given_on", "no_text": "in_kind", "too_much_cash": "amount"}.get(refusal.code)
        words: Any = REFUSALS.get(refusal.code, "")
        if refusal.limit:
            limit = refusal.limit.format(locales.babel_locale(get_language()))
            words = gettext(
                "The law of this country forbids cash of %(limit)s or more, also in parts. Ask for a bank transfer."
            ) % {"limit": limit}
        if refusal.before:
            self.fields["is_another"] = self.asked
            field = "is_another"
            words = gettext(
                "%(reference)s is the same: of this donor, this day and this amount. If this is another one, tick the "
                "box; if not, there is nothing to do."
            ) % {"reference": refusal.before.reference}
        self.add_error(field if field in self.fields else None, ValidationError(words))

    def draft(self) -> DonationDraft:
        """The donation as drafts.py wants it; the round and wording are those of its day."""
        data = self.cleaned_data
        day = self.line.booked_on if self.line else data["given_on"]
        appeal, locale = data["page"].appeal, data["page"].locale
        until = timezone.make_aware(datetime.combine(day, time.max))
        rounds = Round.objects.filter(appeal=appeal).select_related("appeal__campaign__entity").order_by("-number")
        wordings = AppealWording.objects.filter(appeal=appeal, locale=locale).order_by("-version")
        return DonationDraft(
            page=data["page"],
            round=rounds.filter(opens_at__lte=until).first() or rounds.reverse()[0],
            wording=wordings.filter(created_at__lte=until).first() or wordings.reverse()[0],
            amount=data["money"],
            fee_cover=Money(0, data["money"].currency),
            first_name=data["first_name"],
            last_name=data["last_name"],
            email=data["email"],
            country=data["country"],
            public_name=PublicName(data["public_name"]),
            newsletter_consent="",
            organisation=data["organisation"],
        )


def _first(desk: Desk, line: BankLine | None) -> dict[str, Any]:
    """What the form begins with; of a bank line, the name that the bank tells."""
    name = (line.name if line else "").split()
    return {
        "uuid": uuid4(),
        "given_on": timezone.localdate(),
        "currency": desk.entity.currency,
        "country": desk.entity.country,
        "first_name": " ".join(name[:-1]),
        "last_name": " ".join(name[-1:]),
    }


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(May.RECORD_DONATIONS)
def record(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Record a cheque, cash or a donation in kind."""
    form = RecordForm(desk, request.POST or None)
    if request.method == "POST" and form.is_valid() and _recorded(request, desk, form):
        return redirect("desk-record", entity=desk.entity.slug)
    limit = cash.refused_from(desk.entity, "EUR")
    context = {"form": form, "cash_limit": limit, "untraceable": desk.entity.country in cash.TRACEABLE_ONLY}
    return render(request, desk, "desk/record.html", context, status=422 if form.errors else 200)


def _recorded(request: HttpRequest, desk: Desk, form: RecordForm) -> bool:
    said = form.cleaned_data
    how = Recorded(
        Channel(said["channel"]), said["given_on"], in_kind=said["in_kind"], cheque=said["cheque"],
        is_another=said.get("is_another", False),
    )  # fmt: skip
    try:
        donation = recording.record_donation(form.draft(), how, uuid=said["uuid"], by=desk.user)
    except NotRecordable as refusal:
        form.refuse(refusal)
        return False
    messages.success(
        request, gettext("Recorded as %(reference)s. You can record the next one.") % {"reference": donation.reference}
    )
    return True


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(May.MATCH_BANK)
def record_line(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """Record a donation that came by bank transfer and that nobody had announced, and match its line."""
    rows = BankLine.objects.select_related("bank_account").filter(bank_account__entity=desk.entity)
    line = get_object_or_404(rows, pk=pk)
    if line.unexplained_minor <= 0 or line.withdrawn_at:  # the back button, or somebody was faster
        messages.info(request, gettext("This line is explained by now, or brought no money. Nothing was recorded."))
        return redirect("desk-bank-line", entity=desk.entity.slug, pk=pk)
    form = RecordForm(desk, request.POST or None, line=line)
    if request.method == "POST" and form.is_valid():
        try:
            recording.record_from_line(form.draft(), line, uuid=form.cleaned_data["uuid"], by=desk.user)
        except (NotRecordable, NotMatchable):
            form.refuse(NotRecordable("no_line"))
        else:
            messages.success(request, gettext("Recorded, and the bank line is matched."))
            return redirect("desk-breaks", entity=desk.entity.slug)
    context = {"form": form, "line": line}
    return render(request, desk, "desk/record.html", context, status=422 if form.errors else 200)


class BounceForm(forms.Form):
    """Why a cheque is worth nothing."""

    reason = forms.CharField(label=_("Why, for the trail"), max_length=300, help_text=_("Without names."))


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(May.REFUND)
def bounced(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """The bank did not honour a cheque: take back what it had brought."""
    cheques = Donation.objects.filter(entity=desk.entity, channel=Channel.CHEQUE)
    donation = get_object_or_404(cheques.select_related("entity"), uuid=uuid)
    if donation.state != DonationState.RECEIVED:  # the back button, or somebody was faster
        messages.info(request, gettext("Nothing of this cheque is left to take back."))
        return redirect("desk-donation", entity=desk.entity.slug, uuid=donation.uuid)
    form = BounceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        try:
            recording.bounce_cheque(donation, at=timezone.now(), by=desk.user, reason=reason)
        except NotRecordable:  # somebody else was faster
            messages.error(request, gettext("Nothing of this cheque is left to take back."))
        else:
            messages.success(request, gettext("Taken back. Totals follow at once; a receipt is voided within minutes."))
        return redirect("desk-donation", entity=desk.entity.slug, uuid=donation.uuid)
    context = {"form": form, "donation": donation}
    return render(request, desk, "desk/bounced.html", context, status=422 if form.errors else 200)


@require_safe
@desk_page(May.READ_DONORS, May.MATCH_BANK)
def awaited(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Donations by bank transfer whose money is still to come, newest first."""
    page = by_id(request, offline.awaited(desk.entity).select_related("donor", "wording").order_by())
    rows = [
        {
            "donation": donation,
            "reference": in_groups(donation.transfer_reference or ""),
            "days": _days(donation.opened_at),
        }
        for donation in page
    ]
    context = {"rows": rows, "page": page, "export_url": export_url(desk, "awaited")}
    return render(request, desk, "desk/awaited.html", context)


def _days(since: datetime) -> int:
    return (timezone.now() - since).days
