import random
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supportnet.data.bank import Answer
from supportnet.data.duplicates import collapse

#: Seven words, so that one with any word at the end is long enough for a slip.
START = "please look at the page of your"


def answers_of(*texts):
    return [Answer(str(number), text) for number, text in enumerate(texts)]


def ids(answers):
    return [answer.id for answer in answers]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Thank you, Anna!", "thank  you\nanna"),
        ("Don’t worry – it's free.", "don't worry: it’s free"),
        ("It costs 5.", "it costs 5"),
        ("好的,谢谢。", "好的 谢谢"),
        (f"{START} account", f"{START} acount"),
        (f"{START} delivery", f"{START} delivry"),
        (f"Received: {START} order", f"Recieved: {START} order"),
        (f"Reciept: {START} order", f"Receipt: {START} order"),
        (f"{START} canceled order", f"{START} cancelled order"),
        (f"{START} заказанный товар", f"{START} заказаный товар"),
    ],
)
def test_answers_that_say_the_same_are_one(one, other):
    assert len(collapse(answers_of(one, other))) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Yes", "No"),
        ("?", "!"),
        ("Press #.", "Press *."),
        ("You can cancel", "You cannot cancel"),
        ("Open on Monday", "Open on Sunday"),
        ("It costs $5", "It costs $8"),
        ("It costs 5.00", "It costs 500"),
        ("It is 5 outside", "It is -5 outside"),
        ("It is 5% of it", "It is 5 of it"),
        ("See a support agent", "See a suport agent"),
        (f"{START} order AB-123456", f"{START} order AB-12345"),
        (f"{START} order abcdef1", f"{START} order abcdeff1"),
        (f"We can change it: {START} card", f"We can charge it: {START} card"),
        (f"It is now enabled: {START} card", f"It is now unabled: {START} card"),
        (f"{START} typical order", f"{START} atypical order"),
        (f"Det är möjligt: {START} order", f"Det är omöjligt: {START} order"),
        (f"{START} form", f"{START} from"),
        (f"{START} account delivery", f"{START} acount delivry"),
        (f"{START} account", f"{START} account account"),
        (f"{START} account", f"{START} accnt"),
        (f"{START} 您可以取消这个订单", f"{START} 您不可以取消这个订单"),
    ],
)
def test_answers_that_may_differ_stay_apart(one, other):
    assert len(collapse(answers_of(one, other))) == 2


def test_languages_and_titles_count():
    answers = [
        Answer("a", "Information", language="en"),
        Answer("b", "Information", language="de"),
        Answer("c", "Information", "Opening hours", language="en"),
        Answer("d", "information!", language="en"),
        Answer("e", f"{START} account", language="en"),
        Answer("f", f"{START} acount", language="de"),
    ]
    assert ids(collapse(answers)) == ["a", "b", "c", "e", "f"]


def test_the_most_used_is_kept_with_the_uses_and_tags_of_all_where_the_first_stood():
    answers = [
        Answer("a", f"{START} account", tags=("x", "y"), uses=2),
        Answer("b", "No"),
        Answer("c", f"{START} acount", tags=("z",)),
        Answer("d", f"{START.upper()} ACCOUNT", "", ("y", "w"), uses=5),
        Answer("e", f"{START}: account", uses=5),
    ]
    assert collapse(answers) == [
        Answer("d", f"{START.upper()} ACCOUNT", "", ("x", "y", "z", "w"), uses=13),
        Answer("b", "No"),
    ]


def test_each_answer_differs_from_the_one_that_is_kept_by_one_slip_only():
    far = answers_of(f"{START} acccount", f"{START} account", f"{START} acount")
    assert ids(collapse(far)) == ["0", "2"]


def test_nothing_gives_nothing():
    assert collapse([]) == []


WORDS = ["account", "acount", "acconut", "cancel", "cancell", "can", "cannot", "5", "-5", "A1", "A2", "."]
BANKS = st.lists(
    st.builds(
        Answer,
        id=st.just("x"),
        text=st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(lambda words: f"{START} {' '.join(words)}"),
        tags=st.lists(st.sampled_from("abc"), max_size=2).map(tuple),
        language=st.sampled_from(["", "en"]),
        uses=st.integers(1, 3),
    ),
    max_size=12,
)


@given(BANKS)
def test_nothing_is_lost(answers):
    kept = collapse(answers)
    assert sum(answer.uses for answer in kept) == sum(answer.uses for answer in answers)
    assert {tag for answer in kept for tag in answer.tags} == {tag for answer in answers for tag in answer.tags}
    assert {answer.text for answer in kept} <= {answer.text for answer in answers}
    assert {answer.language for answer in kept} == {answer.language for answer in answers}


@given(BANKS)
def test_what_is_collapsed_has_no_duplicates(answers):
    kept = collapse(answers)
    assert [answer.text for answer in collapse(kept)] == [answer.text for answer in kept]


@given(BANKS)
def test_words_with_digits_and_short_words_are_never_lost(answers):
    def telling(some):
        return {tuple(re.findall(r"-?\w*\d|\bcan(?:not)?\b", answer.text)) for answer in some}

    assert telling(collapse(answers)) == telling(answers)


@given(st.text("abcdefg", min_size=6, max_size=9), st.data())
def test_every_slip_is_found(word, data):
    """Whatever the place of the slip, one of the outlines is shared."""
    place = data.draw(st.integers(1, len(word) - 2))
    swapped = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    longer = word[:place] + "h" + word[place:]
    for slip in (swapped, longer, word + "h"):
        assert len(collapse(answers_of(f"{START} {word}", f"{START} {slip}"))) == 1


def test_large_banks_are_quick():
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 11))) for _ in range(5_000)]
    texts = [" ".join(draw.choices(words, k=30)) for _ in range(9_000)]
    slips = [f"{text[:50]}{text[51:]}" for text in texts[:1_000]]
    start = time.process_time()
    kept = collapse(answers_of(*texts, *slips))
    # A second at most where it was measured; all pairs would take minutes.
    assert time.process_time() - start < 20
    assert 9_000 < len(kept) < 10_000
