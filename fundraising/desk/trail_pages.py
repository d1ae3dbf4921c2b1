"""The trail as auditors read it: who did what to what, before and after, when and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from ..models import Membership, StaffAction
from ..roles import May
from ..trail import lines_of
from ..trail_words import VERBS, in_words
from . import Desk, desk_page, render
from .export_links import export_url
from .paging import by_id


def _verbs() -> list[tuple[str, str]]:
    words = sorted(((verb, in_words(verb)) for verb in VERBS), key=lambda pair: pair[1].casefold())
    return [("", gettext("anything")), *words]


class TrailFilter(forms.Form):
    """What of the trail to show; everything where nothing is said."""

    who = forms.ModelChoiceField(label=_("Who"), queryset=User.objects.none(), required=False, empty_label=_("anybody"))
    verb = forms.ChoiceField(label=_("What"), choices=_verbs, required=False)
    about = forms.CharField(label=_("To what"), required=False, max_length=160)
    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, desk: Desk, data: Any) -> None:
        super().__init__(data)
        here = Membership.objects.filter(entity=desk.entity).values("user")
        acted = StaffAction.objects.filter(entity=desk.entity).values("actor")
        who = self.fields["who"]
        assert isinstance(who, forms.ModelChoiceField)
        who.queryset = User.objects.filter(Q(pk__in=here) | Q(pk__in=acted)).order_by("username")

    def chosen(self, lines: QuerySet[StaffAction]) -> QuerySet[StaffAction]:
        """The lines that were asked for; what cannot be understood asks for nothing."""
        self.is_valid()
        said = self.cleaned_data
        conditions = {
            "actor": said.get("who"),
            "verb": said.get("verb"),
            "about__startswith": said.get("about"),
            "at__date__gte": said.get("since"),
            "at__date__lte": said.get("until"),
        }
        return lines.filter(**{key: value for key, value in conditions.items() if value})


@dataclass(frozen=True)
class Line:
    """A line in words: its fields with what they were and are."""

    pk: int
    action: StaffAction
    what: str
    changes: list[tuple[str, str, str]]


@require_safe
@desk_page(May.READ_TRAIL)
def trail(request: HttpRequest, desk: Desk) -> HttpResponse:
    """What staff did here, newest first; also what they did for no legal entity, such as signing in."""
    form = TrailFilter(desk, request.GET)
    page = by_id(request, form.chosen(lines_of(desk.entity)))
    said = form.cleaned_data
    asked = {name: said.get(name) for name in ("verb", "about")}
    days = {"first": said.get("since"), "last": said.get("until")}
    who = said["who"].pk if said.get("who") else ""
    context = {
        "form": form,
        "page": page,
        "lines": _in_words(page),
        "export_url": export_url(desk, "trail", who=who, **asked, **days),
    }
    return render(request, desk, "desk/trail.html", context)


def _in_words(actions: Iterable[StaffAction]) -> list[Line]:
    return [Line(action.pk, action, in_words(action.verb), _changes(action)) for action in actions]


def _changes(action: StaffAction) -> list[tuple[str, str, str]]:
    names = [*action.before, *(name for name in action.after if name not in action.before)]
    return [(name.replace("_", " "), _text(action.before.get(name)), _text(action.after.get(name))) for name in names]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_text(part)}" for name, part in value.items())
    return str(value)
