"""What the inputs mean: a pure function of the ordered stream of messages.

The same inputs give the same outputs bit for bit on any machine, so the arithmetic here keeps to what
IEEE 754 fixes: + - * / and sqrt of Python floats, in an order that the code states. Sines come from
`geometry.sin_cos`; libm's differ by platform, as do BLAS sums and, by version, Python's `sum` of floats.
"""
