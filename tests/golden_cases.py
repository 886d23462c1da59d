"""Small models and sentences of which other libraries gave the numbers: tests/golden holds them, tests/oracles asks."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from supportnet.layers import DecoderBlock, TransformerEncoder

GOLDEN = Path(__file__).parent / "golden"

LENGTHS = [6, 3, 1]
MASK = np.arange(6) < np.array(LENGTHS)[:, None]

SLOTS = ["{order_number}", "{first_name}"]
#: Enough of them repeat for some merges.
REPLIES = [
    "Your order {order_number} is on its way to you, {first_name}.",
    "Is your order here? It's on its way, isn't it?",
    "Ihre Bestellung {order_number} ist unterwegs, größere Pakete später.",
    "Votre commande n'est pas annulée, désolé {first_name}.",
    "您的订单{order_number}正在路上，请稍等。",
    "您的退款正在路上。",
    "Ваш заказ уже в пути.",
    "आपका ऑर्डर रास्ते में है।",
] * 2
SENTENCES = [
    "",
    "Your order is on its way.",
    "  two  spaces\n\nand lines\t",
    "{order_number}{first_name}, {unknown} {order_number",
    "It's theirs; they'll've it. 12345.67€",
    "Später, größer, ÉÀ e\u0301 İı ß",
    "您的订单在路上，退款吗？",
    "Где мой заказ?",
    "मेरा ऑर्डर कहाँ है?",
    "أين طلبي؟ שלום",
    "주문이 어디에 있나요? 注文はどこですか。",
    "👍🏽 👩‍👩‍👧‍👦🇩🇪",
]


def random(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(scale=0.5, size=shape).astype("float32")


VECTORS = random(3, 6, 8)
MEMORY = random(3, 6, 8, seed=9)


def randomize(layer: Any) -> None:
    """Weights of which no two are alike, biases and scales too: one that is mixed up shows."""
    layer.set_weights([random(*weight.shape, seed=i) for i, weight in enumerate(layer.weights)])


def transformer_encoder() -> TransformerEncoder:
    encoder = TransformerEncoder(hidden_dim=12, num_layers=2, num_heads=2, max_length=6)
    encoder.build(VECTORS.shape)
    randomize(encoder)
    return encoder


def decoder_block(norm: str) -> DecoderBlock:
    block = DecoderBlock(num_heads=2, hidden_dim=12, norm=norm)
    block.build(VECTORS.shape)
    randomize(block)
    return block


def read_golden(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text("utf-8"))


def write_golden(name: str, content: dict[str, Any]) -> None:
    """Write a line for each key, so that a difference shows where it is."""
    lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in content.items()]
    (GOLDEN / name).write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
