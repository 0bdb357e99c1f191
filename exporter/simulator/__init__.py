"""Simulate exchanges over HTTP, with faults on demand."""

from exporter.simulator.configuration import add_demo_accounts, config_text
from exporter.simulator.exchange import Account, Balances, Exchange
from exporter.simulator.faults.injection import FaultInjection, parse_injection
from exporter.simulator.faults.table import FAULTS, GROUPS, Fault
from exporter.simulator.ledger import Entry, Ledger
from exporter.simulator.registry import simulated_exchanges
from exporter.simulator.simulator import Simulator, no_limits

__all__ = [
    "FAULTS",
    "GROUPS",
    "Account",
    "Balances",
    "Entry",
    "Exchange",
    "Fault",
    "FaultInjection",
    "Ledger",
    "Simulator",
    "add_demo_accounts",
    "config_text",
    "no_limits",
    "parse_injection",
    "simulated_exchanges",
]
