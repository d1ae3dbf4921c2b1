"""Postcodes and tax numbers of donors: what a country's look like, where we know it, and how they are written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from stdnum import exceptions
from stdnum.be import nn as be_nn
from stdnum.be import ssn as be_ssn
from stdnum.be import vat as be_vat
from stdnum.de import idnr as de_idnr
from stdnum.es import nif as es_nif
from stdnum.fr import nif as fr_nif
from stdnum.fr import siren as fr_siren
from stdnum.it import codicefiscale as it_cf
from stdnum.nl import bsn as nl_bsn
from stdnum.pt import nif as pt_nif

POSTCODES = {
    "AT": r"\d{4}", "AU": r"\d{4}", "BE": r"\d{4}", "CH": r"\d{4}", "CZ": r"\d{3} ?\d{2}", "DE": r"\d{5}",
    "DK": r"\d{4}", "ES": r"(0[1-9]|[1-4]\d|5[0-2])\d{3}", "FI": r"\d{5}", "FR": r"\d{5}", "GR": r"\d{3} ?\d{2}",
    "IT": r"\d{5}", "LU": r"\d{4}", "NO": r"\d{4}", "PL": r"\d{2}-\d{3}", "PT": r"\d{4}-\d{3}", "SE": r"\d{3} ?\d{2}",
    "US": r"\d{5}(-\d{4})?", "NL": r"[1-9]\d{3} ?[A-Z]{2}", "CA": r"[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d",
    "GB": r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}", "IE": r"[A-Z]\d[\dW] ?[A-Z\d]{4}",
}  # fmt: skip
# How many characters stand behind the space in the middle.
_BEHIND_SPACE = {"GB": 3, "CA": 3, "NL": 2, "IE": 4, "SE": 2, "CZ": 2, "GR": 2}


class Wrong(ValueError):
    """No postcode or number of that country looks like this."""


@dataclass(frozen=True)
class TaxNumber:
    """What a country calls it; `forms` are tried in turn, and raise what python-stdnum raises."""

    label: str | Promise
    forms: tuple[Callable[[str], str], ...] = ()


def _validators(*modules: Any) -> tuple[Callable[[str], str], ...]:
    return tuple(module.validate for module in modules)


TAX_NUMBERS = {
    "BE": TaxNumber(_("National register number"), _validators(be_nn, be_ssn, be_vat)),
    "DE": TaxNumber(_("Tax identification number"), _validators(de_idnr)),
    "ES": TaxNumber(_("NIF or NIE"), _validators(es_nif)),
    "FR": TaxNumber(_("Tax number"), _validators(fr_nif, fr_siren)),
    "IT": TaxNumber(_("Codice fiscale"), _validators(it_cf)),
    "NL": TaxNumber(_("Citizen service number (BSN)"), _validators(nl_bsn)),
    "PT": TaxNumber(_("NIF"), _validators(pt_nif)),
}
ANY_TAX_NUMBER = TaxNumber(_("Tax number"))


def postcode(country: str, typed: str) -> str:
    """The postcode as it is written; raises Wrong where we know the country's and this is none."""
    text = " ".join(typed.upper().split())
    pattern = POSTCODES.get(country)
    if pattern is None:
        return text
    if country in {"PT", "PL"} and text.isdecimal():
        text = f"{text[:-3]}-{text[-3:]}"
    if not re.fullmatch(pattern, text, re.ASCII):
        raise Wrong
    behind = _BEHIND_SPACE.get(country)
    bare = text.replace(" ", "")
    return f"{bare[:-behind]} {bare[-behind:]}" if behind else text


def tax_number(country: str, typed: str) -> str:
    """The number without dots and spaces; raises Wrong where we know the country's and its check digits differ."""
    known = TAX_NUMBERS.get(country, ANY_TAX_NUMBER)
    if not known.forms:
        text = re.sub(r"[\s.]", "", typed.upper())
        if not re.fullmatch(r"[A-Z0-9][A-Z0-9/-]{3,19}", text, re.ASCII):
            raise Wrong
        return text
    for validate in known.forms:
        try:
            return str(validate(typed)).upper()
        except exceptions.ValidationError:
            continue
    raise Wrong


def tax_number_label(country: str) -> str | Promise:
    return TAX_NUMBERS.get(country, ANY_TAX_NUMBER).label
