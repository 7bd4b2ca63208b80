"""What may be called: approved tools, their pins, their argument shapes and marks. Pure."""
