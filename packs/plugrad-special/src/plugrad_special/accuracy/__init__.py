"""How exact the derivatives are: each row a function on a domain, beside mpmath.

Only the command ``plugrad special accuracy`` imports this: it needs the extra ``test``.
"""
