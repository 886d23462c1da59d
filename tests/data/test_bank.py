import gzip
import json

import pytest

from supportnet.data.bank import Answer, bank_of_replies, load_bank
from supportnet.data.ticket import Ticket, same_text
from supportnet.errors import UserError

HI = Answer("7", "Hi", "Greeting", ("a", "b"), "en", 3)
BYE = Answer("x", "Bye")


def test_a_model_reads_the_title_and_the_text():
    assert HI.searched == "Greeting\nHi"
    assert BYE.searched == "Bye"


HEADER = "id,text,title,tags,language,uses\n"
LINES = (
    '{"id": 7, "text": "Hi", "title": "Greeting", "tags": ["a", "b"], "language": "en", "uses": 3}\n'
    '{"text": "Bye", "id": "x"}\n'
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("b.csv", HEADER + "7,Hi,Greeting,a|b,en,3\nx,Bye,,,,\n"),
        ("b.csv", HEADER + '7,Hi,Greeting,"a, ,b,a",en,3\nx,Bye, , ,,1\n'),
        ("b.tsv", HEADER.replace(",", "\t") + " 7 \tHi\t Greeting\ta; b;\ten\t 3\nx\tBye\t\t\t\t\n"),
        ("b.csv.gz", gzip.compress((HEADER + "7,Hi,Greeting,a|b,en,3\nx,Bye,,,,\n").encode(), mtime=0)),
        ("b.jsonl", LINES),
        ("b.jsonl", LINES.replace('["a", "b"]', '"a|b"').replace('"x"', '"x", "title": null, "uses": null')),
        ("b.jsonl", "\n".join(reversed(LINES.splitlines()))),
        ("b.jsonl.gz", gzip.compress(LINES.encode(), mtime=0)),
    ],
)
def test_every_kind_of_file_gives_the_same_answers(write, name, content):
    path = write(name, content)
    loaded = load_bank(path)
    assert sorted(loaded.answers, key=lambda answer: answer.id) == [HI, BYE]
    assert (loaded.name, loaded.source, loaded.licence) == (str(path), str(path), "unknown")


def test_without_ids_the_answers_are_numbered(write):
    answers = load_bank(write("b.csv", "text\nHi\nHi\n\nBye\n")).answers
    assert [(answer.id, answer.text) for answer in answers] == [("1", "Hi"), ("2", "Hi"), ("3", "Bye")]


def test_texts_are_kept_as_they_are(write):
    assert load_bank(write("b.csv", 'text\n" Hi,\n Anna "\n')).answers[0].text == " Hi,\n Anna "


@pytest.mark.parametrize("title", ["title", "Subject", "question"])
@pytest.mark.parametrize("text", ["text", "reply", "Answer", "body", "template", "content"])
@pytest.mark.parametrize(
    "rest", ["id,tags,language,uses", "answer_id,tag,lang,count", "ARTICLE_ID,category,locale,frequency"]
)
def test_usual_column_names_are_found(write, title, text, rest):
    path = write("b.csv", f"{rest},{title},{text}\n7,a|b,en,3,Greeting,Hi\n")
    assert load_bank(path).answers == [HI]


def test_columns_can_be_named(write):
    path = write("b.csv", "id,text,title,tags,language,uses,a,b,c,d,e,f\n,,,,,0,7,Hi,Greeting,a|b,en,3\n")
    columns = dict(zip(["id", "text", "title", "tags", "language", "uses"], "abcdef", strict=True))
    assert load_bank(path, **{f"{field}_column": column for field, column in columns.items()}).answers == [HI]


