"""Tests, in folders that mirror ``harness/``."""

from pathlib import Path

#: the checkout
ROOT = Path(__file__).resolve().parents[1]
