"""Charts as SVG text, one file per chart: pure functions of records.

Colours come from the page's style sheet by class, so that both colour schemes and print work.
"""
