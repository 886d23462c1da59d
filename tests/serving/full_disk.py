"""Export version 1 on a disk that is full after some bytes, and print the errors.

python full_disk.py BYTES:FOLDER...
"""

import resource
import signal
import sys

from conftest import make_tiny_classifier

from supportnet.errors import UserError
from supportnet.serving.export import export


def main() -> None:
    model = make_tiny_classifier()
    # Beyond the limit a write fails as on a full disk, once the signal that would end the process is ignored.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for argument in sys.argv[1:]:
        size, _, folder = argument.partition(":")
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), resource.RLIM_INFINITY))
        try:
            export(model, folder, version=1, overwrite=True)
        except UserError as error:
            print(error)


if __name__ == "__main__":
    main()