def test_delimiter_and_encoding(write):
    path = write("b.txt", "text^tags\ncafé^a\n".encode("cp1252"))
    assert load_bank(path, delimiter="^", encoding="cp1252").answers == [Answer("1", "café", tags=("a",))]
    with pytest.raises(UserError, match=r"b\.txt, line 2: byte 0xe9 isn't valid utf-8"):
        load_bank(path, delimiter="^")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("b.csv", "id,text\nx,Hi\ny,Ho\n x,Hu\n", r"b\.csv, row 4: the id 'x' is already that of .*b\.csv, row 2\.$"),
        (
            "b.jsonl",
            '{"id": 1, "text": "a"}\n{"id": "1", "text": "b"}',
            "line 2: the id '1' is already that of .*line 1",
        ),
        ("b.csv", "id,text\nx,Hi\n ,Ho\n", r"b\.csv, row 3: 'id' is empty; every row must have one\.$"),
        ("b.jsonl", '{"id": 1, "text": "a"}\n{"text": "b"}', "line 2: there is no value for 'id'"),
        ("b.csv", "id,text\nx,Hi\ny,  \n", r"b\.csv, row 3: 'text' is empty"),
        ("b.csv", 'text\n"\n"\n', r"b\.csv, row 2: 'text' is empty"),
        ("b.jsonl", '{"text": null}', "line 1: there is no value for 'text'"),
        ("b.jsonl", '{"text": "a", "tags": ["b", 1.5]}', "line 1: 'tags' must be a string. Received: a float"),
        ("b.jsonl", '{"text": "a", "tags": ["b", null]}', "line 1: 'tags' must be a string. Received: a NoneType"),
        ("b.jsonl", '{"text": "a", "tags": {"b": 1}}', "line 1: 'tags' must be a string. Received: a dict"),
        ("b.csv", "text\n", "has a header, but no rows"),
        ("b.csv", "", "is empty"),
        ("b.csv", "message\nHi\n", r"no column has a usual name\. Set text_column \(--text-column\)"),
        (
            "b.csv",
            "text,tags,category\nHi,a,b\n",
            r"several columns could be meant \(tags, category\)\. Set tags_column",
        ),
    ],
)
def test_what_is_wrong_is_named(write, name, content, problem):
    with pytest.raises(UserError, match=problem):
        load_bank(write(name, content))


@pytest.mark.parametrize("uses", ["many", "0", "-1", "2.5", "1" + "0" * 5000, " "])
def test_uses_must_be_a_whole_number(write, uses):
    with pytest.raises(UserError, match=r"b\.csv, row 3: 'uses' must be a whole number of at least 1\. Received: '"):
        load_bank(write("b.csv", f"text,uses\nHi,1\nHo,{uses}\n"))


@pytest.mark.parametrize("uses", [0, 2.5, True, [1]])
def test_uses_in_json_must_be_a_whole_number(write, uses):
    with pytest.raises(UserError, match="line 1: 'uses' must be a whole number of at least 1"):
        load_bank(write("b.jsonl", json.dumps({"text": "Hi", "uses": uses})))


@pytest.mark.parametrize("field", ["id", "text", "title", "tags", "language", "uses"])
def test_a_wrong_column_lists_those_there_are(write, field):
    with pytest.raises(UserError, match=rf"no column 'x'\. Set {field}_column \(--{field}-column\) .*'text', 'id'"):
        load_bank(write("b.csv", "text,id\nHi,1\n"), **{f"{field}_column": "x"})


def test_two_fields_cannot_share_a_column(write):
    with pytest.raises(UserError, match=r"text_column and title_column must differ\. Received: 'text'"):
        load_bank(write("b.csv", "text,id\nHi,1\n"), title_column="text")


def test_replies_become_a_bank_in_their_most_frequent_spelling():
    replies = ["Thank you!", "Bye", None, "THANK  YOU!", " ", "bye", "thank\nyou!", "THANK  YOU!", "Thank you."]
    made = bank_of_replies("mine", [Ticket("Hi", reply=reply) for reply in replies])
    assert made.name == "mine"
    assert made.answers == [
        Answer("1", "THANK  YOU!", uses=4),
        Answer("2", "Bye", uses=2),
        Answer("3", "Thank you.", uses=1),
    ]


def test_the_tag_of_a_reply_is_its_most_frequent_intent():
    rows = [("Hello!", "leave"), ("hello!", "greet"), ("Hello!", None), ("HELLO!", "greet"), ("Bye", "b"), ("Bye", "a")]
    made = bank_of_replies("mine", [*(Ticket("Hi", intent, reply) for reply, intent in rows), Ticket("Ho", reply="So")])
    assert [(answer.text, answer.tags) for answer in made.answers] == [
        ("Hello!", ("greet",)),
        # The first of equals.
        ("Bye", ("b",)),
        ("So", ()),
    ]


@pytest.mark.parametrize("tickets", [[], [Ticket("Hi", "greet"), Ticket("Ho", reply=" \n")]])
def test_a_bank_needs_a_reply(tickets):
    with pytest.raises(UserError, match=r"^mine: no message has a reply\..*--reply-column"):
        bank_of_replies("mine", tickets)


def test_same_text_ignores_case_and_white_space_only():
    assert same_text("\u00a0ÄRGER \u2003über\tÖl\r\n") == "ärger über öl"
    assert same_text("Yes.") != same_text("Yes")
