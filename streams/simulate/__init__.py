"""
Made-up shoppers with rhythms of their own: what they do is a function of the seed, and comes in order of time.

Nothing here knows the clock or Kafka. Simulated figures say how the pipeline runs, never how good a model is.
"""
