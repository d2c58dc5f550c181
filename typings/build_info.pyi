# The module that `host.image.firmware_image` writes into every image: which firmware this is.
from typing import Final

VERSION: Final[str]
IMAGE_HASH: Final[bytes]
