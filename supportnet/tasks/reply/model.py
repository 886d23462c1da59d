"""A trained model that writes replies: a preprocessor, an encoder and a decoder, used on plain strings."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy.typing as npt
import tensorflow as tf

from supportnet.backbones.backbone import Backbone, TaskModel, compose, feature_inputs
from supportnet.backbones.texts import run_in_batches, warn_if_cut
from supportnet.checks import check_positive, checked_texts
from supportnet.config import NetworkConfig
from supportnet.data.ticket import conversations_of
from supportnet.errors import UserError
from supportnet.tasks.reply.answers import Reply
from supportnet.tasks.reply.calibrate import Handoff
from supportnet.tasks.reply.data import Split
from supportnet.tasks.reply.decoding import DecodingOptions
from supportnet.tasks.reply.network import build_network
from supportnet.tasks.reply.writer import ReplyWriter, build_memory
from supportnet.text.byte_pairs import BytePairVocabulary
from supportnet.text.slots import constants_of, slotted_all
from supportnet.text.vocabulary import Vocabulary
from supportnet.training.loop import History

#: What is written of a message.
OUTPUTS = ("reply", "template", "reply_score", "reply_tokens", "complete")
#: What a message is drawn a reply with: the messages, `temperature`, `top_p`, `seed`.
_DRAWING = (
    tf.TensorSpec([None], tf.string),
    *(tf.TensorSpec([], dtype) for dtype in (tf.float32, tf.float32, tf.int32)),
)


class Replier(TaskModel):
    """Messages in, written replies out.

    Args:
        config: what the network was built from.
        vocabulary: words of messages with an id of their own.
        pieces: what replies are written in.
        handoff: when a person takes over; for every reply, if not given.
        backbone: that of another task's model, to share its weights; a new one by default.

    Attributes:
        config, vocabulary, pieces, handoff, backbone: the arguments. `handoff` can be replaced.
        origin: the data it was trained on (`data`) and its validation metrics (`validation`); empty if untrained.
        pretraining: how pre-training went; None without.
        preprocessor: strings `[B]` -> features.
        network: the Keras model; see `build_network`.
        reader: features -> `memory`, what the decoder attends to.
        writer: writes with both in the graph.

    Example (needs a download):
        >>> model = supportnet.train("star", task="reply", data_options={"data_dir": "downloads"})
        >>> model.reply(["hello, I need a flat"])[0].text
        'Hello, how can I help?'
    """

    task = "reply"

    def __init__(
        self,
        config: NetworkConfig,
        vocabulary: Vocabulary,
        pieces: BytePairVocabulary,
        handoff: Handoff | None = None,
        backbone: Backbone | None = None,
    ) -> None:
        super().__init__(config, vocabulary, backbone)
        self.pieces = pieces
        self.handoff = handoff or Handoff()
        self.pretraining: History | None = None
        self.network = build_network(config, self.backbone, len(pieces))
        self.reader = compose(self.backbone, build_memory(self.head), feature_inputs(config), "reader")
        options = DecodingOptions(config.max_reply_length)
        self.writer = ReplyWriter(self.head, self.reader, pieces.pieces, options, config.max_length)
        self._write: dict[int, Callable[[Any], dict[str, Any]]] = {}
        self._sample = tf.function(self._drawn, input_signature=_DRAWING)

    def reply(self, texts: Iterable[str], beam: int = 1) -> list[Reply]:
        """Write a reply to each message.

        Args:
            texts: the messages.
            beam: how many beginnings are followed at a time; 1 writes the likeliest piece each time.

        Raises:
            UserError: `texts` isn't a list of strings, or `beam` is below 1.

        Warns:
            UserWarning: messages are longer than what is read of them.
        """
        texts = checked_texts(texts)
        self.warn_if_cut(texts)
        return self._replies(self.write(texts, beam))

    def warn_if_cut(self, texts: Sequence[str]) -> None:
        """Warn of messages that are longer than what the model reads; see `supportnet.backbones.texts.warn_if_cut`."""
        warn_if_cut(texts, self.config.text_mode, self.config.max_length, stacklevel=4)

    def write(self, texts: Iterable[str], beam: int = 1, batch_size: int = 32) -> dict[str, npt.NDArray[Any]]:
        """Write a reply to each message, as arrays.

        Returns:
            `reply` and `template`, the same with its slots unfilled, bytes `[N]`; `reply_score` float32 `[N]`;
            `reply_tokens` int32 `[N]`; `complete` bool `[N]`; see `ReplyWriter.answers`.
        """
        check_positive("beam", beam)
        return run_in_batches(self._writing(beam), texts, OUTPUTS, batch_size)

    def sample(self, texts: Iterable[str], temperature: float = 1.0, top_p: float = 1.0, seed: int = 0) -> list[Reply]:
        """Draw a reply to each message; the same seed draws the same one.

        Args:
            texts: the messages.
            temperature: below 1 prefers what is likely, above 1 less so.
            top_p: draw from the likeliest pieces that together have this probability (Holtzman et al. 2020).
            seed: which, a whole number of 32 bits.

        Raises:
            UserError: `texts` isn't a list of strings, or `seed` isn't such a number.
        """
        if not (isinstance(seed, int) and -(2**31) <= seed < 2**31):
            raise UserError(f"seed must be a whole number of 32 bits. Received: seed={seed}")
        texts = checked_texts(texts)
        self.warn_if_cut(texts)
        # Tensors: for each other number, the function would be compiled anew.
        options = (tf.constant(temperature, tf.float32), tf.constant(top_p, tf.float32), tf.constant(seed, tf.int32))
        return self._replies(run_in_batches(lambda batch: self._sample(batch, *options), texts, OUTPUTS, 32))

    def _replies(self, written: Mapping[str, npt.NDArray[Any]]) -> list[Reply]:
        scores = written["reply_score"]
        handed = self.handoff.applies_to(scores, written["complete"])
        rows = zip(written["reply"].tolist(), scores.tolist(), handed.tolist(), strict=True)
        return [Reply(text.decode(), score, handoff) for text, score, handoff in rows]

    def _writing(self, beam: int) -> Callable[[Any], dict[str, Any]]:
        """The compiled function of a beam's width."""
        if beam not in self._write:

            def write(texts: Any) -> dict[str, Any]:
                features, writer = self.preprocessor(texts), self.writer
                decoded = writer.greedy(features) if beam == 1 else writer.beam(features, beam)
                return writer.answers(decoded, texts, features)

            self._write[beam] = tf.function(write, input_signature=[tf.TensorSpec([None], tf.string)])
        return self._write[beam]

    def _drawn(self, texts: Any, temperature: Any, top_p: Any, seed: Any) -> dict[str, Any]:
        features, count = self.preprocessor(texts), tf.shape(texts)[0]
        options = [tf.fill([count], value) for value in (temperature, top_p, seed)]
        return self.writer.answers(self.writer.sample(features, *options), texts, features)


def build(network: NetworkConfig, vocabulary: Vocabulary, split: Split, backbone: Backbone | None = None) -> Replier:
    """Make a fresh model with the pieces of the training replies.

    Warns:
        UserWarning: messages are longer than `max_length` tokens.
    """
    replies = [ticket.reply or "" for ticket in split.tickets]
    texts = [ticket.text for ticket in split.tickets]
    constants = constants_of(zip(texts, replies, conversations_of(split.tickets), strict=True))
    pieces = BytePairVocabulary.train(slotted_all(replies, constants), network.num_pieces, split.min_count, constants)
    model = Replier(network, vocabulary, pieces, backbone=backbone)
    model.warn_if_cut([*texts, *(ticket.text for ticket in split.validation)])
    return model
