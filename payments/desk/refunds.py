"""Giving a donation back from the desk: how much and why, once more who it is, then Stripe."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from fundraising import donations, trail
from fundraising.desk import Desk, desk_page, render
from fundraising.locales import babel_locale
from fundraising.models import Donation
from fundraising.money import AmountError, Money, parse_amount
from fundraising.roles import May

from .. import refunds
from ..models import RefundReason, RefundRequest, RefundState
from .refusals import refusal_text


class DeskRefundForm(forms.Form):
    """How much goes back, in the donation's currency, and why. Its UUID makes a second click the same refund."""

    uuid = forms.UUIDField(widget=forms.HiddenInput)
    amount = forms.CharField(label=_("Amount"), max_length=30)
    reason = forms.ChoiceField(label=_("Reason"), choices=RefundReason.choices)
    note = forms.CharField(label=_("Why, for the trail"), max_length=300, help_text=_("Without names."))

    def __init__(self, *args: Any, left: Money, **options: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **options})
        self.left = left
        self.fields["amount"].widget.attrs["inputmode"] = "decimal"

    def clean_amount(self) -> Money:
        try:
            return parse_amount(self.cleaned_data["amount"], self.left.currency)
        except AmountError as error:
            raise forms.ValidationError(_("Write an amount, such as 25 or 12.50.")) from error


@transaction.atomic
def want_refund(
    donation: Donation, *, uuid: UUID, amount: Money, reason: RefundReason, note: str, by: User
) -> RefundRequest:
    """Store that the desk wants `amount` given back, and who wanted it; raises NotRefundable."""
    known = RefundRequest.objects.filter(uuid=uuid).exists()
    wanted = refunds.request_refund(donation, uuid=uuid, amount=amount, reason=reason, by=by.get_username())
    if not known:
        said = {"minor": amount.minor, "currency": amount.currency, "reason": reason.value, "request": str(uuid)}
        about = f"donation:{donation.uuid}"
        trail.record("refund_wanted", by=by, entity=donation.entity, about=about, after=said, reason=note)
    return wanted


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(May.REFUND, step_up=True)
def refund(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """Ask how much and why; then store it, ask Stripe, and say what came of it."""
    donation = get_object_or_404(Donation.objects.select_related("entity"), uuid=uuid, entity=desk.entity)
    left = donations.net_received(donation)
    form = DeskRefundForm(request.POST or None, left=left, initial={"uuid": uuid4(), "amount": f"{left.decimal:f}"})
    if request.method == "POST" and form.is_valid() and _refunded(request, desk, donation, form):
        return redirect("desk-donation", entity=desk.entity.slug, uuid=donation.uuid)
    context = {"donation": donation, "left": left, "form": form}
    return render(request, desk, "desk/refund.html", context, status=400 if form.errors else 200)


def _refunded(request: HttpRequest, desk: Desk, donation: Donation, form: DeskRefundForm) -> bool:
    said = form.cleaned_data
    try:
        wanted = want_refund(
            donation,
            uuid=said["uuid"],
            amount=said["amount"],
            reason=RefundReason(said["reason"]),
            note=said["note"],
            by=desk.user,
        )
    except refunds.NotRefundable as refusal:
        form.add_error("amount", refusal_text(refusal.code, refusal.left))
        return False
    state = refunds.carry_out(wanted.pk)
    wanted.refresh_from_db()
    _say(request, wanted, state)
    return True


def _say(request: HttpRequest, wanted: RefundRequest, state: RefundState) -> None:
    if state == RefundState.REFUSED:
        messages.error(request, refusal_text(wanted.error_code, wanted.amount))
    elif state == RefundState.MADE:
        amount = wanted.amount.format(babel_locale(get_language()))
        text = gettext("%(amount)s goes back to the donor. Total and receipt follow by themselves.")
        messages.success(request, text % {"amount": amount})
    else:
        text = gettext("Stripe has not answered yet. The refund is stored and will be made once; do not ask again.")
        messages.warning(request, text)
