"""The situation of a report at the desk: written while it is a draft."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from fundraising.desk import Desk, desk_page, render
from fundraising.models import Category

from ..models import Counted, CountedOver, FundReport, Situation
from . import situation
from .desk_forms import MOST_WORDS, Day
from .desk_pages import REFUSALS, WRITES, report_of
from .situation import Count, Told
from .work import ReportRefused

MOST_PEOPLE = 100_000_000


class SituationForm(forms.Form):
    """Date, counts in all and for each category of the budget, and texts in each language of the appeal's pages."""

    on = forms.DateField(label=_("Date"), widget=Day, help_text=_("The situation is told as of this day."))
    over = forms.ChoiceField(
        label=_("People counted"),
        choices=CountedOver.choices,
        help_text=_("The cost per person divides the money that was spent in the same days."),
    )
    counted = forms.ChoiceField(label=_("Counted twice?"), choices=Counted.choices)

    def __init__(self, *args: Any, locales: list[str], categories: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.locales, self.categories = locales, ["", *categories]
        for category in self.categories:
            name = capfirst(str(Category(category).label)) if category else gettext("All together")
            for field, label in (("assisted", gettext("people assisted")), ("target", pgettext("people", "target"))):
                self.fields[f"{field}_{category or 'all'}"] = forms.IntegerField(
                    label=f"{name}: {label}",
                    required=False,
                    min_value=0 if field == "assisted" else 1,
                    max_value=MOST_PEOPLE,
                )
        languages = dict(settings.LANGUAGES)
        for locale in locales:
            language = {"language": languages.get(locale, locale)}
            self._words(f"text_{locale}", _("Situation (%(language)s)") % language, locale, rows=5)
            self._words(f"basis_{locale}", _("How people were counted (%(language)s)") % language, locale, rows=2)
        self.fields[f"text_{locales[0]}"].help_text = _(
            "What is happening and what is done. Name nobody and no place that could lead to somebody."
        )
        self.fields["assisted_all"].help_text = _(
            "The exact count stays here. Readers see a band: 437 is told as 400 or more, and 7 as fewer than 10."
        )

    def _words(self, name: str, label: str, locale: str, *, rows: int) -> None:
        widget = forms.Textarea(attrs={"rows": rows, "lang": locale})
        self.fields[name] = forms.CharField(label=label, widget=widget, required=False, max_length=MOST_WORDS)

    def clean(self) -> dict[str, Any]:
        """A target is one of people who are counted."""
        cleaned: dict[str, Any] = super().clean() or {}
        for category in self.categories:
            name = category or "all"
            if cleaned.get(f"target_{name}") is not None and cleaned.get(f"assisted_{name}") is None:
                self.add_error(f"assisted_{name}", _("Say how many were assisted, or take the target away."))
        return cleaned

    @property
    def told(self) -> Told:
        """What the form says."""
        said = self.cleaned_data
        return Told(
            on=said["on"],
            over=CountedOver(said["over"]),
            counted=Counted(said["counted"]),
            texts={locale: said[f"text_{locale}"] for locale in self.locales},
            bases={locale: said[f"basis_{locale}"] for locale in self.locales},
            people=[
                Count(category, said[f"assisted_{name}"], said[f"target_{name}"])
                for category in self.categories
                if said[f"assisted_{(name := category or 'all')}"] is not None
            ],
        )


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(*WRITES)
def edit(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """Say how the situation is, in a report that is not asked for."""
    report = report_of(desk, uuid)
    categories = list(report.appeal.budget_lines.order_by("position", "pk").values_list("category", flat=True))
    locales = situation.page_locales(report.appeal) or [settings.LANGUAGE_CODE]
    form = SituationForm(request.POST or None, locales=locales, categories=categories, initial=_initial(report))
    if request.method == "POST" and form.is_valid():
        try:
            situation.write(report, form.told, by=desk.user)
        except ReportRefused as refused:
            form.add_error(None, REFUSALS[refused.code])
        else:
            return redirect("desk-report", entity=desk.entity.slug, uuid=report.uuid)
    context = {"form": form, "report": report, "is_there": Situation.objects.filter(report=report).exists()}
    return render(request, desk, "desk/report_situation.html", context, status=422 if form.errors else 200)


@require_POST
@desk_page(*WRITES)
def drop(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """Take the situation out of a draft."""
    try:
        situation.drop(report_of(desk, uuid), by=desk.user)
    except ReportRefused as refused:
        messages.error(request, REFUSALS[refused.code])
    else:
        messages.success(request, gettext("The report tells no situation now."))
    return redirect("desk-report", entity=desk.entity.slug, uuid=uuid)


def _initial(report: FundReport) -> dict[str, Any]:
    """What was said before, or today."""
    found = Situation.objects.filter(report=report).first()
    if found is None:
        return {"on": min(report.last, timezone.now().date())}
    initial: dict[str, Any] = {"on": found.on, "over": found.over, "counted": found.counted}
    for text in found.texts.all():
        initial |= {f"text_{text.locale}": text.text, f"basis_{text.locale}": text.basis}
    for count in found.people.all():
        name = count.category or "all"
        initial |= {f"assisted_{name}": count.assisted, f"target_{name}": count.target}
    return initial
