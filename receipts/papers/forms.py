"""The forms of the pages of papers."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from fundraising.desk.books_forms import day_field
from fundraising.locales import countries
from fundraising.money import Money, parse_amount

from ..models import IssuerRegime, Letterhead
from ..regimes import FILL, Annual, Regime, Sentence
from .images import PictureRefused, read_logo, read_png
from .verbs import Choice, Pictures

PICTURE_WORDS = {
    "size": _("The file is larger than 500 kB."),
    "pixels": _("The picture has more than 3,000 pixels on a side."),
    "type": _("This is no picture that we can read. Upload a PNG, or for the logo an SVG."),
    "active": _(
        "This SVG holds more than shapes: a script, a style sheet, an animation, or something from outside the file. "
        "Export it as a plain SVG, or upload a PNG."
    ),
}


class RegimeForm(forms.Form):
    """For whom and since when, and what the law wants to read of the organisation."""

    def __init__(self, regime: Regime, *arguments: Any, row: IssuerRegime | None = None, **options: Any) -> None:
        initial: dict[str, Any] = {"since": date.today().replace(month=1, day=1)}  # noqa: DTZ011  a proposal
        if row:
            initial = {
                "donor_countries": " ".join(row.donor_countries), "since": row.since, "until": row.until,
                **{f"particular_{key}": told for key, told in row.particulars.items()},
            }  # fmt: skip
        super().__init__(*arguments, **{"initial": initial, **options})
        self.regime = regime
        for particular in regime.particulars:
            self.fields[f"particular_{particular.key}"] = forms.CharField(
                label=str(particular.label),
                help_text=str(particular.hint),
                required=particular.required,
                max_length=200,
            )
        if regime.annual == Annual.COLLECTIVE:
            self.fields["yearly"] = forms.BooleanField(
                label=_("One collective paper a year, and none of single donations"),
                required=False,
                initial=bool(row and row.yearly),
            )
        self.fields["donor_countries"] = forms.CharField(
            label=_("Countries of donors"),
            required=False,
            max_length=1000,
            help_text=_("ISO 3166 codes with spaces between them. Empty: every country that no other regime takes."),
        )
        self.fields["since"] = day_field(_("For donations since"))
        self.fields["until"] = day_field(_("For donations until"), required=False)

    def clean_donor_countries(self) -> list[str]:
        told = re.findall(r"[A-Z]+", self.cleaned_data["donor_countries"].upper())
        known = {code for code, _name in countries("en")}
        if wrong := [code for code in told if code not in known]:
            raise forms.ValidationError(gettext("No country has this code: %(code)s") % {"code": wrong[0]})
        return sorted(set(told))

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        for particular in self.regime.particulars:
            name = f"particular_{particular.key}"
            if (told := found.get(name, "").strip()) and not particular.check(told):
                self.add_error(name, gettext("This cannot be right: mistyped, or another number."))
        if found.get("since") and found.get("until") and found["until"] < found["since"]:
            self.add_error("until", gettext("This is before the first day."))
        return found

    def choice(self) -> Choice:
        """What was asked for; after `is_valid`."""
        found = self.cleaned_data
        told = {one.key: found[f"particular_{one.key}"].strip() for one in self.regime.particulars}
        return Choice(found["donor_countries"], told, found["since"], found["until"], bool(found.get("yearly")))


class LetterheadForm(forms.Form):
    place = forms.CharField(label=_("Place of issue"), max_length=120, required=False)
    signatory = forms.CharField(label=_("Who signs"), max_length=160, required=False)
    signatory_role = forms.CharField(label=_("Their role"), max_length=160, required=False)
    logo = forms.FileField(
        label=_("Logo"), required=False, help_text=_("PNG or SVG, 500 kB at most. Empty: the one there is stays.")
    )
    without_logo = forms.BooleanField(label=_("Without a logo"), required=False)
    signature = forms.FileField(
        label=_("Signature (facsimile)"),
        required=False,
        help_text=_("PNG, 500 kB at most. Whoever signs agrees to it. Empty: the one there is stays."),
    )
    without_signature = forms.BooleanField(label=_("Without a signature"), required=False)
    archive = forms.BooleanField(
        label=_("Issue papers as archive files (PDF/A-3)"),
        required=False,
        help_text=_("What donors get by mail can be archived for decades and carries its data. Not for signed papers."),
    )

    def clean_logo(self) -> Any:
        return self._read("logo", read_logo)

    def clean_signature(self) -> Any:
        return self._read("signature", read_png)

    def _read(self, name: str, reader: Any) -> Any:
        if not (file := self.cleaned_data[name]):
            return None
        try:
            return reader(file.read())
        except PictureRefused as refused:
            raise forms.ValidationError(PICTURE_WORDS[refused.code]) from None

    def pictures(self, now: Letterhead | None) -> Pictures:
        """Those that were uploaded, else those there are, unless they were taken off."""
        found = self.cleaned_data
        logo, kind = (now.logo, now.logo_type) if now and now.logo else (None, None)
        if found["logo"]:
            logo, kind = found["logo"]
        if found["without_logo"]:
            logo, kind = None, None
        signature = found["signature"] or (now.signature if now else None)
        return Pictures(
            bytes(logo) if logo else None,
            kind,  # type: ignore[arg-type]
            bytes(signature) if signature and not found["without_signature"] else None,
        )


class WordingForm(forms.Form):
    text = forms.CharField(label=_("Your wording"), widget=forms.Textarea(attrs={"rows": 4}), max_length=2000)
    signed_off_by = forms.CharField(
        label=_("Signed off by"), max_length=160, help_text=_("The accountant or lawyer who says that it is right.")
    )

    def __init__(self, sentence: Sentence, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fills = sorted(set(FILL.findall(sentence.ours["en"])))

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"].strip()
        if sorted(set(FILL.findall(text))) != self.fills:
            wanted = ", ".join(f"%({name})s" for name in self.fills) or gettext("none")
            raise forms.ValidationError(
                gettext("These are filled in and must stand in it: %(fills)s") % {"fills": wanted}
            )
        return text


class AdvantageForm(forms.Form):
    description = forms.CharField(
        label=_("What the donor got"), max_length=200, help_text=_("In the language of the receipt.")
    )
    value = forms.CharField(label=_("Its value in good faith"), max_length=20)

    def __init__(self, currency: str, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.currency = currency
        self.fields["value"].help_text = currency

    def clean_value(self) -> Money:
        try:
            return parse_amount(self.cleaned_data["value"], self.currency)
        except ValueError as error:
            raise forms.ValidationError(gettext("Write an amount.")) from error


def languages_of(regime: Regime) -> list[str]:
    """The languages that a regime's papers may be in."""
    if regime.languages:
        return list(regime.languages)
    return list(dict.fromkeys([*regime.law_languages, *(code for code, _name in settings.LANGUAGES)]))
