"""report.html: one file with the tables, pictures and examples of a comparison."""

from supportnet.compare.report.write import write_report

__all__ = ["write_report"]
