"""The optional packages that measuring needs, asked for only when it begins."""

from importlib import import_module
from types import ModuleType

from streams.errors import ToolMissingError

EXTRA = "pip install 'latido[evaluate]'"


def needed(module: str) -> ModuleType:
    """Import a module of the extra `evaluate`; raises `ToolMissingError` where it is not installed."""
    try:
        return import_module(module)
    except ImportError:
        package = {"sklearn": "scikit-learn"}.get(module.partition(".")[0], module.partition(".")[0])
        raise ToolMissingError(f"Measuring the churn risk needs {package}, which is not here: {EXTRA}.") from None
