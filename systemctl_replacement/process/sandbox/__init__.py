"""What a process may do and what it is kept from: one module per means, each a step or several of steps.py.

systemd.exec(5), "Sandboxing" and "Security". A restriction that cannot be applied is an OSError, which ends the child:
nothing here fails open in silence. A privilege that we do not have ourselves cannot be given: that is NotPossible, and
logged.
"""
