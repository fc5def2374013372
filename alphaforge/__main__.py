"""``python -m alphaforge``: the command line."""

from alphaforge.cli import main

main()
