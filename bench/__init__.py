"""What we claim about speed, runnable: `python -m bench.NAME` for each claim, `--quick` for a few seconds.

Every figure stands beside a reference measured in the same run, in rounds that take turns: machines differ and are
noisy, ratios much less. Nothing here is a test: no figure makes a bench fail.
"""
