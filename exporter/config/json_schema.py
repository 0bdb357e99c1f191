"""Describe the configuration to editors, as a JSON Schema: `config schema`."""

from typing import Any

from exporter.config.configuration import CONFIGURATION
from exporter.config.schema import Member, Setting
from exporter.config.settings import FAMILY_PATTERN


def json_schema() -> dict[str, Any]:
    """Return the schema of one file; it can't know variables, secrets, or other files."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of exchange-balance-exporter",
        **_schema(CONFIGURATION),
    }


def _schema(member: Member) -> dict[str, Any]:
    if isinstance(member, Setting):
        default = f" Default: {member.shown_default}." if member.shown_default else ""
        text = f"{member.doc}{default}"
        return {"description": text, "examples": [member.example.strip('"')], **member.kind.schema}
    mapping = {
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {each.key: _schema(each) for each in member.members},
    }
    if member.form == "names":
        names = dict.fromkeys(member.names, mapping)
        mapping = {**mapping, "properties": names, "patternProperties": {FAMILY_PATTERN: mapping}}
    elif member.form == "list":
        items = {**mapping, "type": "object", "required": [member.members[0].key]}
        return {"description": member.doc, "type": ["array", "null"], "items": items}
    return {"description": member.doc, **mapping}
