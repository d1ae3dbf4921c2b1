"""What the banks' formats say, as one neutral type: batches, reversals, balances in debit, structured details, CSV."""

from __future__ import annotations

from datetime import date

import pytest

from fundraising.bank import camt, csv_file, mt940
from fundraising.bank.formats import ReadLine, ReadStatement, lines_about, same_account
from fundraising.bank.problems import MESSAGES, BadStatement, Problem
from tests.fundraising.bank import samples
from tests.fundraising.bank.samples import DONOR_IBAN, ENGLISH, GERMAN, IBAN, OTHER_IBAN, Row

DAY = date(2026, 11, 2)
ROWS = [
    Row(DAY, 5_000, text="RF71 K3N7 QW2X", reference="2026110200001"),
    Row(DAY, -1_250, name="Print & Co".replace("&", "and")),
]


def only(data: bytes) -> ReadStatement:
    [statement] = camt.read(data).statements
    return statement


def refusal(data: bytes, mapping: dict[str, object]) -> tuple[Problem, int | None]:
    with pytest.raises(BadStatement) as refused:
        csv_file.read(data, mapping, account=IBAN, currency="EUR")
    return refused.value.code, refused.value.line


def csv_lines(data: bytes, mapping: dict[str, object]) -> tuple[ReadLine, ...]:
    return csv_file.read(data, mapping, account=IBAN, currency="EUR").statements[0].lines


@pytest.mark.parametrize("version", ["02", "08"])
def test_camt_tells_parties_references_and_balances(version: str) -> None:
    statement = only(samples.camt(ROWS, -10_000, version=version))
    assert (statement.opening_minor, statement.closing_minor) == (-10_000, -6_250)
    first, second = statement.lines
    assert (first.name, first.iban, first.reference) == ("Ada Rossi", DONOR_IBAN, "RF71 K3N7 QW2X")
    assert (first.bank_reference, first.balance_minor, first.number) == ("2026110200001", -5_000, 11)
    assert (second.amount_minor, second.name) == (-1_250, "Print and Co")


def test_balances_larger_than_floats_can_hold_are_exact() -> None:
    opening = -900_719_925_474_099_3
    assert only(samples.camt([Row(DAY, 1)], opening)).opening_minor == opening


def batch(*details: str, total: str = "30.00") -> bytes:
    entry = (
        f'<Ntry><Amt Ccy="EUR">{total}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        "<BookgDt><Dt>2026-11-02</Dt></BookgDt><AcctSvcrRef>B1</AcctSvcrRef><NtryDtls><Btch/>"
        f"{''.join(details)}</NtryDtls></Ntry>"
    )
    return (
        samples.camt([])
        .replace(b"</Stmt>", f"{entry}</Stmt>".encode())
        .replace(
            b"0.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-01</Dt></Dt></Bal>\n\n",
            f"{total}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-02</Dt></Dt></Bal>\n\n".encode(),
        )
    )


def detail(name: str, amount: str) -> str:
    return f"<TxDtls>{amount}<RltdPties><Dbtr><Pty><Nm>{name}</Nm></Pty></Dbtr></RltdPties></TxDtls>"


def test_details_of_a_batch_are_lines_of_their_own_where_they_have_amounts() -> None:
    own = '<Amt Ccy="EUR">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
    old = '<AmtDtls><InstdAmt><Amt Ccy="USD">22.10</Amt></InstdAmt><TxAmt><Amt Ccy="EUR">20.00</Amt></TxAmt></AmtDtls>'
    statement = only(batch(detail("Ada", own), detail("Bea", old)))
    assert [(line.name, line.amount_minor) for line in statement.lines] == [("Ada", 1_000), ("Bea", 2_000)]


def test_a_batch_whose_details_have_no_amounts_is_one_line() -> None:
    statement = only(batch(detail("Ada", ""), detail("Bea", "")))
    assert [(line.name, line.amount_minor) for line in statement.lines] == [("Ada Bea", 3_000)]


def test_a_batch_whose_details_do_not_add_up_is_one_line() -> None:
    own = '<Amt Ccy="EUR">10.00</Amt>'
    assert [line.amount_minor for line in only(batch(detail("Ada", own), detail("Bea", own))).lines] == [3_000]


def test_entries_that_are_not_booked_yet_are_left_out() -> None:
    data = (
        batch(total="30.00")
        .replace(b"<Cd>BOOK</Cd>", b"<Cd>PDNG</Cd>")
        .replace(b"30.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt>", b"0.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt>")
    )
    assert only(data).lines == ()


def test_camt_with_a_prefix_for_its_namespace_is_read() -> None:
    data = (
        samples.camt(ROWS)
        .replace(b"</", b"</n:")
        .replace(b"<", b"<n:")
        .replace(b"<n:/n:", b"</n:")
        .replace(b"<n:?xml", b"<?xml")
    )
    assert len(only(data.replace(b"xmlns=", b"xmlns:n=")).lines) == 2


def test_mt940_tells_structured_details_and_reversals() -> None:
    data = samples.mt940([Row(DAY, 5_000, reference="REF1"), Row(DAY, -700)], 100)
    [statement] = mt940.read(data.replace(b"1102D7,00", b"1102RC7,00")).statements
    first, second = statement.lines
    assert (first.name, first.iban, first.reference, first.bank_reference) == (
        "Ada Rossi",
        DONOR_IBAN,
        "Donation",
        "REF1",
    )
    assert (second.amount_minor, second.bank_reference) == (-700, "")
    assert (statement.opening_minor, statement.closing_minor) == (100, 4_400)


