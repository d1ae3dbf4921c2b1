"""Gift Aid at the desk: what can be claimed, what cannot and why, the claims made, and declarations."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q, Sum
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from fundraising import trail
from fundraising.desk import Desk, desk_page, render
from fundraising.desk.export_links import export_url
from fundraising.desk.paging import by_id
from fundraising.models import Donor
from fundraising.money import Money
from fundraising.roles import May

from ..mail import link_letters
from ..models import Declaration, GiftAidClaim, MailKind, Scope
from . import claims, declaring, schedule
from .desk_forms import ClaimForm, PaperForm
from .desk_words import CLAIM_WORDS, DECLARATION_WORDS

SHOWN = 50


@require_safe
@desk_page(May.GIFT_AID)
def overview(request: HttpRequest, desk: Desk) -> HttpResponse:
    """What a claim would hold today, and what it would leave out."""
    today = desk.entity.today()
    prepared = claims.prepare(desk.entity, today)
    made = GiftAidClaim.objects.filter(entity=desk.entity).select_related("made_by").order_by("-number")
    context = {
        "prepared": prepared,
        "refused": [(donation, CLAIM_WORDS[problem]) for donation, problem in prepared.refused[:SHOWN]],
        "without": claims.without_declaration(desk.entity),
        "form": ClaimForm(initial={"until": today}),
        "export_url": export_url(desk, "gift-aid-claims"),
        "claims": made.annotate(
            donations=Count("rows", filter=Q(rows__adjusts=None)),
            pence=Sum("rows__amount_minor", filter=Q(rows__adjusts=None), default=0),
        )[:SHOWN],
    }
    return render(request, desk, "desk/gift_aid/overview.html", context)


@require_POST
@desk_page(May.GIFT_AID, step_up=True)
def make(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Make a claim of what can be claimed."""
    form = ClaimForm(request.POST)
    if not form.is_valid() or form.cleaned_data["until"] > desk.entity.today():
        messages.error(request, gettext("Choose a day that is not still to come."))
        return redirect("desk-gift-aid", entity=desk.entity.slug)
    try:
        claim = claims.make_claim(desk.entity, until=form.cleaned_data["until"], by=desk.user)
    except claims.NothingToClaim:
        messages.error(request, gettext("There is nothing to claim and nothing to take back."))
        return redirect("desk-gift-aid", entity=desk.entity.slug)
    messages.success(request, gettext("The claim is made. Fetch its schedule and send it to HM Revenue & Customs."))
    return redirect("desk-gift-aid-claim", entity=desk.entity.slug, number=claim.number)


@require_safe
@desk_page(May.GIFT_AID)
def claim_page(request: HttpRequest, desk: Desk, number: int) -> HttpResponse:
    """A claim as it was made."""
    claim = get_object_or_404(GiftAidClaim.objects.select_related("made_by"), entity=desk.entity, number=number)
    sums = claim.rows.aggregate(
        claimed=Sum("amount_minor", filter=Q(adjusts=None), default=0),
        back=Sum("amount_minor", filter=Q(adjusts__isnull=False), default=0),
    )
    total, back = Money(sums["claimed"], claims.CURRENCY), Money(sums["back"], claims.CURRENCY)
    context = {
        "claim": claim,
        "total": total,
        "tax": claims.tax_on(total),
        "overclaimed": back,
        "page": by_id(request, claim.rows.select_related("donation", "adjusts__claim")),
        "forms": list(schedule.WRITERS),
    }
    return render(request, desk, "desk/gift_aid/claim.html", context)


@require_safe
@desk_page(May.GIFT_AID, step_up=True)
def file(request: HttpRequest, desk: Desk, number: int, form: str) -> StreamingHttpResponse:
    """The schedule of a claim, with names and houses."""
    claim = get_object_or_404(GiftAidClaim, entity=desk.entity, number=number)
    if form not in schedule.WRITERS:
        raise Http404
    pieces, media_type = schedule.write(claim, form)
    trail.record(
        "gift_aid_claim_fetched", by=desk.user, entity=desk.entity, about=f"gift_aid_claim:{number}", after={"as": form}
    )
    answer = StreamingHttpResponse(pieces, content_type=media_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="gift-aid-claim-{number}.{form}"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@require_safe
@desk_page(May.GIFT_AID)
def declarations(request: HttpRequest, desk: Desk) -> HttpResponse:
    """All declarations, newest first."""
    found = Declaration.objects.filter(entity=desk.entity).select_related("donor", "donation", "recorded_by")
    context = {"page": by_id(request, found), "export_url": export_url(desk, "gift-aid-declarations")}
    return render(request, desk, "desk/gift_aid/declarations.html", context)


@desk_page(May.GIFT_AID)
def record(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """A donor's declaration from paper, and those there are."""
    donor = get_object_or_404(Donor.objects.select_related("entity"), uuid=uuid, entity=desk.entity, erased_at=None)
    form = PaperForm(
        donor, request.POST or None, initial={"first_name": donor.first_name, "last_name": donor.last_name}
    )
    if request.method == "POST" and form.is_valid():
        try:
            declaring.record(donor, form.declared(), on=form.cleaned_data["declared_on"], by=desk.user)
        except declaring.DeclarationRefused as refused:
            form.add_error(None, DECLARATION_WORDS[refused.code])
        else:
            messages.success(request, gettext("Recorded. Donations that it covers stand in the next claim."))
            return redirect("desk-gift-aid-donor", entity=desk.entity.slug, uuid=uuid)
    context = {
        "donor": donor,
        "form": form,
        "texts": [(scope.label, declaring.words_of(desk.entity, scope).text) for scope in Scope],
        "declarations": Declaration.objects.filter(donor=donor).select_related("recorded_by").order_by("-pk")[:SHOWN],
        "kept_until": declaring.kept_until(donor),
    }
    return render(request, desk, "desk/gift_aid/donor.html", context, status=422 if form.errors else 200)


@require_POST
@desk_page(May.GIFT_AID)
def ask(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """Mail the donor the link to their form."""
    donor = get_object_or_404(Donor.objects.select_related("entity"), uuid=uuid, entity=desk.entity)
    link_letters.send(donor, MailKind.GIFT_AID)
    trail.record("declaration_asked", by=desk.user, entity=desk.entity, about=f"donor:{donor.uuid}")
    messages.success(request, gettext("It goes out within a minute."))
    return redirect("desk-gift-aid-donor", entity=desk.entity.slug, uuid=uuid)


@require_POST
@desk_page(May.GIFT_AID)
def cancel(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """The donor told us that the declaration ends today."""
    declaration = get_object_or_404(Declaration.objects.select_related("donor"), uuid=uuid, entity=desk.entity)
    try:
        declaring.cancel(declaration, on=desk.entity.today(), by=desk.user)
    except declaring.DeclarationRefused as refused:
        messages.error(request, str(DECLARATION_WORDS[refused.code]))
    else:
        messages.success(request, gettext("Cancelled. Donations from today on are not claimed."))
    return redirect("desk-gift-aid-donor", entity=desk.entity.slug, uuid=declaration.donor.uuid)
