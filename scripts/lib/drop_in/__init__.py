# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""Real programs with an allocator preloaded: the parts of scripts/programs.py.

process   how a program or server is started, watched and ended, what it used
databases, web, languages, builds, stressors   the rows: each runs its program once and returns what it answered
report    rounds, medians, the table
"""
