"""Small WordPiece vocabularies, trained by the library `tokenizers`, and random texts that are hard to divide."""

import random
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

TEXTS = [
    "Where is my parcel? It hasn't arrived yet, and I need the tracking number!",
    "I'd like to return the shoes; unbelievably, refunds are refused. Cancel the cancelled cancellation.",
    "Wo ist mein Paket? Die Straßenbahn fährt über die Brücke, größere Übergabe ungewiß.",
    "我要退款！请问您的订单号是多少？谢谢。",
    "मेरा पार्सल कहाँ है? कृपया धनवापसी करें। क्षमा",
    "أين طردي؟ أريد استرداد أموالي، من فضلك. الطَّلَب",
    "한국어 주문을 취소하고 싶어요 İstanbul ÉTÉ",
] * 3
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def train(path: Path, max_length: int = 32, **options: Any) -> Tokenizer:
    """Train a tokenizer of the library, write it as `tokenizer.json`, and return it."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(**options)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=420, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    ids = [(token, tokenizer.token_to_id(token)) for token in ("[SEP]", "[CLS]")]
    tokenizer.post_processor = processors.BertProcessing(*ids)
    tokenizer.enable_truncation(max_length)
    tokenizer.save(str(path))
    return tokenizer


_WORDS = [word for text in TEXTS for word in text.split()]
_MARKS = [*map(chr, range(0x300, 0x340)), "\u093c", "\u094d", "\u064b", "\u200d", "\ufe0f", "\u0489", "\u302e"]
_OTHERS = [*"!?.,'#[]_£€ ", "\t", "\r\n", "\u00a0", "\u3000", "\x00", "\x1c", "\x85", "\u200b", "\u00ad", "\u037e"]
_OTHERS += ["\u0378", "\ue000", "\ufffd", "\ufffe", "\u2126", "\u212a", "İ", "ß", "Σ", "ﬁ", "\uf900", "\U0002f800"]
_OTHERS += ["\u3007", "\U0002b820", "\U0002b920", "a" * 99, "a" * 101, "##ing", "\u061d", "\u08d7", "\U0001d160"]


def random_text(source: random.Random) -> str:
    """Return known words, marks, symbols and any code points, of one script or of all."""
    parts: list[str] = []
    last = source.choice([0x7F, 0x24F, 0xFFFF, 0x10FFFF])
    for _ in range(source.randint(0, 10)):
        part = source.choice([source.choice(_WORDS), source.choice(_OTHERS), chr(source.randint(0, last))])
        parts += [part, source.choice(_MARKS) if source.random() < 0.2 else "", source.choice(["", " "])]
    return "".join(part for part in parts if not "\ud800" <= part <= "\udfff")


def random_bytes(source: random.Random) -> bytes:
    """Return a text with a few bytes changed, so that it may be invalid UTF-8."""
    whole = bytearray(random_text(source).encode())
    for _ in range(source.randint(1, 4)):
        start = source.randint(0, len(whole))
        whole[start : start + source.randint(0, 2)] = bytes([source.choice([0xED, 0xA0, 0xC0, source.randint(0, 255)])])
    return bytes(whole)
