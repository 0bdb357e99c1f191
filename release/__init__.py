"""Make and check what a release consists of, besides the code."""
