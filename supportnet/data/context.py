"""The newest turns of a conversation as one string: what a model reads where one message says too little."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from supportnet.checks import check_positive
from supportnet.errors import UserError

#: Who takes part in a conversation.
SPEAKERS = ("customer", "agent")


class Turn(NamedTuple):
    """What one side said before the other one spoke, or the same one again.

    Attributes:
        speaker: `customer` or `agent`.
        text: what was said.
    """

    speaker: Literal["customer", "agent"]
    text: str


def context(turns: Sequence[Turn], num_turns: int) -> str:
    """Return the newest turns of a conversation, one a line, the newest first.

    The newest comes first because a model cuts what is too long at the end. Where there are several turns, each line
    says who speaks; a single one is the bare message, so that a conversation's first message looks like any message.

    Args:
        turns: the conversation so far, in its order; pairs of speaker and text will do.
        num_turns: how many turns to take at most, at least 1.

    Returns:
        The lines, joined by newlines. Newlines within a turn are spaces. Empty if there is no turn.

    Raises:
        UserError: if `num_turns` is below 1, or a speaker is neither `customer` nor `agent`.

    Example:
        >>> turns = [Turn("customer", "hi"), Turn("agent", "How can I help?"), Turn("customer", "where is my parcel?")]
        >>> context(turns, 2)
        'customer: where is my parcel?\\nagent: How can I help?'
        >>> context(turns, 1)
        'where is my parcel?'
    """
    check_positive("num_turns", num_turns)
    for speaker, _ in turns[-num_turns:]:
        if speaker not in SPEAKERS:
            raise UserError(f"A turn's speaker must be customer or agent. Received: {speaker=}")
    lines = [(speaker, " ".join(text.splitlines())) for speaker, text in turns[-num_turns:]]
    if len(lines) == 1:
        return lines[0][1]
    return "\n".join(f"{speaker}: {text}" for speaker, text in reversed(lines))


def newest_turn(text: str) -> tuple[str, str]:
    """Part what `context` returned: the newest turn, and the context of those before it.

    A message without speakers is one turn, whatever its lines.

    Example:
        >>> newest_turn("customer: where is my parcel?\\nagent: How can I help?")
        ('customer: where is my parcel?', 'agent: How can I help?')
        >>> newest_turn("where is my parcel?\\nregards, Ann")
        ('where is my parcel?\\nregards, Ann', '')
    """
    if not text.startswith(tuple(f"{speaker}: " for speaker in SPEAKERS)):
        return text, ""
    newest, _, before = text.partition("\n")
    return newest, before
