"""What a report was before it was masked: for few, with a reason, and in the trail."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from fundraising.desk import Desk, desk_page, render
from fundraising.roles import May

from ..models import ReportDocument, ReportFormat, SealedEdition
from . import masking
from .pages import CONTENT_TYPES


class EditionForm(forms.Form):
    """Which file, and why."""

    file = forms.ChoiceField(label=_("File"))
    reason = forms.CharField(
        label=_("Why"), max_length=300, min_length=10, help_text=_("For the trail, without names.")
    )

    def __init__(self, files: list[str], data: QueryDict | None = None) -> None:
        super().__init__(data, label_suffix="")
        self.fields["file"].choices = [(one, one) for one in files]  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(May.READ_PARTNERS, step_up=True)
def edition(request: HttpRequest, desk: Desk, uuid: UUID, edition: int) -> HttpResponse:
    """A sealed edition, one file at a time."""
    rows = SealedEdition.objects.select_related("report__appeal__fund__entity")
    sealed = get_object_or_404(rows, report__uuid=uuid, edition=edition, report__appeal__fund__entity=desk.entity)
    documents = sealed.report.documents.order_by("locale", "format").values_list("locale", "format")
    form = EditionForm(
        [f"{locale}.{form}" for locale, form in documents], request.POST if request.method == "POST" else None
    )
    if form.is_bound and form.is_valid():
        locale, _dot, kind = form.cleaned_data["file"].rpartition(".")
        try:
            content = masking.open_edition(
                sealed, by=desk.user, reason=form.cleaned_data["reason"], locale=locale, form=kind
            )
        except ReportDocument.DoesNotExist as error:
            raise Http404 from error
        response = HttpResponse(content, content_type=CONTENT_TYPES[ReportFormat(kind)])
        response["Content-Disposition"] = f'attachment; filename="sealed-{edition}.{kind}"'
        patch_cache_control(response, private=True, no_store=True)
        return response
    context = {"form": form, "report": sealed.report, "sealed": sealed}
    return render(request, desk, "desk/report_edition.html", context, status=422 if form.errors else 200)
