"""A count as people read it."""

from __future__ import annotations


def count(n: int, noun: str) -> str:
    """The number with its noun, which gets an s where there is not exactly one."""
    return f"{n} {noun}" if n == 1 else f"{n:,} {noun}s"
