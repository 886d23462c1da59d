"""A network starts from a pre-trained encoder, or from word vectors, and says what doesn't fit."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from supportnet.architectures import encoder_names
from supportnet.cli.main import main
from supportnet.config import NetworkConfig
from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.embeddings import save_word_embeddings, train_word_embeddings
from supportnet.errors import UserError
from supportnet.tasks.classify.model import IntentClassifier
from supportnet.tasks.train import load, train
from supportnet.text.special_tokens import SPECIAL_TOKENS
from supportnet.text.vocabulary import Vocabulary
from supportnet.training.initial_weights import InitialWeights, load_encoder, start_from_vectors
from supportnet.training.pretrain import pretrain

pytestmark = pytest.mark.slow

#: Fields of both configurations; they make one step an epoch.
SIZES = {"embedding_dim": 8, "hidden_dim": 4, "num_heads": 2, "num_layers": 0, "num_buckets": 100}
SHORT = {"epochs": 1, "batch_size": 64, "min_count": 1, "progress_bar": False}


def texts_of(dataset: TicketDataset) -> list[str]:
    return [ticket.text for ticket in dataset["train"]]


def table(model: IntentClassifier, name: str = "word_embeddings") -> np.ndarray:
    return np.array(getattr(model.backbone.embed, name))


def fresh(dataset: TicketDataset, seed: int = 0, **options: Any) -> IntentClassifier:
    keras.utils.set_random_seed(seed)
    vocabulary = Vocabulary.build(texts_of(dataset), min_count=1)
    return IntentClassifier(NetworkConfig(**{**SIZES, **options}), vocabulary, dataset.intents)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a pre-trained encoder with words that the toy data hasn't; don't change it."""
    folder = tmp_path_factory.mktemp("encoders") / "one"
    texts = ["my parcel is late", "where is my parcel", "refund my money please", "reset the login"] * 3
    data = TicketDataset("words", {"all": [Ticket(text) for text in texts]})
    pretrain(data, folder, **SIZES, **SHORT)
    return folder


@pytest.fixture
def tickets_csv(dataset: TicketDataset, tmp_path: Path) -> Path:
    rows = [f"{split},{t.text},{t.intent}" for split in ("train", "validation") for t in dataset[split]]
    path = tmp_path / "tickets.csv"
    path.write_text("\n".join(["split,text,intent", *rows]))
    return path


def test_vocabulary_and_sizes_are_the_encoders(dataset: TicketDataset, encoder: Path, tmp_path: Path) -> None:
    pretrained = load_encoder(encoder)
    # Dropout and pairs of words are none of the encoder's business.
    trained = train(dataset, tmp_path / "run", init=encoder, dropout_rate=0.3, num_pairs=50, **SHORT)
    assert trained.model.vocabulary == pretrained.vocabulary
    assert "late" in trained.model.vocabulary.tokens
    assert "shipping" not in trained.model.vocabulary.tokens
    assert trained.model.config == replace(pretrained.config, dropout_rate=0.3, num_pairs=50)
    assert trained.coverage is None
    loaded = load(tmp_path / "run", "classify")
    assert (loaded.config, loaded.vocabulary) == (trained.model.config, trained.model.vocabulary)


@pytest.mark.parametrize("architecture", encoder_names())
def test_weights_are_the_encoders(dataset: TicketDataset, architecture: str, tmp_path: Path) -> None:
    """What was pre-trained, layer by layer, before a step of training."""
    pretrain(dataset, tmp_path / "encoder", architecture=architecture, seed=5, **SIZES, **SHORT)
    start = InitialWeights.of(tmp_path / "encoder")
    assert start.encoder is not None
    model = IntentClassifier(NetworkConfig(**start.network_options), start.encoder.vocabulary, dataset.intents)
    pretrained = start.encoder.network.backbone
    assert not np.allclose(table(model), pretrained.embed.word_embeddings)
    assert start.apply(model, texts_of(dataset), seed=0) is None
    for mine, layer in ((model.backbone.embed, pretrained.embed), (model.backbone.encoder, pretrained.encoder)):
        weights = [] if layer is None else zip(mine.get_weights(), layer.get_weights(), strict=True)
        assert all(np.array_equal(one, other) for one, other in weights)
    assert np.array_equal(table(model), pretrained.embed.word_embeddings)


