"""The run file: its schema, how it is written so that it survives its writer, and what can be trusted of it."""
