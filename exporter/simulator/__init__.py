"""Simulate BtcTurk and TruBit Business over HTTP, with faults on demand."""

from exporter.simulator.configuration import add_demo_accounts, config_text
from exporter.simulator.exchange import Account
from exporter.simulator.faults.injection import FaultInjection, parse_injection
from exporter.simulator.faults.table import FAULTS, GROUPS, Fault
from exporter.simulator.ledger import Entry, Ledger
from exporter.simulator.simulator import DOCUMENTED_LIMITS, Balances, Simulator

__all__ = [
    "DOCUMENTED_LIMITS",
    "FAULTS",
    "GROUPS",
    "Account",
    "Balances",
    "Entry",
    "Fault",
    "FaultInjection",
    "Ledger",
    "Simulator",
    "add_demo_accounts",
    "config_text",
    "parse_injection",
]
