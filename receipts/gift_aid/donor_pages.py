"""A donor's own Gift Aid page, opened by a link from their mailbox: to declare, and to cancel what they declared.

What is stored of the donor is not shown there: not even its owner needs to read their own address.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from fundraising import throttle
from fundraising.models import Donor
from fundraising.pages import SeeOther

from ..donors.pages import address_of, behind_link, closed, frame
from ..models import Declaration, MailKind, Scope
from . import declaring
from .desk_words import DECLARATION_WORDS
from .forms import DeclarationForm


@csrf_exempt  # the link is the key, and nobody else has it
@require_http_methods(["GET", "HEAD", "POST"])
@behind_link(MailKind.GIFT_AID)
def declare(request: HttpRequest, donor: Donor, token: str) -> HttpResponse:
    """The form of a declaration, empty whatever is known; and an end to those that stand."""
    here = address_of(donor, MailKind.GIFT_AID, token)
    form = DeclarationForm(donor, request.POST if request.method == "POST" and "cancel" not in request.POST else None)
    if request.method != "POST":
        return _page(request, donor, form)
    try:
        throttle.count_client("form", request)
    except throttle.TooMany as error:
        return throttle.told(_page(request, donor, form, wait=throttle.minutes(error)), error)
    if "cancel" in request.POST:
        for declaration in _standing(donor):
            declaring.cancel(declaration, on=donor.entity.today(), by=None)
        return closed(SeeOther(f"{here}?cancelled=1"))
    if form.is_valid():
        try:
            declaring.declare(donor, form.declared())
        except declaring.DeclarationRefused as refused:
            form.add_error(None, DECLARATION_WORDS[refused.code])
        else:
            return closed(SeeOther(f"{here}?declared=1"))
    return _page(request, donor, form, status=422)


def _standing(donor: Donor) -> list[Declaration]:
    return list(Declaration.objects.filter(donor=donor, cancelled_on=None).order_by("pk"))


def _page(
    request: HttpRequest, donor: Donor, form: DeclarationForm, *, status: int = 200, wait: int = 0
) -> HttpResponse:
    offered = {str(code): label for code, label in form.scopes}
    context = {
        "form": form,
        "scopes": [(code, declaring.words_of(donor.entity, Scope(code))) for code in offered],
        "newest": form.newest,
        "standing": _standing(donor),
        "declared": "declared" in request.GET,
        "cancelled": "cancelled" in request.GET,
        "wait": wait,
        **frame(donor),
    }
    return closed(render(request, "receipts/gift_aid.html", context, status=status))
