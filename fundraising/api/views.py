"""Reading campaigns, appeals and totals. Public, cacheable, the same for everyone."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404
from django.utils.cache import patch_cache_control
from django.utils.translation import override
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from .. import content, totals
from ..content import NotPublished
from ..models import CampaignText
from .serializers import AppealDetailSerializer, CampaignDetailSerializer, CampaignSerializer, TotalSerializer

LOCALE = OpenApiParameter(
    "locale", str, description="Language of the texts.", enum=[code for code, _ in settings.LANGUAGES]
)


def locale_of(request: Request) -> str:
    """The `locale` parameter; English without one, an error for a language we do not speak."""
    code = request.query_params.get("locale", settings.LANGUAGE_CODE)
    if code not in dict(settings.LANGUAGES):
        raise ValidationError({"locale": [f"Use one of {', '.join(dict(settings.LANGUAGES))}."]})
    return code


def public(data: Any) -> Response:
    response = Response(data)
    patch_cache_control(response, public=True, max_age=5, stale_while_revalidate=30)
    return response


class CampaignList(APIView):
    """Published campaigns, newest first; at most 100."""

    @extend_schema(operation_id="campaigns_list", parameters=[LOCALE], responses=CampaignSerializer(many=True))
    def get(self, request: Request) -> Response:
        locale = locale_of(request)
        texts = (
            CampaignText.objects.filter(locale=locale, campaign__published=True)
            .select_related("campaign")
            .order_by("-campaign__created_at")
        )
        with override(locale):
            rows = [
                {
                    "slug": text.campaign.slug,
                    "title": text.title,
                    "summary": text.summary,
                    "url": f"/{locale}/c/{text.campaign.slug}/",
                }
                for text in texts[:100]
            ]
        return public(CampaignSerializer(rows, many=True).data)


class CampaignDetail(APIView):
    """One campaign with its story, updates and appeals."""

    @extend_schema(operation_id="campaigns_read", parameters=[LOCALE], responses=CampaignDetailSerializer)
    def get(self, request: Request, slug: str) -> Response:
        try:
            found = content.campaign_content(locale_of(request), slug)
        except NotPublished as error:
            raise Http404 from error
        return public({**CampaignDetailSerializer({**vars(found), "slug": slug}).data})


class AppealDetail(APIView):
    """One appeal: wording, currencies and total."""

    @extend_schema(operation_id="appeals_read", parameters=[LOCALE], responses=AppealDetailSerializer)
    def get(self, request: Request, slug: str) -> Response:
        try:
            found = content.appeal_content(locale_of(request), slug)
        except NotPublished as error:
            raise Http404 from error
        total = totals.as_json(found.appeal, totals.appeal_total(found.appeal))
        return public(AppealDetailSerializer(found, context={"total": total}).data)


class AppealTotal(APIView):
    """The total of an appeal, as exact as the books at this moment."""

    @extend_schema(operation_id="totals_read", responses=TotalSerializer)
    def get(self, request: Request, uuid: str) -> Response:
        page = content.published_pages().filter(appeal__uuid=uuid).select_related("appeal").first()
        if page is None:
            raise Http404
        return public(totals.as_json(page.appeal, totals.appeal_total(page.appeal)))
