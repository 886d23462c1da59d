"""Greedy decoding by Hugging Face's `generate`, on random weights: what most would pick where replies are written.

A Marian Transformer of the same size as the package's. Needs torch and transformers: pip install '.[generate]'.
"""

from collections.abc import Callable
from typing import Any

from reply_speed_peers import REPLY_LENGTH, SOURCE_LENGTH, SPECIAL, Sizes


def greedy_decoder(sizes: Sizes) -> Callable[[int], list[list[int]]]:
    """Make the model, with one thread.

    Returns:
        A function of a batch size: it replies greedily to as many messages of `SOURCE_LENGTH` tokens, and returns the
        tokens of the replies, `REPLY_LENGTH` each.
    """
    import torch
    from transformers import MarianMTModel

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = MarianMTModel(_config(sizes)).eval()
    source = torch.arange(len(SPECIAL), len(SPECIAL) + SOURCE_LENGTH).unsqueeze(0)

    def decode(batch_size: int) -> list[list[int]]:
        with torch.inference_mode():
            replies = model.generate(
                source.repeat(batch_size, 1),
                num_beams=1,
                do_sample=False,
                min_new_tokens=REPLY_LENGTH,
                max_new_tokens=REPLY_LENGTH,
            )
        return [row[1:] for row in replies.tolist()]

    return decode


def _config(sizes: Sizes) -> Any:
    from transformers import MarianConfig

    unknown, start, end = range(len(SPECIAL))
    return MarianConfig(
        vocab_size=sizes.vocab_size,
        d_model=sizes.depth,
        **{f"{part}_layers": sizes.num_layers for part in ("encoder", "decoder")},
        **{f"{part}_attention_heads": sizes.num_heads for part in ("encoder", "decoder")},
        **{f"{part}_ffn_dim": sizes.hidden_dim for part in ("encoder", "decoder")},
        max_position_embeddings=2 * max(SOURCE_LENGTH, REPLY_LENGTH),
        pad_token_id=unknown,
        decoder_start_token_id=start,
        eos_token_id=end,
        forced_eos_token_id=None,
    )
