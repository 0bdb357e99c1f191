"""List the exchanges: each file here defines some, and so may any other installed package."""

import sys

from exporter.exchange_api.base import Exchange
from exporter.exchange_api.registry import ExchangeFamily, Registry
from exporter.runtime.plugins import in_folder, in_packages

GROUP = "exchange_balance_exporter.exchanges"

EXCHANGES = Registry(
    [*in_folder(sys.modules[__name__], Exchange), *in_packages(GROUP, Exchange)],
    [
        *in_folder(sys.modules[__name__], ExchangeFamily),
        *in_packages(GROUP, ExchangeFamily),
    ],
)
