"""All addresses of the desk: the choice of a legal entity, and under each the pages of every app."""

from django.urls import URLPattern, include, path

from config.desk import (
    bank_imports,
    bank_lines,
    bank_pages,
    breaks,
    choose,
    donation,
    donor,
    erasing,
    evidence_page,
    mandate,
    morning,
    search_page,
)
from fundraising.desk import urls as fundraising_pages
from payments.desk import urls as payments_pages
from receipts.desk import urls as receipts_pages

# Pages that need more than one app.
ENTITY: list[URLPattern] = [
    path("", morning.morning, name="desk-morning"),
    path("calendar/", morning.calendar, name="desk-calendar"),
    path("breaks/", breaks.breaks_page, name="desk-breaks"),
    path("breaks/assign/", breaks.assign, name="desk-breaks-assign"),
    path("breaks/<uuid:uuid>/", breaks.break_page, name="desk-break"),
    path("breaks/<uuid:uuid>/resolve/", breaks.resolve, name="desk-break-resolve"),
    path("breaks/<uuid:uuid>/approve/", breaks.approve, name="desk-break-approve"),
    path("breaks/<uuid:uuid>/reject/", breaks.reject, name="desk-break-reject"),
    path("breaks/<uuid:uuid>/reopen/", breaks.reopen, name="desk-break-reopen"),
    path("breaks/<uuid:uuid>/comment/", breaks.comment, name="desk-break-comment"),
    path("suspense/", breaks.suspense, name="desk-suspense"),
    path("trends/", morning.trends, name="desk-trends"),
    path("bank/accounts/<slug:account>/import/", bank_imports.import_page, name="desk-bank-import"),
    path("bank/uploads/<uuid:uuid>/", bank_imports.upload_page, name="desk-upload"),
    path("bank/uploads/<uuid:uuid>/confirm/", bank_imports.confirm, name="desk-upload-confirm"),
    path("bank/uploads/<uuid:uuid>/cancel/", bank_imports.cancel, name="desk-upload-cancel"),
    path("bank/accounts/<slug:account>/lines/", bank_lines.line_list, name="desk-bank-lines"),
    path("bank/accounts/<slug:account>/lines/match/", bank_lines.match_many, name="desk-bank-match-many"),
    path("bank/lines/<int:pk>/", bank_pages.line_page, name="desk-bank-line"),
    path("bank/lines/<int:pk>/match/", bank_pages.match, name="desk-bank-match"),
    path("bank/matches/<uuid:uuid>/undo/", bank_pages.undo, name="desk-bank-undo"),
    path("search/", search_page.search_page, name="desk-search"),
    path("donations/<uuid:uuid>/", donation.donation_page, name="desk-donation"),
    path("donations/<uuid:uuid>/note/", donation.note, name="desk-donation-note"),
    path("mandates/<uuid:uuid>/", mandate.mandate_page, name="desk-mandate"),
    path("donors/<uuid:uuid>/", donor.donor_page, name="desk-donor"),
    path("donors/<uuid:uuid>/details/", donor.details, name="desk-donor-details"),
    path("donors/<uuid:uuid>/erase/", erasing.erase_page, name="desk-erase"),
    path("sealed/<str:number>/", erasing.sealed_page, name="desk-sealed"),
    path("disputes/<str:dispute_id>/evidence.pdf", evidence_page.evidence_pack, name="desk-evidence"),
]

ENTITY_PAGES = [
    *ENTITY,
    *fundraising_pages.urlpatterns,
    *payments_pages.urlpatterns,
    *receipts_pages.urlpatterns,
]
urlpatterns = [
    path("", choose.choose, name="desk"),
    path("<slug:entity>/start/", choose.start, name="desk-start"),
    path("<slug:entity>/", include(ENTITY_PAGES)),
]
