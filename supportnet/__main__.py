"""`python -m supportnet` is `supportnet`."""

from supportnet.cli import main

main()
