"""How the pages are built: `make docs`."""

project = "Holdfast"
author = "The Holdfast authors"
copyright = "The Holdfast authors, Apache-2.0"  # noqa: A001 - Sphinx's own name.
extensions = ["myst_parser"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "Holdfast"
html_copy_source = False
html_show_sphinx = False
