"""Places of parameters: which layer a name belongs to, and what it is called there."""
