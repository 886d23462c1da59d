"""What `supportnet.pretrained` exports, each name with its module: `__init__.py` and type checkers read it here."""

from .encoder import PretrainedEncoder as PretrainedEncoder
from .encoder import load_encoder as load_encoder
from .folder import PretrainedFolder as PretrainedFolder
from .folder import read_folder as read_folder
from .pooling import SentencePooling as SentencePooling
from .weights import fetch_weights as fetch_weights
from .weights import list_weights as list_weights
from .weights import weights_folder as weights_folder
