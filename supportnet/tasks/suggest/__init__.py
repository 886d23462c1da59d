"""Suggest answers of a bank to a message."""
