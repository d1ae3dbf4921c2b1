"""Addresses of the desk, under /desk/<legal entity>/."""

from django.urls import URLPattern, path

from ..gift_aid import desk_pages as gift_aid_pages
from ..iati import desk_pages as iati_pages
from ..papers import desk_pages as paper_pages
from ..printing import desk_pages as printing_pages
from ..reports import desk_editions as edition_pages
from ..reports import desk_pages as report_pages
from ..reports import desk_situation as situation_pages
from ..years import desk_pages as year_pages
from . import pages

urlpatterns: list[URLPattern] = [
    path("failed/", pages.failed, name="desk-failed"),
    path("failed/mails/<int:pk>/send/", pages.send_again, name="desk-send-again"),
    path("failed/receipts/<int:pk>/try/", pages.try_again, name="desk-try-again"),
    path("receipts/<str:number>.pdf", pages.paper, name="desk-receipt"),
    path("years/", year_pages.overview, name="desk-years"),
    path("years/begin/", year_pages.begin, name="desk-years-begin"),
    path("years/<uuid:uuid>/", year_pages.one, name="desk-year"),
    path("papers/", paper_pages.overview, name="desk-papers"),
    path("papers/choose/", paper_pages.choose, name="desk-papers-choose"),
    path("papers/regimes/<int:pk>/", paper_pages.change, name="desk-papers-change"),
    path("papers/letterhead/", paper_pages.letterhead, name="desk-letterhead"),
    path("papers/<slug:regime>/wordings/", paper_pages.wordings, name="desk-wordings"),
    path("papers/<slug:regime>/wordings/<slug:slot>/<slug:locale>/", paper_pages.wording, name="desk-wording"),
    path("papers/<slug:regime>/specimen.pdf", paper_pages.preview, name="desk-specimen"),
    path("donations/<uuid:uuid>/returned/", paper_pages.returned, name="desk-returned"),
    path("gift-aid/", gift_aid_pages.overview, name="desk-gift-aid"),
    path("gift-aid/claims/make/", gift_aid_pages.make, name="desk-gift-aid-make"),
    path("gift-aid/claims/<int:number>/", gift_aid_pages.claim_page, name="desk-gift-aid-claim"),
    path("gift-aid/claims/<int:number>/schedule.<slug:form>", gift_aid_pages.file, name="desk-gift-aid-file"),
    path("gift-aid/declarations/", gift_aid_pages.declarations, name="desk-declarations"),
    path("gift-aid/declarations/<uuid:uuid>/cancel/", gift_aid_pages.cancel, name="desk-gift-aid-cancel"),
    path("gift-aid/donors/<uuid:uuid>/ask/", gift_aid_pages.ask, name="desk-gift-aid-ask"),
    path("gift-aid/donors/<uuid:uuid>/", gift_aid_pages.record, name="desk-gift-aid-donor"),
    path("post/", printing_pages.overview, name="desk-post"),
    path("post/make/", printing_pages.make, name="desk-post-make"),
    path("iati/", iati_pages.overview, name="desk-iati"),
    path("iati/of/publisher/", iati_pages.publisher, name="desk-iati-publisher"),
    path("iati/<slug:appeal>/", iati_pages.one, name="desk-iati-appeal"),
    path("iati/<slug:appeal>/edit/", iati_pages.edit, name="desk-iati-edit"),
    path("iati/<slug:appeal>/preview.xml", iati_pages.preview, name="desk-iati-preview"),
    path("iati/<slug:appeal>/ask/", iati_pages.ask, name="desk-iati-ask"),
    path("iati/<slug:appeal>/on/", iati_pages.turn_on, name="desk-iati-on"),
    path("iati/<slug:appeal>/off/", iati_pages.turn_off, name="desk-iati-off"),
    path("reports/", report_pages.overview, name="desk-reports"),
    path("reports/of/<slug:appeal>/", report_pages.begin, name="desk-report-begin"),
    path("reports/<uuid:uuid>/", report_pages.one, name="desk-report"),
    path("reports/<uuid:uuid>/edit/", report_pages.edit, name="desk-report-edit"),
    path("reports/<uuid:uuid>/situation/", situation_pages.edit, name="desk-report-situation"),
    path("reports/<uuid:uuid>/situation/drop/", situation_pages.drop, name="desk-report-situation-drop"),
    path("reports/<uuid:uuid>/issue/", report_pages.issue, name="desk-report-issue"),
    path("reports/<uuid:uuid>/editions/<int:edition>/", edition_pages.edition, name="desk-report-edition"),
    path("reports/<uuid:uuid>/drop/", report_pages.drop, name="desk-report-drop"),
]
