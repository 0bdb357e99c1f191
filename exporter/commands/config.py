"""Print a commented configuration or its JSON Schema: the command `config`."""

import json

from exporter.config.example import config_example
from exporter.config.json_schema import json_schema


def text_of(action: str) -> str:
    """Return what `config init` or `config schema` prints."""
    if action == "init":
        return config_example()
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
