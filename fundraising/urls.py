"""Public addresses, under the language: /it/a/<slug>/."""

from django.urls import path

from . import pages
from .seals import pages as seals

urlpatterns = [
    path("", pages.home, name="home"),
    path("c/<slug:slug>/", pages.campaign, name="campaign"),
    path("genuine/", seals.genuine, name="genuine"),
    path("a/<slug:slug>/seal/", seals.seal, name="seal"),
    path("a/<slug:slug>/seal/seal.json", seals.seal_json, name="seal-json"),
    path("a/<slug:slug>/seal/<uuid:uuid>/<slug:part>", seals.seal_part, name="seal-part"),
    path("d/<uuid:uuid>/", pages.donation, name="donation"),
    path("d/<uuid:uuid>/state.json", pages.donation_state, name="donation-state"),
]
