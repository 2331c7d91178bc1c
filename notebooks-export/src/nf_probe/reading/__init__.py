"""Run files in a notebook: arrays, frames, mismatches, pages."""
