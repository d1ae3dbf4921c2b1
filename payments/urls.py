"""Addresses of paying, under the language. The appeal's page is here because its form leads to Stripe."""

from django.urls import path

from . import pages

urlpatterns = [
    path("a/<slug:slug>/", pages.appeal, name="appeal"),
    path("d/<uuid:uuid>/pay/", pages.pay, name="pay"),
]
