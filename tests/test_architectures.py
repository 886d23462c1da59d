"""An encoder of a user's own: it trains, exports and compares under the name that it is registered by."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from toy_messages import messages

import supportnet
from supportnet import architectures
from supportnet.architectures import ARCHITECTURES, encoder_names, register_encoder
from supportnet.backbones import Backbone, build_decoder, build_encoder
from supportnet.compare.inspection import attention_maps, gradient_norms
from supportnet.compare.matching import count_weights, match_weights
from supportnet.compare.messages import fingerprint_of, prepare
from supportnet.compare.plan import Plan, Run
from supportnet.compare.pool import do_runs
from supportnet.config import NetworkConfig
from supportnet.data import load
from supportnet.data.ticket import TicketDataset
from supportnet.errors import UserError
from supportnet.files import read_json
from supportnet.layers import Encoder, TransformerDecoder
from supportnet.serving import ExportedModel
from supportnet.tasks import get_task

NAME = "mean_mixing"
TEXTS = ["where is my parcel", "refund please", "", "my parcel " * 90]


@keras.saving.register_keras_serializable(package="tests")
class MeanMixing(Encoder):
    """Each token beside the mean of the message, through two dense layers for each block."""

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        *rest, depth = input_shape
        self.blocks = [
            keras.Sequential([keras.layers.Dense(self.hidden_dim, "gelu"), keras.layers.Dense(depth)])
            for _ in range(self.num_layers)
        ]
        for block in self.blocks:
            block.build((*rest, 2 * depth))

    def call(self, x: Any, mask: Any) -> Any:
        real = ops.cast(ops.expand_dims(mask, -1), x.dtype)
        for block in self.blocks:
            mean = ops.sum(x * real, axis=1, keepdims=True) / ops.maximum(ops.sum(real, axis=1, keepdims=True), 1)
            x = x + block(ops.concatenate([x, ops.broadcast_to(mean, ops.shape(x))], axis=-1))
        return x


@pytest.fixture
def registered(own_architectures: None) -> None:
    register_encoder(NAME, MeanMixing.from_network, TransformerDecoder.from_network)


@pytest.fixture(scope="module")
def own_run(options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, supportnet.SupportModel]:
    """The folder of a finished run of the encoder, and what `train` returned; don't change it."""
    folder = tmp_path_factory.mktemp("runs") / "own"
    register_encoder(NAME, MeanMixing.from_network, TransformerDecoder.from_network)
    own = {**options, "architecture": NAME, "num_layers": 2, "max_length": 12}
    dataset = TicketDataset("toy", {"train": messages(12, seed=0), "validation": messages(4, seed=1)})
    trained = supportnet.train(dataset, folder, **own)
    del architectures._ARCHITECTURES[NAME]
    return folder, trained


def test_it_is_one_of_the_architectures(registered: None) -> None:
    assert encoder_names() == ["bilstm_attention", "transformer", "conv", "none", NAME]
    config = NetworkConfig(NAME, embedding_dim=16, num_heads=2, num_layers=3)
    encoder = build_encoder(config)
    assert isinstance(encoder, MeanMixing)
    assert (encoder.num_layers, encoder.name) == (3, "encoder")
    assert isinstance(build_decoder(config), TransformerDecoder)
    assert "encoded" in Backbone(config, vocab_size=30).output


@pytest.mark.usefixtures("own_architectures")
def test_a_function_or_where_one_stands() -> None:
    """The layer's name is that of its place in the network, whatever the function gives it."""
    register_encoder("function", lambda config: MeanMixing(config.hidden_dim, 1, config.num_heads, name="mine"))
    register_encoder(
        "place", "supportnet.layers:ConvEncoder.from_network", "supportnet.layers:RecurrentDecoder.from_network"
    )
    assert [build_encoder(NetworkConfig(name)).name for name in ("function", "place")] == ["encoder", "encoder"]
    with pytest.raises(UserError, match=r"^architecture must have a decoder .*: function has none"):
        build_decoder(NetworkConfig("function"))


@pytest.mark.parametrize("name", [*ARCHITECTURES, NAME])
def test_the_name_must_be_new(registered: None, name: str) -> None:
    with pytest.raises(UserError, match=f"^name must be a new one. There is an architecture named '{name}'.$"):
        register_encoder(name, MeanMixing.from_network)


