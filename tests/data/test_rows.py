import csv

import pytest

from supportnet.data.tables import decode, read_delimited, read_json_lines
from supportnet.errors import UserError


def test_decode_drops_a_byte_order_mark():
    assert decode("\ufefftext".encode(), "utf-8", "f.csv") == "text"
    assert decode("text".encode("utf-16"), "utf-16", "f.csv") == "text"


def test_decode_reads_the_stated_encoding():
    assert decode("café".encode("cp1252"), "cp1252", "f.csv") == "café"


def test_decode_names_the_line_of_the_first_bad_byte():
    content = "text,intent\ngood,a\ncafé,a\nnaïve,a\n".encode("cp1252")
    with pytest.raises(UserError, match=r"^f\.csv, line 3: byte 0xe9 isn't valid utf-8\..*--encoding"):
        decode(content, "utf-8", "f.csv")


def test_decode_names_the_line_in_an_encoding_of_two_bytes():
    content = "text,intent\ngood,a\n".encode("utf-16-le") + b"\x00\xdc" + "bad,a\n".encode("utf-16-le")
    with pytest.raises(UserError, match=r"line 3: byte 0x00 isn't valid utf-16-le"):
        decode(content, "utf-16-le", "f.csv")


@pytest.mark.parametrize("encoding", ["utf-88", "rot13", "undefined"])
def test_decode_refuses_what_is_no_encoding(encoding):
    with pytest.raises(UserError, match=f"Received: encoding='{encoding}'"):
        decode(b"text", encoding, "f.csv")


def test_decode_names_the_line_of_a_nul():
    with pytest.raises(UserError, match=r"^f\.csv, line 2: there is a NUL character.*utf-16"):
        decode(b"text,intent\na\0b,c\n", "utf-8", "f.csv")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found_in_the_header(delimiter):
    table = read_delimited(f"text{delimiter}intent\nOne{delimiter}a\n", None, "f.csv")
    assert table.columns == ["text", "intent"]
    assert table.rows[0].values == {"text": "One", "intent": "a"}


def test_a_comma_inside_quotes_does_not_win_over_the_semicolon():
    table = read_delimited('"text, long, very";intent\nOne, two;a\n', None, "f.csv")
    assert table.columns == ["text, long, very", "intent"]


def test_a_given_delimiter_is_not_guessed():
    assert read_delimited("text|intent;x,y\nOne|a\n", "|", "f.csv").columns == ["text", "intent;x,y"]


def test_quoted_fields_keep_line_breaks_quotes_and_delimiters():
    table = read_delimited('text,intent\r\n"He said ""no"",\r\nthen left",a\r\nTwo,b\r\n', ",", "f.csv")
    assert [row.values["text"] for row in table.rows] == ['He said "no",\r\nthen left', "Two"]


def test_rows_are_counted_as_a_spreadsheet_does():
    table = read_delimited('text,intent\n"one\ntwo\nthree",a\n\nfour,b\n', ",", "f.csv")
    assert [row.place for row in table.rows] == ["f.csv, row 2", "f.csv, row 4"]


def test_a_field_of_a_megabyte_is_read_and_the_limit_put_back():
    limit = csv.field_size_limit()
    table = read_delimited(f"text,intent\n{'x' * 1_000_000},a\n", None, "f.csv")
    assert len(str(table.rows[0].values["text"])) == 1_000_000
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_csv_is_refused(text):
    with pytest.raises(UserError, match=r"^f\.csv is empty\.$"):
        read_delimited(text, None, "f.csv")


def test_a_header_alone_is_refused():
    with pytest.raises(UserError, match=r"^f\.csv has a header, but no rows\.$"):
        read_delimited("text,intent\n\n", None, "f.csv")


@pytest.mark.parametrize(("row", "number"), [("One", 1), ("One,a,b", 3)])
def test_a_row_with_too_few_or_too_many_fields_is_named(row, number):
    with pytest.raises(UserError, match=rf"^f\.csv, row 3: there must be 2 fields .* there are {number}\.$"):
        read_delimited(f"text,intent\nZero,a\n{row}\n", ",", "f.csv")


def test_a_quote_that_is_never_closed_is_named():
    with pytest.raises(UserError, match=r"^f\.csv, row 3: the quoting is broken \(unexpected end of data\)"):
        read_delimited('text,intent\nZero,a\n"One,a\nTwo,b\nThree,b\n', ",", "f.csv")


def test_json_lines_keep_line_separators_inside_strings_and_skip_blank_lines():
    table = read_json_lines('{"text": "a\u2028b", "intent": "x"}\r\n\n{"text": "c", "intent": "y"}\n', "f.jsonl")
    assert table.columns == ["text", "intent"]
    assert [row.values["text"] for row in table.rows] == ["a\u2028b", "c"]
    assert table.rows[1].place == "f.jsonl, line 3"


def test_json_lines_have_the_columns_of_all_objects():
    table = read_json_lines('{"text": "a"}\n{"intent": "x", "text": "b"}\n{"split": "test", "text": "c"}', "f.jsonl")
    assert table.columns == ["text", "intent", "split"]


@pytest.mark.parametrize("text", ["", " \n\n"])
def test_empty_json_lines_are_refused(text):
    with pytest.raises(UserError, match=r"^f\.jsonl is empty\.$"):
        read_json_lines(text, "f.jsonl")


@pytest.mark.parametrize("line", ['{"text": "a"', "[" * 100_000, "[", '{"n": 1' + "0" * 5000 + "}"])
def test_a_malformed_json_line_is_named(line):
    with pytest.raises(UserError, match=r"^f\.jsonl, line 2: this isn't JSON, each line must hold one object"):
        read_json_lines('{"text": "a"}\n' + line, "f.jsonl")


def test_a_json_line_that_is_no_object_is_named():
    with pytest.raises(UserError, match=r"^f\.jsonl, line 1: .*Received: a list$"):
        read_json_lines('[{"text": "a"}]', "f.jsonl")
