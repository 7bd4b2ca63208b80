"""Administration: a listener of its own for people, whose roles a small set of Cedar policies decides on."""
