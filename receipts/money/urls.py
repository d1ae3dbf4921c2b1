"""Public addresses of an appeal's money, under the language and the appeal: /it/a/<slug>/money/."""

from django.urls import path

from . import pages

urlpatterns = [
    path("a/<slug:slug>/money/", pages.money, name="money"),
    path("a/<slug:slug>/money/money.csv", pages.csv, name="money-csv"),
    path("a/<slug:slug>/money/money.json", pages.json, name="money-json"),
]
