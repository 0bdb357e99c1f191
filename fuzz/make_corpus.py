"""Make the seed corpus from what the project already knows: `python -m fuzz.make_corpus`.

Recorded responses, every simulated fault, the broken and the good configuration files, and headers
and amounts of every kind. The same code always makes the same files.
"""

import asyncio
import json
import shutil
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from exporter.exchanges import EXCHANGES
from exporter.simulator import (
    FAULTS,
    FaultInjection,
    Ledger,
    Simulator,
    no_limits,
    simulated_exchanges,
)
from exporter.simulator.faults.injection import Schedule
from exporter.simulator.gateway import Gateway
from exporter.simulator.messages import CallKind
from exporter.simulator.server import Reply
from exporter.simulator.wire import ClientLeft, Wire
from fuzz import seeds
from fuzz.oracles import CANARY
from fuzz.targets import FOLDER

MAX_BYTES = 16_000

_ROOT = FOLDER.parent
_DATA = _ROOT / "tests" / "data"
_TIME = 1_700_000_000
_BALANCES = {
    "BTC": ("9.7502186644553258", "6.439241464455326", "3.3109771999999998"),
    "TRY": ("27223.7283250757643288", "22349.3654565035348765", "4874.3628685722294523"),
    "DOGE": ("0", "0", "0"),
}

Files = Iterator[tuple[str, bytes]]


def make(folder: Path) -> None:
    """Write the corpus into a folder, in place of what is there."""
    shutil.rmtree(folder, ignore_errors=True)
    for target, files in _corpus().items():
        (folder / target).mkdir(parents=True)
        for name, content in files:
            (folder / target / name).write_bytes(content[:MAX_BYTES])


def _corpus() -> Mapping[str, Files]:
    return {
        "amount": _numbered(seeds.AMOUNTS),
        **{f"{exchange}_balances": _bodies(exchange) for exchange in EXCHANGES},
        "token": _tokens(),
        "retry_after": _numbered(seeds.RETRY_AFTER),
        "response": _responses(),
        "configuration": _configurations(),
        "web_configuration": _web_configurations(),
        "duration": _numbered(seeds.DURATIONS),
        "secret_file": _numbered(seeds.SECRETS),
        "negotiation": _numbered(seeds.ACCEPT + seeds.ACCEPT_ENCODING),
        "authorization": _numbered(_logins()),
        "request": _numbered(seeds.REQUESTS),
        "exposition": _numbered(seeds.EXPOSITIONS),
    }


def _numbered(texts: tuple[str, ...]) -> Files:
    for number, text in enumerate(texts):
        yield f"{number:03}.txt", text.encode("latin-1" if text.isascii() else "utf-8")


def _bodies(exchange: str) -> Files:
    yield "documented.json", (_DATA / "responses" / exchange / "documented.json").read_bytes()
    for fault in FAULTS.values():
        if fault.only in {None, "balances"}:
            body = _reply(exchange, fault.name).response.body
            if body:
                yield f"{fault.name}.json", body
    yield from _rows(exchange)


def _rows(exchange: str) -> Files:
    """Yield responses of one row whose amounts and asset are of every kind, texts and others."""
    style = simulated_exchanges()[exchange].style
    code, first, *rest = (style.fields[name] for name in ("asset", style.main, "free", "locked"))
    for number, text in enumerate(seeds.AMOUNTS):
        row = {code: "BTC", first: text, rest[0]: text, rest[1]: "0"}
        yield f"text-{number:03}.json", _document(exchange, json.dumps(row, ensure_ascii=False))
    for number, literal in enumerate(seeds.JSON_LITERALS):
        for name, asset, amount in (("literal", "BTC", "@"), ("asset", "@", "1")):
            row_text = json.dumps({code: asset, **dict.fromkeys((first, *rest), amount)})
            text = row_text.replace('"@"', literal)
            yield f"{name}-{number:03}.json", _document(exchange, text)


def _document(exchange: str, row: str) -> bytes:
    simulator = Simulator()
    account = simulator.add_account(exchange=exchange, name="a")
    return simulator.exchanges[exchange].document(f"[{row}]".encode(), account)


