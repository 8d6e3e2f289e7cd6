"""Finds, builds, verifies and equips the interpreters that are measured."""
