"""What is measured of operations' outputs and of heads of attention."""
