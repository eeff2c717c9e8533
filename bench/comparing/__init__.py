# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""What compare.py and footprint.py are made of.

allocators  which libraries there are
rows        what is run: kernels, commands, known programs
programs    the known programs: servers and tools, each with a fixed load
running     one measurement, and all of them interleaved
figures     medians, ratios, tables, JSON: no input or output
plots       drawings by matplotlib
page        the HTML page
"""
