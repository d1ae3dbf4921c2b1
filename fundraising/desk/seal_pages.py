"""Seals at the desk: keys of partners, statements for them to sign, signatures, publishing by a second person."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from ..appeals.titles import entitle
from ..exports.kinds import today
from ..models import Appeal, Partner, PartnerKey, Seal, SealState
from ..roles import May
from ..seals import verbs
from ..seals.showing import Standing, addresses_by_appeal, addresses_of, standing
from ..seals.statements import Statement, fingerprint, in_groups
from ..seals.verbs import SealRefused
from ..spending import partners
from . import Desk, desk_page, paging, render
from .export_links import export_url
from .seal_forms import KeyForm, SealForm, SignatureForm

KEYS_SHOWN = APPEALS_SHOWN = 50
SEALED = ("key__partner__contact", "key__partner__account", "key__revoked_why")
REFUSALS = {
    "key": gettext_lazy("That is no Ed25519 public key. Paste all of what OpenSSL printed."),
    "private_key": gettext_lazy(
        "That is the private key. Nobody but the partner may have it: ask them to make a new pair, and delete this one."
    ),
    "known": gettext_lazy("It is here already."),
    "published": gettext_lazy("A key for one appeal alone is published nowhere. Leave the place empty."),
    "not_published": gettext_lazy("Say where the partner publishes the fingerprint, or choose one appeal."),
    "tells": gettext_lazy("That has a word of the partner's real name, or of what is withheld of it."),
    "other_entity": gettext_lazy("That belongs to another organisation."),
    "other_appeal": gettext_lazy("The key was made for another appeal. Ask the partner for a new one."),
    "no_alias": gettext_lazy("The partner is withheld. Ask for a key that is made for this appeal alone."),
    "no_page": gettext_lazy("The appeal has no page yet. Publish its donation pages first."),
    "texts": gettext_lazy("Write the words in every language, without special characters."),
    "days": gettext_lazy("The days must follow each other, end in the future and within two years."),
    "no_reason": gettext_lazy("Say why."),
    "revoked": gettext_lazy("The key is revoked. Ask the partner for a new one."),
    "late": gettext_lazy("It is published or has ended. Write a new seal."),
    "signature": gettext_lazy("That is no signature: it has 64 bytes, or 88 letters of base64."),
    "wrong": gettext_lazy(
        "The signature is not one of this statement by this key. Was the file saved as it is, without another line?"
    ),
    "own": gettext_lazy("Somebody else publishes it: you wrote it, brought the signature or added the key."),
    "unsigned": gettext_lazy("The partner has not signed it yet, or it is past that."),
    "ended": gettext_lazy("It has ended already."),
    Standing.CHANGED: gettext_lazy("The appeal's pages are others than those that were signed. Write a new seal."),
    Standing.KEY_REVOKED: gettext_lazy("The key is revoked. Ask the partner for a new one."),
    Standing.EXPIRED: gettext_lazy("Its days are over. Write a new seal."),
    Standing.CLOSED: gettext_lazy("The appeal takes no money. Open it first."),
    Standing.BROKEN: gettext_lazy("The signature is not one of this statement. Take it anew."),
    Standing.WITHDRAWN: gettext_lazy("It has ended already."),
}
STANDINGS = {
    Standing.VALID: gettext_lazy("valid: everybody sees it"),
    Standing.NOT_YET: gettext_lazy("not published, or its days have not begun"),
    Standing.EXPIRED: gettext_lazy("expired"),
    Standing.WITHDRAWN: gettext_lazy("ended by us"),
    Standing.KEY_REVOKED: gettext_lazy("not valid: the key is revoked"),
    Standing.CLOSED: gettext_lazy("not valid: the appeal takes no money"),
    Standing.CHANGED: gettext_lazy("not valid: the appeal has changed since"),
    Standing.HIDDEN: gettext_lazy("hidden: it says more of the partner than may be said now"),
    Standing.BROKEN: gettext_lazy("not signed"),
}


@desk_page(May.READ_BOOKS)
def seals(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Seals, newest first; the keys of partners; the appeals for which one can be written."""
    rows = Seal.objects.filter(appeal__campaign__entity=desk.entity)
    rows = rows.select_related("appeal__campaign__entity", "key__partner").defer(*SEALED)
    page = paging.by_id(request, rows if desk.may_read_partners else rows.defer(*SEALED, "key__partner__real_name"))
    keys = PartnerKey.objects.filter(partner__entity=desk.entity).select_related("partner", "appeal").order_by("-pk")
    newest_keys = list(keys.defer("partner__contact", "partner__account", "revoked_why", "fingerprint_at")[:KEYS_SHOWN])
    entitle([one.appeal for one in [*page.rows, *newest_keys] if one.appeal])
    on, addresses = today(), addresses_by_appeal(one.appeal_id for one in page.rows)
    ours = Appeal.objects.filter(campaign__entity=desk.entity).order_by("slug")[:APPEALS_SHOWN]
    context = {
        "page": paging.Page(
            [
                {
                    "seal": one,
                    "name": _name(desk, one.key.partner),
                    "standing": STANDINGS[standing(one, on, addresses.get(one.appeal_id, {}))],
                }
                for one in page.rows
            ],
            page.newer_url,
            page.older_url,
        ),
        "keys": [{"key": one, "name": _name(desk, one.partner)} for one in newest_keys],
        "appeals": entitle(ours) if desk.may(May.SPEND) else [],
        "seals_export": export_url(desk, "seals"),
        "keys_export": export_url(desk, "partner-keys"),
    }
    return render(request, desk, "desk/seals/seals.html", context)


