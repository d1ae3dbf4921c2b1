"""Public addresses, under the language: /it/a/<slug>/."""

from django.urls import path

from . import pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("c/<slug:slug>/", pages.campaign, name="campaign"),
    path("d/<uuid:uuid>/", pages.donation, name="donation"),
    path("d/<uuid:uuid>/state.json", pages.donation_state, name="donation-state"),
]
