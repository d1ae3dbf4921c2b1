"""The API's shapes. Amounts are integers in minor units with their currency."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ..models import AfterClose, Interval, PaymentMethod, PublicName, QuestionKind, Tribute
from ..offers import ONCE, Currency

FREQUENCIES = [ONCE, *Interval.values]


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


class FeeSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """What a way to pay costs: with it on top, the appeal receives the whole amount."""

    method = serializers.ChoiceField(choices=PaymentMethod.choices)
    basis_points = serializers.IntegerField(help_text="Hundredths of a per cent of the total.")
    fixed_minor = serializers.IntegerField(source="fixed.minor")


class CurrencySerializer(serializers.Serializer):  # type: ignore[type-arg]
    code = serializers.CharField(help_text="ISO 4217")
    exponent = serializers.IntegerField(
        source="minimum.exponent", help_text="Decimals of the minor unit: 0, 2 or 3; the last of three must be 0."
    )
    minimum_minor = serializers.IntegerField(source="minimum.minor")
    maximum_minor = serializers.IntegerField(source="maximum.minor")
    suggested_minor = serializers.SerializerMethodField(help_text="For a single donation, and every year.")
    suggested_monthly_minor = serializers.SerializerMethodField()
    fees = FeeSerializer(many=True)

    def get_suggested_minor(self, currency: Currency) -> list[int]:
        return [suggestion.money.minor for suggestion in currency.suggestions]

    def get_suggested_monthly_minor(self, currency: Currency) -> list[int]:
        return [suggestion.money.minor for suggestion in currency.suggested(Interval.MONTH)]


class QuestionSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """A question of the page's own."""

    id = serializers.IntegerField(help_text="Its key in `answers` when a donation is opened.")
    label = serializers.CharField()  # type: ignore[assignment]  # taken out of the class by its metaclass
    hint = serializers.CharField()
    kind = serializers.ChoiceField(choices=QuestionKind.choices)
    options = serializers.ListField(child=serializers.CharField(), help_text="The answers of a choice.")
    required = serializers.BooleanField()  # type: ignore[assignment]


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
    frequencies = serializers.ListField(
        child=serializers.CharField(), help_text="How often one may give now: `once`, `month`, `year`."
    )
    after_close = serializers.ChoiceField(
        source="wording.after_close",
        choices=AfterClose.choices,
        help_text="What becomes of regular giving when the appeal closes.",
    )
    overhead_basis_points = serializers.IntegerField(
        source="overhead",
        allow_null=True,
        help_text="At most this share of donations pays for administration, in hundredths of a per cent, and never "
        "more than it costs. Tell donors before they give. Null: nothing is stated, and nothing may be charged.",
    )
    takes_comments = serializers.BooleanField(source="page.takes_comments")
    questions = QuestionSerializer(many=True)
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
    frequency = serializers.ChoiceField(
        choices=FREQUENCIES, default=ONCE, help_text="`month` and `year` open a mandate with its first donation."
    )
    day = serializers.IntegerField(
        min_value=1,
        max_value=28,
        required=False,
        allow_null=True,
        help_text="Day of the month to collect on, from its next coming; without one, at once and then on that day.",
    )
    currency = serializers.CharField(max_length=3, required=False)
    amount_minor = serializers.IntegerField(min_value=1, max_value=99_999_999, help_text="Without the fee cover.")
    cover_fee = serializers.BooleanField(default=False)
    method = serializers.ChoiceField(
        choices=PaymentMethod.choices,
        required=False,
        help_text="With `cover_fee`, the way to pay whose fee is covered and which is then the one offered. "
        "Needed where the currency has several.",
    )
    first_name = serializers.CharField(max_length=1000)
    last_name = serializers.CharField(max_length=1000)
    email = serializers.CharField(max_length=1000)
    country = serializers.CharField(max_length=2)
    public_name = serializers.ChoiceField(choices=PublicName.choices, default=PublicName.ANONYMOUS)
    newsletter = serializers.BooleanField(default=False)
    tribute = serializers.ChoiceField(
        choices=[choice for choice in Tribute.choices if choice[0]], required=False, help_text="Needs `tribute_name`."
    )
    tribute_name = serializers.CharField(max_length=1000, required=False, allow_blank=True)
    organisation = serializers.CharField(
        max_length=1000, required=False, allow_blank=True, help_text="The receipt is made out to it."
    )
    employer = serializers.CharField(
        max_length=1000, required=False, allow_blank=True, help_text="For employers that match."
    )
    comment = serializers.CharField(
        max_length=5000, required=False, allow_blank=True, help_text="At most 500 characters, where the page takes any."
    )
    answers = serializers.DictField(
        child=serializers.CharField(max_length=1000, allow_blank=True),
        required=False,
        help_text="By the question's id; `yes` for a box that is ticked.",
    )


class DonationOpenedSerializer(serializers.Serializer):  # type: ignore[type-arg]
    donation = serializers.UUIDField(help_text="Keep it to yourself: it opens the donation's page.")
    checkout_url = serializers.URLField(help_text="Send the donor here.")
    page_url = serializers.URLField(help_text="The donation's own page.")
