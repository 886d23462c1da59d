"""What a rule of the text pipeline is: a regular expression that means the same to Python and to RE2.

`re.sub(pattern, rewrite, text, flags=re.ASCII)` and `tf.strings.regex_replace(text, pattern, rewrite)` both
run the rules, so a pattern keeps to what both read alike: no look-around, no `(?i)` (RE2 folds the Kelvin
sign to k), no `\\s` or `\\w`, no `\\p{...}`, explicit classes, at most nine groups. `\\b` is ASCII in both.
Repetitions are bounded wherever a failed match could otherwise start again at each character, so that
Python's time stays linear, as RE2's is.
"""

from typing import NamedTuple


class Rule(NamedTuple):
    """Replace every match of `pattern` by `rewrite`, in which `\\1` is the first group."""

    pattern: str
    rewrite: str
