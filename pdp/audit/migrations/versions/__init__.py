"""The revisions, each as it was when it was made: they use nothing of the program but what has its own version."""
