"""The built-in data set: an online shop's customer desk, written by a grammar."""

from supportnet.data.sample.articles import HelpArticle, help_articles
from supportnet.data.sample.generator import REPLY_SLOTS, load_sample

__all__ = ["REPLY_SLOTS", "HelpArticle", "help_articles", "load_sample"]
