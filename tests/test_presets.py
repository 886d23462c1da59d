"""What a preset stands for, and that every architecture takes it."""

import pytest

from supportnet.backbones.encoders import ENCODERS
from supportnet.config import PRESETS, NetworkConfig, get_preset
from supportnet.errors import UserError


@pytest.mark.parametrize("architecture", ENCODERS)
@pytest.mark.parametrize("name", PRESETS)
def test_every_architecture_takes_every_preset(architecture: str, name: str) -> None:
    config = NetworkConfig(architecture=architecture, **get_preset(name))
    assert (config.embedding_dim, config.num_layers) == (PRESETS[name]["embedding_dim"], PRESETS[name]["num_layers"])


def test_they_grow_in_every_size() -> None:
    tiny, small, base = (PRESETS[name] for name in ("tiny", "small", "base"))
    assert tiny.keys() == small.keys() == base.keys()
    assert all(tiny[size] <= small[size] <= base[size] for size in tiny)
    assert tiny["embedding_dim"] < small["embedding_dim"] < base["embedding_dim"]


def test_an_unknown_name() -> None:
    with pytest.raises(UserError, match=r"^preset must be one of tiny, small, base\. Received: preset='huge'$"):
        get_preset("huge")