def test_another_vocabulary_than_the_encoders(dataset: TicketDataset, encoder: Path) -> None:
    start = InitialWeights.of(encoder)
    model = IntentClassifier(NetworkConfig(**start.network_options), Vocabulary(["parcel"]), dataset.intents)
    with pytest.raises(UserError, match=r"^vocabulary must be the pre-trained encoder's"):
        start.apply(model, [], seed=0)


@pytest.mark.parametrize(
    ("name", "value", "known"),
    [("embedding_dim", 16, 8), ("architecture", "transformer", "bilstm_attention"), ("num_buckets", 101, 100)],
)
def test_options_that_contradict_the_encoder(
    dataset: TicketDataset,
    encoder: Path,
    tickets_csv: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: object,
    known: object,
) -> None:
    """They are named, on the command line by their flags; and nothing is written."""
    rest = rf"must be that of the pre-trained encoder, {known}\. Received: {name}={value}$"
    with pytest.raises(UserError, match=f"^{name} {rest}"):
        train(dataset, tmp_path / "run", init=encoder, **{name: value}, **SHORT)
    flag = f"--{name.replace('_', '-')}"
    command = ["train", "--data", tickets_csv, "--out", tmp_path / "run", "--init", encoder, flag, value]
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in command])
    assert exit_.value.code == 2
    assert capsys.readouterr().err == (
        f"supportnet: error: {flag} must be that of the pre-trained encoder, {known}. Received: {name}={value}\n"
    )
    assert not (tmp_path / "run").exists()


def test_the_encoders_own_sizes_may_be_said_again(encoder: Path) -> None:
    start = InitialWeights.of(encoder)
    start.check(NetworkConfig(**{**start.network_options, **SIZES, "word_dropout": 0.2, "head_dropout_rate": 0.0}))
    with pytest.raises(UserError, match=r"^max_length must be that of the pre-trained encoder, 128"):
        start.check(NetworkConfig(**{**start.network_options, "max_length": 64}))


def test_a_preset_of_other_sizes_than_the_encoders(dataset: TicketDataset, encoder: Path) -> None:
    with pytest.raises(UserError, match=r"^embedding_dim must be that of the pre-trained encoder, 8"):
        train(dataset, init=encoder, preset="tiny", **SHORT)


