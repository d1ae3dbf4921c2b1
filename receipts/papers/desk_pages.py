"""Papers at the desk: the regimes of the legal entity, its letterhead, its wordings, and how a paper would look."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import translation
from django.utils.translation import get_language, gettext, gettext_lazy
from django.views.decorators.http import require_safe

from fundraising.desk import Desk, desk_page, render
from fundraising.desk.export_links import export_url
from fundraising.models import Donation
from fundraising.roles import May

from .. import pdf
from ..composing import NotIssuable
from ..desk.problems import of_refusal
from ..documents import signing
from ..models import Advantage, IssuerRegime, Letterhead, Wording
from ..regimes import REGIMES, Problem, Regime, regime_by_status, signs_receipts
from . import specimen, verbs
from .forms import AdvantageForm, LetterheadForm, RegimeForm, WordingForm, languages_of

WORDS = {
    "twice": gettext_lazy("This regime is chosen since that day already. Change that one."),
    "value": gettext_lazy("The value is in the donation's currency."),
    "binding": gettext_lazy("The law words this sentence."),
}
LANGUAGES = {"fr": "Français", "de": "Deutsch", "es": "Español", "nl": "Nederlands", **dict(settings.LANGUAGES)}


@require_safe
@desk_page(May.MANAGE_PAPERS)
def overview(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Which regimes there are, what is missing for each, and who signs."""
    locale = get_language() or "en"
    rows = IssuerRegime.objects.filter(entity=desk.entity).select_related("entity").order_by("regime", "-since")
    default = IssuerRegime(entity=desk.entity, regime=regime_by_status(desk.entity).code)
    standing, certificate = signing.look()
    context = {
        "rows": [_shown(row, locale) for row in rows],
        "default": _shown(default, locale),
        "regimes": sorted(((code, str(one.name)) for code, one in REGIMES.items()), key=lambda pair: pair[1]),
        "head": _letterhead(desk),
        "today": desk.entity.today(),
        "signs": signs_receipts(desk.entity),
        "standing": standing.value,
        "certificate": certificate,
    }
    return render(request, desk, "desk/papers/overview.html", context)


def _shown(row: IssuerRegime, locale: str) -> dict[str, Any]:
    regime = REGIMES.get(row.regime)
    code = specimen.problem_of(row, locale)
    told = [(one.label, row.particulars.get(one.key, "")) for one in regime.particulars] if regime else []
    languages = [(code, LANGUAGES.get(code, code)) for code in languages_of(regime)] if regime else []
    return {
        "row": row,
        "name": regime.name if regime else row.regime,
        "problem": of_refusal(code) if code else "",
        "particulars": told,
        "languages": languages,
    }


def _letterhead(desk: Desk) -> Letterhead | None:
    return Letterhead.objects.filter(entity=desk.entity).order_by("-pk").select_related("made_by").first()


def _regime(code: str) -> Regime:
    if code not in REGIMES:
        raise Http404
    return REGIMES[code]


