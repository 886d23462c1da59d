"""An export of a model that writes replies: its contract, and the trained model's answers."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from small_replier import MESSAGES, make_replier

from supportnet.errors import UserError
from supportnet.savedmodel.load import SavedModel
from supportnet.serving.saved_models import export
from supportnet.tasks.classify.serve import ExportedModel
from supportnet.tasks.reply.calibrate import Handoff
from supportnet.tasks.reply.model import Replier
from supportnet.tasks.reply.writer import NO_REPLY

BATCHES: dict[str, list[str | bytes]] = {
    "none": [],
    "one": ["Where is my parcel 1234567?"],
    "one empty": [""],
    "all": [*MESSAGES],
    "not Unicode": [b"\xff\xfe\x00", b"caf\xe9 parcel", b"\xed\xa0\x80"],
    "long": ["hello parcel " * 770, "x" * 10_000, "x"],
}
#: For each of MESSAGES.
DRAWING: dict[str, list[float]] = {
    "temperature": [1.0, 1.0, 0.7, 0.0, 1.5, 2.0, 1.0],
    "top_p": [1.0, 1.0, 0.9, 1.0, 0.5, 1.0, 0.0],
    "seed": [7, 7, -3, 0, 2**31 - 1, 1, 1],
}


@pytest.fixture(scope="module")
def loaded(tiny_replies: Path) -> SavedModel:
    return SavedModel(tiny_replies)


@pytest.fixture(scope="module")
def transformer() -> Replier:
    return make_replier("transformer", Handoff(threshold=-0.9))


@pytest.fixture(scope="module")
def beamed(transformer: Replier, tmp_path_factory: pytest.TempPathFactory) -> SavedModel:
    """A version 7 that follows four beginnings at a time."""
    return SavedModel(export(transformer, tmp_path_factory.mktemp("replies") / "beam", version=7, beam=4))


def run(model: SavedModel, signature: str, texts: list[str | bytes]) -> dict[str, np.ndarray]:
    outputs = model._module.signatures[signature](text=tf.constant(texts, tf.string))
    return {name: value.numpy() for name, value in outputs.items()}


def as_string(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "replace")


def assert_same(outputs: dict[str, np.ndarray], model: Replier, texts: list[str], beam: int) -> None:
    """Compare what an export returns with what the trained model writes."""
    expected = model.write(texts, beam)
    assert outputs["reply"].tolist() == expected["reply"].tolist()
    assert outputs["reply_tokens"].tolist() == expected["reply_tokens"].tolist()
    np.testing.assert_allclose(outputs["reply_score"], expected["reply_score"], atol=1e-5)
    assert (
        outputs["handoff"].tolist() == model.handoff.applies_to(expected["reply_score"], expected["complete"]).tolist()
    )


def test_signatures(loaded: SavedModel, tiny_replier: Replier) -> None:
    text = tf.TensorSpec([None], tf.string, "text")
    drawing = {name: tf.TensorSpec([None], tf.float32, name) for name in ("temperature", "top_p")}
    drawing["seed"] = tf.TensorSpec([None], tf.int32, "seed")
    kinds = {"reply": tf.string, "reply_score": tf.float32, "reply_tokens": tf.int32, "handoff": tf.bool}
    reply = {name: tf.TensorSpec([None], kind, name) for name, kind in kinds.items()}
    depth = tiny_replier.config.embedding_dim
    expected: dict[str, Any] = {
        "serving_default": ({"text": text}, reply),
        "reply": ({"text": text}, reply),
        "reply_sample": ({"text": text, **drawing}, reply),
        "embed": ({"text": text}, {"embedding": tf.TensorSpec([None, depth], tf.float32, "embedding")}),
        "redact": ({"text": text}, {"redacted": tf.TensorSpec([None], tf.string, "redacted")}),
    }
    assert loaded.signatures == sorted(expected)
    for name, signature in loaded._module.signatures.items():
        assert signature.structured_input_signature == ((), expected[name][0])
        assert signature.structured_outputs == expected[name][1]


def test_files(tiny_replies: Path, tiny_replier: Replier) -> None:
    files = {path.relative_to(tiny_replies).as_posix() for path in tiny_replies.rglob("*") if path.is_file()}
    assert files == {
        "saved_model.pb",
        "fingerprint.pb",
        "assets/vocabulary.txt",
        "assets.extra/handoff.json",
        "assets.extra/model_card.json",
        "assets.extra/tf_serving_warmup_requests",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
    }
    assert Handoff.load(tiny_replies / "assets.extra" / "handoff.json") == tiny_replier.handoff
    facts = json.loads((tiny_replies / "assets.extra" / "handoff.json").read_text())
    assert facts == {"threshold": -1.5, "target": 0.8, "quality": 0.85, "rate": 0.4, "num_replies": 60}
    assert [path.name for path in tiny_replies.parent.iterdir()] == ["1"]


@pytest.mark.parametrize("which", ["greedy", "beam"])
def test_no_variable_is_stored_twice(
    which: str, tiny_replier: Replier, loaded: SavedModel, transformer: Replier, beamed: SavedModel
) -> None:
    model, export = (tiny_replier, loaded) if which == "greedy" else (transformer, beamed)
    weights = model.network.weights
    stored = dict(tf.train.list_variables(str(export.path / "variables" / "variables")))
    stored.pop("_CHECKPOINTABLE_OBJECT_GRAPH")
    # The table of the pieces also stands transposed: one vector is multiplied with that in half the time.
    assert stored.pop("reply/projection/.ATTRIBUTES/VARIABLE_VALUE") == [16, len(model.pieces)]
    parameters = sum(int(np.prod(weight.shape)) for weight in weights)
    # A direction of the encoder's LSTM has its two kernels in one variable.
    assert len(stored) == len(weights) - (2 if which == "greedy" else 0)
    assert sum(int(np.prod(shape)) for shape in stored.values()) == parameters
    size = (export.path / "variables" / "variables.data-00000-of-00001").stat().st_size
    assert size <= 1.5 * 4 * parameters


@pytest.mark.parametrize("texts", BATCHES.values(), ids=BATCHES)
def test_answers_of_the_trained_model(
    loaded: SavedModel, tiny_replier: Replier, beamed: SavedModel, transformer: Replier, texts: list[str | bytes]
) -> None:
    as_text = [as_string(text) for text in texts]
    for exported, model, beam in ((loaded, tiny_replier, 1), (beamed, transformer, 4)):
        outputs = run(exported, "reply", texts)
        assert {name: value.shape for name, value in outputs.items()} == dict.fromkeys(
            ("reply", "reply_score", "reply_tokens", "handoff"), (len(texts),)
        )
        assert_same(outputs, model, as_text, beam)


def test_gpt_answers_as_it_was_trained(tmp_path: Path) -> None:
    model = make_replier("gpt", Handoff(threshold=-0.9), dropout_rate=0.1)
    exported = SavedModel(export(model, tmp_path / "gpt", beam=3))
    for texts in BATCHES.values():
        assert_same(run(exported, "reply", texts), model, [as_string(text) for text in texts], beam=3)
    drawn = exported.run("reply_sample", MESSAGES, **{**DRAWING, "temperature": [0.0] * 7})
    assert_same(drawn, model, MESSAGES, beam=1)
    assert len(set(drawn["reply"].tolist())) > 2


def test_messages_that_are_too_long_are_counted(loaded: SavedModel, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"^Of 1 of 3 messages only the first 128 tokens are read \(--max-length\)"):
        loaded.warn_if_cut(["hello parcel " * 65, "hello", ""])
    folder = shutil.copytree(loaded.path, tmp_path / "1")
    (folder / "assets.extra" / "model_card.json").write_text('{"reply": {}}')
    with pytest.raises(UserError, match=r"model_card\.json is damaged"):
        SavedModel(folder).warn_if_cut(["hello"])


def test_the_answers_depend_on_the_message_and_the_beam(
    loaded: SavedModel, beamed: SavedModel, transformer: Replier
) -> None:
    """Otherwise the comparisons above would say nothing."""
    outputs = loaded.run("reply", MESSAGES)
    assert len(set(outputs["reply"].tolist())) > 2
    assert set(outputs["handoff"].tolist()) == {True, False}
    assert beamed.run("reply", MESSAGES)["reply"].tolist() != transformer.write(MESSAGES)["reply"].tolist()


def test_samples_of_the_trained_model(loaded: SavedModel, tiny_replier: Replier) -> None:
    """Each message has a temperature, a top-p and a seed of its own."""
    outputs = loaded.run("reply_sample", MESSAGES, **DRAWING)
    for row, text in enumerate(MESSAGES):
        own: dict[str, Any] = {name: values[row] for name, values in DRAWING.items()}
        (expected,) = tiny_replier.sample([text], **own)
        assert (outputs["reply"][row].decode(), outputs["handoff"][row]) == (expected.text, expected.handoff)
        assert outputs["reply_score"][row] == pytest.approx(expected.score, abs=1e-5)
    again = loaded.run("reply_sample", MESSAGES, **DRAWING)
    assert again["reply"].tolist() == outputs["reply"].tolist()
    other = loaded.run("reply_sample", MESSAGES, **{**DRAWING, "seed": [11] * 7})
    same = [one == another for one, another in zip(outputs["reply"], other["reply"], strict=True)]
    # Nothing is drawn for the messages without words, at temperature 0 and at top-p 0.
    assert (same[1], same[3], same[6]) == (True, True, True)
    assert sum(same) < 7


def test_a_sample_of_nothing(loaded: SavedModel, beamed: SavedModel) -> None:
    for model in (loaded, beamed):
        outputs = model.run("reply_sample", [], temperature=[], top_p=[], seed=[])
        assert {name: len(values) for name, values in outputs.items()} == dict.fromkeys(outputs, 0)


@pytest.mark.parametrize("signature", ["reply", "reply_sample", "embed"])
def test_the_rest_of_the_batch_changes_nothing(loaded: SavedModel, beamed: SavedModel, signature: str) -> None:
    """A server puts requests of several users into one batch."""
    drawing = DRAWING if signature == "reply_sample" else {}
    for model in (loaded, beamed):
        together = model.run(signature, MESSAGES, **drawing)
        for row, text in enumerate(MESSAGES):
            alone = model.run(signature, [text], **{name: [values[row]] for name, values in drawing.items()})
            for name, values in alone.items():
                if values.dtype == object:
                    assert values[0] == together[name][row]
                else:
                    np.testing.assert_allclose(values[0], together[name][row], atol=1e-5)


def test_serving_default_is_reply(loaded: SavedModel) -> None:
    default, reply = (loaded.run(name, MESSAGES) for name in ("serving_default", "reply"))
    assert set(default) == set(reply)
    for name, values in default.items():
        np.testing.assert_array_equal(values, reply[name])


def test_a_message_without_words_is_handed_over(loaded: SavedModel, beamed: SavedModel) -> None:
    for model in (loaded, beamed):
        for outputs in (
            model.run("reply", ["", " \n"]),
            model.run("reply_sample", ["", "\u3000"], temperature=[1, 1], top_p=[1, 1], seed=[1, 2]),
        ):
            assert outputs["reply"].tolist() == [b"", b""]
            assert outputs["reply_score"].tolist() == [NO_REPLY] * 2
            assert outputs["reply_tokens"].tolist() == [0, 0]
            assert outputs["handoff"].tolist() == [True, True]
        assert not model.run("embed", ["", "\u3000"])["embedding"].any()


def test_slots_get_the_values_of_their_message(loaded: SavedModel) -> None:
    """In the graph; those that the message doesn't have stay."""
    texts = [f"Where is parcel {1000000 + row}?" for row in range(20)]
    drawing = {"temperature": [2.0] * 20, "top_p": [1.0] * 20, "seed": range(20)}
    replies = [reply.decode() for reply in loaded.run("reply_sample", texts, **drawing)["reply"]]
    for row, reply in enumerate(replies):
        assert "{number}" not in reply
        assert "10000" not in reply.replace(str(1000000 + row), "")
    assert any("10000" in reply for reply in replies)
    assert any("{email}" in reply for reply in replies)


