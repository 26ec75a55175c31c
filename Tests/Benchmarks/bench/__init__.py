"""Measures Daybook beside what people would use instead, and beside the floors of disk, wire and HTTP, in one run.

A *part* starts servers and gives *cases*. The cases of all parts are measured in turn, round after round, so that what
changes on the machine meanwhile meets all of them alike; a ratio is taken within each round. What cannot be repeated
like that (a log that grows, a rebuild) is measured by *studies*, once, at the end. The load generators are small C
programs in `Native`, wrk, and the peers' own tools.
"""
