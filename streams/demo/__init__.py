"""
The demo: real purchase histories with simulated clicks and shop visits, through a real broker and a real worker.

    story    what is published, in order of time
    stage    the broker, the worker, and their end
    scene    what the topics and the worker's metrics say so far
    show     how that is shown
"""
