"""Show a person how every account is: the page at `/`."""

from exporter.status.document import CONTENT_TYPE, HEADERS
from exporter.status.known import sum_up
from exporter.status.page import StatusPage
from exporter.status.view import view_of

__all__ = ["CONTENT_TYPE", "HEADERS", "StatusPage", "sum_up", "view_of"]