def test_embeddings_are_means_of_what_the_decoder_sees(loaded: SavedModel, tiny_replier: Replier) -> None:
    features = tiny_replier.preprocessor(MESSAGES)
    memory, mask = tiny_replier.reader(features).numpy(), features["mask"].numpy()
    embedding = loaded.run("embed", MESSAGES)["embedding"]
    for row, real in enumerate(mask):
        expected = memory[row, real].mean(axis=0) if real.any() else 0
        np.testing.assert_allclose(embedding[row], expected, atol=1e-5)


def test_the_encoder_is_exported_without_a_loop(loaded: SavedModel, beamed: SavedModel) -> None:
    """The only loop of `reply` is that over the pieces."""
    for model, operation in ((loaded, "BlockLSTMV2"), (beamed, "BatchMatMulV2")):
        graph = model._module.signatures["reply"].graph.as_graph_def()
        nodes = [node.op for function in graph.library.function for node in function.node_def]
        assert operation in nodes
        assert sum(node in ("While", "StatelessWhile") for node in nodes) == 1


def test_versions(loaded: SavedModel, beamed: SavedModel, transformer: Replier) -> None:
    """The same as with `export`, whose tests say more."""
    assert (loaded.path.name, beamed.path.name) == ("1", "7")
    folder = beamed.path.parent
    with pytest.raises(UserError, match=r"beam/7 is there already.*--overwrite"):
        export(transformer, folder, version=7)
    with pytest.raises(UserError, match="version must be"):
        export(transformer, folder, version=0)
    assert [path.name for path in folder.iterdir()] == ["7"]


@pytest.mark.parametrize("beam", [0, -1, 1.5])
def test_a_beam_is_a_positive_whole_number(tiny_replier: Replier, tmp_path: Path, beam: Any) -> None:
    with pytest.raises(UserError, match=rf"beam must be .* Received: beam={beam}"):
        export(tiny_replier, tmp_path / "tiny", beam=beam)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda model: model.run("classify", ["x"]),
            r"no signature 'classify'\. It has: embed, redact, reply, reply_sample, s",
        ),
        (lambda model: model.run("reply", "x"), "one string"),
        (lambda model: model.run("reply", [None]), "Message 0"),
        (
            lambda model: model.run("reply_sample", ["x"]),
            "must get the inputs seed, temperature, text, top_p. Received",
        ),
        (lambda model: model.run("reply", ["x"], seed=[1]), "must get the inputs text. Received: text, seed"),
    ],
)
def test_what_cannot_be_asked(loaded: SavedModel, call: Callable[[SavedModel], object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        call(loaded)


def test_it_is_no_classifier(tiny_replies: Path) -> None:
    with pytest.raises(UserError, match=r"tiny/1 can't be loaded: damaged, or no export of supportnet"):
        ExportedModel(tiny_replies)
