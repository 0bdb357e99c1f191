"""Read how an exchange is reached."""

import ipaddress
from pathlib import Path
from typing import get_args
from urllib.parse import quote

from exporter.config import settings, values
from exporter.credentials import SecretFile, SecretSource
from exporter.model import IpFamily, Network
from exporter.yamlfile.nodes import Node

_FAMILIES: tuple[IpFamily, ...] = get_args(IpFamily)


def read_network(node: Node, default: Network) -> Network:
    """Return an egress path, whose keys win over those of the default, one by one."""
    if node.is_nothing:
        return default
    nodes = settings.NETWORK.read(node)
    family = settings.IP_FAMILY.read_or(nodes, default.ip_family)
    network = Network(
        proxy_url=_proxy(nodes["proxy_url"], nodes["proxy_url_file"], default.proxy_url),
        ca_file=_path(nodes["ca_file"], default.ca_file),
        source_address=settings.SOURCE_ADDRESS.read_or(nodes, default.source_address),
        ip_family=next(each for each in _FAMILIES if each == family),
    )
    _check_family(nodes, network)
    return network


def read_path(node: Node) -> Path | None:
    """Return a path, which is relative to the folder of the file that it stands in."""
    text = node.parsed(str)
    return Path(node.report.file).parent / text if text else None


def _path(node: Node, default: Path | None) -> Path | None:
    return default if node.is_nothing else read_path(node)


def _proxy(inline: Node, file: Node, default: SecretSource | None) -> SecretSource | None:
    if not file.is_nothing:
        if not inline.is_nothing:
            file.problem("`proxy_url` is given too; keep only one of the two")
        path = read_path(file)
        return SecretFile(path, values.check_proxy_url) if path else None
    if inline.is_nothing:
        return default
    if inline.content == "" and not inline.is_unknown:  # the way to have none in spite of defaults
        return None
    return inline.encoded(lambda value: quote(value, safe="")).parsed(values.proxy_url)


def _check_family(nodes: dict[str, Node], network: Network) -> None:
    address = network.source_address
    if address is None or network.ip_family == "any":
        return
    if f"ipv{ipaddress.ip_address(address).version}" != network.ip_family:
        node = nodes["ip_family"] if nodes["source_address"].is_nothing else nodes["source_address"]
        node.problem("ip_family and source_address are of different kinds")
