"""Simulate BtcTurk and TruBit Business over HTTP, with faults on demand."""

from exporter.simulator.configuration import add_demo_accounts, config_text
from exporter.simulator.exchange import Account
from exporter.simulator.faults.injection import FaultInjection, parse_injection
from exporter.simulator.faults.table import FAULTS, GROUPS, Fault
from exporter.simulator.ledger import Entry, Ledger
from exporter.simulator.simulator import Balances, Simulator

__all__ = [
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
