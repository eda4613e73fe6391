"""`python -m shipway`, for where the script is not on the PATH."""

from shipway.cli import main

if __name__ == "__main__":
    main()
