"""The desk of staff: who may see what, and the pages of the books."""

from .access import desk_page, require_fresh
from .frame import render
from .who import Desk

__all__ = ["Desk", "desk_page", "render", "require_fresh"]
