"""Simulate BtcTurk and TruBit Business over HTTP, with faults on demand."""

from exporter.simulator.configuration import add_demo_accounts, config_text
from exporter.simulator.exchange import Account
from exporter.simulator.faults.injection import Showing, parse_showing
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
    "Ledger",
    "Showing",
    "Simulator",
    "add_demo_accounts",
    "config_text",
    "parse_showing",
]
