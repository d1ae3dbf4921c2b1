"""Opening a donation over the API: the same checks as the form, and the address of Stripe's page."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import path, reverse
from django.utils.translation import override
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from fundraising import content, throttle
from fundraising.api.errors import Conflict, Unavailable
from fundraising.api.serializers import DonationOpenedSerializer, DonationRequestSerializer
from fundraising.content import AppealContent, NotPublished
from fundraising.drafts import NotOpen, NotRegularly, open_donation
from fundraising.forms import DonationForm, question_name
from fundraising.models import QuestionKind
from fundraising.money import EXPONENTS, Money

from . import checkout


class OpenDonation(APIView):
    """Open a donation. The same request twice, before it is paid, is the same donation."""

    throttle_classes = (throttle.api_throttle("donate"),)

    @extend_schema(
        operation_id="donations_open", request=DonationRequestSerializer, responses={201: DonationOpenedSerializer}
    )
    def post(self, request: Request) -> Response:
        asked = DonationRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        if data["locale"] not in dict(settings.LANGUAGES):
            raise ValidationError({"locale": ["Unknown language."]})
        with override(data["locale"]):
            return self._open(data)

    def _open(self, data: dict[str, Any]) -> Response:
        try:
            found = content.appeal_content(data["locale"], data["page"])
        except NotPublished as error:
            raise ValidationError({"page": ["There is no such page."]}) from error
        form = DonationForm(found, _as_form(found, data))
        if not form.is_valid():
            raise ValidationError(
                {_field(name): [str(error) for error in errors] for name, errors in form.errors.items()}
            )
        try:
            donation = open_donation(form.draft())
            url = checkout.checkout_url(donation)
        except NotOpen as error:
            raise Conflict("This appeal takes no donations now.") from error
        except NotRegularly as error:
            raise Conflict("This appeal is about to close and takes single donations only.") from error
        except checkout.NothingToPay as error:
            raise Conflict("This donation is already paid.") from error
        except checkout.CannotPay as error:
            raise Unavailable("The payment provider does not answer. Send the same request again.") from error
        address = settings.PUBLIC_URL + reverse("donation", kwargs={"uuid": donation.uuid})
        body = {"donation": str(donation.uuid), "checkout_url": url, "page_url": address}
        return Response(body, status=201, headers={"Cache-Control": "no-store"})


def _as_form(found: AppealContent, data: dict[str, Any]) -> dict[str, Any]:
    currency = data.get("currency") or found.currencies[0].code
    amount = ""
    if currency in EXPONENTS:
        amount = f"{Money(data['amount_minor'], currency).decimal:f}"
    fields = {key: value for key, value in data.items() if value not in (False, None)}
    fields |= _answers(found, data.get("answers", {}))
    return {**fields, "currency": currency, "amount_choice": "other", "amount": amount}


def _answers(found: AppealContent, answers: dict[str, str]) -> dict[str, str]:
    """The answers as fields of the form; a box is ticked by `yes` alone. Raises ValidationError."""
    asked = {str(question.pk): question for question in found.questions}
    if unknown := answers.keys() - asked.keys():
        raise ValidationError({"answers": [f"This page asks no question {name[:20]!r}." for name in sorted(unknown)]})
    return {
        question_name(asked[key]): answer
        for key, answer in answers.items()
        if asked[key].kind != QuestionKind.YES or answer == "yes"
    }


def _field(name: str) -> str:
    """The request's name of a form's field."""
    if name.startswith("question_"):
        return f"answers.{name.removeprefix('question_')}"
    return "amount_minor" if name in {"amount", "amount_choice"} else name


urlpatterns = [path("donations/", OpenDonation.as_view(), name="api-donations")]
