"""Public addresses of reports, under the language and the appeal: /it/a/<slug>/reports/; and /it/iati/."""

from django.urls import path

from ..iati import pages as iati_pages
from . import pages

urlpatterns = [
    path("iati/", iati_pages.policy, name="iati"),
    path("a/<slug:slug>/reports/", pages.reports, name="reports"),
    path("a/<slug:slug>/reports/<int:revision>/", pages.report, name="report"),
    path("a/<slug:slug>/reports/<int:revision>/report.<slug:form>", pages.file, name="report-file"),
]
