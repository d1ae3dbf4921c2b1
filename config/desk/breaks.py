"""Breaks at the desk: the list with its totals, one break with all that can be done about it, and its history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from fundraising import breaks
from fundraising.breaks import listing, resolutions, resolving
from fundraising.breaks.resolving import BreakError, Overtaken, Resolution
from fundraising.desk import Desk, desk_page, render, require_fresh
from fundraising.desk.export_links import export_url
from fundraising.desk.paging import by_number
from fundraising.models import Account, Appeal, Break, BreakState, Cause, Entry, LegalEntity, Purpose
from fundraising.money import Money
from fundraising.roles import RIGHTS, May
from payments.breaks import resolutions as at_stripe

from .break_names import Names
from .break_words import EVENTS, WHAT, facts_of, refusal_text
from .links import to

# In the order in which they are suggested.
RESOLUTIONS: Final[dict[str, Resolution]] = {
    resolution.code: at_stripe.unless_returned(resolution)
    for resolution in [*at_stripe.RESOLUTIONS, *resolutions.RESOLUTIONS]
}
AGES: Final = (1, 3, 7, 30)
# What it is nobody can guess: no resolution is suggested.
UNSURE: Final = frozenset({Cause.CHARGE_FOREIGN, Cause.SUSPENSE, Cause.BANK_LINE_UNKNOWN})


@require_safe
@desk_page(May.READ_BOOKS)
def breaks_page(request: HttpRequest, desk: Desk) -> HttpResponse:
    """What stands open, the oldest first, with totals by cause; filters by cause, age, owner, state and currency."""
    return _list(request, desk)


@require_safe
@desk_page(May.READ_BOOKS)
def suspense(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Money that matches nothing: what the accounts hold, and the breaks that ask what it is."""
    held = Account.objects.filter(entity=desk.entity, purpose=Purpose.SUSPENSE).annotate(
        minor=Sum("postings__amount_minor")
    )
    accounts = [
        {"provider": account.provider, "amount": -Money(account.minor, account.currency)}
        for account in held.order_by("provider", "currency")
        if account.minor
    ]
    return _list(request, desk, only="suspense", accounts=accounts)


def _list(request: HttpRequest, desk: Desk, *, only: str = "", **more: Any) -> HttpResponse:
    asked = {**request.GET.dict(), "only": only}
    rows = listing.all_of(desk.entity, asked)
    chosen = listing.filtered(rows, asked, desk.user.pk)
    page = by_number(request, chosen.select_related("owner", "donation").order_by("found_at", "pk"))
    now = timezone.now()
    names = Names(desk, page)
    for found in page:
        found.days, found.named = (now - found.found_at).days, names.subject(found)
    context = {
        "page": page,
        "totals": _totals(chosen),
        "asked": asked,
        "state": asked.get("state", "standing"),
        "states": [("standing", _("open or proposed")), *BreakState.choices, ("all", _("all"))],
        "causes": Cause.choices,
        "ages": AGES,
        "people": colleagues(desk.entity),
        "currencies": rows.order_by("currency").values_list("currency", flat=True).distinct(),
        "here": request.get_full_path(),
        "is_suspense": bool(only),
        "export_url": export_url(desk, "breaks", **{name: asked.get(name, "") for name in listing.FILTERS}),
        **more,
    }
    return render(request, desk, "desk/breaks.html", context)


def _totals(rows: QuerySet[Break]) -> list[dict[str, Any]]:
    sums = rows.values("cause", "currency").annotate(count=Count("pk"), minor=Sum("amount_minor"))
    return [
        {
            "cause": Cause(row["cause"]),
            "label": Cause(row["cause"]).label,
            "count": row["count"],
            "amount": Money(row["minor"], row["currency"]),
        }
        for row in sums.order_by("-count", "cause", "currency")
    ]


def colleagues(entity: LegalEntity) -> QuerySet[User]:
    """Who may work on breaks of this legal entity."""
    roles = [role for role, rights in RIGHTS.items() if May.WORK_BREAKS in rights]
    working = User.objects.filter(memberships__entity=entity, memberships__role__in=roles, is_active=True)
    return working.order_by("username").distinct()


# --- One break --------------------------------------------------------------------------------------


