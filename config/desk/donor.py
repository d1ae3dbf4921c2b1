"""A donor at the desk: all that came from one e-mail address, and mending a name that was mistyped."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from fundraising import donor_care, words
from fundraising.desk import Desk, desk_page, render
from fundraising.desk.export_links import export_url
from fundraising.locales import countries
from fundraising.models import Donation, Donor, Mandate, TaxDetails
from fundraising.roles import May
from receipts.desk import verbs as desk_verbs
from receipts.donors import tax_details
from receipts.donors.forms import StaffDetailsForm
from receipts.models import Receipt, ReceiptState

from .links import to

SHOWN = 100


class DonorForm(forms.Form):
    """What may be mended of a donor, and why."""

    first_name = forms.CharField(label=_("First name"), max_length=words.NAME_LENGTH)
    last_name = forms.CharField(label=_("Last name"), max_length=words.NAME_LENGTH)
    organisation = forms.CharField(label=_("Organisation"), max_length=words.LINE_LENGTH, required=False)
    email = forms.EmailField(label=_("E-mail"), max_length=254)
    country = forms.ChoiceField(label=_("Country"))
    reason = forms.CharField(
        label=_("Why"), max_length=300, help_text=_("For the trail, without names: “letter of 3 May”.")
    )

    def __init__(self, *args: object, language: str, **options: object) -> None:
        super().__init__(*args, **{"label_suffix": "", **options})  # type: ignore[arg-type]
        self.fields["country"] = forms.ChoiceField(label=_("Country"), choices=countries(language))

    def clean_first_name(self) -> str:
        return words.clean_name(self.cleaned_data["first_name"])

    def clean_last_name(self) -> str:
        return words.clean_name(self.cleaned_data["last_name"])

    def clean_organisation(self) -> str:
        return words.clean_organisation(self.cleaned_data["organisation"])


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(May.READ_DONORS)
def donor_page(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """All donations and mandates of a donor's e-mail address within the legal entity."""
    donor = get_object_or_404(Donor, uuid=uuid, entity=desk.entity)
    return _page(request, desk, donor)


def _page(request: HttpRequest, desk: Desk, donor: Donor, sent: StaffDetailsForm | None = None) -> HttpResponse:
    """The page; `sent` is the form of details with its mistakes."""
    fields = ("first_name", "last_name", "organisation", "email", "country")
    initial = {name: getattr(donor, name) for name in fields}
    posted = request.POST if request.method == "POST" and sent is None else None
    form = DonorForm(posted, initial=initial, language=request.LANGUAGE_CODE or "en")
    if posted and desk.may(May.RESEND) and form.is_valid() and _mended(request, desk, donor, form):
        return redirect(to(desk, "desk-donor", uuid=donor.uuid))
    same = Donor.objects.filter(entity=desk.entity, email_index=donor.email_index).order_by("pk")
    donations = Donation.objects.filter(donor__in=same).select_related("round__appeal", "donor")
    context = {
        "donor": donor,
        "same": [other for other in same[:SHOWN] if other.pk != donor.pk],
        "donations": list(donations.order_by("-opened_at", "-pk")[:SHOWN]),
        "mandates": list(Mandate.objects.filter(donor__in=same).order_by("-pk")[:SHOWN]),
        "receipts": list(
            Receipt.objects.filter(donor__in=same)
            .select_related("donation", "sealing").defer("snapshot").order_by("-pk")[:SHOWN]
        ),
        "form": form,
        "details": (details := TaxDetails.objects.filter(donor=donor).first()),
        "details_form": sent or StaffDetailsForm(donor, initial=_shown(details)),
        "printed_otherwise": [] if donor.erased_at else tax_details.printed_otherwise(donor),
        "may_mend": desk.may(May.RESEND) and not donor.erased_at,
        "may_erase": desk.may(May.ERASE) and not donor.erased_at,
        "may_open_sealed": desk.may(May.OPEN_SEALED),
        "export_url": export_url(desk, "donor", donor=donor.uuid),
    }  # fmt: skip
    return render(request, desk, "desk/donor.html", context, status=400 if form.errors or sent else 200)


def _mended(request: HttpRequest, desk: Desk, donor: Donor, form: DonorForm) -> bool:
    """Mend the donor's row, then replace the receipts that print what was wrong."""
    said = {name: value for name, value in form.cleaned_data.items() if name != "reason"}
    reason = form.cleaned_data["reason"]
    try:
        changed = donor_care.correct_donor(donor, by=desk.user, reason=reason, **said)
    except donor_care.SameDonorExists:
        form.add_error(None, ValidationError(_("Another donor has exactly these details. Nothing was changed.")))
        return False
    if not changed:
        messages.info(request, gettext("Nothing was different; nothing was changed."))
        return True
    printed = Receipt.objects.filter(donor=donor, state=ReceiptState.ISSUED)
    if changed - {"email"}:
        replaced, refused = desk_verbs.replace_corrected(printed, by=desk.user, reason=reason)
        text = gettext("Mended. Receipts replaced and mailed: %(replaced)d; refused: %(refused)d.")
        messages.success(request, text % {"replaced": replaced, "refused": refused})
    else:
        messages.success(request, gettext("Mended. Receipts do not print the address, and stay as they are."))
    return True


def _shown(details: TaxDetails | None) -> dict[str, str]:
    return {name: getattr(details, name) for name in tax_details.FIELDS} if details else {}


@require_POST
@desk_page(May.RESEND)
def details(request: HttpRequest, desk: Desk, uuid: UUID) -> HttpResponse:
    """Write what tax receipts need of a donor; or replace the papers that print it otherwise."""
    donor = get_object_or_404(Donor, uuid=uuid, entity=desk.entity, erased_at=None)
    if "replace" in request.POST:
        printed = tax_details.printed_otherwise(donor)
        replaced, refused = desk_verbs.replace_corrected(
            printed, by=desk.user, reason=request.POST.get("reason", "")[:300]
        )
        text = gettext("Receipts replaced and mailed: %(replaced)d; refused: %(refused)d.")
        messages.success(request, text % {"replaced": replaced, "refused": refused})
        return redirect(to(desk, "desk-donor", uuid=donor.uuid))
    form = StaffDetailsForm(donor, request.POST)
    if not form.is_valid():
        return _page(request, desk, donor, form)
    said = {name: form.cleaned_data[name] for name in tax_details.FIELDS}
    if tax_details.correct(donor, said, by=desk.user, reason=form.cleaned_data["reason"]):
        messages.success(request, gettext("Written. Receipts that waited for it are issued within a minute."))
    else:
        messages.info(request, gettext("Nothing was different; nothing was changed."))
    return redirect(to(desk, "desk-donor", uuid=donor.uuid))
