"""What is measured of a training: gradients, weights, updates and noise, on every worker."""