def test_starts_that_cannot_be(dataset: TicketDataset, encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^embeddings must not be given with init, which brings its own"):
        train(dataset, init=encoder, embeddings="word2vec", **SHORT)
    for options in ({}, {"init": encoder}):
        with pytest.raises(UserError, match=r"^require_coverage must come with embeddings\. Received: .*=0\.5"):
            train(dataset, require_coverage=0.5, **options, **SHORT)
    with pytest.raises(UserError, match=r"^There is no run folder at .*nowhere"):
        train(dataset, init=tmp_path / "nowhere", **SHORT)
    with pytest.raises(UserError, match=r"vectors\.bin is missing\.$"):
        train(dataset, embeddings=tmp_path / "vectors.bin", **SHORT)


def test_a_run_is_no_encoder(dataset: TicketDataset, tmp_path: Path) -> None:
    train(dataset, tmp_path / "run", **SIZES, **SHORT)
    with pytest.raises(
        UserError, match=r"run must hold a run of the task pretrain. Received: one of the task classify"
    ):
        train(dataset, init=tmp_path / "run", **SHORT)


def test_a_run_goes_on_with_the_same_encoder_only(dataset: TicketDataset, encoder: Path, tmp_path: Path) -> None:
    """The same is one with the same weights, wherever it lies."""
    run, other = tmp_path / "run", tmp_path / "other"
    trained = train(dataset, run, init=encoder, **SHORT)
    moved = shutil.copytree(encoder, tmp_path / "moved")
    assert train(dataset, run, init=moved, resume=True, **SHORT).history == trained.history
    pretrain(dataset, other, seed=9, **SIZES, **SHORT)
    with pytest.raises(UserError, match=rf"^{run} was made with init='[0-9a-f]{{64}}'.* Received: init='[0-9a-f]+'$"):
        train(dataset, run, init=other, resume=True, **SHORT)
    with pytest.raises(UserError, match=r"was made with init='[0-9a-f]{64}': go on with the same. Received: init=None"):
        train(dataset, run, resume=True, architecture="bilstm_attention", word_dropout=0.1, **SIZES, **SHORT)


def test_a_run_goes_on_with_the_same_word_vectors_only(dataset: TicketDataset, tmp_path: Path) -> None:
    vectors = tmp_path / "vectors.bin"
    options = {**SIZES, **SHORT}
    save_word_embeddings(vectors, train_word_embeddings(texts_of(dataset), embedding_dim=8, progress_bar=False))
    trained = train(dataset, tmp_path / "run", embeddings=vectors, **options)
    moved = vectors.rename(tmp_path / "moved.bin")
    again = train(dataset, tmp_path / "run", embeddings=moved, resume=True, **options)
    assert (again.history, again.coverage) == (trained.history, trained.coverage)
    save_word_embeddings(moved, train_word_embeddings(texts_of(dataset), embedding_dim=8, seed=1, progress_bar=False))
    for other in (moved, "word2vec", None):
        with pytest.raises(UserError, match=r"was made with embeddings='[0-9a-f]{64}': go on .* Received: embeddings="):
            train(dataset, tmp_path / "run", embeddings=other, resume=True, **options)
    shutil.rmtree(tmp_path / "run")
    train(dataset, tmp_path / "run", embeddings="word2vec", **options)
    with pytest.raises(UserError, match=r"was made with embeddings='word2vec'.* Received: embeddings='fasttext'"):
        train(dataset, tmp_path / "run", embeddings="fasttext", resume=True, **options)
    with pytest.raises(UserError, match=r"was made with require_coverage=None.* Received: require_coverage=0.1"):
        train(dataset, tmp_path / "run", embeddings="word2vec", require_coverage=0.1, resume=True, **options)


@pytest.mark.parametrize("method", ["word2vec", "fasttext"])
def test_word_vectors_are_trained_and_their_coverage_is_counted(dataset: TicketDataset, method: str) -> None:
    """The vocabulary knows words that occur once, the word vectors only those that occur twice."""
    more = ["a unique wish", "where is my parcel"]
    trained = train(
        dataset,
        embeddings=method,
        unlabelled=TicketDataset("more", {"all": [Ticket(t) for t in more]}),
        rounds=1,
        round_epochs=1,
        **SIZES,
        **SHORT,
    )
    coverage = trained.coverage
    assert coverage is not None
    assert coverage.num_types == len(set(trained.model.vocabulary) - set(SPECIAL_TOKENS))
    # "the" and "my" and 18 words more of the toy data occur often: its messages alone would cover all.
    assert set(coverage.missing) == {"a", "unique", "wish", "is"}
    assert coverage.num_types_covered == coverage.num_types - 4
    assert coverage.num_by_rule["exact"] == coverage.num_types_covered
    assert (coverage.num_by_rule["subword"] > 0) == (method == "fasttext")
    words = sum(len(text.split()) for text in [*texts_of(dataset), *more])
    assert coverage.token_share == pytest.approx((words - 4) / words)


def test_word_vectors_of_a_file_are_where_training_starts(dataset: TicketDataset, tmp_path: Path) -> None:
    vectors = train_word_embeddings(texts_of(dataset), embedding_dim=8, progress_bar=False)
    save_word_embeddings(tmp_path / "vectors.bin.gz", vectors)
    model = fresh(dataset)
    start = InitialWeights.of(None, tmp_path / "vectors.bin.gz", 1.0)
    coverage = start.apply(model, texts_of(dataset), 0, progress_bar=False)
    assert coverage is not None
    assert (coverage.type_share, coverage.token_share, coverage.missing) == (1.0, 1.0, ())
    ids = [model.vocabulary[word] for word in vectors.index_to_key]
    for branch in np.split(table(model)[ids], 2, axis=1):
        ratio = branch / vectors.vectors
        np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-3)


def test_the_mean_length_is_that_of_a_random_start(dataset: TicketDataset) -> None:
    model = fresh(dataset, embedding_dim=64, architecture="transformer")
    embed = model.backbone.embed
    random = table(model)
    matrix = np.random.default_rng(0).normal(scale=7.0, size=(len(model.vocabulary), 64)).astype("float32")
    start_from_vectors(embed, matrix)
    first, second = np.split(table(model), 2, axis=1)
    assert np.array_equal(first, second)
    lengths = np.linalg.norm(first, axis=1)
    assert lengths.mean() == pytest.approx(0.5**0.5, rel=1e-4)
    assert lengths.mean() == pytest.approx(np.linalg.norm(random[:, :64], axis=1).mean(), rel=0.1)
    # One factor for all: what is longer stays so.
    np.testing.assert_allclose(lengths / lengths.mean(), (n := np.linalg.norm(matrix, axis=1)) / n.mean(), rtol=1e-4)


