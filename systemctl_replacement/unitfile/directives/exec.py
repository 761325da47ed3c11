"""Directives of the execution environment, shared by [Service], [Socket], [Mount] and [Swap] (systemd.exec(5))."""

from __future__ import annotations

import os

from systemctl_replacement.unitfile.directives.directive import (
    APPEND,
    DIRECTORIES,
    JOIN,
    MERGE,
    UNION,
    Configured,
    Directive,
    Inherited,
)
from systemctl_replacement.unitfile.directives.honoured import (
    AS_FILES,
    FULL,
    NEEDS_NICE,
    NEEDS_NICE_FOR_REALTIME,
    NO_CLEANING_JOB,
    NO_DECRYPTION,
    NO_MEMORY_POLICIES,
    NO_PAM,
    NO_UTMP,
    NO_VT,
    ONE_JOURNAL,
    ONLY_ITS_OUTPUT,
    always,
    below_zero,
    best_effort,
    full,
)
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers import exec as exec_parsers
from systemctl_replacement.unitfile.parsers import sandbox as sandbox_parsers
from systemctl_replacement.unitfile.parsers import security as security_parsers
from systemctl_replacement.unitfile.values import INFINITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.unitfile.manager_config import ManagerConfig


def _nice(_config: ManagerConfig) -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def _oom_score_adjust(config: ManagerConfig) -> int:
    if config.default_oom_score_adjust is not None:
        return config.default_oom_score_adjust
    try:
        with open("/proc/self/oom_score_adj", "rb") as file:
            return int(file.read())
    except OSError:
        return 0  # as systemd says where it cannot look


_CHANGES_USER = full(always("CAP_SETUID", "CAP_SETGID", fails=True))
_CHANGES_GROUPS = full(always("CAP_SETGID", fails=True))

