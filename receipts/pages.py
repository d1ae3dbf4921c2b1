"""Pages of the paper: the donor's download, and the check page for whoever holds a receipt."""

from __future__ import annotations

import re
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import patch_cache_control
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe

from fundraising.models import Donation

from . import receipts
from .models import Receipt

NUMBER = re.compile(r"[A-Z0-9]{1,12}-[0-9]{4}-[0-9]{6,9}", re.ASCII)


@require_safe
def download(request: HttpRequest, donation_uuid: UUID) -> HttpResponse:
    """The receipt of a donation, the same bytes for ever. Who knows the donation's UUID may have it."""
    receipt = receipts.current_receipt(get_object_or_404(Donation, uuid=donation_uuid))
    if receipt is None:
        raise Http404
    return pdf_response(receipt)


def pdf_response(receipt: Receipt) -> HttpResponse:
    """The stored document, for nobody's cache."""
    response = HttpResponse(receipts.read_pdf(receipt), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{receipt.number}.pdf"'
    response["X-Robots-Tag"] = "noindex"
    return _private(response)


@require_safe
def check(request: HttpRequest, number: str) -> HttpResponse:
    """Say whether a receipt is valid, to whoever has its number and its code. No personal data."""
    code = "".join(request.GET.get("c", "").split()).upper()
    receipt = _receipt(number, code) if code else None
    state = receipt.state if receipt else "unknown" if code else "ask"
    context = {
        "state": state,
        "number": number[:40],
        "receipt": receipt,
        "issuer": receipt.series.entity.name if receipt else "",
    }
    status = 404 if state == "unknown" else 200
    return _private(render(request, "receipts/check.html", context, status=status))


def _receipt(number: str, code: str) -> Receipt | None:
    """The receipt if the code is its own. A wrong code and a wrong number look the same from outside."""
    known = NUMBER.fullmatch(number.upper())
    receipt = Receipt.objects.select_related("series__entity").filter(number=known[0]).first() if known else None
    expected = receipt.check_code if receipt else "?"
    return receipt if constant_time_compare(code, expected) else None


def _private(response: HttpResponse) -> HttpResponse:
    patch_cache_control(response, private=True, no_store=True)
    response["Referrer-Policy"] = "no-referrer"
    return response