def test_one_branch_has_the_vectors_once(dataset: TicketDataset) -> None:
    model = fresh(dataset, architecture="none")
    matrix = np.random.default_rng(0).normal(size=(len(model.vocabulary), 8)).astype("float32")
    start_from_vectors(model.backbone.embed, matrix)
    np.testing.assert_allclose(table(model), matrix / np.linalg.norm(matrix, axis=1).mean(), rtol=1e-4)


def test_vectors_of_zeros_stay_zeros(dataset: TicketDataset) -> None:
    model = fresh(dataset)
    start_from_vectors(model.backbone.embed, np.zeros((len(model.vocabulary), 8), "float32"))
    assert not table(model).any()


def test_frozen_word_vectors_stay_while_others_learn(dataset: TicketDataset) -> None:
    """Two epochs of six steps, with a schedule that learns from the first step on."""
    options = {**SIZES, **SHORT, "epochs": 2, "batch_size": 8, "warmup_share": 0.0, "patience": 9}
    # The last epoch's weights are kept: no epoch is better than another.
    dataset = TicketDataset("toy", {"train": dataset["train"], "validation": []})
    model = fresh(dataset)
    InitialWeights.of(None, "word2vec", None).apply(model, texts_of(dataset), 0, progress_bar=False)
    start, subwords = table(model), table(model, "subword_embeddings")

    def trained(frozen_epochs: int) -> IntentClassifier:
        with pytest.warns(UserWarning, match="no validation messages"):
            return train(
                dataset,
                embeddings="word2vec",
                frozen_epochs=frozen_epochs,
                architecture="bilstm_attention",
                **options,
            ).model

    frozen, thawed = trained(2), trained(1)
    np.testing.assert_array_equal(table(frozen), start)
    assert np.abs(table(frozen, "subword_embeddings") - subwords).max() > 1e-3
    assert np.abs(table(thawed) - start).max() > 1e-4


def test_coverage_that_is_not_met(dataset: TicketDataset, tmp_path: Path) -> None:
    vectors = train_word_embeddings(["parcel refund", "parcel refund"], embedding_dim=8, progress_bar=False)
    save_word_embeddings(tmp_path / "few.bin", vectors)
    with pytest.raises(UserError, match=r"^require_coverage must be at most 0\..*cover 2 of \d+ words, but not"):
        train(dataset, embeddings=tmp_path / "few.bin", require_coverage=0.9, **SIZES, **SHORT)
    trained = train(dataset, embeddings=tmp_path / "few.bin", require_coverage=0.01, **SIZES, **SHORT)
    assert trained.coverage is not None
    assert trained.coverage.num_types_covered == 2


def test_the_command_tells_the_coverage(tickets_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = [f"--{name.replace('_', '-')}={value}" for name, value in SIZES.items()]
    command = ["train", f"--data={tickets_csv}", *sizes, "--epochs=1", "--embeddings=word2vec", "--out"]
    outputs = []
    for name, more in (("one", ["--json"]), ("two", ["--require-coverage=0.5", "--frozen-epochs=1"])):
        with pytest.raises(SystemExit) as exit_:
            main([*command, str(tmp_path / name), *more])
        assert exit_.value.code == 0
        outputs.append(capsys.readouterr().out)
    coverage = json.loads(outputs[0])["coverage"]
    assert coverage["num_types"] == coverage["num_types_covered"] == coverage["num_by_rule"]["exact"] > 20
    num = coverage["num_types"]
    assert outputs[1].splitlines()[0].startswith(f"Word vectors cover {num} of {num} words (100.0%)")


def test_word_vectors_that_do_not_fit_leave_no_run(
    tickets_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake leaves no run behind: the next try may have another dimension."""
    vectors = train_word_embeddings(["parcel refund", "parcel refund"], embedding_dim=6, progress_bar=False)
    save_word_embeddings(tmp_path / "six.bin", vectors)
    for flag, message in (
        ("--embedding-dim=8", "--embedding-dim must be the dimension of the word vectors (6). Received: "),
        ("--require-coverage=2", "--require-coverage must be 0 to 1. Received: require_coverage=2.0"),
    ):
        command = ["train", f"--data={tickets_csv}", f"--embeddings={tmp_path / 'six.bin'}", "--num-heads=2"]
        command += [f"--out={tmp_path / 'run'}", "--embedding-dim=6", flag]
        with pytest.raises(SystemExit) as exit_:
            main(command)
        assert exit_.value.code == 2
        assert capsys.readouterr().err.startswith(f"supportnet: error: {message}")
        assert not (tmp_path / "run").exists()
