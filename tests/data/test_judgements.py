import pytest

from supportnet.data.bank import Answer, Bank, Judgement, check_judged, load_judgements
from supportnet.errors import UserError

BANK = Bank("macros", [Answer("m1", "Hi"), Answer("m2", "Bye")])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("q.csv", 'query,relevant\nHello,m1\n" So, long ","m2, m1,,m2"\n'),
        ("q.tsv", "text\trelevant_ids\nHello\t m1\n So, long \tm2|m1\n"),
        ("q.csv", "Message;IDS\nHello;m1\n So, long ;m2|m1\n"),
        ("q.jsonl", '{"question": "Hello", "answers": "m1"}\n{"question": " So, long ", "answers": ["m2", "m1"]}'),
    ],
)
def test_every_kind_of_file_gives_the_same_judgements(write, name, content):
    path = write(name, content)
    unit, first = ("line", 1) if name.endswith("jsonl") else ("row", 2)
    assert load_judgements(path) == [
        Judgement("Hello", ("m1",), f"{path}, {unit} {first}"),
        Judgement(" So, long ", ("m2", "m1"), f"{path}, {unit} {first + 1}"),
    ]


def test_columns_delimiter_and_encoding_can_be_given(write):
    path = write("q.txt", "query^relevant^a^b\n^^m1^café\n".encode("cp1252"))
    options = {"text_column": "b", "relevant_column": "a", "delimiter": "^", "encoding": "cp1252"}
    assert load_judgements(path, **options) == [Judgement("café", ("m1",), f"{path}, row 2")]


def test_whole_numbers_are_ids(write):
    (judgement,) = load_judgements(write("q.jsonl", '{"query": "Hello", "relevant": [3, "4"]}'))
    assert judgement.relevant == ("3", "4")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("q.csv", "query,relevant\nHi,m1\nHo, |\n", r"q\.csv, row 3: 'relevant' is empty; every query needs the id"),
        ("q.jsonl", '{"query": "Hi", "relevant": ["m1"]}\n{"query": "Ho"}', "line 2: 'relevant' is empty"),
        ("q.jsonl", '{"query": "Hi", "relevant": []}', "line 1: 'relevant' is empty"),
        ("q.csv", "query,relevant\n ,m1\n", r"q\.csv, row 2: 'query' is empty"),
        ("q.csv", "query\nHi\n", r"no column has a usual name\. Set relevant_column \(--relevant-column\)"),
        ("q.csv", "query,text,ids\nHi,Hi,m1\n", r"several columns could be meant \(query, text\)\. Set text_column"),
    ],
)
def test_what_is_wrong_is_named(write, name, content, problem):
    with pytest.raises(UserError, match=problem):
        load_judgements(write(name, content))


def test_queries_and_ids_must_be_different_columns(write):
    with pytest.raises(UserError, match="text_column and relevant_column must differ"):
        load_judgements(write("q.csv", "query,relevant\nHi,m1\n"), relevant_column="query")


def test_ids_of_the_bank_are_right():
    check_judged([Judgement("Hello", ("m1",)), Judgement("So long", ("m2", "m1"))], BANK)


@pytest.mark.parametrize(("place", "named"), [("q.csv, row 3", r"q\.csv, row 3"), ("", "Query 2")])
def test_an_id_that_the_bank_lacks_is_named_with_its_place(place, named):
    with pytest.raises(UserError, match=rf"^{named}: there is no answer 'M2' in macros\.$"):
        check_judged([Judgement("Hello", ("m1",)), Judgement("So long", ("m2", "M2"), place)], BANK)
