"""The live process, over real HTTP on a real database."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from fundraising.models import Appeal, AppealState, Goal
from fundraising.money import Money
from tests import databases, factories
from tests.live.conftest import LiveProcess
from tests.waiting import wait_until

pytestmark = pytest.mark.services


def raised(total: dict[str, object]) -> object:
    """Minor units of the money raised."""
    money = total["raised"]
    assert isinstance(money, dict)
    return money["minor"]


def test_a_viewer_is_told_the_total_at_once_and_again_when_a_donation_is_booked(live: LiveProcess) -> None:
    kit = factories.make_appeal(goal_minor=10_000)
    stream = live.watch(kit.appeal.uuid)
    assert stream.headers["content-type"].startswith("text/event-stream")
    first = stream.named("totals")
    assert (raised(first.json), first.json["donations"], first.json["percent"]) == (0, 0, 0)

    factories.received_donation(kit, amount=Money(5_000, "EUR"))

    second = stream.named("totals")
    assert (raised(second.json), second.json["donations"], second.json["percent"]) == (5_000, 1, 50)
    assert second.id == second.json["version"] != first.id


def test_a_refund_lowers_the_total_that_viewers_see(live: LiveProcess) -> None:
    kit = factories.make_appeal()
    donation, charge = factories.received_donation(kit, amount=Money(5_000, "EUR"))
    stream = live.watch(kit.appeal.uuid)
    assert raised(stream.named("totals").json) == 5_000

    factories.refund(charge, donation.amount)

    last = stream.named("totals").json
    assert (raised(last), last["donations"], last["donors"]) == (0, 0, 0)


def test_every_process_tells_its_viewers_whichever_of_them_folds(start_live: Callable[[], LiveProcess]) -> None:
    kit = factories.make_appeal()
    streams = [start_live().watch(kit.appeal.uuid) for _ in range(2)]
    for stream in streams:
        stream.named("totals")
    factories.received_donation(kit)
    assert [raised(stream.named("totals").json) for stream in streams] == [5_000, 5_000]


def test_a_viewer_who_comes_back_is_not_told_again_what_it_knows(live: LiveProcess) -> None:
    kit = factories.make_appeal()
    known = live.watch(kit.appeal.uuid).named("totals").id

    back = live.watch(kit.appeal.uuid, Last_Event_ID=known)
    assert back.next().name == "message"  # retry
    assert back.next().name == "heartbeat"

    factories.received_donation(kit)
    assert raised(back.named("totals").json) == 5_000


def test_a_viewer_who_missed_something_is_told_when_it_comes_back(live: LiveProcess) -> None:
    kit = factories.make_appeal()
    known = live.watch(kit.appeal.uuid).named("totals").id
    factories.received_donation(kit)
    wait_until(lambda: raised(live.ask(kit.appeal.uuid).json()) == 5_000)
    assert raised(live.watch(kit.appeal.uuid, Last_Event_ID=known).named("totals").json) == 5_000


def test_a_quiet_stream_says_every_fifteen_seconds_when_the_total_was_last_true(live: LiveProcess) -> None:
    kit = factories.make_appeal()
    stream = live.watch(kit.appeal.uuid, seconds=17)
    at_first = stream.named("heartbeat").json
    while (later := stream.named("heartbeat").json)["as_of"] == at_first["as_of"]:
        pass
    assert int(str(later["age"])) <= 7


def test_json_says_the_same_as_the_stream_and_may_be_cached_for_a_moment(live: LiveProcess) -> None:
    kit = factories.make_appeal()
    factories.received_donation(kit)
    answer = live.ask(kit.appeal.uuid)
    assert answer.status_code == 200
    assert "max-age=1" in answer.headers["cache-control"]
    assert "stale-while-revalidate" in answer.headers["cache-control"]
    streamed = live.watch(kit.appeal.uuid).named("totals").json
    assert {**answer.json(), "as_of": 0} == {**streamed, "as_of": 0}
    assert raised(answer.json()) == 5_000


def test_json_that_has_not_changed_is_not_sent_again(live: LiveProcess) -> None:
    kit = factories.make_appeal()
    tag = live.ask(kit.appeal.uuid).headers["etag"]
    again = live.ask(kit.appeal.uuid, If_None_Match=tag)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    factories.received_donation(kit)
    wait_until(lambda: live.ask(kit.appeal.uuid, If_None_Match=tag).status_code == 200)


def test_head_answers_like_get_without_the_body(live: LiveProcess) -> None:
    kit = factories.make_appeal()
    path = f"/totals/{kit.appeal.uuid}.json"
    got, head = live.http.get(path), live.http.head(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "content-type", "etag", "cache-control"):
        assert head.headers[name] == got.headers[name]


def test_an_appeal_that_is_unknown_or_a_draft_or_of_an_unpublished_campaign_is_not_found(live: LiveProcess) -> None:
    draft, hidden = factories.make_appeal().appeal, factories.make_appeal().appeal
    Appeal.objects.filter(pk=draft.pk).update(state=AppealState.DRAFT)
    type(hidden.campaign).objects.filter(pk=hidden.campaign_id).update(published=False)
    for appeal in (uuid.uuid4(), draft.uuid, hidden.uuid):
        for end in (".json", "/stream"):
            answer = live.http.get(f"/totals/{appeal}{end}")
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_rubbish_is_not_found(live: LiveProcess) -> None:
    for path in ("/totals/", "/totals/rubbish.json", "/totals/%00.json", f"/totals/{uuid.uuid4()}.json/", "/"):
        assert live.http.get(path).status_code == 404


def test_only_reading_is_allowed(live: LiveProcess) -> None:
    answer = live.http.post(f"/totals/{uuid.uuid4()}.json", content=b"x" * 1000)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_an_appeal_that_is_taken_down_ends_its_streams(live: LiveProcess) -> None:
    kit = factories.make_appeal()
    stream = live.watch(kit.appeal.uuid)
    stream.named("totals")
    type(kit.campaign).objects.filter(pk=kit.campaign.pk).update(published=False)
    with pytest.raises(EOFError):
        stream.named("totals")
    assert live.ask(kit.appeal.uuid).status_code == 404


def test_a_raised_goal_shows_without_any_donation(live: LiveProcess) -> None:
    kit = factories.make_appeal(goal_minor=10_000)
    stream = live.watch(kit.appeal.uuid)
    stream.named("totals")
    Goal.objects.create(round=kit.round, amount_minor=20_000, reason="More families")
    assert stream.named("totals").json["goal"] == {"minor": 20_000, "currency": "EUR"}


def test_viewers_over_the_limit_are_asked_to_come_back_later(start_live: Callable[..., LiveProcess]) -> None:
    live = start_live(LIVE_VIEWERS="2")
    kit = factories.make_appeal()
    streams = [live.watch(kit.appeal.uuid) for _ in range(3)]
    assert [stream.status for stream in streams] == [200, 200, 503]
    assert streams[2].headers["retry-after"] == "30"
    assert live.ask(kit.appeal.uuid).status_code == 200

    streams[0].connection.close()
    wait_until(lambda: live.http.get("/healthz").json()["viewers"] == 1)
    assert live.watch(kit.appeal.uuid).status == 200


def test_donations_booked_while_the_listener_was_cut_off_still_show(live: LiveProcess, database_url: str) -> None:
    kit = factories.make_appeal()
    stream = live.watch(kit.appeal.uuid)
    stream.named("totals")
    with psycopg.connect(database_url, autocommit=True) as database:
        [(ended,)] = database.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query = 'LISTEN totals'"
        )
        assert ended == 1
        factories.received_donation(kit)
    assert raised(stream.named("totals").json) == 5_000
    wait_until(lambda: live.http.get("/healthz").json()["listening"])
    factories.received_donation(kit)
    assert raised(stream.named("totals").json) == 10_000


@contextmanager
def no_database(name: str) -> Iterator[None]:
    """Nobody can connect to the database, and whoever was connected is thrown out."""
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with databases.server() as server:
        server.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            server.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


def test_without_a_database_the_last_total_is_served_with_the_time_when_it_was_true(live: LiveProcess) -> None:
    kit = factories.make_appeal()
    factories.received_donation(kit)
    stream = live.watch(kit.appeal.uuid)
    known = wait_until(lambda: (t := live.ask(kit.appeal.uuid).json())["donations"] and t)
    donation = factories.open_donation(kit)
    with no_database(databases.NAME):
        wait_until(lambda: not live.http.get("/healthz").json()["reading"])
        began = time.monotonic()
        answer = live.ask(kit.appeal.uuid)
        assert time.monotonic() - began < 1
        assert (answer.status_code, raised(answer.json())) == (200, 5_000)
        assert str(answer.json()["as_of"]) >= str(known["as_of"])
        then = answer.json()["as_of"]
        time.sleep(2)  # the time passes, the truth of the total does not
        assert live.ask(kit.appeal.uuid).json()["as_of"] == then
        assert live.ask(uuid.uuid4()).status_code == 503  # whether there is such an appeal cannot be said
    from django.db import connections

    connections.close_all()
    factories.receive(donation)
    while raised(stream.named("totals").json) != 10_000:
        pass


def test_a_database_that_hangs_keeps_nobody_waiting(live: LiveProcess, database_url: str) -> None:
    kit = factories.make_appeal()
    stream = live.watch(kit.appeal.uuid)
    stream.named("totals")
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE fundraising_goal")
        wait_until(lambda: not live.http.get("/healthz").json()["reading"])
        time.sleep(13 - 5)  # until what is known counts as stale
        began = time.monotonic()
        assert live.ask(kit.appeal.uuid).status_code == 200
        assert time.monotonic() - began < 0.5
    factories.received_donation(kit)
    assert raised(stream.named("totals").json) == 5_000


def test_it_stops_in_order_with_streams_open(start_live: Callable[..., LiveProcess]) -> None:
    live = start_live()
    kit = factories.make_appeal()
    stream = live.watch(kit.appeal.uuid)
    stream.named("totals")
    began = time.monotonic()
    live.stop()
    assert time.monotonic() - began < 4
    with pytest.raises((EOFError, ConnectionError)):
        stream.named("totals")
    assert "Traceback" not in live.log.read_text()
