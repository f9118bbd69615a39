"""``python -m app``: the same as the command ``ordergate``, where the package runs from a checkout."""

from app.cli import main

main()
