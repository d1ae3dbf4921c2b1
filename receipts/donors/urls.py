"""Addresses of a donor's own pages, under the language. The token is signed and comes by mail."""

from django.urls import path

from ..gift_aid import donor_pages as gift_aid_pages
from . import pages

urlpatterns = [
    path("details/<str:token>/", pages.details, name="donor-details"),
    path("gift-aid/<str:token>/", gift_aid_pages.declare, name="donor-gift-aid"),
    path("papers/<str:token>/", pages.papers, name="donor-papers"),
    path("papers/<str:token>/<str:number>.pdf", pages.paper, name="donor-paper"),
    path("d/<uuid:uuid>/mail/", pages.mail_link, name="mail-link"),
]
