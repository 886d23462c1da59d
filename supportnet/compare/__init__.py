"""Compare architectures, and what a user would pick instead: fairly, repeatably, with a report.

plan -> runs, each in a process of its own and kept in a file by a hash of its inputs -> results.json -> report.html
"""

import lazy_loader

# `__init__.pyi` says which name is from which module, which is imported when the name is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
