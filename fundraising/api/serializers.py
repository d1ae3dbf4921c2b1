"""The API's shapes. Amounts are integers in minor units with their currency."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


class MoneySerializer(serializers.Serializer):  # type: ignore[type-arg]
    minor = serializers.IntegerField(help_text="Minor units: cents, yen, fils.")
    currency = serializers.CharField(help_text="ISO 4217")


class TotalSerializer(serializers.Serializer):  # type: ignore[type-arg]
    appeal = serializers.UUIDField()
    raised = MoneySerializer(help_text="Received less refunded or taken back, in the appeal's currency.")
    pending = MoneySerializer(allow_null=True, help_text="Announced by banks, not in `raised`.")
    goal = MoneySerializer(allow_null=True)
    percent = serializers.IntegerField(allow_null=True, help_text="Of the goal, rounded down; may pass 100.")
    donations = serializers.IntegerField()
    donors = serializers.IntegerField()
    approximate = serializers.BooleanField(help_text="Some of it is converted at a stored rate.")
    by_currency = MoneySerializer(many=True, help_text="Exact, as given.")
    version = serializers.CharField(help_text="Changes when a figure does.")
    as_of = serializers.DateTimeField()


class AppealSerializer(serializers.Serializer):  # type: ignore[type-arg]
    uuid = serializers.UUIDField(source="appeal.uuid")
    title = serializers.CharField()
    ask = serializers.CharField()
    state = serializers.ChoiceField(choices=["open", "closing", "closed"])
    url = serializers.CharField(help_text="Path of its page.")


class UpdateSerializer(serializers.Serializer):  # type: ignore[type-arg]
    date = serializers.DateField()
    title = serializers.CharField()
    paragraphs = serializers.ListField(child=serializers.CharField())


class CampaignSerializer(serializers.Serializer):  # type: ignore[type-arg]
    slug = serializers.SlugField()
    title = serializers.CharField()
    summary = serializers.CharField()
    url = serializers.CharField()


class CampaignDetailSerializer(CampaignSerializer):
    story = serializers.ListField(child=serializers.CharField())
    partner_credit = serializers.CharField()
    entity = serializers.CharField(source="entity.name")
    updates = UpdateSerializer(many=True)
    appeals = AppealSerializer(many=True)


class CurrencySerializer(serializers.Serializer):  # type: ignore[type-arg]
    code = serializers.CharField()
    minimum_minor = serializers.IntegerField(source="minimum.minor")
    maximum_minor = serializers.IntegerField(source="maximum.minor")
    suggested_minor = serializers.SerializerMethodField()

    def get_suggested_minor(self, currency: object) -> list[int]:
        return [suggestion.money.minor for suggestion in currency.suggestions]  # type: ignore[attr-defined]


class AppealDetailSerializer(serializers.Serializer):  # type: ignore[type-arg]
    uuid = serializers.UUIDField(source="appeal.uuid")
    title = serializers.CharField(source="wording.title")
    ask = serializers.CharField(source="wording.ask")
    purpose = serializers.CharField(source="wording.purpose")
    secondary_purpose = serializers.CharField(source="wording.secondary_purpose")
    wording_version = serializers.IntegerField(source="wording.version")
    state = serializers.CharField()
    round = serializers.IntegerField(source="round.number")
    url = serializers.CharField()
    entity = serializers.CharField(source="entity.name")
    non_deductibility = serializers.CharField(source="entity.non_deductibility")
    currencies = CurrencySerializer(many=True)
    total = serializers.SerializerMethodField()

    @extend_schema_field(TotalSerializer)
    def get_total(self, content: object) -> dict[str, object]:
        total: dict[str, object] = self.context["total"]
        return total


class DonationRequestSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """The same fields as the form on the page, and the same checks."""

    locale = serializers.CharField(max_length=12)
    page = serializers.SlugField(help_text="Slug of the donation page.")
    currency = serializers.CharField(max_length=3, required=False)
    amount_minor = serializers.IntegerField(min_value=1, max_value=99_999_999, help_text="Without the fee cover.")
    cover_fee = serializers.BooleanField(default=False)
    first_name = serializers.CharField(max_length=1000)
    last_name = serializers.CharField(max_length=1000)
    email = serializers.CharField(max_length=1000)
    country = serializers.CharField(max_length=2)
    public_name = serializers.ChoiceField(choices=["anonymous", "name_country"], default="anonymous")
    newsletter = serializers.BooleanField(default=False)


class DonationOpenedSerializer(serializers.Serializer):  # type: ignore[type-arg]
    donation = serializers.UUIDField(help_text="Keep it to yourself: it opens the donation's page.")
    checkout_url = serializers.URLField(help_text="Send the donor here.")
    page_url = serializers.URLField(help_text="The donation's own page.")
