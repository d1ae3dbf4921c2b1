"""The post at the desk: how many papers wait, and the batches that were made."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST, require_safe

from fundraising.desk import Desk, desk_page, render
from fundraising.desk.export_links import export_url
from fundraising.desk.paging import by_id
from fundraising.roles import May

from ..models import PrintBatch
from . import AT_ONCE, NothingToPrint, make_batch, waiting


@require_safe
@desk_page(May.RESEND)
def overview(request: HttpRequest, desk: Desk) -> HttpResponse:
    """What waits for the post, and the batches."""
    page = by_id(request, PrintBatch.objects.filter(entity=desk.entity).select_related("made_by"))
    rows = [(batch, export_url(desk, "print-batch", batch=batch.number)) for batch in page]
    context = {
        "waiting": waiting(desk.entity).count(),
        "at_once": AT_ONCE,
        "rows": rows,
        "page": page,
        "export_url": export_url(desk, "print-batches"),
    }
    return render(request, desk, "desk/post.html", context)


@require_POST
@desk_page(May.RESEND)
def make(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Make a batch of what waits."""
    try:
        batch = make_batch(desk.entity, by=desk.user)
    except NothingToPrint:
        messages.info(request, gettext("No paper waits for the post."))
    else:
        said = ngettext("A batch of %(count)s paper was made.", "A batch of %(count)s papers was made.", batch.count)
        messages.success(request, said % {"count": batch.count})
    return redirect("desk-post", entity=desk.entity.slug)
