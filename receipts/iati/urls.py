"""The address of an activity file. It carries no language: it is registered elsewhere and must stay."""

from django.urls import path

from . import pages

urlpatterns = [path("<slug:appeal>.xml", pages.file, name="iati-file")]
