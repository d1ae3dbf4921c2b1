"""A cause of breaks: a mandate that two subscriptions at Stripe collect."""

from django.db import migrations, models

CAUSES = {
    "charge_missing": "charged at the provider, not in the books",
    "charge_doubled": "one donation charged twice",
    "charge_foreign": "a charge that belongs to no donation of ours",
    "amount_differs": "the amount is not the provider's",
    "fee_differs": "the fee is not the provider's",
    "unknown_to_provider": "in the books, not at the provider",
    "payout_line": "a payout is not the sum of its lines",
    "payout_not_in_bank": "paid out, not in the bank",
    "bank_line_unknown": "in the bank, explained by nothing",
    "bank_line_doubled": "a payout or donation is in the bank twice",
    "statement_gap": "a statement does not follow the one before",
    "lines_alike": "lines that look alike in two statements",
    "balance_differs": "a balance is not the provider's or the bank's",
    "suspense": "money that matches nothing",
    "fund_short": "a fund has less than it has promised",
    "fund_left": "money in the fund of an appeal that is over",
    "subscription_doubled": "a mandate is collected twice",
    "order_not_in_bank": "ordered from the bank, on no statement",
}


class Migration(migrations.Migration):
    dependencies = [("fundraising", "0014_reasons_of_matches")]

    operations = [
        migrations.RemoveConstraint("break", "break_cause_known"),
        migrations.AlterField(
            "break", "cause", models.CharField(choices=list(CAUSES.items()), max_length=20, verbose_name="cause")
        ),
        migrations.AddConstraint(
            "break", models.CheckConstraint(condition=models.Q(cause__in=list(CAUSES)), name="break_cause_known")
        ),
    ]
