"""Rules, one file per cause of lag, found by listing this package.

A rule has CAUSE (its id), GROUP (model, hardware or software), NEEDS (the evidence that it judges
by), SOURCE (where its thresholds come from) and ``judge(evidence)``, which gives a Finding, None
when the cause is not there, or Unavailable when it cannot tell.

A *cause* (warning or severe) is time that this model loses on this board as it is. What another
model or other hardware would change is worth knowing (info), and comes after the causes.
"""
