"""Messages that a model must bear."""

#: One of twelve words, by which latency is measured.
TWELVE_WORDS = b"I was charged twice for the same order, please refund it today"
PLAIN = (b"Where is my parcel?", b"refund", TWELVE_WORDS, b"I want my money back, please! " * 30)
#: In `bytes`, because not all of it is Unicode.
NASTY = {
    "empty": b"",
    "white space": " \t\r\n\u00a0\u3000\u200b".encode(),
    "1 MB": b"where is my parcel? " * 50_000,
    "1 MB in one word": b"a" * 1_000_000,
    "invalid UTF-8": b"caf\xe9 \xff\xfe \xed\xa0\x80 refund",
    "NUL bytes": b"\x00a\x00b\x00",
    "lone combining marks": "\u0301\u0308\u20dd e\u0301\u0301\u0301".encode(),
    "right to left": "أين طردي؟ \u202eהחזר כספי\u202c".encode(),
    "emoji": "👍🏽👨‍👩‍👧‍👦🏳️‍🌈 🇩🇪".encode(),
    "unknown words only": b"zzyzx qwxyzzy vvrkk",
    "only a placeholder": b"{email} <number> ann@example.com",
}