def _tokens() -> Files:
    yield "good.json", _reply("trubit", None, call="token").response.body
    for fault in FAULTS.values():
        body = _reply("trubit", fault.name, call="token").response.body
        if body and len(body) < MAX_BYTES and not fault.rows and fault.only in {None, "token"}:
            yield f"{fault.name}.json", body
    for number, literal in enumerate(seeds.JSON_LITERALS):
        for name, value, end in (("end", '"t"', literal), ("value", literal, _TIME * 1000)):
            text = f'{{"code":200,"msg":"","data":{{"token":{value},"expireTime":{end}}}}}'
            yield f"{name}-{number:03}.json", text.encode()


def _responses() -> Files:
    first = next(iter(EXCHANGES))
    yield "good.http", asyncio.run(_bytes_of(_reply(first, None)))
    for fault in FAULTS.values():
        if not (fault.rows or fault.only or fault.before):
            yield f"{fault.name}.http", asyncio.run(_bytes_of(_reply(first, fault.name)))
    for number, value in enumerate(seeds.RETRY_AFTER):
        head = f"HTTP/1.1 429 Too Many Requests\r\nRetry-After: {value}\r\nDate: {value}\r\n"
        yield f"retry-after-{number:03}.http", f"{head}Content-Length: 0\r\n\r\n".encode()


def _configurations() -> Files:
    yield "example.yaml", (_ROOT / "config.example.yaml").read_bytes()
    for file in sorted((_DATA / "config").glob("*.yaml")):
        yield file.name, file.read_bytes()
    for name, text in seeds.CONFIGURATIONS.items():
        yield f"good-{name}.yaml", text.encode()


def _web_configurations() -> Files:
    for file in sorted((_DATA / "web-config").glob("*/*.yaml")):
        yield f"{file.parent.name}-{file.name}", file.read_bytes()


def _logins() -> tuple[str, ...]:
    right = f"alice:right-{CANARY}"
    users = (right, "bob:other", "alice:", ":", "", "bob", f"{right}\0", f"{right} ", "carol:other")
    long = f"{right}{'x' * 72}"
    basic = [f"Basic {b64encode(user.encode()).decode()}" for user in (*users, long)]
    return (*basic, basic[0].lower(), basic[0].upper(), f"Bearer {CANARY}", "", "Basic", "Basic ==")


def _reply(exchange: str, fault: str | None, call: CallKind = "balances") -> Reply:
    """Return what the simulated exchange sends to a good request, with a fault or without."""
    simulator = Simulator(seed=1)
    account = simulator.add_account(exchange=exchange, name="a", balances=_BALANCES)
    faults = Schedule("corpus")
    if fault:
        faults.add(FaultInjection(FAULTS[fault]), 0.0)
    simulated = simulator.exchanges[exchange]
    gateway = Gateway(
        [simulated],
        limits=no_limits(),
        faults=faults,
        ledger=Ledger(1),
        now=lambda: float(_TIME),
        clock=lambda: float(_TIME),
        monotonic=lambda: 0.0,
        seed=0,
    )
    return gateway.reply(simulated.sign(account, call, _TIME * 1000))


async def _bytes_of(reply: Reply) -> bytes:
    wire = _Recorder()
    with suppress(ClientLeft):
        await reply.deliver(cast("Wire", wire), reply.response)
    return wire.sent


@dataclass(slots=True)
class _Recorder:
    """Stand where a client's connection would: write down what is sent, up to a bound."""

    sent: bytes = b""
    requests: int = field(default=1)

    async def send(self, data: bytes) -> None:
        self.sent += data
        if len(self.sent) > MAX_BYTES:
            raise ClientLeft

    async def pause(self, seconds: float | None = None) -> None:
        if seconds is None:
            raise ClientLeft

    def close(self) -> None:
        """Have nothing to close."""

    def reset(self) -> None:
        """Have nothing to break off."""


if __name__ == "__main__":
    make(FOLDER / "corpus")
