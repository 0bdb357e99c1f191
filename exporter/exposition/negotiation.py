"""Choose the format and the content coding of a response from the request's headers."""

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import lru_cache

from exporter.exposition.families import Format

VARY = "Accept, Accept-Encoding"


class Encoding(Enum):
    """The content codings, by their name in `Content-Encoding`."""

    IDENTITY = "identity"
    GZIP = "gzip"


# RFC 9110, 12.4.2: at most three decimals. Anything else counts as 0, not acceptable.
_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")
_OPENMETRICS_RANKS = {"1.0.0": 5, "0.0.1": 4, "": 4}
_TEXT_RANKS = {"0.0.4": 5, "": 4}


@lru_cache(maxsize=32)
def choose_format(accept: str) -> Format:
    """Return the format that `Accept` prefers; text if both are equal or neither is accepted."""
    best = dict.fromkeys(Format, (0, 0.0))  # rank and weight: the most specific range counts
    for media_range, parameters, weight in _items(accept):
        for offer in Format:
            if rank := _rank(offer, media_range, parameters):
                best[offer] = max(best[offer], (rank, weight))
    _, text = best[Format.TEXT]
    _, openmetrics = best[Format.OPENMETRICS]
    return Format.OPENMETRICS if openmetrics > text else Format.TEXT


@lru_cache(maxsize=32)
def choose_encoding(accept_encoding: str) -> Encoding:
    """Return gzip if it is accepted with at least the weight of identity, else identity."""
    weights = {coding: weight for coding, _, weight in _items(accept_encoding)}
    others = weights.get("*", 0.0)
    gzip = weights.get("gzip", weights.get("x-gzip", others))
    identity = weights.get("identity", others)
    return Encoding.GZIP if gzip > 0 and gzip >= identity else Encoding.IDENTITY


def _rank(offer: Format, media_range: str, parameters: Mapping[str, str]) -> int:
    """Return how specifically a media range matches a format; 0 if it does not."""
    media_type = offer.content_type.partition(";")[0]
    if media_range == media_type:
        ranks = _TEXT_RANKS if offer is Format.TEXT else _OPENMETRICS_RANKS
        return ranks.get(parameters.get("version", ""), 0)
    if media_range == media_type.partition("/")[0] + "/*":
        return 2
    return 1 if media_range == "*/*" else 0


def _items(header: str) -> Iterator[tuple[str, Mapping[str, str], float]]:
    """Yield name, parameters and weight of each item of a header, in lower case."""
    for item in header.lower().split(","):
        name, *rest = (part.strip() for part in item.split(";"))
        parameters = dict(_parameter(part) for part in rest)
        weight = parameters.get("q", "1")
        yield name, parameters, float(weight) if _WEIGHT.fullmatch(weight) else 0.0


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip().strip('"')
