"""Put the sections of a configuration together."""

from exporter.config.schema import Section
from exporter.config.settings import ACCOUNTS, DEFAULTS, LIMITS, RETIRED
from exporter.config.valuation_settings import VALUATION

CONFIGURATION = Section("", "The configuration.", (DEFAULTS, LIMITS, ACCOUNTS, RETIRED, VALUATION))