EXEC: tuple[Directive, ...] = (
    Directive("WorkingDirectory", parse=exec_parsers.working_directory, default=None, since=227, honoured=FULL),
    Directive("User", parse=exec_parsers.user_or_group, since=209, honoured=_CHANGES_USER),
    Directive("Group", parse=exec_parsers.user_or_group, since=211, honoured=_CHANGES_GROUPS),
    Directive(
        "SupplementaryGroups",
        parse=exec_parsers.user_or_group_fallible,
        combine=APPEND,
        kind="strings",
        honoured=_CHANGES_GROUPS,
    ),
    Directive(
        "Nice",
        parse=exec_parsers.nice,
        default=None,
        unset=Inherited(_nice),
        kind="integer",
        honoured=best_effort(
            "without CAP_SYS_NICE the closest that LimitNICE= allows, with a warning", below_zero("CAP_SYS_NICE")
        ),
    ),
    Directive(
        "OOMScoreAdjust",
        parse=exec_parsers.oom_score_adjust,
        default=None,
        unset=Inherited(_oom_score_adjust),
        kind="integer",
        since=228,
        honoured=best_effort(
            "lowering it needs CAP_SYS_RESOURCE: left as it is without", below_zero("CAP_SYS_RESOURCE")
        ),
    ),
    Directive(
        "CoredumpFilter",
        parse=security_parsers.coredump_filter,
        combine=UNION,
        default=None,
        unset=0x33,
        kind="hex",
        since=246,
        honoured=FULL,
    ),
    Directive(
        "IOSchedulingClass",
        parse=sandbox_parsers.io_class,
        default=None,
        unset=2,
        kind="integer",
        honoured=NEEDS_NICE_FOR_REALTIME,
    ),
    Directive(
        "IOSchedulingPriority",
        parse=sandbox_parsers.io_priority,
        default=None,
        unset=4,
        kind="integer",
        honoured=NEEDS_NICE,
    ),
    Directive(
        "CPUSchedulingPolicy",
        parse=sandbox_parsers.cpu_policy,
        default=None,
        kind="integer",
        honoured=NEEDS_NICE_FOR_REALTIME,
    ),
    Directive(
        "CPUSchedulingPriority", parse=sandbox_parsers.cpu_priority, default=None, kind="integer", honoured=NEEDS_NICE
    ),
    Directive("CPUSchedulingResetOnFork", parse=parsers.boolean, default=False, kind="bool", honoured=NEEDS_NICE),
    Directive(
        "CPUAffinity",
        parse=sandbox_parsers.cpu_set,
        combine=UNION,
        since=228,
        honoured=best_effort("`numa` is not understood"),
    ),
    Directive(
        "NUMAPolicy",
        parse=sandbox_parsers.numa_policy,
        default="default",
        unset=-1,
        kind="numa-policy",
        since=243,
        honoured=NO_MEMORY_POLICIES,
    ),
    Directive("NUMAMask", parse=sandbox_parsers.numa_mask, combine=UNION, since=243, honoured=NO_MEMORY_POLICIES),
    Directive("UMask", parse=parsers.mode, default=0o022, kind="octal", honoured=FULL),
    Directive("Environment", parse=exec_parsers.environment, combine=MERGE, kind="strings", since=198, honoured=FULL),
    Directive(
        "EnvironmentFile",
        parse=exec_parsers.environment_file,
        combine=APPEND,
        property="EnvironmentFiles",
        kind="environment-files",
        since=197,
        honoured=FULL,
    ),
    Directive(
        "PassEnvironment", parse=exec_parsers.pass_environment, combine=APPEND, kind="strings", since=228, honoured=FULL
    ),
    Directive(
        "UnsetEnvironment",
        parse=exec_parsers.unset_environment,
        combine=APPEND,
        kind="strings",
        since=235,
        honoured=FULL,
    ),
    Directive("RemoveIPC", parse=parsers.boolean, default=False, kind="bool", since=212, honoured=FULL),
    Directive("StandardInput", parse=exec_parsers.standard_input, default="null", since=236, honoured=FULL),
    Directive(
        "StandardOutput",
        parse=exec_parsers.standard_output,
        default=None,
        unset=Configured("default_standard_output"),
        since=236,
        honoured=FULL,
    ),
    Directive(
        "StandardError",
        parse=exec_parsers.standard_output,
        default=None,
        unset=Configured("default_standard_error"),
        since=236,
        honoured=FULL,
    ),
    Directive(
        "StandardInputText",
        parse=exec_parsers.input_text,
        combine=JOIN,
        sets=(("", "StandardInputData"),),
        since=236,
        honoured=FULL,
    ),
    Directive("StandardInputData", parse=exec_parsers.input_data, combine=JOIN, since=236, honoured=FULL),
    Directive("TTYPath", parse=parsers.path, since=227, honoured=FULL),
    Directive("TTYReset", parse=parsers.boolean, default=False, kind="bool", honoured=NO_VT),
    Directive("TTYVHangup", parse=parsers.boolean, default=False, kind="bool", honoured=NO_VT),
    Directive("TTYVTDisallocate", parse=parsers.boolean, default=False, kind="bool", honoured=NO_VT),
    Directive("TTYRows", parse=sandbox_parsers.tty_size, default=None, kind="unprintable", since=250),
    Directive("TTYColumns", parse=sandbox_parsers.tty_size, default=None, kind="unprintable", since=250),
    Directive("SyslogIdentifier", parse=parsers.string, since=228, honoured=FULL),
    Directive("SyslogFacility", parse=sandbox_parsers.syslog_facility, default=3, kind="integer", honoured=FULL),
    Directive("SyslogLevel", parse=sandbox_parsers.syslog_level, default=6, kind="integer", honoured=FULL),
    Directive("SyslogLevelPrefix", parse=parsers.boolean, default=True, kind="bool", since=228, honoured=FULL),
    Directive(
        "LogLevelMax",
        parse=sandbox_parsers.syslog_level,
        default=-1,
        kind="integer",
        since=236,
        honoured=ONLY_ITS_OUTPUT,
    ),
    Directive(
        "LogRateLimitIntervalSec",
        parse=parsers.seconds,
        default=0,
        property="LogRateLimitIntervalUSec",
        kind="timespan",
        since=240,
        honoured=FULL,
    ),
    Directive("LogRateLimitBurst", parse=parsers.unsigned, default=0, kind="integer", since=240, honoured=FULL),
    Directive(
        "LogExtraFields",
        parse=exec_parsers.log_extra_fields,
        combine=APPEND,
        kind="list",
        since=236,
        honoured=ONLY_ITS_OUTPUT,
    ),
    Directive(
        "TimerSlackNSec",
        parse=parsers.nanoseconds,
        default=None,
        unset=Configured("timer_slack", 50000),
        kind="integer",
        since=185,
        honoured=FULL,
    ),
    Directive("LimitCPU", parse=exec_parsers.limit, default=None, kind="limit", honoured=FULL),
    Directive("LimitFSIZE", parse=exec_parsers.limit, default=None, kind="limit", honoured=FULL),
    Directive("LimitDATA", parse=exec_parsers.limit, default=None, kind="limit", honoured=FULL),
    Directive("LimitSTACK", parse=exec_parsers.limit, default=None, kind="limit", honoured=FULL),
    Directive("LimitCORE", parse=exec_parsers.limit, default=None, kind="limit", honoured=FULL),
    Directive("LimitRSS", parse=exec_parsers.limit, default=None, kind="limit", honoured=FULL),
    Directive("LimitNOFILE", parse=exec_parsers.limit, default=None, kind="limit", honoured=FULL),
    Directive("LimitAS", parse=exec_parsers.limit, default=None, kind="limit", since=228, honoured=FULL),
    Directive("LimitNPROC", parse=exec_parsers.limit, default=None, kind="limit", honoured=FULL),
    Directive("LimitMEMLOCK", parse=exec_parsers.limit, default=None, kind="limit", honoured=FULL),
    Directive("LimitLOCKS", parse=exec_parsers.limit, default=None, kind="limit", honoured=FULL),
    Directive("LimitSIGPENDING", parse=exec_parsers.limit, default=None, kind="limit", honoured=FULL),
    Directive("LimitMSGQUEUE", parse=exec_parsers.limit, default=None, kind="limit", honoured=FULL),
    Directive("LimitNICE", parse=exec_parsers.limit, default=None, kind="limit", since=230, honoured=FULL),
    Directive("LimitRTPRIO", parse=exec_parsers.limit, default=None, kind="limit", honoured=FULL),
    Directive("LimitRTTIME", parse=exec_parsers.limit, default=None, kind="limit", honoured=FULL),
    Directive(
        "ExecSearchPath", parse=exec_parsers.exec_search_path, combine=APPEND, kind="strings", since=250, honoured=FULL
    ),
    Directive("LogNamespace", parse=security_parsers.log_namespace, since=245, honoured=ONE_JOURNAL),
    Directive("RuntimeDirectoryPreserve", parse=sandbox_parsers.preserve_mode, default="no", since=235, honoured=FULL),
    Directive("RuntimeDirectoryMode", parse=parsers.mode, default=0o755, kind="octal", since=211, honoured=FULL),
    Directive(
        "RuntimeDirectory",
        parse=exec_parsers.exec_directories,
        combine=DIRECTORIES,
        kind="strings",
        since=211,
        honoured=FULL,
    ),
    Directive("StateDirectoryMode", parse=parsers.mode, default=0o755, kind="octal", since=235, honoured=FULL),
    Directive(
        "StateDirectory",
        parse=exec_parsers.exec_directories,
        combine=DIRECTORIES,
        kind="strings",
        since=235,
        honoured=FULL,
    ),
    Directive("CacheDirectoryMode", parse=parsers.mode, default=0o755, kind="octal", since=235, honoured=FULL),
    Directive(
        "CacheDirectory",
        parse=exec_parsers.exec_directories,
        combine=DIRECTORIES,
        kind="strings",
        since=235,
        honoured=FULL,
    ),
    Directive("LogsDirectoryMode", parse=parsers.mode, default=0o755, kind="octal", since=235, honoured=FULL),
    Directive(
        "LogsDirectory",
        parse=exec_parsers.exec_directories,
        combine=DIRECTORIES,
        kind="strings",
        since=235,
        honoured=FULL,
    ),
    Directive("ConfigurationDirectoryMode", parse=parsers.mode, default=0o755, kind="octal", since=235, honoured=FULL),
    Directive(
        "ConfigurationDirectory",
        parse=exec_parsers.exec_directories,
        combine=DIRECTORIES,
        kind="strings",
        since=235,
        honoured=FULL,
    ),
    Directive(
        "SetCredential",
        parse=security_parsers.set_credential,
        combine=APPEND,
        kind="unprintable",
        since=247,
        honoured=AS_FILES,
    ),
    Directive(
        "SetCredentialEncrypted",
        parse=security_parsers.set_credential,
        combine=APPEND,
        kind="unprintable",
        since=250,
        honoured=NO_DECRYPTION,
    ),
    Directive(
        "LoadCredential",
        parse=security_parsers.load_credential,
        combine=APPEND,
        kind="unprintable",
        since=247,
        honoured=AS_FILES,
    ),
    Directive(
        "LoadCredentialEncrypted",
        parse=security_parsers.load_credential,
        combine=APPEND,
        kind="unprintable",
        since=250,
        honoured=NO_DECRYPTION,
    ),
    Directive(
        "TimeoutCleanSec",
        parse=parsers.seconds,
        default=INFINITY,
        property="TimeoutCleanUSec",
        kind="timespan",
        honoured=NO_CLEANING_JOB,
    ),
    Directive("PAMName", parse=parsers.string, honoured=NO_PAM),
    Directive("IgnoreSIGPIPE", parse=parsers.boolean, default=True, kind="bool", honoured=FULL),
    Directive("UtmpIdentifier", parse=parsers.string, honoured=NO_UTMP),
    Directive("UtmpMode", parse=sandbox_parsers.utmp_mode, default="init", since=225, honoured=NO_UTMP),
    # Newer than systemd 252, which warns about an unknown key.
    Directive(
        "ImportCredential",
        parse=security_parsers.import_credential,
        combine=APPEND,
        property="",
        since=254,
        honoured=AS_FILES,
    ),
    Directive("SetLoginEnvironment", parse=parsers.tristate, default=None, property="", since=254),
    Directive("LogFilterPatterns", parse=parsers.opaque_item, combine=APPEND, property="", since=253),
    Directive("MemoryKSM", parse=parsers.tristate, default=None, property="", since=254),
)
