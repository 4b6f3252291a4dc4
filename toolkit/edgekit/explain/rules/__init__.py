"""Rules, one file per cause of lag, found by listing this package.

A rule has CAUSE (its id), GROUP (model, hardware or software) and ``judge(evidence)``, which gives
a Finding, None when the cause is not there, or Unavailable when it cannot tell.
"""
