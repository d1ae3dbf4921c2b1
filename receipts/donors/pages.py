"""A donor's own pages, opened by a link from their mailbox: the form for tax receipts, and all their papers.

No password and no cookie: the link is the key. A page that anybody can open mails it, and never shows it. What is
stored of a donor is not shown: not even its owner needs to read their own address.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from itertools import groupby
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, override
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from fundraising import content, throttle
from fundraising.locales import country_name
from fundraising.models import Donation, Donor
from fundraising.pages import SeeOther, private

from .. import pages, receipts
from ..mail import link_letters
from ..models import MailKind, Receipt, ReceiptState
from . import tax_details
from .forms import TaxDetailsForm
from .links import PAGES, DeadLink, donor_of

SHOWN = 1_000


Page = Callable[[HttpRequest, Donor, str], HttpResponse]


def behind_link(kind: MailKind) -> Callable[[Page], Callable[[HttpRequest, str], HttpResponse]]:
    """The page that links of a kind lead to: for whom such a link was mailed, and in their language."""

    def opened_by_link(page: Page) -> Callable[[HttpRequest, str], HttpResponse]:
        @wraps(page)
        def answer(request: HttpRequest, token: str) -> HttpResponse:
            try:
                donor = donor_of(token, kind)
            except DeadLink:
                return dead(request, kind)
            return in_their_language(donor, kind, token) or page(request, donor, token)

        return answer

    return opened_by_link


@csrf_exempt  # the link is the key, and nobody else has it
@require_http_methods(["GET", "HEAD", "POST"])
@behind_link(MailKind.DETAILS)
def details(request: HttpRequest, donor: Donor, token: str) -> HttpResponse:
    """What the law wants to know of the donor. The form is empty, whatever is known."""
    needs = tax_details.needs_of(donor)
    form = TaxDetailsForm(donor, needs, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            throttle.count_client("form", request)
            tax_details.keep(donor, form.cleaned_data)
            return closed(SeeOther(f"{address_of(donor, MailKind.DETAILS, token)}?kept=1"))
        except throttle.TooMany as error:
            return throttle.told(_form_page(request, donor, form, wait=throttle.minutes(error)), error)
    return _form_page(request, donor, form, status=422 if form.is_bound else 200)


def _form_page(
    request: HttpRequest, donor: Donor, form: TaxDetailsForm, *, status: int = 200, wait: int = 0
) -> HttpResponse:
    known_since = tax_details.known_since(donor)
    context = {
        "form": form,
        "kept": "kept" in request.GET and known_since is not None,
        "known_since": known_since,
        "country": country_name(donor.country, donor.locale),
        "wait": wait,
        **frame(donor),
    }
    return closed(render(request, "receipts/details.html", context, status=status))


@require_safe
@behind_link(MailKind.PAPERS)
def papers(request: HttpRequest, donor: Donor, token: str) -> HttpResponse:
    """All papers of the mailbox at this legal entity, by year, whatever the donor's name was written like."""
    found = _papers_of(donor).select_related("series__entity", "donation").defer("snapshot")
    rows = sorted(found.order_by("-pk")[:SHOWN], key=lambda receipt: (-receipt.series.year, -receipt.pk))
    context = {
        "years": [(year, list(of_year)) for year, of_year in groupby(rows, key=lambda receipt: receipt.series.year)],
        "token": token,
        **frame(donor),
    }
    return closed(render(request, "receipts/papers.html", context))


@require_safe
def paper(request: HttpRequest, token: str, number: str) -> HttpResponse:
    """One of the papers, the same bytes as ever. A paper that is no longer valid is named on the page and not given."""
    try:
        donor = donor_of(token, MailKind.PAPERS)
    except DeadLink:
        return dead(request, MailKind.PAPERS)
    receipt = _papers_of(donor).filter(number=number, state=ReceiptState.ISSUED).first()
    if receipt is None:
        raise Http404
    receipts.note_opened(receipt)
    return closed(pages.pdf_response(receipt, form=request.GET.get("as", "")))


def _papers_of(donor: Donor) -> QuerySet[Receipt]:
    """Of every donor with this mailbox: who reads its mail may read them. Sealed ones are nobody's."""
    return Receipt.objects.filter(
        donor__entity=donor.entity, donor__email_index=donor.email_index, donor__erased_at=None, sealing=None
    )


@csrf_exempt  # whoever sends it knows the donation's address; all that happens is a mail to the donor
@require_POST
def mail_link(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Mail the donor of a donation one of the links. The answer is the same whatever we know of them."""
    donation = Donation.objects.select_related("donor__entity").filter(uuid=uuid).first()
    try:
        kind = MailKind(request.POST.get("kind", ""))
    except ValueError:
        kind = MailKind.RECEIPT
    if donation is None or kind not in PAGES:
        raise Http404
    with override(donation.locale):
        try:
            throttle.count_client("links", request)
            throttle.count("link", f"{kind}:{donation.donor_id}")
        except throttle.TooMany as error:
            return closed(throttle.refuse(request, error))
        link_letters.send(donation.donor, kind)
        return closed(SeeOther(reverse("donation", kwargs={"uuid": uuid}) + "?mailed=1"))


# --- What they share --------------------------------------------------------------------------------


def frame(donor: Donor) -> dict[str, object]:
    return {"entity": content.entity_of(donor.entity, donor.locale), "alternates": []}


def address_of(donor: Donor, kind: MailKind, token: str) -> str:
    with override(donor.locale):
        return reverse(PAGES[kind], kwargs={"token": token})


def in_their_language(donor: Donor, kind: MailKind, token: str) -> HttpResponse | None:
    if donor.locale == get_language():
        return None
    return closed(HttpResponseRedirect(address_of(donor, kind, token)))


def dead(request: HttpRequest, kind: MailKind) -> HttpResponse:
    """An altered link and one whose time is over look the same."""
    return closed(render(request, "receipts/dead_link.html", {"kind": kind.value}, status=404))


def closed(response: HttpResponse) -> HttpResponse:
    """In nobody's cache and no search engine, and its address passed on to nobody."""
    response["X-Robots-Tag"] = "noindex, nofollow"
    return private(response)
