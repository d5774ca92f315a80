"""The page for a class: large, for the presenter, and short, for those who follow."""
