"""`python -m vseg`: the same as the `vseg` command."""

from vseg.cli.app import main

main()
