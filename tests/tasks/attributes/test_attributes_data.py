"""What a training of attributes takes from tickets, and what it refuses."""

from dataclasses import replace

import pytest

from supportnet.data.ticket import Ticket, TicketDataset
from supportnet.errors import UserError
from supportnet.tasks import get_task
from supportnet.tasks.attributes.calibrate import Temperatures
from supportnet.tasks.attributes.config import AttributesConfig
from supportnet.tasks.attributes.data import examples_of, split, targets_of, values_of

LABELS = [{"priority": "high"}, {"priority": "low"}, {"priority": "low", "channel": "mail"}, {"channel": "chat"}, {}]
TICKETS = [Ticket(f"message {i}", labels=labels) for i, labels in enumerate(LABELS)]
HELD_OUT = [Ticket("known", labels={"priority": "high"}), Ticket("never seen", labels={"priority": "urgent"})]


def test_split() -> None:
    """Messages without labels, and validation messages with none that training has, are left out."""
    found = split(TicketDataset("toy", {"train": TICKETS, "validation": HELD_OUT}), AttributesConfig())
    assert found.tickets == TICKETS[:4]
    assert [ticket.text for ticket in found.validation] == ["known"]
    assert found.values == {"channel": ["chat", "mail"], "priority": ["high", "low"]}
    assert (found.facts["train_messages"], found.facts["validation_messages"]) == (4, 1)
    assert found.texts == [ticket.text for ticket in TICKETS[:4]]


def test_labels_are_part_of_the_fingerprint() -> None:
    twice = [*TICKETS, *TICKETS]
    prints = [
        split(TicketDataset("toy", {"train": own, "validation": HELD_OUT}), AttributesConfig()).facts["fingerprint"]
        for own in (
            twice,
            [*twice, Ticket("hi")],
            [replace(TICKETS[0], labels={"channel": "mail"}), *twice[1:]],
        )
    ]
    assert prints[0] == prints[1] != prints[2]


def test_validation_is_cut_off() -> None:
    tickets = [replace(ticket, conversation=str(i)) for i, ticket in enumerate(TICKETS[:3] * 10)]
    found = split(TicketDataset("toy", {"all": [*tickets, TICKETS[3]]}), AttributesConfig(validation_share=0.2))
    assert (len(found.tickets), len(found.validation)) == (25, 6)


def test_nothing_to_validate_on() -> None:
    with pytest.warns(UserWarning, match="no validation messages with attributes"):
        found = split(TicketDataset("toy", {"train": TICKETS, "validation": HELD_OUT[1:]}), AttributesConfig())
    assert found.validation == []


def test_no_labels() -> None:
    """Or the column that holds them isn't named."""
    with pytest.raises(UserError, match=r"No message of toy has an attribute\. .*--attribute-columns"):
        split(TicketDataset("toy", {"train": [Ticket("hi", "greet")]}), AttributesConfig())


def test_one_value_only() -> None:
    tickets = [Ticket("hi", labels={"priority": "low"})] * 2
    with pytest.raises(UserError, match=r"The attribute priority must have at least two values .* one: 'low'"):
        split(TicketDataset("toy", {"train": tickets, "validation": tickets}), AttributesConfig())


def test_the_task_asks_for_labels_in_both_splits() -> None:
    dataset = TicketDataset("toy", {"train": TICKETS, "test": [Ticket("hi", "greet")]})
    with pytest.raises(UserError, match="toy has no attributes in its split test: the task attributes needs them"):
        get_task("attributes").check_data(dataset)


def test_targets() -> None:
    """A value that training lacks counts as none."""
    values = values_of(TICKETS)
    assert targets_of(TICKETS, values).tolist() == [[-1, 0], [-1, 1], [1, 1], [0, -1], [-1, -1]]
    assert targets_of(HELD_OUT, values).tolist() == [[-1, 0], [-1, -1]]
    assert targets_of([], values).shape == (0, 2)
    channel, priority = examples_of(TICKETS, values)
    assert (channel.texts, channel.targets.tolist()) == (["message 2", "message 3"], [1, 0])
    assert (priority.texts, priority.targets.tolist()) == (["message 0", "message 1", "message 2"], [0, 1, 1])


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("batch_size", 0, "batch_size must be at least 1"),
        ("label_smoothing", 1.0, "label_smoothing must be"),
        ("label_smoothing", -0.1, "label_smoothing must be"),
        ("epochs", 0, "epochs must be at least 1"),
    ],
)
def test_options_out_of_range(option: str, value: float, message: str) -> None:
    with pytest.raises(UserError, match=f"{message}.*Received: {option}={value}"):
        AttributesConfig(**{option: value})


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_temperatures_are_above_zero(temperature: float) -> None:
    with pytest.raises(UserError, match="The temperature of priority must be above 0"):
        Temperatures({"priority": temperature})
