"""Find the tools that check charts, images and workflows."""

import importlib
import os
import shutil
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest


def tool(module: str) -> Any:
    """Return a module that `make packaging` installs, or do without the test."""
    try:
        return importlib.import_module(module)
    except ImportError:
        lack("make packaging")


def program(name: str) -> str:
    """Return the path of a program that `make packaging` installs, or do without the test."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or lack("make packaging")


def debian(name: str, package: str) -> str:
    """Return the path of a program of Debian's, or do without the test."""
    return shutil.which(name) or lack(f"apt-get install {package}")


def lack(advice: str) -> NoReturn:
    """Skip a test that lacks a tool; where CI is set, everything must be tested."""
    if os.environ.get("CI"):
        pytest.fail(advice)
    pytest.skip(advice)
