"""Lists as CSV: every row is good or told by its line, whatever the file looks like."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.audience.csv_rows import BadRow, CsvList, GoodRow, ListColumn
from domain.errors import Invalid


def read(text: str) -> CsvList:
    return CsvList(io.StringIO(text, newline=""))


def keys(text: str) -> list[tuple[int, str]]:
    """(line, key or code)"""
    return [(row.line, row.key if isinstance(row, GoodRow) else row.code)
            for row in read(text).rows()]  # fmt: skip


@pytest.mark.parametrize(
    ("header", "column", "row"),
    [
        ("userId", ListColumn.USER_ID, "ada"),
        ("user_id,name", ListColumn.USER_ID, "ada,Ada"),
        (" USERID ;x", ListColumn.USER_ID, " ada ;1"),
        ("name\temail", ListColumn.EMAIL, "Ada\tADA"),
        ("Email", ListColumn.EMAIL, "Ada"),
        ("email,userId", ListColumn.USER_ID, "a@example.com,ada"),
        ('"userId","a,b"', ListColumn.USER_ID, '"ada","x\r\ny"'),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_headers_as_people_write_them(header: str, column: ListColumn, row: str, end: str) -> None:
    assert read(header + end + row + end).column is column
    assert keys(header + end + row + end) == [(2, "ada")]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "csv_empty"),
        ("\n\nuserId\n", "csv_empty"),
        ("x" * 70_000, "csv_empty"),
        ("name,phone\nada,1\n", "csv_column_missing"),
        ("user\nada\n", "csv_column_missing"),
        ('"userId\nada\n', "csv_malformed"),
        ('userId\nada\n"bob\ncyd\n', "csv_malformed"),
        ('userId\n"ada"b\n', "csv_malformed"),
        ('userId\n"' + "x\n" * 100_000 + '"\n', "csv_malformed"),
    ],
)
def test_what_is_no_list_is_refused_whole(text: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        list(read(text).rows())
    assert refused.value.code == code
    assert [error.code for error in refused.value.errors] == [code]


def test_bad_rows_are_told_by_the_line_they_begin_at() -> None:
    text = 'name,userId\n"a\nb",ada\n\nx\ny,\nz,no spaces\nü,\udce9\n , \n"multi\nline",!\nq,bob'
    assert keys(text) == [
        (2, "ada"), (5, "missing_value"), (6, "missing_value"), (7, "invalid_user_id"),
        (8, "not_utf8"), (10, "invalid_user_id"), (12, "bob"),
    ]  # fmt: skip


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)


@given(rows=st.lists(st.tuples(CELLS, CELLS), max_size=20), separator=st.sampled_from(",;\t"))
@example(rows=[('a"\n', "ada"), ("", "")], separator=";")
def test_every_row_is_seen_once_in_order(rows: list[tuple[str, str]], separator: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=separator).writerows([("note", "email"), *rows])
    expected = [key.strip().lower() for note, key in rows if note.strip() or key.strip()]
    seen = list(read(file.getvalue()).rows())
    assert [row.key if isinstance(row, GoodRow) else "" for row in seen] == expected
    assert all(row.code == "missing_value" for row in seen if isinstance(row, BadRow))
    lines = [row.line for row in seen]
    assert lines == sorted(set(lines))
    assert not lines or lines[0] > 1
