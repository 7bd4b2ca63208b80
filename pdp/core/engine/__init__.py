"""The engine: policies compiled once, requests decided many times. Pure: no clock, no IO."""
