"""The tables of `serving.py`, in markdown, from what its results file holds."""

from collections.abc import Callable
from typing import Any

from intent_results import NAMES


def tables(results: dict[str, Any]) -> str:
    """Return the table of every phase that was done."""
    return "\n\n".join("\n".join(TABLES[phase](results[phase])) for phase in TABLES if phase in results)


def _speed(rows: list[dict[str, Any]]) -> list[str]:
    return [
        "| classify, one core | one message of 12 words | of the CPU | a second, batches of 64 | of the SVM's |",
        "|---|---|---|---|---|",
        *(
            f"| {NAMES[row['model']]} | {row['milliseconds_per_message']:.2f} ms | "
            f"{row['cpu_milliseconds_per_message']:.2f} ms | {row['messages_per_second']:,.0f} | "
            f"{row['times_svm_throughput']:.2f} |"
            for row in rows
        ),
    ]


def _start(rows: list[dict[str, Any]]) -> list[str]:
    return [
        "| start | load and first answer | warm-up | first request after it | size | of the parameters' |",
        "|---|---|---|---|---|---|",
        *(
            f"| {NAMES[row['model']]} | {row['cold_start_seconds']:.2f} s | {row['warm_up_seconds']:.2f} s | "
            f"{row['first_request_milliseconds']:.1f} ms | {row['bytes'] / 1e6:.1f} MB | "
            f"{row['times_parameters']:.2f} |"
            for row in rows
        ),
    ]


def _load(found: dict[str, Any]) -> list[str]:
    names = {"alone": "REST, 1 connection", "rest": "REST, {} connections", "grpc": "gRPC, {} connections"}
    return [
        "| stand-in server, one core | requests | errors | median | 99% | a second | memory |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {name.format(found['connections'])} | {found[key]['requests']:,} | {found[key]['errors']} | "
            f"{found[key]['median_ms']:.1f} ms | {found[key]['p99_ms']:.1f} ms | {found[key]['per_second']:,.0f} | "
            f"{_memory(found[key].get('megabytes'))} |"
            for key, name in names.items()
        ),
    ]


def _memory(readings: list[float] | None) -> str:
    return f"{readings[0]:,.0f} MB, then {readings[-1]:,.0f} MB" if readings else "–"


def _reload(found: dict[str, Any]) -> list[str]:
    return [
        "| hot reload under load | requests | errors | answers looked at | of neither version | 99% |",
        "|---|---|---|---|---|---|",
        f"| {found['versions']} versions | {found['requests']:,} | {found['errors']} | {found['answers']:,} | "
        f"{found['strange']} | {found['p99_ms']:.1f} ms |",
    ]


TABLES: dict[str, Callable[[Any], list[str]]] = {"speed": _speed, "start": _start, "load": _load, "reload": _reload}
