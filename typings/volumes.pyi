# The module that `host.image.loader` writes for a board whose slots are file systems of their own:
# where they are, in bytes from the start of the file-system region.
from typing import Final

PAGE: Final[int]
STATE: Final[int]
SLOTS: Final[dict[str, tuple[int, int]]]
