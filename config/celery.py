"""Celery: a nudge, never the record. Beat's schedule is the list of sweeps that find what was lost."""

import os

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("openappeal")
app.set_default()  # in every thread: the inbox nudges from one of its own
app.conf.update(
    broker_url=settings.BROKER_URL,
    broker_transport_options=settings.BROKER_OPTIONS,
    worker_enable_remote_control=not settings.BROKER_URL.startswith("pgmq"),  # it would be a second queue to poll
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=500,
    worker_max_memory_per_child=400_000,  # KB; rendering grows a process over hundreds of receipts
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_connection_timeout=2,
    task_publish_retry=False,
    task_soft_time_limit=240,
    task_time_limit=300,
    timezone="UTC",
    beat_schedule_filename=str(settings.STATE_DIR / "beat"),
    beat_schedule={
        "inbox": {"task": "payments.tasks.handle_inbox", "schedule": 30.0, "options": {"expires": 30}},
        "payments": {"task": "payments.tasks.look_up_payments", "schedule": 30.0, "options": {"expires": 30}},
        "refunds": {"task": "payments.tasks.carry_out_refunds", "schedule": 30.0, "options": {"expires": 30}},
        "changes": {"task": "payments.tasks.carry_out_changes", "schedule": 30.0, "options": {"expires": 30}},
        "mandates": {
            "task": "payments.tasks.end_those_of_closed_appeals",
            "schedule": 600.0,
            "options": {"expires": 600},
        },
        "settlement": {"task": "payments.tasks.settle", "schedule": 60.0, "options": {"expires": 60}},
        "sync": {"task": "payments.tasks.sync_recent", "schedule": 900.0, "options": {"expires": 900}},
        "payouts": {"task": "payments.tasks.itemise_payouts", "schedule": 60.0, "options": {"expires": 60}},
        "reconcile": {"task": "payments.tasks.reconcile", "schedule": 900.0, "options": {"expires": 900}},
        "mandates-at-stripe": {
            "task": "payments.tasks.sync_mandates",
            "schedule": 21600.0,
            "options": {"expires": 3600},
        },
        "receipts": {"task": "receipts.tasks.issue_due", "schedule": 15.0, "options": {"expires": 15}},
        "papers-of-years": {"task": "receipts.tasks.issue_years", "schedule": 15.0, "options": {"expires": 15}},
        "mail": {"task": "receipts.tasks.send_due", "schedule": 15.0, "options": {"expires": 15}},
        "reports": {"task": "receipts.reports.tasks.make_due", "schedule": 15.0, "options": {"expires": 15}},
        "bank-lines": {"task": "fundraising.tasks.match_bank_lines", "schedule": 60.0, "options": {"expires": 60}},
        "bank-accounts": {
            "task": "fundraising.tasks.check_bank_accounts",
            "schedule": 600.0,
            "options": {"expires": 600},
        },
        "funds": {"task": "fundraising.tasks.check_funds", "schedule": 600.0, "options": {"expires": 600}},
        "payouts-in-bank": {"task": "payments.tasks.match_payouts", "schedule": 60.0, "options": {"expires": 60}},
        "statements": {"task": "payments.tasks.import_statements", "schedule": 5.0, "options": {"expires": 5}},
        "reminders": {"task": "fundraising.tasks.remind", "schedule": 3600.0, "options": {"expires": 3600}},
        "exports": {"task": "fundraising.tasks.write_exports", "schedule": 10.0, "options": {"expires": 10}},
        "sealed-papers": {"task": "receipts.tasks.empty_sealed", "schedule": 86400.0, "options": {"expires": 3600}},
        "declarations": {
            "task": "receipts.tasks.empty_declarations",
            "schedule": 86400.0,
            "options": {"expires": 3600},
        },
        "attempts": {"task": "fundraising.tasks.forget_attempts", "schedule": 3600.0, "options": {"expires": 3600}},
        "totals": {"task": "fundraising.tasks.fold", "schedule": 30.0, "options": {"expires": 30}},
    },
)
app.autodiscover_tasks(lambda: ["fundraising", "payments", "receipts", "receipts.reports"])
