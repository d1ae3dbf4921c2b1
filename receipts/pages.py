"""Pages of the paper: the donor's download, and the check page for whoever holds a receipt."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

from django.core.signing import BadSignature, Signer
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.crypto import constant_time_compare
from django.utils.translation import override
from django.views.decorators.http import require_safe

from fundraising import throttle
from fundraising.models import Donation

from . import receipts
from .documents import copies, signing
from .donors import tax_details
from .models import Receipt, ReceiptState, SealedPaper
from .regimes import REGIMES
from .snapshot import Snapshot

COPY_MARK: Final = "COPY"
PAPER_SALT: Final = "receipts.paper"
MAILBOX = 16  # letters of the blind index of an address: enough to tell one mailbox from another
NUMBER = re.compile(r"[A-Z0-9]{1,12}-[0-9]{4}-[0-9]{6,9}", re.ASCII)


@require_safe
def download(request: HttpRequest, donation_uuid: UUID) -> HttpResponse:
    """The receipt of a donation, the same bytes for ever. Who knows the donation's UUID may have it.

    Not where it prints an address or a tax number: whoever gives in another's name knows the UUID too, and would read
    where they live. That one is in the donor's mailbox, and behind a link that is mailed there.
    """
    receipt = receipts.current_receipt(get_object_or_404(Donation, uuid=donation_uuid))
    if receipt is None or is_sealed(receipt):
        raise Http404
    if tax_details.prints_details(receipt):
        with override(receipt.sole_donation.locale):
            return _private(HttpResponseRedirect(reverse("donation", kwargs={"uuid": donation_uuid})))
    receipts.note_opened(receipt)
    return pdf_response(receipt, form=request.GET.get("as", ""))


def is_sealed(receipt: Receipt) -> bool:
    """Whether the paper is an erased donor's."""
    return SealedPaper.objects.filter(receipt=receipt).exists()


@require_safe
def download_paper(request: HttpRequest, token: str) -> HttpResponse:
    """A paper by its signed number, for the mailbox it was mailed to. One that was replaced leads to its successor."""
    try:
        number, _dot, mailbox = Signer(salt=PAPER_SALT).unsign(token).partition(".")
    except BadSignature:
        raise Http404 from None
    receipt = get_object_or_404(Receipt.objects.select_related("donor"), number=number)
    if mailbox != receipt.donor.email_index[:MAILBOX]:  # mended since: it went to somebody else
        raise Http404
    while receipt.state == ReceiptState.REPLACED and (newer := Receipt.objects.filter(replaces=receipt).first()):
        receipt = newer
    if receipt.state != ReceiptState.ISSUED or is_sealed(receipt):
        raise Http404
    if request.method == "GET":
        receipts.note_opened(receipt)
    return pdf_response(receipt)


def paper_address(receipt: Receipt) -> str:
    """Where the donor fetches a paper: an address that nobody can guess, and that stays as long as their mailbox."""
    named = f"{receipt.number}.{receipt.donor.email_index[:MAILBOX]}"
    return reverse("receipt-paper", kwargs={"token": Signer(salt=PAPER_SALT).sign(named)})


def pdf_response(receipt: Receipt, *, form: str = "") -> HttpResponse:
    """The stored document, for nobody's cache; raises Http404 for a sealed one. `form`: as it is, copy or archive."""
    if is_sealed(receipt):
        raise Http404
    return document_response(receipt, form=form)


def document_response(receipt: Receipt, *, form: str = "") -> HttpResponse:
    """The stored document, whoever's it is: for a legal demand (receipts/donors/sealing.py)."""
    document, name = receipts.read_pdf(receipt), receipt.number
    match form:
        case "copy":
            regime = REGIMES.get(receipt.series.regime)
            document, name = copies.as_copy(document, regime.copy_mark if regime else COPY_MARK), f"{name}-copy"
        case "archive":
            if signing.is_closed(document):  # an archive file must not be encrypted (ADR 215)
                raise Http404
            snapshot = Snapshot.from_json(receipt.snapshot)
            if not snapshot.archive:  # else it is one
                document, name = copies.as_archive(document, snapshot), f"{name}-archive"
    response = HttpResponse(document, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    response["X-Robots-Tag"] = "noindex"
    return _private(response)


@require_safe
def check(request: HttpRequest, number: str) -> HttpResponse:
    """Say whether a receipt is valid, to whoever has its number and its code. No personal data."""
    code = "".join(request.GET.get("c", "").split()).upper()
    if code:
        try:
            throttle.count_client("check", request)
        except throttle.TooMany as error:
            return _private(throttle.refuse(request, error))
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
