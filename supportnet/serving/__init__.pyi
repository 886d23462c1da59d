"""What `supportnet.serving` exports, each name with its module: `__init__.py` and type checkers read it here."""

from .client import Client as Client
from .client import RequestError as RequestError
from .saved_models import ExportedModel as ExportedModel
from .saved_models import ExportedSuggester as ExportedSuggester
from .saved_models import SavedModel as SavedModel
from .saved_models import export as export
from .saved_models import index as index
