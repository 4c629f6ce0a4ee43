"""Figures for papers and pages: each function returns a matplotlib Figure, which `canvas.save` writes.

`landmarks` is Figure 5 of the MSEF + AATU paper, `frames` its Figure 4; `curves`, `distribution` and `trade_off` show
the numbers; `overlay` makes the pictures of a video. No function opens a video: those that show frames are given them.
"""
