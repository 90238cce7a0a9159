"""``python -m plugrad``: the same as the command ``plugrad``."""

from plugrad.cli import main

if __name__ == "__main__":
    main()
