"""The one exception that a user's mistake raises."""


class UserError(ValueError):
    """Something the user gave can't be used: a file, a column, a flag, a value.

    The message is one line that names what is wrong (file, row, flag) and what would be right.
    The command line prints it and exits with code 2; in Python it is a plain `ValueError`.
    """
