"""What a page of another app may show of a donation's payment."""

from __future__ import annotations

from uuid import UUID

from django import template

from ..models import Payment, PaymentState

register = template.Library()


@register.simple_tag
def transfer_of(donation_uuid: UUID, donation_state: str) -> str:
    """Where Stripe explains how to send the bank transfer that a donation waits for; empty when it waits for none."""
    if donation_state != "pending":
        return ""
    waiting = Payment.objects.filter(donation__uuid=donation_uuid, state=PaymentState.COMPLETED)
    return waiting.values_list("transfer_url", flat=True).first() or ""
