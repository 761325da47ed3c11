"""The directives with a service's commands, in the order in which their processes run (systemd.service(5)).

A phase of a service's life is named after the directive whose commands run in it.
"""

from __future__ import annotations

PHASES = ("ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPost")
