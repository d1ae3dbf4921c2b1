"""The forms of seals: a partner's key, and the statement that a partner is to sign."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from ..exports.kinds import today
from ..models import Appeal, Partner, PartnerKey
from ..seals.words import usual_text
from ..spending import partners
from .books_forms import day_field
from .who import Desk

MOST_SIGNATURE_BYTES = 200
YEAR = timedelta(days=365)


class KeyForm(forms.Form):
    """A partner's public key, and for what it is used."""

    appeal = forms.ModelChoiceField(
        label=_("Used for"),
        queryset=Appeal.objects.none(),
        required=False,
        empty_label=_("every appeal: the partner is named, and publishes the fingerprint"),
        help_text=_("A partner whose name is withheld makes a key for one appeal alone, and uses it for nothing else."),
    )
    given = forms.CharField(
        label=_("Public key"),
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=_("What `openssl pkey -in partner-key.pem -pubout` prints, or base64 of the 32 bytes."),
    )
    at = forms.CharField(
        label=_("Where the partner publishes the fingerprint"),
        max_length=300,
        required=False,
        help_text=_("An address or a place that everybody can look at. Empty for a key of one appeal alone."),
    )

    def __init__(self, partner: Partner, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        appeals: Any = self.fields["appeal"]
        appeals.queryset = Appeal.objects.filter(campaign__entity=partner.entity_id).order_by("slug")
        appeals.label_from_instance = lambda appeal: _("only for %(appeal)s: the name is withheld") % {"appeal": appeal}


class SealForm(forms.Form):
    """The statement: by which key, for how long, and the partner's words in each language of the appeal."""

    key = forms.ModelChoiceField(label=_("The partner's key"), queryset=PartnerKey.objects.none(), empty_label=None)
    valid_from = day_field(_("Valid from"), initial=today)
    valid_until = day_field(_("Valid until"), initial=lambda: today() + YEAR)

    def __init__(self, desk: Desk, appeal: Appeal, locales: list[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        keys: Any = self.fields["key"]
        usable = PartnerKey.objects.filter(partner__entity=desk.entity, revoked_at=None).select_related("partner")
        usable = usable.exclude(appeal__isnull=False, appeal__in=Appeal.objects.exclude(pk=appeal.pk))
        keys.queryset = usable.defer("revoked_why", "partner__contact", "partner__account").order_by("-pk")
        keys.label_from_instance = lambda key: (
            f"{key} · {partners.desk_name(key.partner, may_read=desk.may_read_partners)}"
        )
        names = dict(settings.LANGUAGES)
        for locale in locales:
            with override(locale):
                usual = usual_text(desk.entity.name)
            self.fields[f"text_{locale}"] = forms.CharField(
                label=_("The partner's words: %(language)s") % {"language": names.get(locale, locale)},
                max_length=600, initial=usual, widget=forms.Textarea(attrs={"rows": 3, "lang": locale}),
            )  # fmt: skip

    @property
    def texts(self) -> dict[str, str]:
        """The words by language."""
        return {name[5:]: text for name, text in self.cleaned_data.items() if name.startswith("text_")}


class SignatureForm(forms.Form):
    """What the partner sends back."""

    typed = forms.CharField(
        label=_("Signature (base64)"), required=False, widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"})
    )
    upload = forms.FileField(label=_("Or the file signature.bin"), required=False)

    @property
    def given(self) -> str | bytes:
        """The file if there is one, read no further than a signature can be long."""
        found = self.cleaned_data.get("upload")
        return bytes(found.read(MOST_SIGNATURE_BYTES)) if found else str(self.cleaned_data["typed"])
