"""Addresses of paying, under the language; those of an appeal and a mandate too, whose forms lead to Stripe."""

from django.urls import path

from . import pages
from .mandates import pages as mandate_pages

urlpatterns = [
    path("a/<slug:slug>/", pages.appeal, name="appeal"),
    path("d/<uuid:uuid>/pay/", pages.pay, name="pay"),
    path("d/<uuid:uuid>/monthly/", pages.monthly, name="monthly"),
    path("m/<uuid:uuid>/", mandate_pages.mandate, name="mandate"),
    path("m/<uuid:uuid>/state.json", mandate_pages.mandate_state, name="mandate-state"),
    path("m/<uuid:uuid>/amount/", mandate_pages.amount, name="mandate-amount"),
    path("m/<uuid:uuid>/day/", mandate_pages.day, name="mandate-day"),
    path("m/<uuid:uuid>/skip/", mandate_pages.skip, name="mandate-skip"),
    path("m/<uuid:uuid>/pause/", mandate_pages.pause, name="mandate-pause"),
    path("m/<uuid:uuid>/resume/", mandate_pages.resume, name="mandate-resume"),
    path("m/<uuid:uuid>/card/", mandate_pages.card, name="mandate-card"),
    path("m/<uuid:uuid>/mend/", mandate_pages.mend, name="mandate-mend"),
    path("m/<uuid:uuid>/collect/", mandate_pages.collect, name="mandate-collect"),
    path("m/<uuid:uuid>/end/", mandate_pages.end, name="mandate-end"),
]