@desk_page(May.READ_PARTNERS)
def new_key(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """A key of a partner."""
    partner = get_object_or_404(Partner.objects.select_related("entity"), uuid=uuid, entity=desk.entity)
    form = KeyForm(partner, request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            found = verbs.add_key(partner, data["given"], appeal=data["appeal"], at=data["at"], by=desk.user)
        except SealRefused as refused:
            form.add_error(None, REFUSALS[refused.code])
        else:
            messages.success(request, _("The key is kept. Compare the fingerprint with the partner."))
            return redirect("desk-key", entity=desk.entity.slug, uuid=found.uuid)
    context = {"form": form, "partner": partner, "name": _name(desk, partner)}
    return render(request, desk, "desk/seals/key_form.html", context, status=422 if form.errors else 200)


@desk_page(May.READ_BOOKS)
def key(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """One key: its fingerprint, for what it is used, and its revocation."""
    return _key_page(request, desk, _key(desk, uuid))


def _key_page(request: HttpRequest, desk: Desk, found: PartnerKey, problem: object = "") -> HttpResponse:
    context = {
        "key": found,
        "name": _name(desk, found.partner),
        "fingerprint": fingerprint(found.public_key),
        "may_revoke": desk.may(May.SPEND) and not found.revoked_at,
        "problem": problem,
    }
    return render(request, desk, "desk/seals/key.html", context, status=422 if problem else 200)


@desk_page(May.SPEND)
@require_POST
def revoke_key(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """From now on none of its seals is valid."""
    found = _key(desk, uuid)
    try:
        verbs.revoke_key(found, by=desk.user, why=request.POST.get("why", ""))
    except SealRefused as refused:
        return _key_page(request, desk, found, REFUSALS[refused.code])
    messages.success(request, _("The key is revoked. No seal of it is shown any more."))
    return redirect("desk-key", entity=desk.entity.slug, uuid=uuid)


@desk_page(May.SPEND)
def new(request: HttpRequest, desk: Desk, *, appeal: str) -> HttpResponse:
    """A statement about an appeal for a partner to sign."""
    about = get_object_or_404(
        Appeal.objects.select_related("campaign__entity"), slug=appeal, campaign__entity=desk.entity
    )
    addresses = addresses_of(about)
    form = SealForm(desk, about, list(addresses), request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        days = {"valid_from": data["valid_from"], "valid_until": data["valid_until"]}
        try:
            found = verbs.draft_seal(about, data["key"], form.texts, by=desk.user, **days)
        except SealRefused as refused:
            form.add_error(None, REFUSALS[refused.code])
        else:
            messages.success(request, _("Written. Send the statement to the partner to sign."))
            return redirect("desk-seal", entity=desk.entity.slug, uuid=found.uuid)
    context = {"form": form, "appeal": about, "addresses": addresses}
    return render(request, desk, "desk/seals/seal_form.html", context, status=422 if form.errors else 200)


@desk_page(May.READ_BOOKS)
def seal(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """One seal: the statement, how it stands, and what is to be done next."""
    return _page(request, desk, _seal(desk, uuid))


def _page(
    request: HttpRequest, desk: Desk, found: Seal, form: SignatureForm | None = None, problem: object = ""
) -> HttpResponse:
    hands = {found.by_id, found.signed_by_id, found.key.by_id}
    signable = found.state in {SealState.DRAFTED, SealState.SIGNED}
    context = {
        "seal": found,
        "statement": Statement.read(found.statement),
        "name": _name(desk, found.key.partner),
        "code": in_groups(found.code),
        "fingerprint": fingerprint(found.key.public_key),
        "standing": STANDINGS[standing(found, today())],
        "form": form or (SignatureForm() if signable and desk.may(May.SPEND) else None),
        "may_publish": found.state == SealState.SIGNED and desk.may(May.APPROVE) and desk.user.pk not in hands,
        "is_own": found.state == SealState.SIGNED and desk.user.pk in hands,
        "may_end": found.state != SealState.ENDED and desk.may(May.SPEND),
        "problem": problem,
    }
    return render(request, desk, "desk/seals/seal.html", context, status=422 if problem else 200)


@desk_page(May.READ_BOOKS)
def statement(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """The bytes to be signed, as a file."""
    found = _seal(desk, uuid)
    answer = HttpResponse(found.statement.encode(), content_type="application/json")
    answer.headers["Content-Disposition"] = 'attachment; filename="statement.json"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@desk_page(May.SPEND)
@require_POST
def sign(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """Take the partner's signature; it is checked before it is kept."""
    found = _seal(desk, uuid)
    form = SignatureForm(request.POST, request.FILES)
    given = form.given if form.is_valid() else ""
    try:
        verbs.take_signature(found, given, by=desk.user)
    except SealRefused as refused:
        return _page(request, desk, found, form, REFUSALS[refused.code])
    messages.success(request, _("The signature is the partner's. A second person publishes the seal."))
    return redirect("desk-seal", entity=desk.entity.slug, uuid=uuid)


@desk_page(May.APPROVE, step_up=True)
@require_POST
def publish(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """Show it to everybody."""
    found = _seal(desk, uuid)
    if "compared" not in request.POST:
        return _page(request, desk, found, problem=_("Compare the fingerprint with the partner first, and say so."))
    try:
        verbs.publish(found, by=desk.user)
    except SealRefused as refused:
        return _page(request, desk, found, problem=REFUSALS[refused.code])
    messages.success(request, _("Published. The appeal's page shows the seal while it is valid."))
    return redirect("desk-seal", entity=desk.entity.slug, uuid=uuid)


@desk_page(May.SPEND)
@require_POST
def end(request: HttpRequest, desk: Desk, *, uuid: UUID) -> HttpResponse:
    """Take it away for good."""
    found = _seal(desk, uuid)
    try:
        verbs.end(found, by=desk.user)
    except SealRefused as refused:
        return _page(request, desk, found, problem=REFUSALS[refused.code])
    messages.success(request, _("It has ended. Nobody sees it as valid any more."))
    return redirect("desk-seal", entity=desk.entity.slug, uuid=uuid)


def _name(desk: Desk, partner: Partner) -> str:
    return partners.desk_name(partner, may_read=desk.may_read_partners)


def _seal(desk: Desk, uuid: UUID) -> Seal:
    rows = Seal.objects.filter(appeal__campaign__entity=desk.entity).defer(*SEALED)
    people = ("by", "signed_by", "published_by", "ended_by")
    return get_object_or_404(
        rows.select_related("appeal__campaign__entity", "key__partner", "key__by", *people), uuid=uuid
    )


def _key(desk: Desk, uuid: UUID) -> PartnerKey:
    rows = PartnerKey.objects.filter(partner__entity=desk.entity).select_related(
        "partner", "appeal", "by", "revoked_by"
    )
    return get_object_or_404(rows.defer("partner__contact", "partner__account"), uuid=uuid)