@require_safe
@desk_page(May.READ_BOOKS)
def break_page(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """One break: the facts in words, what is suggested, what can be done, and what has been."""
    return _show(request, desk, _found(desk, uuid))


def _found(desk: Desk, uuid: UUID) -> Break:
    rows = Break.objects.select_related("entity", "owner", "resolved_by", "approved_by", "donation", "entry")
    return get_object_or_404(rows, entity=desk.entity, uuid=uuid)


def _show(request: HttpRequest, desk: Desk, found: Break, error: str = "") -> HttpResponse:
    offered = [
        {
            "resolution": resolution,
            "asks_more": resolution.fields,
            "suggested": place == 0 and found.cause not in UNSURE,
        }
        for place, resolution in enumerate(_offered(desk, found))
    ]
    notes = [
        {
            "note": note,
            "event": EVENTS.get(note.event, note.event),
            "resolution": _label(str(note.facts.get("resolution", ""))),
        }
        for note in found.notes.select_related("by")
    ]
    names = Names(desk, [found])
    context = {
        "found": found,
        "named": names.subject(found),
        "what": WHAT[Cause(found.cause)],
        "facts": facts_of(found, names),
        "seen": resolving.seen(found),
        "second": found.state == BreakState.OPEN and resolving.needs_second_person(found),
        "threshold": Money(desk.entity.approval_above_minor, desk.entity.currency),
        "offered": offered if found.state == BreakState.OPEN else [],
        "asked": request.POST,
        "error": refusal_text(error) if error else "",
        "decided": _label(found.resolution),
        "mine": found.resolved_by_id == desk.user.pk,
        "notes": notes,
        "people": colleagues(desk.entity),
        "links": _links(desk, found),
        "export_url": export_url(desk, "break", found=found.uuid),
        "tomorrow": timezone.localdate() + timedelta(days=1),
    }
    return render(request, desk, "desk/break.html", context, status=409 if error else 200)


def _offered(desk: Desk, found: Break) -> list[Resolution]:
    return [one for one in RESOLUTIONS.values() if desk.may(one.right) and one.is_for(found)]


def _label(code: str) -> str:
    code, _colon, until = code.partition(":")
    resolution = RESOLUTIONS.get(code)
    return f"{resolution.label} {until}".strip() if resolution else code


# Of the facts of a break: the page that shows more of each, and how its address names it.
MORE_OF: Final = (
    ("bank_line", _("The bank line: match it, or undo a match"), "desk-bank-line", "pk"),
    ("step", _("The step of the money"), "desk-step", "uuid"),
    ("fund", _("The fund"), "desk-fund", "pk"),
    ("appeal", _("The appeal: resolve its surplus"), "desk-appeal", "appeal"),
    ("statement", _("The statement"), "desk-statement", "uuid"),
)


def _links(desk: Desk, found: Break) -> list[tuple[Any, str]]:
    """The pages where one sees more of it, as far as there are any."""
    told = found.subject.removeprefix("payout:").partition(":")[0]  # a payout that is in the bank twice
    payout = str(found.facts.get("payout") or (told if told.startswith("po_") else ""))
    entry = (
        Entry.objects.filter(key=found.facts.get("entry", ""), entity=desk.entity).values_list("pk", flat=True).first()
    )
    wanted: list[tuple[Any, str]] = []
    if found.donation:
        wanted.append((_("The donation"), to(desk, "desk-donation", uuid=found.donation.uuid)))
    if payout:
        wanted.append((_("The payout"), to(desk, "desk-payout", payout_id=payout)))
    if entry:
        wanted.append((_("The entry"), to(desk, "desk-entry", pk=entry)))
    for fact, label, page, key in MORE_OF:
        if known := found.facts.get(fact):
            wanted.append((label, to(desk, page, **{key: known})))
    if appeal := _appeal_of(desk, found):
        words = _("The money of the appeal “%(title)s”") % {"title": appeal.title}
        wanted.append((words, to(desk, "desk-appeal-spending", appeal=appeal.slug)))
    if (line := found.facts.get("bank_line")) and found.amount_minor > 0 and desk.may(May.MATCH_BANK):
        wanted.append((_("Record a donation from the line"), to(desk, "desk-record-line", pk=line)))
    if found.cause in {Cause.PAYOUT_NOT_IN_BANK, Cause.STATEMENT_GAP}:
        wanted.append((_("Bank: import the missing statement"), to(desk, "desk-bank")))
    return [(label, url) for label, url in wanted if url]


def _appeal_of(desk: Desk, found: Break) -> Appeal | None:
    """Whose money a break of the money trail is about: a step's, or a fund's."""
    ours = Appeal.objects.filter(campaign__entity=desk.entity)
    if step := found.facts.get("step"):
        return ours.filter(fund__spending_steps__uuid=step).first()
    if fund := found.facts.get("fund"):
        return ours.filter(fund=fund).first()
    return None


# --- Verbs ------------------------------------------------------------------------------------------


@require_POST
@desk_page(May.WORK_BREAKS)
def resolve(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """Resolve or propose what was chosen; a refund asks once more who it is."""
    found = _found(desk, uuid)
    resolution = RESOLUTIONS.get(request.POST.get("resolution", ""))
    if resolution is None:
        return _show(request, desk, found, "no_choice")
    _refuse_or_prove(request, desk, resolution)
    choice = {name: request.POST.get(name, "").strip() for name in resolution.fields}
    if "until" in choice and not _is_to_come(choice["until"]):
        return _show(request, desk, found, "bad_date")

    def verb() -> Break:
        return resolving.resolve(
            found,
            resolution,
            by=desk.user,
            reason=request.POST.get("reason", ""),
            choice=choice,
            as_seen=request.POST.get("seen", ""),
        )

    return _done(request, desk, found, verb)


def _refuse_or_prove(request: HttpRequest, desk: Desk, resolution: Resolution) -> None:
    if not desk.may(resolution.right):
        raise PermissionDenied
    if resolution.right == May.REFUND:
        require_fresh(request)


def _is_to_come(text: str) -> bool:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return False
    return timezone.localdate() < day <= timezone.localdate() + timedelta(days=366)


@require_POST
@desk_page(May.APPROVE)
def approve(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """Carry out what somebody else proposed."""
    found = _found(desk, uuid)
    resolution = RESOLUTIONS.get(found.resolution)
    if resolution is None:
        return _show(request, desk, found, "state")
    _refuse_or_prove(request, desk, resolution)
    as_seen = request.POST.get("seen", "")
    return _done(request, desk, found, lambda: resolving.approve(found, resolution, by=desk.user, as_seen=as_seen))


@require_POST
@desk_page(May.APPROVE, May.WORK_BREAKS)
def reject(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """Send a proposal back; whoever may not approve takes only their own one back."""
    found = _found(desk, uuid)
    if not desk.may(May.APPROVE) and found.resolved_by_id != desk.user.pk:
        raise PermissionDenied
    reason, as_seen = request.POST.get("reason", ""), request.POST.get("seen", "")
    return _done(request, desk, found, lambda: resolving.reject(found, by=desk.user, reason=reason, as_seen=as_seen))


@require_POST
@desk_page(May.WORK_BREAKS)
def reopen(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """Open a resolved break again."""
    found = _found(desk, uuid)
    reason, as_seen = request.POST.get("reason", ""), request.POST.get("seen", "")
    return _done(request, desk, found, lambda: resolving.reopen(found, by=desk.user, reason=reason, as_seen=as_seen))


def _done(request: HttpRequest, desk: Desk, found: Break, verb: Callable[[], Break]) -> HttpResponse:
    """Do it, and show the break; refused, the form is shown again with what was typed, and with the facts of now."""
    try:
        now = verb()
    except BreakError as error:
        if isinstance(error, Overtaken):
            found = _found(desk, found.uuid)
        return _show(request, desk, found, error.code)
    told = {
        BreakState.RESOLVED: _("Done. The break is closed, and opens again if its facts change."),
        BreakState.PROPOSED: _("Proposed. A second person has to approve it; nothing is booked before."),
        BreakState.OPEN: _("The break is open again."),
    }
    messages.success(request, told[BreakState(now.state)])
    return redirect("desk-break", entity=desk.entity.slug, uuid=found.uuid)


@require_POST
@desk_page(May.WORK_BREAKS)
def comment(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """Say something about a break."""
    found = _found(desk, uuid)
    if text := request.POST.get("text", "").strip()[:2000]:
        breaks.comment(found, text, by=desk.user)
    return redirect("desk-break", entity=desk.entity.slug, uuid=found.uuid)


@require_POST
@desk_page(May.WORK_BREAKS)
def assign(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Give the chosen breaks to somebody, or to nobody."""
    numbers = [int(text) for text in request.POST.getlist("chosen")[:500] if text.isascii() and text.isdecimal()]
    chosen = list(Break.objects.filter(entity=desk.entity, pk__in=numbers))
    wanted = request.POST.get("owner", "")
    owner = get_object_or_404(colleagues(desk.entity), pk=int(wanted)) if wanted.isdecimal() else None
    count = breaks.assign(chosen, owner=owner, by=desk.user)
    messages.success(request, ngettext("%d break changed hands.", "%d breaks changed hands.", count) % count)
    back = request.POST.get("back", "")
    if url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        return redirect(back)
    return redirect("desk-breaks", entity=desk.entity.slug)