def test_mt940_names_the_line_of_a_field_that_cannot_be_read() -> None:
    data = samples.mt940(ROWS).replace(b":61:261102", b":61:26XX02", 1)
    with pytest.raises(BadStatement) as refused:
        mt940.read(data)
    assert (refused.value.code, refused.value.line) == (Problem.BROKEN, 5)


def test_mt940_with_free_text_is_read() -> None:
    data = samples.mt940([Row(DAY, 5_000)])
    start, end = data.index(b":86:"), data.index(b":62F:")
    [statement] = mt940.read(data[:start] + b":86:Ada Rossi gift\r\n RF71K3N7QW2X\r\n" + data[end:]).statements
    assert statement.lines[0].reference == "Ada Rossi gift RF71K3N7QW2X"


def test_german_csv_is_read_oldest_first_with_balances() -> None:
    [statement] = csv_file.read(samples.german_csv(ROWS, 100), GERMAN, account=IBAN, currency="EUR").statements
    assert (statement.opening_minor, statement.closing_minor) == (100, 3_850)
    assert [(line.amount_minor, line.number) for line in statement.lines] == [(5_000, 3), (-1_250, 2)]


def test_english_csv_with_two_columns_of_money_is_read() -> None:
    assert [line.amount_minor for line in csv_lines(samples.english_csv(ROWS), ENGLISH)] == [5_000, -1_250]


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("1.234,50", 123_450), ("-1.234,50", -123_450), ("1234,5", 123_450), ("12", 1_200), ("12,50-", -1_250),
        ("+0,01", 1), ("(12,50)", -1_250), ("\u22127,00", -700), ("1 234,50", 123_450), ("1'234,50", 123_450),
    ],
)  # fmt: skip
def test_amounts_as_banks_write_them(text: str, minor: int) -> None:
    mapping = {"date": "1", "amount": "2", "header_rows": 0, "decimal": ",", "date_format": "%d.%m.%Y"}
    assert csv_lines(f'02.11.2026;"{text}"\n'.encode(), mapping)[0].amount_minor == minor


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("02.11.2026;1.23", Problem.AMOUNT),  # a point that groups nothing
        ("02.11.2026;1,234.50", Problem.AMOUNT),
        ("02.11.2026;12,345", Problem.DECIMALS),
        ("02.11.2026;12 EUR", Problem.AMOUNT),
        ("02.11.2026;", Problem.AMOUNT),
        ("31.02.2026;1,00", Problem.DATE),
        ("2026-11-02;1,00", Problem.DATE),
        ("02.11.2026", Problem.BROKEN),
        ('02.11.2026;"1,00', Problem.BROKEN),
    ],
)
def test_rows_that_cannot_be_read_are_named_by_their_line(row: str, code: Problem) -> None:
    mapping = {"date": "1", "amount": "2", "header_rows": 1, "decimal": ",", "date_format": "%d.%m.%Y"}
    assert refusal(f"Tag;Betrag\n01.11.2026;1,00\n{row}\n".encode(), mapping) == (code, 3)


def test_csv_of_another_account_currency_or_column_is_refused() -> None:
    data = samples.german_csv(ROWS)
    assert refusal(data.replace(b";EUR", b";USD", 1), GERMAN) == (Problem.CURRENCY, 2)
    assert refusal(data, {**GERMAN, "account": "IBAN"}) == (Problem.ACCOUNT, 2)
    assert refusal(data, {**GERMAN, "name": "Auftraggeber"}) == (Problem.COLUMN_MISSING, 1)
    assert refusal(data, {"date": "Buchungstag"})[0] == Problem.NO_MAPPING


def test_balances_that_do_not_follow_are_refused_at_their_line() -> None:
    data = samples.german_csv([*ROWS, Row(DAY, 300)], 100).replace(b"38,50", b"38,60")
    assert refusal(data, GERMAN)[0] == Problem.SUM


def test_what_csv_balances_are_apart_is_said_in_units_of_the_currency_as_everywhere() -> None:
    data = samples.german_csv([*ROWS, Row(date(2026, 11, 3), 300)], 100).replace(b"41,50", b"41,60")
    with pytest.raises(BadStatement) as refused:
        csv_file.read(data, GERMAN, account=IBAN, currency="EUR")
    assert refused.value.detail == "0.10 EUR"


def test_lines_that_end_as_old_macs_end_them_are_counted_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "MOST_LINES", 100)
    monkeypatch.setattr(csv_file, "_rows", lambda *_: pytest.fail("read"))
    data = samples.german_csv([Row(DAY, 100 + n) for n in range(160)]).replace(b"\r\n", b"\r")
    assert refusal(data, GERMAN)[0] == Problem.TOO_MANY_LINES
    assert lines_about(data) >= 160


def test_a_bank_may_name_our_account_in_several_ways() -> None:
    for told in (
        "DE89 3704 0044 0532 0130 00",
        "DE89370400440532013000EUR",
        "37040044/532013000",
        "COBADEFFXXX/0532013000",
    ):
        assert same_account(told, IBAN), told
        assert not same_account(told, OTHER_IBAN), told
    assert not same_account("", IBAN)
    assert not same_account("37040044/", IBAN)


def test_every_problem_has_its_sentence() -> None:
    assert set(MESSAGES) == set(Problem)
    for problem in Problem:
        assert "%" not in BadStatement(problem, 7, "x").message
