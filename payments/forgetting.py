"""What Stripe told us of an erased donor: personal words go from the stored events and attempts, ids and money stay."""

from __future__ import annotations

import json
from typing import Any

from django.db import connection

from fundraising.models import Donor

from .models import Payment, Subscription

# Whatever Stripe says under these names, at any depth, is of a person.
PERSONAL = frozenset({
    "account_holder_name", "account_number", "address", "billing_details", "collected_information", "customer_address",
    "customer_details", "customer_email", "customer_name", "customer_phone", "customer_shipping", "email",
    "fingerprint", "iban_last4", "individual_name", "last4", "name", "owner", "phone", "receipt_email",
    "sender_account_number", "sender_name", "shipping", "shipping_details",
})  # fmt: skip
_FIND = """
    SELECT id, body FROM payments_inboxevent
    WHERE account_id IN (SELECT id FROM payments_stripeaccount WHERE entity_id = %s) AND received_at >= %s
      AND EXISTS (SELECT FROM unnest(%s::bytea[]) AS id WHERE position(id IN body) > 0)
    FOR UPDATE
"""


def forget(donor: Donor, email: str) -> int:
    """Remove the personal words of a donor's events and attempts; how many events. In the caller's transaction."""
    payments = Payment.objects.filter(donation__donor=donor)
    subscriptions = Subscription.objects.filter(mandate__donor=donor)
    known = _ids(donor, payments, subscriptions) | ({email} if email else set())
    payments.update(brand="", last4="", url="", transfer_url="", client_secret="")
    subscriptions.update(brand="", last4="", expires_on=None)
    with connection.cursor() as cursor:
        needles = [text.encode() for text in sorted(known)]
        cursor.execute(_FIND, [donor.entity_id, donor.created_at, needles])
        rows = cursor.fetchall()
        for pk, body in rows:
            cursor.execute("UPDATE payments_inboxevent SET body = %s WHERE id = %s", [without_person(bytes(body)), pk])
    return len(rows)


def _ids(donor: Donor, payments: Any, subscriptions: Any) -> set[str]:
    """All that an event of the donor's may be known by."""
    fields = ("uuid", "session_id", "payment_intent_id", "charge_id", "invoice_id")
    found = {str(value) for row in payments.values_list(*fields) for value in row if value}
    found |= {value for row in subscriptions.values_list("subscription_id", "customer_id") for value in row if value}
    found |= {str(uuid) for uuid in donor.donations.values_list("uuid", flat=True)}
    return found | {str(uuid) for uuid in donor.mandates.values_list("uuid", flat=True)}


def without_person(body: bytes) -> bytes:
    """An event without what is of a person; one that is no JSON keeps nothing but that it was there."""
    try:
        event = json.loads(body)
    except ValueError:
        return b""
    return json.dumps(_cleaned(event, personal=False), separators=(",", ":"), ensure_ascii=False).encode()


def _cleaned(value: Any, *, personal: bool) -> Any:
    """The same shape; texts under a personal name are empty."""
    if isinstance(value, dict):
        return {key: _cleaned(inner, personal=personal or key in PERSONAL) for key, inner in value.items()}
    if isinstance(value, list):
        return [_cleaned(inner, personal=personal) for inner in value]
    return "" if personal and isinstance(value, str) else value