@desk_page(May.MANAGE_PAPERS, step_up=True)
def choose(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Issue under a regime."""
    regime = _regime(request.GET.get("regime", ""))
    form = RegimeForm(regime, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            verbs.choose_regime(desk.entity, regime.code, form.choice(), by=desk.user)
        except verbs.PaperRefused as refused:
            form.add_error(None, WORDS.get(refused.code, refused.code))
        else:
            return _done(request, desk, gettext("Papers are issued under this regime from that day on."))
    return _form(request, desk, form, regime)


@desk_page(May.MANAGE_PAPERS, step_up=True)
def change(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """For whom a regime is, and its particulars."""
    row = get_object_or_404(IssuerRegime, pk=pk, entity=desk.entity)
    form = RegimeForm(_regime(row.regime), request.POST or None, row=row)
    if request.method == "POST" and form.is_valid():
        verbs.change_regime(row, form.choice(), by=desk.user)
        return _done(request, desk, gettext("Changed. What is issued keeps what it says."))
    return _form(request, desk, form, REGIMES[row.regime])


def _form(request: HttpRequest, desk: Desk, form: RegimeForm, regime: Regime) -> HttpResponse:
    context = {"form": form, "regime": regime}
    return render(request, desk, "desk/papers/regime.html", context, status=422 if form.errors else 200)


@desk_page(May.MANAGE_PAPERS, step_up=True)
def letterhead(request: HttpRequest, desk: Desk) -> HttpResponse:
    """What papers look like, and who signs."""
    now = _letterhead(desk)
    kept = ("place", "signatory", "signatory_role", "archive")
    initial = {name: getattr(now, name) for name in kept} if now else {}
    form = LetterheadForm(request.POST or None, request.FILES or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        told = {name: form.cleaned_data[name] for name in kept}
        verbs.set_letterhead(desk.entity, form.pictures(now), **told, by=desk.user)
        return _done(request, desk, gettext("Papers have this letterhead from now on. Look at a specimen."))
    context = {"form": form, "head": now}
    return render(request, desk, "desk/papers/letterhead.html", context, status=422 if form.errors else 200)


@require_safe
@desk_page(May.MANAGE_PAPERS)
def wordings(request: HttpRequest, desk: Desk, regime: str) -> HttpResponse:
    """The sentences of a regime in a language: ours, and the entity's own."""
    found = _regime(regime)
    offered = languages_of(found)
    locale = request.GET.get("language", "")
    locale = locale if locale in offered else offered[0]
    own = Wording.objects.filter(entity=desk.entity, regime=regime, locale=locale).select_related("written_by")
    newest = {wording.slot: wording for wording in own.order_by("version")}
    with translation.override(locale):
        rows = [
            {"sentence": one, "ours": one.in_language(locale), "own": newest.get(one.slot)} for one in found.sentences
        ]
    context = {
        "regime": found,
        "rows": rows,
        "locale": locale,
        "languages": [(code, LANGUAGES.get(code, code)) for code in offered],
    }
    return render(request, desk, "desk/papers/wordings.html", context)


@desk_page(May.MANAGE_PAPERS, step_up=True)
def wording(request: HttpRequest, desk: Desk, regime: str, slot: str, locale: str) -> HttpResponse:
    """A sentence in the entity's own words, as a new version."""
    found = _regime(regime)
    try:
        sentence = verbs.sentence_of(regime, slot)
    except verbs.PaperRefused as refused:
        raise Http404 from refused
    if sentence.binding or locale not in languages_of(found):
        raise Http404
    versions = Wording.objects.filter(entity=desk.entity, regime=regime, slot=slot, locale=locale)
    newest = versions.order_by("-version").first()
    with translation.override(locale):
        ours = sentence.in_language(locale)
    form = WordingForm(sentence, request.POST or None, initial={"text": newest.text if newest else ours})
    if request.method == "POST" and form.is_valid():
        verbs.write_wording(desk.entity, regime, slot, locale, **form.cleaned_data, by=desk.user)
        messages.success(request, gettext("Papers say it so from now on."))
        return redirect("desk-wordings", entity=desk.entity.slug, regime=regime)
    context = {
        "form": form, "regime": found, "sentence": sentence, "ours": ours, "locale": locale,
        "language": LANGUAGES.get(locale, locale),
        "versions": versions.select_related("written_by").order_by("-version")[:20],
        "export_url": export_url(desk, "wordings"),
    }  # fmt: skip
    return render(request, desk, "desk/papers/wording.html", context, status=422 if form.errors else 200)


@require_safe
@desk_page(May.MANAGE_PAPERS)
def preview(request: HttpRequest, desk: Desk, regime: str) -> HttpResponse:
    """A specimen: how a paper would look today."""
    found = _regime(regime)
    row = (
        IssuerRegime.objects.filter(entity=desk.entity, regime=regime).select_related("entity").order_by("-since")
    ).first() or IssuerRegime(entity=desk.entity, regime=regime)
    locale = request.GET.get("language", "")
    locale = locale if locale in languages_of(found) else found.language(get_language() or "en")
    try:
        document = specimen.render(row, locale)
    except NotIssuable as problem:
        return _no_specimen(request, desk, problem.code)
    except pdf.NoFont:
        return _no_specimen(request, desk, Problem.NO_FONT)
    response = HttpResponse(document, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="specimen-{regime}-{locale}.pdf"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _no_specimen(request: HttpRequest, desk: Desk, code: str) -> HttpResponse:
    messages.error(request, of_refusal(code))
    return redirect("desk-papers", entity=desk.entity.slug)


@desk_page(May.RECORD_DONATIONS)
def returned(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """What a donor got in return for a donation."""
    donation = get_object_or_404(Donation, uuid=uuid, entity=desk.entity)
    now = Advantage.objects.filter(donation=donation).first()
    initial = {"description": now.description, "value": f"{now.value.decimal:f}"} if now else {}
    form = AdvantageForm(donation.currency, request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            verbs.note_advantage(donation, **form.cleaned_data, by=desk.user)
        except NotIssuable as problem:
            form.add_error(None, of_refusal(problem.code))
        except verbs.PaperRefused as refused:
            form.add_error(None, WORDS.get(refused.code, refused.code))
        else:
            messages.success(request, gettext("Noted. A receipt that was issued is replaced."))
            return redirect("desk-donation", entity=desk.entity.slug, uuid=uuid)
    context = {"form": form, "donation": donation}
    return render(request, desk, "desk/papers/returned.html", context, status=422 if form.errors else 200)


def _done(request: HttpRequest, desk: Desk, words: str) -> HttpResponse:
    messages.success(request, words)
    return redirect("desk-papers", entity=desk.entity.slug)
