"""`toolgate demo`: the main job on this machine, with real servers, a real client and a real record."""

from pdp.cli.demo.command import demo

__all__ = ["demo"]