def test_it_trains_and_exports(own_run: tuple[Path, supportnet.SupportModel], registered: None, tmp_path: Path) -> None:
    folder, model = own_run
    assert model.metrics["accuracy"] > 0.8
    assert isinstance(model.backbone.encoder, MeanMixing)
    loaded = supportnet.load_model(folder)
    np.testing.assert_array_equal(loaded.probabilities(TEXTS), model.probabilities(TEXTS))
    exported = ExportedModel(model.export(tmp_path / "saved_models" / "own"))
    np.testing.assert_allclose(exported.probabilities(TEXTS), model.probabilities(TEXTS), atol=1e-5)
    # It learns: an untrained encoder gives another answer.
    loaded.backbone.encoder.set_weights([np.zeros(w.shape) for w in model.backbone.encoder.weights])
    assert not np.allclose(loaded.probabilities(TEXTS), model.probabilities(TEXTS), atol=1e-3)


@pytest.mark.usefixtures("own_architectures")
def test_without_registration_the_run_is_refused_by_name(
    own_run: tuple[Path, supportnet.SupportModel], dataset: TicketDataset, options: dict[str, Any]
) -> None:
    folder, _ = own_run
    refused = rf"config\.json .*architecture must be one of .*, pretrained\. Received: architecture='{NAME}'"
    with pytest.raises(UserError, match=refused):
        supportnet.load_model(folder)
    with pytest.raises(UserError, match=rf"^architecture must be one of .* Received: architecture='{NAME}'$"):
        supportnet.train(dataset, **{**options, "architecture": NAME})
    # Registered again, it loads.
    register_encoder(NAME, MeanMixing.from_network)
    assert supportnet.load_model(folder).classify(["where is my parcel"])


@pytest.mark.slow
def test_it_writes_replies(
    replies_dataset: TicketDataset, reply_options: dict[str, Any], registered: None, tmp_path: Path
) -> None:
    own = {**reply_options, "architecture": NAME, "epochs": 1}
    model = supportnet.train(replies_dataset, task="reply", **own)
    assert isinstance(model.backbone.encoder, MeanMixing)
    assert len(model.reply(TEXTS)) == len(TEXTS)
    register_encoder("reader", MeanMixing.from_network)
    with pytest.raises(UserError, match=r"^architecture must have a decoder to write replies: reader has none"):
        supportnet.train(replies_dataset, tmp_path / "run", task="reply", **{**own, "architecture": "reader"})
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_it_is_compared(
    own_run: tuple[Path, supportnet.SupportModel], dataset: TicketDataset, registered: None
) -> None:
    """Its weights are matched, its gradients measured; it has no attention to show."""
    task = get_task("classify")
    plan = Plan(architectures=("transformer", NAME))
    options = {name: {"embedding_dim": 32, "num_heads": 2, "num_buckets": 1} for name in plan.architectures}

    def build(name: str, own: Any) -> keras.Model:
        return task.compared.network(task.configs({**own, "architecture": name})[0], dataset)

    matched = match_weights(build, options)
    counts = [count_weights(build(name, own)) for name, (own, _) in matched.items()]
    assert counts[1] == pytest.approx(counts[0], rel=0.05)
    # One that has as many weights for every `hidden_dim` can't be matched, and is said to be.
    register_encoder("fixed", lambda config: MeanMixing(4, 1, config.num_heads))
    with pytest.raises(UserError, match=r"^fixed can't be matched: it has [0-9,]+ weights, and shall have "):
        match_weights(build, {**options, "fixed": options[NAME]})

    model = own_run[1].model
    splits = {**dataset.splits, "test": dataset["validation"]}
    compared = TicketDataset("toy", splits)
    assert 0 <= task.compared.score(model, compared).figures["accuracy"] <= 1
    assert attention_maps(model, TEXTS) == []
    norms = gradient_norms(model, compared)
    assert norms.keys() == {"trained", "fresh", "without attention"}
    assert norms["without attention"] == norms["trained"]
    # Through the mean, every earlier token counts.
    assert min(norms["trained"]) > 0


@pytest.mark.slow
def test_it_is_compared_in_processes_of_their_own(registered: None, tmp_path: Path) -> None:
    source = {"name_or_path": "sample"}
    fingerprint = fingerprint_of(prepare(load(**source), messages=200))
    sizes = {"embedding_dim": 16, "hidden_dim": 12, "num_heads": 2, "num_layers": 1, "num_buckets": 300, "epochs": 1}
    run = Run(source, fingerprint, "classify", NAME, options=sizes, messages=200)
    assert list(do_runs([run], tmp_path, jobs=1, progress_bar=False)) == [(run, None)]
    assert read_json(tmp_path / f"{run.key}.json")["figures"]["accuracy"] > 0
    # A function that no other process can import.
    register_encoder("local", lambda config: MeanMixing.from_network(config))
    ((_, error),) = do_runs([replace(run, model="local")], tmp_path, jobs=1, progress_bar=False)
    assert error is not None
    assert "lambda" in error
