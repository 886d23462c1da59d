"""WordPiece against the library `tokenizers`: every code point, and the tokenizer of a published model.

The folder of the model, with its tokenizer.json, is given by SUPPORTNET_MINILM.
"""

import os
import random
import unicodedata
from itertools import product
from pathlib import Path

import pytest
import tensorflow as tf
from campaigns import scaled
from golden_cases import SENTENCES
from tokenizers import Tokenizer, normalizers, pre_tokenizers

from supportnet.text.bert_characters import bert_characters
from supportnet.text.word_piece import WordPiece
from supportnet.text.word_piece_graph import piece_table, word_pieces

FOLDER = os.environ.get("SUPPORTNET_MINILM")
CHARACTERS = [chr(code_point) for code_point in range(0x110000) if not 0xD800 <= code_point < 0xE000]


@pytest.mark.parametrize("options", list(product([True, False], repeat=4)))
def test_every_code_point(options: tuple[bool, bool, bool, bool]) -> None:
    lowercase, strip_accents, clean_text, handle_chinese_chars = options
    table = bert_characters(lowercase, strip_accents, clean_text, handle_chinese_chars)
    normalizer = normalizers.BertNormalizer(clean_text, handle_chinese_chars, strip_accents, lowercase)
    pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    different = []
    for character in CHARACTERS:
        text = f"a{character}b"
        theirs = [word for word, _ in pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(text))]
        if [word for word in text.translate(table).split(" ") if word] != theirs:
            different.append(character)
    # Letters that came after Unicode 14 keep their case.
    assert {unicodedata.category(character) for character in different} <= ({"Cn", "Lu"} if lowercase else set())
    assert len(different) < 100


@pytest.mark.skipif(not FOLDER, reason="needs SUPPORTNET_MINILM, a folder with the tokenizer.json of all-MiniLM-L6-v2")
def test_tokenizer_of_minilm() -> None:
    path = Path(str(FOLDER)) / "tokenizer.json"
    library, rules = Tokenizer.from_file(str(path)), WordPiece.load(path)
    library.no_padding()
    library.enable_truncation(rules.max_length)
    table = piece_table(rules)
    graph = tf.function(lambda texts: word_pieces(texts, rules, table), [tf.TensorSpec([None], tf.string)])
    source = random.Random(0)
    letters = ["".join(source.choices(CHARACTERS, k=source.randint(1, 20))) for _ in range(scaled(2000))]
    mixed = [f"{source.choice(SENTENCES)}{source.choice(CHARACTERS)}a" for _ in range(scaled(2000))]
    texts = [*SENTENCES, *letters, *mixed]
    theirs = [encoding.ids for encoding in library.encode_batch(texts)]
    piece_ids, mask = graph(tf.constant([text.encode() for text in texts]))
    mine = tf.ragged.boolean_mask(piece_ids, mask).to_list()
    # Special tokens in a text are read as text, on purpose.
    special = [token for token in rules.pieces if token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")]
    for text, ids, other in zip(texts, mine, theirs, strict=True):
        assert ids == other or any(token in text for token in special), ascii(text)
