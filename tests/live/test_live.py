"""The live process, over real HTTP on a real database."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import psycopg
import pytest
from psycopg import sql

from fundraising.hub import HEARTBEAT_SECONDS, Hub, Viewer, reading
from fundraising.live import SECONDS_PATIENCE, SECONDS_STALE
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


def test_a_quiet_stream_says_again_and_again_when_the_total_was_last_true(live: LiveProcess) -> None:
    kit = factories.make_appeal()
    stream = live.watch(kit.appeal.uuid)
    first, *later = (stream.named("heartbeat").json for _ in range(3))
    for told in later:
        past = datetime.now(UTC) - datetime.fromisoformat(str(told["as_of"]))
        assert 0 <= int(str(told["age"])) <= past.total_seconds()
    assert str(later[-1]["as_of"]) > str(first["as_of"]), "it was read again meanwhile"


def test_each_viewer_hears_a_heartbeat_once_in_fifteen_seconds() -> None:
    hub = Hub(limit=100)
    hub.publish("a", reading({"version": "1"}, true_at=0.0), now=0.0)
    viewers = [hub.join(hub.feeds["a"], told="1") for _ in range(2 * HEARTBEAT_SECONDS)]
    for start in (1, 4, 70):
        beats = Counter[Viewer]()
        for second in range(start, start + HEARTBEAT_SECONDS):
            hub.beat(second)
            woken = [viewer for viewer in viewers if viewer._called]
            beats.update(woken)
            for viewer in woken:
                viewer._called = False
        assert beats == dict.fromkeys(viewers, 1)
    assert HEARTBEAT_SECONDS == 15


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

    def unchanged() -> httpx.Response | None:  # the total may be read again between the two, at another second
        tag = live.ask(kit.appeal.uuid).headers["etag"]
        again = live.ask(kit.appeal.uuid, If_None_Match=tag)
        return again if again.headers["etag"] == tag else None

    again = wait_until(unchanged)
    assert again is not None
    assert (again.status_code, again.content) == (304, b"")
    tag = again.headers["etag"]
    factories.received_donation(kit)
    newer = wait_until(lambda: (a := live.ask(kit.appeal.uuid, If_None_Match=tag)).status_code == 200 and a)
    assert newer
    assert newer.headers["etag"] != tag


def test_head_answers_like_get_without_the_body(live: LiveProcess) -> None:
    kit = factories.make_appeal()

    def both() -> tuple[httpx.Response, httpx.Response] | None:  # of one reading of the books
        got = live.ask(kit.appeal.uuid)
        head = live.http.head(f"/totals/{kit.appeal.uuid}.json")
        return (got, head) if head.headers["etag"] == got.headers["etag"] else None

    pair = wait_until(both)
    assert pair
    got, head = pair
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "content-type", "cache-control"):
        assert head.headers[name] == got.headers[name]


def test_an_appeal_that_is_unknown_or_a_draft_or_of_an_unpublished_campaign_is_not_found(live: LiveProcess) -> None:
    draft, hidden = factories.make_appeal().appeal, factories.make_appeal().appeal
    Appeal.objects.filter(pk=draft.pk).update(state=AppealState.DRAFT)
    type(hidden.campaign).objects.filter(pk=hidden.campaign_id).update(published=False)
    for appeal in (uuid.uuid4(), draft.uuid, hidden.uuid):
        for end in (".json", "/stream"):
            answer = live.get(f"/totals/{appeal}{end}")
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
    wait_until(lambda: live.health()["viewers"] == 1)
    assert live.watch(kit.appeal.uuid).status == 200


def test_donations_booked_while_the_listener_was_cut_off_still_show(live: LiveProcess, database_url: str) -> None:
    kit = factories.make_appeal()
    stream = live.watch(kit.appeal.uuid)
    stream.named("totals")
    wait_until(lambda: live.health()["listening"])
    with psycopg.connect(database_url, autocommit=True) as database:
        [(ended,)] = database.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query = 'LISTEN totals'"
        )
        assert ended == 1
        factories.received_donation(kit)
    assert raised(stream.named("totals").json) == 5_000
    wait_until(lambda: live.health()["listening"])
    factories.received_donation(kit)
    assert raised(stream.named("totals").json) == 10_000


def is_at_once(live: LiveProcess, appeal: object) -> bool:
    """Whether the total comes without waiting for the books: who waits for them waits SECONDS_PATIENCE, every time."""
    began = time.monotonic()
    assert live.ask(appeal).status_code == 200
    return time.monotonic() - began < SECONDS_PATIENCE


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
        wait_until(lambda: not live.health()["reading"])
        wait_until(lambda: is_at_once(live, kit.appeal.uuid))
        answer = live.ask(kit.appeal.uuid)
        assert (answer.status_code, raised(answer.json())) == (200, 5_000)
        assert str(answer.json()["as_of"]) >= str(known["as_of"])
        then = answer.json()["as_of"]
        time.sleep(2)  # the time passes, the truth of the total does not
        assert live.ask(kit.appeal.uuid).json()["as_of"] == then
        assert live.http.get(f"/totals/{uuid.uuid4()}.json").status_code == 503  # nobody can say whether there is one
    from django.db import connections

    connections.close_all()
    factories.receive(donation)
    assert raised(stream.named("totals").json) == 5_000
    assert raised(stream.named("totals").json) == 10_000


def age(answer: httpx.Response) -> float:
    """How many seconds ago the total was true."""
    return (datetime.now(UTC) - datetime.fromisoformat(answer.json()["as_of"])).total_seconds()


def test_a_database_that_hangs_keeps_nobody_waiting(live: LiveProcess, database_url: str) -> None:
    kit = factories.make_appeal()
    stream = live.watch(kit.appeal.uuid)
    stream.named("totals")
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE fundraising_goal")
        wait_until(lambda: not live.health()["reading"])
        wait_until(lambda: age(live.ask(kit.appeal.uuid)) > SECONDS_STALE + 1, what="what is known is stale")
        wait_until(lambda: is_at_once(live, kit.appeal.uuid))
    factories.received_donation(kit)
    assert raised(stream.named("totals").json) == 5_000


def test_it_stops_in_order_with_streams_open(start_live: Callable[..., LiveProcess]) -> None:
    live = start_live()
    kit = factories.make_appeal()
    stream = live.watch(kit.appeal.uuid)
    stream.named("totals")
    assert live.stop() == 0  # by itself: a server that waits for its streams to end has to be killed
    with pytest.raises((EOFError, ConnectionError)):
        stream.named("totals")
    assert "Traceback" not in live.log.read_text()
