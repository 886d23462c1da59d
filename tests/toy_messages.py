"""Messages of four intents that a tiny network learns in seconds."""

from random import Random

from supportnet.data.ticket import Ticket

WORDS = {
    "cancel": ["cancel", "order", "stop", "undo", "drop"],
    "login": ["password", "login", "account", "reset", "locked"],
    "refund": ["refund", "money", "back", "return", "pay"],
    "track": ["where", "parcel", "track", "arrive", "shipping"],
}
INTENTS = list(WORDS)
REPLIES = {"cancel": "cancelled", "login": "unlocked", "refund": "paid for", "track": "sent"}


def messages(num_each: int, seed: int) -> list[Ticket]:
    """`num_each` messages of every intent, in words that tell it and words that don't."""
    choose = Random(seed).choices
    return [
        Ticket(" ".join(choose(words, k=3) + choose(["please", "my", "the", "hi"], k=2)), intent)
        for intent, words in WORDS.items()
        for _ in range(num_each)
    ]


def conversations(num_each: int, seed: int) -> list[Ticket]:
    """`num_each` messages for each of 12 replies, whose intent and thing a message tells; two a conversation.

    One has no word, and some spell the reply in capitals.
    """
    random = Random(seed)
    pairs = [(intent, thing) for intent in WORDS for thing in ("book", "lamp", "shoe") for _ in range(num_each)]
    random.shuffle(pairs)
    found = []
    for row, (intent, thing) in enumerate(pairs):
        text = " ".join([*random.sample(WORDS[intent], 2), "the", thing]) if row else ""
        reply = f"We {REPLIES[intent]} your {thing}."
        found.append(Ticket(text, intent, reply.upper() if random.random() < 0.4 else reply, f"{seed}-{row // 2}"))
    return found
