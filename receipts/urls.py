"""Addresses of the paper, under /receipt/. They carry no language: they are printed and must stay."""

from django.urls import path

from . import pages

urlpatterns = [
    path("of/<uuid:donation_uuid>.pdf", pages.download, name="receipt-download"),
    path("paper/<str:token>.pdf", pages.download_paper, name="receipt-paper"),
    path("<str:number>", pages.check, name="receipt-check"),
]
