"""What an id, a prefix, a name or a URL stands for.

`parse` reads the text alone, `matches` is the one search that every id goes through, `runs` and `invocations` decide which
of its matches are meant, `experiments` knows experiments by id or name.
"""
