"""Train, and die without a word in the middle of writing the checkpoint of one epoch.

python train_and_die.py DATA RUN EPOCH OPTIONS
"""

import json
import os
import signal
import sys
from typing import Any, BinaryIO

import numpy as np

from supportnet.tasks.train import train

data, run, epoch, options = sys.argv[1:]
savez = np.savez


def half_of_it(file: BinaryIO, **arrays: Any) -> None:
    if json.loads(str(arrays["progress"]))["epoch"] < int(epoch):
        savez(file, **arrays)
        return
    file.write(b"PK\3\4 and no more")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)


np.savez = half_of_it
train(data, run, resume=True, **json.loads(options))
