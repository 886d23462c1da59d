"""Text preprocessing: cleaning, redaction, tokens, vocabularies; the same in Python and in the graph."""
