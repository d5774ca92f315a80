"""The files of a base model: what has to be there, and whether they are those of the first time."""
