"""The recorder: watches a training and writes what was measured, a step at a time."""
