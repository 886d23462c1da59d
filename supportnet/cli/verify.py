"""`supportnet verify`."""

from dataclasses import asdict

import click

from supportnet.cli.common import print_result, start_tensorflow
from supportnet.cli.options import json_option
from supportnet.tables import table_lines

#: What the table says of a check; a figure has no limit.
MARKS = {True: "pass", False: "FAIL", None: "figure"}


@click.command()
@click.argument("model", metavar="MODEL")
@json_option
def verify(model: str, as_json: bool) -> None:
    """Check an exported model before its release. MODEL is NAME (its highest version) or NAME/VERSION.

    Its operations, signatures, assets and size; then, loaded by TensorFlow's C API in a process without supportnet and
    keras: its warm-up, its latency, whether a batch changes answers, and messages that are no text. The exit code is 1
    if any check fails.

    \b
    supportnet verify saved_models/support
    supportnet verify saved_models/support/3 --json
    """
    start_tensorflow()
    from supportnet.serving.verify import verify as verify_model
    from supportnet.serving.verify.static_checks import SavedModelFiles

    folder = SavedModelFiles(model).folder
    checks = verify_model(folder)
    passed = all(check.passed is not False for check in checks)
    value = {"model": str(folder), "passed": passed, "checks": [asdict(check) for check in checks]}
    rows = [{"": MARKS[check.passed], "check": check.name, "found": check.says} for check in checks]
    print_result(as_json, value, (*table_lines(rows), f"\n{folder} {'passed' if passed else 'failed'}"))
    if not passed:
        click.get_current_context().exit(1)
