"""Architectures beside each other, and beside what a user would pick instead: fairly, repeatedly, to be looked at.

plan -> runs (each in a process of its own, kept in a file by what makes it) -> results.json -> report.html
"""
