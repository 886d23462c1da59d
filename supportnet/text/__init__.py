"""Texts as models read them: cleaning, redaction, tokens, vocabulary; in Python and in the graph alike."""
