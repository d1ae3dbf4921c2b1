"""Codes of the standard's codelists that are offered. A test compares them with the codelists."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from fundraising.models import Category

VERSION: Final = "2.03"
DAC: Final = "1"  # vocabulary of sectors and of regions: OECD DAC
UNSPECIFIED: Final = "99810"

ORGANISATION_TYPES: Final[dict[str, str | Promise]] = {
    "21": _("international NGO"),
    "22": _("national NGO"),
    "23": _("regional NGO"),
    "24": _("NGO of a partner country"),
    "60": _("foundation"),
    "80": _("academic, training and research"),
    "90": _("other"),
}
# Regions and never countries: broad enough to endanger nobody (codelist Region).
REGIONS: Final[dict[str, str | Promise]] = {
    "998": _("developing countries, unspecified"),
    "89": _("Europe"),
    "189": _("north of Sahara"),
    "289": _("south of Sahara"),
    "298": _("Africa"),
    "489": _("South America"),
    "498": _("America"),
    "589": _("Middle East"),
    "619": _("Central Asia"),
    "679": _("South Asia"),
    "689": _("South and Central Asia"),
    "789": _("Far East Asia"),
    "798": _("Asia"),
    "889": _("Oceania"),
}
SECTORS: Final[dict[str, str | Promise]] = {
    "72010": _("material relief assistance and services"),
    "72040": _("emergency food aid"),
    "72050": _("relief co-ordination, protection and support services"),
    "12220": _("basic health care"),
    "15130": _("legal and judicial development"),
    "15136": _("immigration"),
    "15160": _("human rights"),
    "16010": _("social and welfare services"),
    "16030": _("housing policy and administrative management"),
    "91010": _("administrative costs"),
    UNSPECIFIED: _("sectors not specified"),
}
# What is suggested for a category; staff may choose another.
SUGGESTED: Final[dict[str, str]] = {
    Category.EVACUATION: "72010",
    Category.DOCUMENTS: "15136",
    Category.LEGAL: "15130",
    Category.FINES: "15160",
    Category.HOUSING: "72010",
    Category.MEDICAL: "12220",
    Category.FOOD: "72040",
    Category.SOCIAL_WORK: "16010",
    Category.COORDINATION: "72050",
    Category.OTHER: UNSPECIFIED,
}
IMPLEMENTATION: Final = "2"  # codelist ActivityStatus
FINALISATION: Final = "3"
CLOSED: Final = "4"
