"""
How good the churn risk is, on histories whose end is known.

Law: what is measured is the real core, run through event time from zero weights; at a cut it has seen nothing later.
The truth, and what the risk is compared with, are computed from the plain table and know nothing of our records.
"""
