"""What decision point and enforcers share: pure, no clock, no IO."""
