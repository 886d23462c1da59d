"""Read a `tokenizer.json` of the library `tokenizers`, if it is a WordPiece of the BERT family."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from supportnet.errors import UserError

#: Ends each error about a file.
REMEDY = "Give the tokenizer.json of a BERT model, such as MiniLM."


def read_word_piece(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the arguments of `supportnet.text.word_piece.WordPiece` that a file states, all but `max_length`.

    Args:
        path: the file.

    Raises:
        UserError: if the file is missing or no JSON, or states what `WordPiece` doesn't do.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"), object_pairs_hook=_distinct)
    except FileNotFoundError:
        raise UserError(f"{path} is missing. {REMEDY}") from None
    except UserError as error:
        raise UserError(f"{path} can't be used: {error} {REMEDY}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} can't be read: it is damaged or not JSON ({error}). {REMEDY}") from None
    try:
        return _arguments(content if isinstance(content, dict) else {})
    except UserError as error:
        raise UserError(f"{path} can't be used: {error} {REMEDY}") from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the pairs of a JSON object; Python's own reader would silently drop a vocabulary's duplicates."""
    result = dict(pairs)
    if len(result) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise UserError(f"it states {counts.most_common(1)[0][0]!r} more than once.")
    return result


def _arguments(content: dict[str, Any]) -> dict[str, Any]:
    model = content.get("model")
    match model:
        case {
            "type": "WordPiece",
            "vocab": dict(vocab),
            "unk_token": str(unk_token),
            "continuing_subword_prefix": str(prefix),
            "max_input_chars_per_word": int(limit),
        }:
            pieces = _pieces(vocab)
        case {"type": "WordPiece"}:
            raise UserError("its WordPiece lacks vocab, unk_token, continuing_subword_prefix or a limit of characters.")
        case _:
            raise UserError(f"its model is {_type(model)}, not a WordPiece.")
    _check_added_tokens(content.get("added_tokens"))
    _check_pre_tokenizer(content.get("pre_tokenizer"))
    cls_token, sep_token = _special_tokens(content.get("post_processor"), vocab)
    padding = content.get("padding")
    return {
        "pieces": pieces,
        **_normalization(content.get("normalizer")),
        "unk_token": unk_token,
        "cls_token": cls_token,
        "sep_token": sep_token,
        "pad_token": padding.get("pad_token", "[PAD]") if isinstance(padding, dict) else "[PAD]",
        "continuing_subword_prefix": prefix,
        "max_input_chars_per_word": limit,
    }


def _type(part: Any) -> str:
    """Name what a part of the file is."""
    return str(part.get("type", "of no type")) if isinstance(part, dict) else "missing"


def _steps(part: Any, key: str) -> list[Any]:
    """Return the steps of a part that may be a sequence, or missing."""
    if isinstance(part, dict) and part.get("type") == "Sequence" and isinstance(part.get(key), list):
        return list(part[key])
    return [part] if part is not None else []


def _pieces(vocab: dict[str, Any]) -> list[str]:
    by_id: dict[Any, str] = {}
    for piece, index in vocab.items():
        if index in by_id:
            raise UserError(f"its vocabulary has two pieces with id {index}, {by_id[index]!r} and {piece!r}.")
        by_id[index] = piece
    holes = [index for index in range(len(by_id)) if index not in by_id]
    if holes:
        raise UserError(f"its vocabulary has {len(by_id)} pieces, but none with id {holes[0]}.")
    return [by_id[index] for index in range(len(by_id))]


def _check_added_tokens(tokens: Any) -> None:
    """Raise if the library would look for further words before it normalizes a text."""
    for token in tokens or []:
        match token:
            case {"special": True}:
                continue
            case _:
                raise UserError(f"its added token {token} isn't a special token, which isn't supported.")


def _normalization(normalizer: Any) -> dict[str, bool]:
    """Return the options of `bert_characters` for `BertNormalizer`, `Lowercase`, or both in this order."""
    options = dict.fromkeys(("clean_text", "handle_chinese_chars", "strip_accents", "lowercase"), False)
    for number, step in enumerate(_steps(normalizer, "normalizers")):
        match step:
            case {
                "type": "BertNormalizer",
                "clean_text": bool(clean_text),
                "handle_chinese_chars": bool(handle_chinese_chars),
                "strip_accents": bool() | None as strip_accents,
                "lowercase": bool(lowercase),
            } if number == 0:
                strips = lowercase if strip_accents is None else strip_accents
                options = dict(zip(options, (clean_text, handle_chinese_chars, strips, lowercase), strict=True))
            case {"type": "Lowercase"}:
                options["lowercase"] = True
            case _:
                supported = "a BertNormalizer, a Lowercase, or both in this order"
                raise UserError(f"its normalizer {_type(step)} isn't supported, only {supported}.")
    return options


def _check_pre_tokenizer(pre_tokenizer: Any) -> None:
    """Raise if words aren't BERT's; splitting at white space as well changes nothing."""
    kinds = [_type(step) for step in _steps(pre_tokenizer, "pretokenizers")]
    wrong = [kind for kind in kinds if kind not in ("BertPreTokenizer", "WhitespaceSplit")]
    if wrong or "BertPreTokenizer" not in kinds:
        kind = (wrong or kinds or ["missing"])[0]
        raise UserError(f"its pre-tokenizer is {kind}, but only BertPreTokenizer is supported.")


def _special_tokens(post_processor: Any, vocab: dict[str, Any]) -> tuple[str, str]:
    """Return the tokens at the start and at the end of a text."""
    match _steps(post_processor, "processors"):
        case [{"type": "BertProcessing", "cls": [str(first), first_id], "sep": [str(last), last_id]}]:
            ids = {first: [first_id], last: [last_id]}
        case [
            {
                "type": "TemplateProcessing",
                "single": [
                    {"SpecialToken": {"id": str(first)}},
                    {"Sequence": {"id": "A"}},
                    {"SpecialToken": {"id": str(last)}},
                ],
                "special_tokens": dict(named),
            }
        ]:
            ids = {token: named.get(token, {}).get("ids") for token in (first, last)}
        case steps:
            kinds = ", ".join(map(_type, steps)) or "missing"
            raise UserError(f"its post-processor is {kinds}, but only [CLS], the text, [SEP] is supported.")
    for token, given in ids.items():
        if token not in vocab or given != [vocab[token]]:
            raise UserError(
                f"its special token {token!r} has the ids {given}, but {vocab.get(token)} in the vocabulary."
            )
    return first, last
