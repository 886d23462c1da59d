"""The decoders' contract: causal, deaf to padding, and the same one token at a time."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from stack_table import CONFIG, DECODERS

from supportnet.errors import UserError
from supportnet.layers import Decoder, PrefixDecoder, RecurrentDecoder, TransformerDecoder

needs_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="traces TensorFlow's graph")


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=0.5, size=shape).astype("float32")


X, MEMORY = random(4, 6, 8), random(4, 5, 8, seed=1)
# The third memory has no tokens.
MASK = np.arange(5) < np.array([[5], [2], [0], [1]])


@pytest.fixture(params=DECODERS, ids=str)
def decoder(request: pytest.FixtureRequest) -> Any:
    return make(request.param)


def make(decoder: Any, **options: Any) -> Any:
    """Make a decoder of two blocks with random weights."""
    decoder = decoder(**{"num_layers": 2, **options})
    decoder.build(X.shape)
    decoder.set_weights([random(*weight.shape, seed=i) for i, weight in enumerate(decoder.weights)])
    return decoder


def whole(decoder: Any, x: Any = X, memory: Any = MEMORY, mask: Any = MASK) -> np.ndarray:
    return ops.convert_to_numpy(ops.cast(decoder(x, memory, memory_mask=mask), "float32"))


def begin(decoder: Any, memory: Any = MEMORY, mask: Any = MASK, max_length: int = 7) -> dict[str, Any]:
    return decoder.start(ops.array(memory), ops.array(mask), max_length)


def stepwise(decoder: Any, x: Any = X, memory: Any = MEMORY, mask: Any = MASK) -> np.ndarray:
    state, outputs = begin(decoder, memory, mask), []
    for time in range(x.shape[1]):
        output, state = decoder.step(ops.array(x[:, time]), time, state)
        outputs.append(ops.convert_to_numpy(ops.cast(output, "float32")))
    return np.stack(outputs, axis=1)


def test_steps_give_what_the_call_gives(decoder: Any) -> None:
    np.testing.assert_allclose(stepwise(decoder), whole(decoder), atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_steps_are_near_the_call_in_half_precision(policy: str) -> None:
    for each in DECODERS:
        decoder = make(each, dtype=policy)
        np.testing.assert_allclose(stepwise(decoder), whole(decoder), atol=0.1)


def test_a_later_token_changes_nothing_before_it(decoder: Any) -> None:
    before = whole(decoder)
    for time in range(1, 6):
        changed = X.copy()
        changed[:, time:] = 1e3
        after = whole(decoder, changed)
        np.testing.assert_allclose(after[:, :time], before[:, :time], atol=1e-5)
        assert np.abs(after[:, time] - before[:, time]).max() > 1e-2


@needs_tensorflow
def test_no_gradient_flows_back_from_an_output_to_later_tokens(decoder: Any) -> None:
    import tensorflow as tf

    x = tf.constant(X)
    for time in range(6):
        with tf.GradientTape() as tape:
            tape.watch(x)
            # Weighted, because the sum of a normalized vector never changes.
            output = tf.reduce_sum(decoder(x, MEMORY, memory_mask=MASK)[:, time] * random(8, seed=2))
        gradient = tape.gradient(output, x).numpy()
        np.testing.assert_array_equal(gradient[:, time + 1 :], 0)
        assert (np.abs(gradient[:, : time + 1]).max(axis=(0, 2)) > 1e-6).all()


def test_more_padding_in_the_memory_changes_nothing(decoder: Any) -> None:
    longer = np.concatenate([MEMORY, random(4, 3, 8, seed=2)], axis=1)
    mask = np.pad(MASK, ((0, 0), (0, 3)))
    for run in (whole, stepwise):
        np.testing.assert_allclose(run(decoder, X, longer, mask), run(decoder), atol=1e-5)


def test_what_stands_in_the_padding_changes_nothing(decoder: Any) -> None:
    filled = np.where(MASK[..., None], MEMORY, np.nan).astype("float32")
    for run in (whole, stepwise):
        np.testing.assert_allclose(run(decoder, X, filled), run(decoder), atol=1e-5)


def test_every_token_of_the_memory_counts_at_every_position(decoder: Any) -> None:
    before = whole(decoder)
    for place in range(5):
        changed = MEMORY.copy()
        # Not by the same in every column: that is normalized away.
        changed[0, place] += random(8, seed=2)
        assert (np.abs(whole(decoder, X, changed)[0] - before[0]).max(axis=-1) > 1e-5).all()


def test_a_target_alone_gives_the_same_as_in_a_batch(decoder: Any) -> None:
    for run in (whole, stepwise):
        together = run(decoder)
        for row in range(4):
            one = slice(row, row + 1)
            np.testing.assert_allclose(run(decoder, X[one], MEMORY[one], MASK[one]), together[one], atol=1e-5)


def test_reordered_rows_go_on_as_those_they_were(decoder: Any) -> None:
    rows = np.array([3, 0, 0, 1, 1], "int32")
    state = begin(decoder)
    for time in range(3):
        _, state = decoder.step(ops.array(X[:, time]), time, state)
    picked = decoder.reorder(state, ops.array(rows))
    output, _ = decoder.step(ops.array(X[rows, 3]), 3, picked)
    np.testing.assert_allclose(output, whole(decoder)[rows, 3], atol=1e-5)


def test_a_state_names_its_tensors_and_has_the_batch_first(decoder: Any) -> None:
    state = begin(decoder)
    _, after = decoder.step(ops.array(X[:, 0]), 0, state)
    shapes = [keras.tree.map_structure(lambda tensor: str(tuple(tensor.shape)), each) for each in (state, after)]
    assert shapes[0] == shapes[1]
    if isinstance(decoder, PrefixDecoder):
        block = {"self_keys": "(4, 2, 12, 4)", "self_values": "(4, 2, 12, 4)"}
        assert shapes[0] == {"bias": "(4, 1, 12)", "block_0": block, "block_1": block}
        return
    own = {"hidden": "(4, 12)", "carry": "(4, 12)"} if isinstance(decoder, RecurrentDecoder) else {}
    caches = {} if own else {"self_keys": "(4, 2, 7, 4)", "self_values": "(4, 2, 7, 4)"}
    block = {**caches, "cross_keys": "(4, 2, 5, 4)", "cross_values": "(4, 2, 5, 4)"}
    assert shapes[0] == {"memory_bias": "(4, 1, 5)", **own, "block_0": block, "block_1": block}


@needs_tensorflow
@pytest.mark.parametrize("batch", [4, 1, 0])
def test_a_loop_in_a_graph_gives_the_same_for_any_batch(decoder: Any, batch: int) -> None:
    import tensorflow as tf

    shapes = [tf.TensorSpec((None, None, 8)), tf.TensorSpec((None, None, 8)), tf.TensorSpec((None, None), tf.bool)]

    @tf.function(input_signature=shapes)
    def run(x: Any, memory: Any, mask: Any) -> Any:
        def body(time: Any, outputs: Any, state: Any) -> Any:
            output, state = decoder.step(x[:, time], time, state)
            return time + 1, outputs.write(time, output), state

        outputs = tf.TensorArray(tf.float32, size=6, element_shape=(None, 8))
        loop = (0, outputs, decoder.start(memory, mask, 7))
        return tf.transpose(tf.while_loop(lambda time, *_: time < 6, body, loop)[1].stack(), (1, 0, 2))

    result = run(X[:batch], MEMORY[:batch], MASK[:batch])
    np.testing.assert_allclose(result, whole(decoder)[:batch], atol=1e-5)
    functions = run.get_concrete_function().graph.as_graph_def().library.function
    operations = {node.op for function in functions for node in function.node_def}
    assert operations
    assert not [name for name in operations if name.startswith("Xla")]


def test_dropout_is_for_training_only() -> None:
    for each in DECODERS:
        decoder = make(each, dropout_rate=0.5)
        np.testing.assert_array_equal(whole(decoder), whole(decoder))
        np.testing.assert_allclose(stepwise(decoder), whole(decoder), atol=1e-5)
        dropped = ops.convert_to_numpy(decoder(X, MEMORY, memory_mask=MASK, training=True))
        assert np.abs(dropped - whole(decoder)).max() > 0.1


def test_an_lstm_step_worked_by_hand() -> None:
    decoder = RecurrentDecoder(hidden_dim=1, num_layers=1, num_heads=1)
    decoder.build((None, None, 2))
    for weight in decoder.weights:
        if not weight.path.endswith("gamma"):
            weight.assign(np.zeros(weight.shape))
    # Hidden state and carry begin with tanh of the memory's mean, 0.5. With weights of zero each gate is open by half
    # and nothing new comes in: the carry is halved, and half of its tanh is added to the first column.
    decoder.begin.kernel.assign([[0, 1], [0, 0]])
    decoder.project.kernel.assign([[1, 0]])
    memory = np.array([[[0.2, 9], [0.8, 9], [7, 7]]], "float32")
    carry = np.tanh(0.5) / 2
    read = np.array([0.5 * np.tanh(carry), 0.5 * np.tanh(carry / 2)])
    x = np.array([[[0.1, 0], [0.05, 0.2]]], "float32")
    # Of two numbers a and b, the normalized first is d / sqrt(d^2 + 1e-5), where d = (a - b) / 2.
    half = (x[0, :, 0] + read - x[0, :, 1]) / 2
    expected = half / np.sqrt(half**2 + 1e-5)
    output = whole(decoder, x, memory, np.array([[True, True, False]]))
    np.testing.assert_allclose(output[0], np.stack([expected, -expected], axis=1), atol=1e-4)


def test_one_transformer_block_worked_by_hand() -> None:
    decoder = TransformerDecoder(hidden_dim=1, num_layers=1, num_heads=1, max_length=2)
    decoder.build((None, None, 2))
    for weight in decoder.weights:
        if not weight.path.endswith("gamma"):
            weight.assign(np.zeros(weight.shape))
    (block,) = decoder.blocks
    block.cross_attention.value_dense.kernel.assign(np.eye(2))
    block.cross_attention.output_dense.kernel.assign(np.eye(2))
    # All scores are 0: the mean of the memory's real tokens, [2, 0], is added to sqrt(2) [1, 1] + [0, 1].
    memory = np.array([[[1, 3], [3, -3], [9, 9]]], "float32")
    output = whole(decoder, np.ones((1, 1, 2), "float32"), memory, np.array([[True, True, False]]))
    np.testing.assert_allclose(output, [[[1, -1]]], atol=1e-4)


def test_one_prefix_block_worked_by_hand() -> None:
    decoder = PrefixDecoder(hidden_dim=1, num_layers=1, num_heads=1, max_length=2, max_memory_length=3, norm="post")
    decoder.build((None, None, 2))
    for weight in decoder.weights:
        if not weight.path.endswith("gamma"):
            weight.assign(np.zeros(weight.shape))
    attention = decoder.blocks[0].self_attention
    attention.input_dense.kernel.assign(np.hstack([np.zeros((2, 4)), np.eye(2)]))
    attention.output_dense.kernel.assign(np.eye(2))
    # All scores are 0: to sqrt(2) x + [0, 1], both target and memory, is added the mean of those up to it. Of the
    # memory that is sqrt(2) [2, 2] + [0, 1], of the target [0, 1], which gets the mean of the two.
    memory = np.array([[[2, 2], [9, 7]]], "float32")
    output = whole(decoder, np.zeros((1, 1, 2), "float32"), memory, np.array([[True, False]]))
    np.testing.assert_allclose(output, [[[-1, 1]]], atol=1e-4)
    attention.output_dense.kernel.assign([[9, 0], [0, 0]])
    # The first column of the mean is sqrt(2); nine times it is more than 1.
    output = whole(decoder, np.zeros((1, 1, 2), "float32"), memory, np.array([[True, False]]))
    np.testing.assert_allclose(output, [[[1, -1]]], atol=1e-4)


def test_a_network_makes_its_decoder_from_its_configuration() -> None:
    """A decoder that reads the message as well has the blocks of an encoder and a decoder."""
    lengths = {
        RecurrentDecoder: {"num_layers": 2},
        TransformerDecoder: {"num_layers": 2, "max_length": 9},
        PrefixDecoder: {"num_layers": 4, "max_length": 9, "max_memory_length": 8},
    }
    for each in DECODERS:
        decoder = each.layer.from_network(CONFIG)
        assert decoder.name == "decoder"
        sizes = {"hidden_dim": 12, "num_heads": 2, "dropout_rate": 0.1, **lengths[each.layer]}
        assert decoder.get_config().items() >= sizes.items()


def test_a_decoder_without_steps_is_none() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Decoder(hidden_dim=6, num_layers=1, num_heads=2)


SIZES = {"hidden_dim": 6, "num_layers": 1, "num_heads": 2, "dropout_rate": 0.1}


@pytest.mark.parametrize("each", DECODERS, ids=str)
@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("hidden_dim", 0, "must be at least 1"),
        ("num_layers", 0, "must be at least 1"),
        ("num_layers", 1.5, "must be a whole number"),
        ("num_heads", 3, r"must be at least 1 and divide the depth \(8\)"),
        ("dropout_rate", 1.0, "must be at least 0 and below 1"),
    ],
)
def test_the_numbers_are_checked(each: Any, name: str, value: float, rule: str) -> None:
    with pytest.raises(UserError, match=f"^{name} {rule}. Received: {name}={value}$"):
        whole(each(**{name: value}))


def test_lengths_are_checked() -> None:
    with pytest.raises(UserError, match=r"^max_length must be at least 1\. Received: max_length=0$"):
        TransformerDecoder(**SIZES, max_length=0)
    decoder = make(TransformerDecoder, **SIZES, max_length=9)
    with pytest.raises(UserError, match=r"at most max_length=9 long\. Received: length=10"):
        whole(decoder, random(4, 10, 8))
    with pytest.raises(UserError, match=r"at most that of the positions \(9\)\. Received: max_length=10$"):
        begin(decoder, max_length=10)
    with pytest.raises(UserError, match=r"^max_memory_length must be at least 1\. Received: max_memory_length=0$"):
        PrefixDecoder(**SIZES, max_length=9, max_memory_length=0)
    with pytest.raises(UserError, match=r"at most max_length=8 long\. Received: length=9"):
        whole(
            make(PrefixDecoder, **SIZES, max_length=9, max_memory_length=8), X, random(4, 9, 8), np.ones((4, 9), bool)
        )
    for each in DECODERS:
        with pytest.raises(UserError, match=r"^max_length must be at least 1\. Received: max_length=0$"):
            begin(make(each), max_length=0)
