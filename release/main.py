"""Where the frozen program begins."""

import os

# PyInstaller's own folder of libraries is for this process alone: journalctl and other programs that
# hantu starts have their own.
_OWN = os.environ.pop("LD_LIBRARY_PATH", None)
_WAS = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
if _WAS is not None:
    os.environ["LD_LIBRARY_PATH"] = _WAS

if __name__ == "__main__":
    from hantu.cli.entry import main

    main()
