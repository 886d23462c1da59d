"""The files for TensorFlow Serving in examples/serving, parsed as strictly as what reads them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from supportnet.serving.server.store import read_config

FILES = Path(__file__).parents[2] / "examples" / "serving"
FIELD = descriptor_pb2.FieldDescriptorProto
INT64, STRING = ".google.protobuf.Int64Value", ".google.protobuf.StringValue"

#: The messages of session_bundle_config.proto and monitoring_config.proto that tensorflow-serving-api leaves out: for
#: each field its number, and its type; a list is repeated.
MESSAGES: dict[str, dict[str, tuple[int, Any]]] = {
    "BatchingParameters": {
        "max_batch_size": (1, INT64),
        "batch_timeout_micros": (2, INT64),
        "max_enqueued_batches": (3, INT64),
        "num_batch_threads": (4, INT64),
        "thread_pool_name": (5, STRING),
        "allowed_batch_sizes": (6, [FIELD.TYPE_INT64]),
        "pad_variable_length_inputs": (7, FIELD.TYPE_BOOL),
    },
    "PrometheusConfig": {"enable": (1, FIELD.TYPE_BOOL), "path": (2, FIELD.TYPE_STRING)},
    "MonitoringConfig": {"prometheus_config": (1, ".supportnet.test.PrometheusConfig")},
}


@pytest.fixture(scope="module")
def messages() -> dict[str, Any]:
    """The classes of `MESSAGES`."""
    file = descriptor_pb2.FileDescriptorProto(
        name="serving_files.proto",
        package="supportnet.test",
        syntax="proto3",
        dependency=[wrappers_pb2.DESCRIPTOR.name],
    )
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            label = FIELD.LABEL_REPEATED if isinstance(kind, list) else FIELD.LABEL_OPTIONAL
            (kind,) = kind if isinstance(kind, list) else [kind]
            of = {"type_name": kind, "type": FIELD.TYPE_MESSAGE} if isinstance(kind, str) else {"type": kind}
            message.field.add(name=field, number=number, label=label, **of)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"supportnet.test.{name}"))
        for name in MESSAGES
    }


class StrictLoader(yaml.SafeLoader):
    """Refuses a key that is there twice, as Kubernetes and Docker do."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"twice the same key: {keys}"
        return super().construct_mapping(node, deep)


def read(name: str) -> Any:
    return yaml.load((FILES / name).read_text("utf-8"), StrictLoader)


def flags(arguments: list[str]) -> dict[str, str]:
    assert all(re.fullmatch(r"--[a-z_]+=\S+", argument) for argument in arguments)
    return dict(argument[2:].split("=", 1) for argument in arguments)


def test_models_config() -> None:
    config = text_format.Parse((FILES / "models.config").read_text("utf-8"), ModelServerConfig())
    (model,) = config.model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == ("tickets", "/models/tickets", "tensorflow")
    assert set(model.version_labels) == {"stable", "canary"}
    (served,) = read_config(FILES / "models.config")
    # Both labels' versions are among those that are kept.
    assert served.policy({1, 2}) == set(served.labels.values())


def test_batching_parameters(messages: dict[str, Any]) -> None:
    text = (FILES / "batching_parameters.txt").read_text("utf-8")
    parameters = text_format.Parse(text, messages["BatchingParameters"]())
    assert parameters.max_batch_size.value == 64
    assert parameters.num_batch_threads.value >= 1
    assert parameters.max_enqueued_batches.value >= 1
    assert not parameters.pad_variable_length_inputs
    with pytest.raises(text_format.ParseError):
        text_format.Parse("max_batch: 1", messages["BatchingParameters"]())


def test_monitoring_config(messages: dict[str, Any]) -> None:
    text = (FILES / "monitoring.config").read_text("utf-8")
    config = text_format.Parse(text, messages["MonitoringConfig"]()).prometheus_config
    assert (config.enable, config.path) == (True, "/monitoring/prometheus/metrics")


def check_flags(arguments: list[str], mounted: dict[str, str]) -> None:
    """Each file that a flag names is mounted, and is there."""
    given = flags(arguments)
    for flag in ("model_config_file", "batching_parameters_file", "monitoring_config_file"):
        assert (FILES / mounted[given[flag]]).is_file()
    assert given["allow_version_labels_for_unavailable_models"] == given["enable_batching"] == "true"


def test_docker_compose() -> None:
    compose = read("docker-compose.yaml")
    assert set(compose) == {"services"}
    (service,) = compose["services"].values()
    known = {
        "image",
        "command",
        "ports",
        "volumes",
        "read_only",
        "restart",
        "stop_grace_period",
        "deploy",
        "healthcheck",
    }
    assert set(service) == known
    assert re.fullmatch(r"tensorflow/serving:\d+\.\d+\.\d+", service["image"])
    mounts = [volume.rsplit(":", 2) for volume in service["volumes"]]
    assert {mode for _, _, mode in mounts} == {"ro"}
    check_flags(service["command"], {inside: outside for outside, inside, _ in mounts})
    assert {port.rpartition(":")[2] for port in service["ports"]} == {"8500", "8501"}
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert "/v1/models/tickets/labels/stable " in service["healthcheck"]["test"][-1]


def test_kubernetes_deployment() -> None:
    deployment = read("kubernetes/deployment.yaml")
    assert (deployment["apiVersion"], deployment["kind"]) == ("apps/v1", "Deployment")
    template = deployment["spec"]["template"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    (container,) = template["spec"]["containers"]
    assert container["image"] == read("docker-compose.yaml")["services"]["tensorflow-serving"]["image"]
    (generated,) = read("kustomization.yaml")["configMapGenerator"]
    config = next(volume for volume in template["spec"]["volumes"] if volume["name"] == "config")
    assert config["configMap"]["name"] == generated["name"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts["models"] == "/models"
    check_flags(container["args"], {f"{mounts['config']}/{name}": name for name in generated["files"]})
    assert all(mount["readOnly"] for mount in container["volumeMounts"])
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    given = flags(container["args"])
    assert ports == {"grpc": int(given["port"]), "rest": int(given["rest_api_port"])}


def test_kubernetes_probes_ask_what_the_server_answers() -> None:
    """The model of models.config, by the label that clients use: ready is who can answer them."""
    template = read("kubernetes/deployment.yaml")["spec"]["template"]["spec"]
    (container,) = template["containers"]
    for probe in ("startupProbe", "readinessProbe"):
        assert container[probe]["httpGet"] == {"path": "/v1/models/tickets/labels/stable/metadata", "port": "rest"}
    stop = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert stop < template["terminationGracePeriodSeconds"]


def test_kubernetes_service_and_kustomization() -> None:
    service, deployment = read("kubernetes/service.yaml"), read("kubernetes/deployment.yaml")
    assert (service["apiVersion"], service["kind"]) == ("v1", "Service")
    assert service["spec"]["selector"].items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    named = {port["name"] for port in container["ports"]}
    assert {port["targetPort"] for port in service["spec"]["ports"]} == named
    kustomization = read("kustomization.yaml")
    assert kustomization["kind"] == "Kustomization"
    assert all((FILES / path).is_file() for path in kustomization["resources"])
