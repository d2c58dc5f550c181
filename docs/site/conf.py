"""The site: `make docs`. Pages are those of the repository, as they are; warnings are errors."""

from importlib import metadata

project = "eegrig"
author = "the eegrig authors"
release = metadata.version("eegrig")

extensions = [
    "myst_parser",
    "sphinx.ext.apidoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]

# The sources are the repository: links between pages are the same on a forge and on the site.
root_doc = "docs/index"
include_patterns = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    "ci/README.md",
    "docs/**",
]
# Names such as `port` are in several classes: a word is not enough for a link.
suppress_warnings = ["ref.python"]
exclude_patterns = [".venv", "out", "src", "docs/figures/*.toml"]
myst_heading_anchors = 3


# Reference pages are made of the docstrings. Left out is what is no interface: suites (tests), what
# makes these pages' figures, and what runs under MicroPython.
apidoc_modules = [
    {
        "path": "../../src/eegrig",
        "destination": "docs/api",
        "exclude_patterns": [
            "../../src/eegrig/firmware/*",
            "../../src/eegrig/hil/suites/*",
            "../../src/eegrig/hil/pages/*",
            "../../src/eegrig/hil/virtual/micropython/shim/*",
            "../../src/eegrig/hil/virtual/serial/protocols/*",
            # Functions of the same names are documented where one imports them from.
            "../../src/eegrig/hil/report/charts/[a-z]*.py",
            "../../src/eegrig/signal_sim/files/write.py",
            # SQLAlchemy's words in it refer to its own pages; docs/history.md has the tables.
            "../../src/eegrig/hil/history/tables.py",
            # alembic imports them, in an environment that it makes.
            "../../src/eegrig/hil/history/migrations/*",
            # They are imported by pyOCD, which has to be there first.
            "../../src/eegrig/hil/virtual/debug_probe/pyocd_plugin.py",
            "../../src/eegrig/hil/virtual/debug_probe/pyocd_targets/stm32wb55.py",
        ],
        "max_depth": 1,
        "follow_links": True,
        "separate_modules": False,
        "module_first": True,
        "automodule_options": {"members", "show-inheritance"},
    }
]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
default_role = "literal"

html_theme = "furo"
html_title = "eegrig"
html_extra_path = ["extra"]
html_copy_source = False
