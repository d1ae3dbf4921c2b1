"""All mandates of a legal entity at the desk. Each has a page of its own: config/desk/mandate.py."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from ..mandates.listing import listed
from ..models import Interval, MandateState
from ..roles import May
from .access import Desk, desk_page
from .export_links import export_url
from .frame import render
from .paging import by_id


class Filters(forms.Form):
    """Which mandates to list."""

    state = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("all")), *MandateState.choices])
    interval = forms.ChoiceField(label=_("Rhythm"), required=False, choices=[("", _("all")), *Interval.choices])


@require_safe
@desk_page(May.READ_BOOKS, May.READ_DONORS)
def mandates(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Mandates, newest first. Who gave them only for those who may see donors."""
    form = Filters(request.GET)
    form.is_valid()  # what is nonsense in the address narrows nothing
    asked = form.cleaned_data
    context = {
        "form": form,
        "page": by_id(request, listed(desk.entity, asked)),
        "export_url": export_url(desk, "mandates-named", "mandates", **asked),
    }
    return render(request, desk, "desk/mandates.html", context)
