"""The steps between fork and exec, in systemd's order, so that of several defects the same one is reported.

systemd.exec(5), "Process Exit Codes". A new means of the sandbox is one more row.
"""

from __future__ import annotations

from systemctl_replacement import exec_directories, exit_status
from systemctl_replacement.process import (
    accounts,
    directories,
    leftovers,
    limits,
    open_files,
    program,
    scheduling,
    streams,
    variables,
    working_directory,
)
from systemctl_replacement.process.sandbox import (
    capabilities,
    credentials,
    memory_deny_write_execute,
    no_new_privileges,
    root_directory,
    secure_bits,
    user,
)
from systemctl_replacement.process.step import Step

STEPS = (
    Step(leftovers.remove_leftovers, exit_status.EXIT_EXCEPTION, "Failed to remove what an earlier life left behind"),
    Step(variables.await_files, exit_status.EXIT_EXCEPTION, "Failed to load environment files"),
    # Whom it runs as.
    Step(accounts.take_dynamic_user, exit_status.EXIT_USER, "Failed to update dynamic user credentials"),
    Step(accounts.find_user, exit_status.EXIT_USER, "Failed to determine user credentials"),
    Step(accounts.find_group, exit_status.EXIT_GROUP, "Failed to determine group credentials"),
    Step(accounts.find_supplementary, exit_status.EXIT_GROUP, "Failed to determine supplementary groups"),
    # Its standard streams.
    Step(streams.set_input, exit_status.EXIT_STDIN, "Failed to set up standard input"),
    Step(streams.set_output, exit_status.EXIT_STDOUT, "Failed to set up standard output"),
    Step(streams.set_error, exit_status.EXIT_STDERR, "Failed to set up standard error output"),
    # How the kernel treats it.
    Step(scheduling.set_oom_score, exit_status.EXIT_OOM_ADJUST, "Failed to adjust OOM setting"),
    Step(scheduling.set_coredump_filter, exit_status.EXIT_LIMITS, "Failed to adjust coredump_filter", dispensable=True),
    Step(
        scheduling.set_nice,
        exit_status.EXIT_NICE,
        "Failed to set up process scheduling priority (nice level)",
        dispensable=True,
    ),
    Step(
        scheduling.set_cpu_scheduling,
        exit_status.EXIT_SETSCHEDULER,
        "Failed to set up CPU scheduling",
        dispensable=True,
    ),
    Step(scheduling.set_cpu_affinity, exit_status.EXIT_CPUAFFINITY, "Failed to set up CPU affinity", dispensable=True),
    Step(
        scheduling.set_io_priority, exit_status.EXIT_IOPRIO, "Failed to set up IO scheduling priority", dispensable=True
    ),
    Step(scheduling.set_timer_slack, exit_status.EXIT_TIMERSLACK, "Failed to set up timer slack", dispensable=True),
    Step(
        scheduling.set_personality,
        exit_status.EXIT_PERSONALITY,
        "Failed to set up execution domain (personality)",
        dispensable=True,
    ),
    # What it finds.
    *[
        Step(directories.step_for(kind), kind.exit_status, "Failed to set up special execution directory")
        for kind in exec_directories.KINDS
    ],
    Step(credentials.set_up, exit_status.EXIT_CREDENTIALS, "Failed to set up credentials"),
    Step(open_files.open_files, exit_status.EXIT_FDS, "Failed to get OpenFile= file descriptors"),
    Step(variables.fill, exit_status.EXIT_EXCEPTION, "Failed to set up the environment"),
    Step(limits.set_umask, exit_status.EXIT_EXCEPTION, "Failed to set the umask"),
    Step(limits.set_limits, exit_status.EXIT_LIMITS, "Failed to adjust resource limits", restricts=True),
    # systemd binds the root in a mount namespace, and that is what its users know to have failed.
    Step(root_directory.change_root, exit_status.EXIT_NAMESPACE, "Failed to set up mount namespacing"),
    Step(program.find, exit_status.EXIT_EXEC, "Failed to locate executable"),
    # What it may do.
    Step(user.set_groups, exit_status.EXIT_GROUP, "Changing group credentials failed", restricts=True),
    Step(capabilities.set_bounding, exit_status.EXIT_CAPABILITIES, "Failed to drop capabilities", restricts=True),
    Step(
        capabilities.find_ambient,
        exit_status.EXIT_CAPABILITIES,
        "Failed to apply ambient capabilities (before UID change)",
        restricts=True,
    ),
    Step(user.set_user, exit_status.EXIT_USER, "Failed to change UID", restricts=True),
    Step(
        capabilities.set_ambient,
        exit_status.EXIT_CAPABILITIES,
        "Failed to apply ambient capabilities (after UID change)",
        restricts=True,
    ),
    Step(working_directory.change, exit_status.EXIT_CHDIR, "Changing to the requested working directory failed"),
    # What would be in the way of the steps before it.
    Step(secure_bits.set_bits, exit_status.EXIT_SECUREBITS, "Failed to set process secure bits", restricts=True),
    Step(capabilities.forgo, exit_status.EXIT_CAPABILITIES, "Failed to drop capabilities", restricts=True),
    Step(
        memory_deny_write_execute.deny,
        exit_status.EXIT_SECCOMP,
        "Failed to apply MemoryDenyWriteExecute=",
        restricts=True,
    ),
    Step(
        no_new_privileges.forbid,
        exit_status.EXIT_NO_NEW_PRIVILEGES,
        "Failed to disable new privileges",
        restricts=True,
    ),
)
