"""Directives of what programs run with, shared by [Service], [Socket], [Mount] and [Swap] (systemd.exec(5))."""

from __future__ import annotations

from systemctl_replacement.unitfile.directives.directive import (
    ADD,
    APPEND,
    DIRECTORIES,
    FULL,
    IGNORED,
    JOIN,
    MERGE,
    REPLACE,
    UNION,
    Directive,
    best_effort,
    ignored,
    missing,
    sets,
    shown,
    table,
)
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers import exec as exec_parsers
from systemctl_replacement.unitfile.parsers import images as image_parsers
from systemctl_replacement.unitfile.parsers import sandbox as sandbox_parsers
from systemctl_replacement.unitfile.parsers import security as security_parsers
from systemctl_replacement.unitfile.values import INFINITY

NO_PAM = "PAM sessions need root and a PAM configuration that images seldom have"
NO_UTMP = "a container has no login records"
NO_LSM = "labels of security modules are the host's business"
NO_VT = "a container has no virtual terminals"
NO_CREDENTIALS = "credentials are not implemented yet"
NEEDS_NICE = "left as it is, with a warning, where the container lacks CAP_SYS_NICE"
CLOSEST_NICE = "without CAP_SYS_NICE the closest that LimitNICE= allows, with a warning"
NEEDS_MOUNTS = "needs a mount namespace, which is not implemented yet"
NEEDS_NETWORK = "needs a network namespace, which is not implemented yet"
NEEDS_IPC = "needs an IPC namespace, which is not implemented yet"
NEEDS_USERS = "needs a user namespace, which is not implemented yet"
NEEDS_UTS = "needs a UTS namespace, which is not implemented yet"
NEEDS_SETPCAP = "without CAP_SETPCAP, NoNewPrivileges= keeps the others away"
NEEDS_RESOURCE = "lowering it needs CAP_SYS_RESOURCE: left as it is without"
NO_POLICIES = "memory policies are not implemented yet"
ONE_KEYRING = "services share the session keyring of the container"
NO_SOCKETS = "`socket` and `fd` come from socket units, which are not started yet: the unit fails"
ONLY_CHROOT = "chroot(2), which needs CAP_SYS_CHROOT, without a mount namespace"
ONLY_ITS_OWN = "for what the unit prints; not for what the manager says of it"
ONLY_USER = "of what it implies, what needs namespaces or filters is missing"
NEEDS_FILTER = "needs a filter of system calls, which is not implemented yet"
NEEDS_LINUX = "needs Linux 6.3: left out, with a warning, on older ones"
ONLY_CAPABILITIES = "its capabilities are taken away; the rest is not implemented yet"
OWN_CLEAN = "systemctl removes the directories itself, and takes the time it takes"

EXEC: tuple[Directive, ...] = table(
    "Exec",
    (
        ("WorkingDirectory", exec_parsers.working_directory, REPLACE, None, 227, FULL),
        ("RootDirectory", exec_parsers.fatal_path, REPLACE, "", 227, best_effort(ONLY_CHROOT, True)),
        ("RootImage", exec_parsers.fatal_path, REPLACE, "", 233, missing(NEEDS_MOUNTS)),
        ("RootImageOptions", image_parsers.root_image_options, APPEND, (), 247, missing(NEEDS_MOUNTS)),
        ("RootHash", image_parsers.root_hash, REPLACE, "", 246, missing(NEEDS_MOUNTS)),
        ("RootHashSignature", image_parsers.root_hash_signature, REPLACE, "", 246, missing(NEEDS_MOUNTS)),
        ("RootVerity", exec_parsers.fatal_path, REPLACE, "", 246, missing(NEEDS_MOUNTS)),
        ("ExtensionDirectories", parsers.prefixed_path_list, APPEND, (), 251, missing(NEEDS_MOUNTS)),
        ("ExtensionImages", image_parsers.images, APPEND, (), 248, missing(NEEDS_MOUNTS)),
        ("MountImages", image_parsers.images, APPEND, (), 247, missing(NEEDS_MOUNTS)),
        ("User", exec_parsers.user_or_group, REPLACE, "", 209, FULL),
        ("Group", exec_parsers.user_or_group, REPLACE, "", 211, FULL),
        ("SupplementaryGroups", exec_parsers.user_or_group_fallible, APPEND, (), 0, FULL),
        ("Nice", exec_parsers.nice, REPLACE, 0, 0, best_effort(CLOSEST_NICE)),
        ("OOMScoreAdjust", exec_parsers.oom_score_adjust, REPLACE, None, 228, best_effort(NEEDS_RESOURCE)),
        ("CoredumpFilter", security_parsers.coredump_filter, UNION, None, 246, FULL),
        ("IOSchedulingClass", sandbox_parsers.io_class, REPLACE, None, 0, best_effort(NEEDS_NICE)),
        ("IOSchedulingPriority", sandbox_parsers.io_priority, REPLACE, None, 0, best_effort(NEEDS_NICE)),
        ("CPUSchedulingPolicy", sandbox_parsers.cpu_policy, REPLACE, None, 0, best_effort(NEEDS_NICE)),
        ("CPUSchedulingPriority", sandbox_parsers.cpu_priority, REPLACE, None, 0, best_effort(NEEDS_NICE)),
        ("CPUSchedulingResetOnFork", parsers.boolean, REPLACE, False, 0, best_effort(NEEDS_NICE)),
        ("CPUAffinity", sandbox_parsers.cpu_set, UNION, frozenset(), 228, best_effort("`numa` is not understood")),
        ("NUMAPolicy", sandbox_parsers.numa_policy, REPLACE, "default", 243, missing(NO_POLICIES)),
        ("NUMAMask", sandbox_parsers.numa_mask, UNION, frozenset(), 243, missing(NO_POLICIES)),
        ("UMask", parsers.mode, REPLACE, 0o022, 0, FULL),
        ("Environment", exec_parsers.environment, MERGE, (), 198, FULL),
        ("EnvironmentFile", exec_parsers.environment_file, APPEND, (), 197, shown("EnvironmentFiles", FULL)),
        ("PassEnvironment", exec_parsers.pass_environment, APPEND, (), 228, FULL),
        ("UnsetEnvironment", exec_parsers.unset_environment, APPEND, (), 235, FULL),
        ("DynamicUser", parsers.fatal_boolean, REPLACE, False, 232, best_effort(ONLY_USER, True)),
        ("RemoveIPC", parsers.boolean, REPLACE, False, 212, FULL),
        ("StandardInput", exec_parsers.standard_input, REPLACE, "null", 236, best_effort(NO_SOCKETS)),
        ("StandardOutput", exec_parsers.standard_output, REPLACE, None, 236, best_effort(NO_SOCKETS)),
        ("StandardError", exec_parsers.standard_output, REPLACE, None, 236, best_effort(NO_SOCKETS)),
        ("StandardInputText", exec_parsers.input_text, JOIN, b"", 236, sets(("", "StandardInputData"), honoured=FULL)),
        ("StandardInputData", exec_parsers.input_data, JOIN, b"", 236, FULL),
        ("TTYPath", parsers.path, REPLACE, "", 227, FULL),
        ("TTYReset", parsers.boolean, REPLACE, False, 0, ignored(NO_VT)),
        ("TTYVHangup", parsers.boolean, REPLACE, False, 0, ignored(NO_VT)),
        ("TTYVTDisallocate", parsers.boolean, REPLACE, False, 0, ignored(NO_VT)),
        ("TTYRows", sandbox_parsers.tty_size, REPLACE, None, 250),
        ("TTYColumns", sandbox_parsers.tty_size, REPLACE, None, 250),
        ("SyslogIdentifier", parsers.string, REPLACE, "", 228, FULL),
        ("SyslogFacility", sandbox_parsers.syslog_facility, REPLACE, 3, 0, FULL),
        ("SyslogLevel", sandbox_parsers.syslog_level, REPLACE, 6, 0, FULL),
        ("SyslogLevelPrefix", parsers.boolean, REPLACE, True, 228, FULL),
        ("LogLevelMax", sandbox_parsers.syslog_level, REPLACE, -1, 236, best_effort(ONLY_ITS_OWN)),
        ("LogRateLimitIntervalSec", parsers.seconds, REPLACE, 0, 240, shown("LogRateLimitIntervalUSec")),
        ("LogRateLimitBurst", parsers.unsigned, REPLACE, 0, 240),
        ("LogExtraFields", exec_parsers.log_extra_fields, APPEND, (), 236, best_effort(ONLY_ITS_OWN)),
        ("SecureBits", sandbox_parsers.secure_bits, REPLACE, frozenset(), 0, FULL),
        ("CapabilityBoundingSet", parsers.opaque_item, ADD, (), 183, best_effort(NEEDS_SETPCAP, True)),
        ("AmbientCapabilities", parsers.opaque_item, ADD, (), 229, best_effort("those that the manager has itself")),
        ("TimerSlackNSec", parsers.nanoseconds, REPLACE, None, 185, FULL),
        ("NoNewPrivileges", parsers.boolean, REPLACE, False, 227, FULL),
        ("KeyringMode", sandbox_parsers.keyring_mode, REPLACE, "private", 235, missing(ONE_KEYRING, True)),
        ("ProtectProc", sandbox_parsers.protect_proc, REPLACE, "default", 247, missing(NEEDS_MOUNTS, True)),
        ("ProcSubset", sandbox_parsers.proc_subset, REPLACE, "all", 247, missing(NEEDS_MOUNTS, True)),
        ("SystemCallFilter", security_parsers.system_calls, APPEND, (), 209, missing(NEEDS_FILTER, True)),
        ("SystemCallArchitectures", security_parsers.architectures, APPEND, (), 209, missing(NEEDS_FILTER, True)),
        ("SystemCallErrorNumber", security_parsers.error_number, REPLACE, "", 209, missing(NEEDS_FILTER)),
        ("SystemCallLog", security_parsers.system_calls, APPEND, (), 247, missing(NEEDS_FILTER)),
        ("MemoryDenyWriteExecute", parsers.boolean, REPLACE, False, 231, best_effort(NEEDS_LINUX, True)),
        ("RestrictNamespaces", security_parsers.namespaces, APPEND, (), 233, missing(NEEDS_FILTER, True)),
        ("RestrictRealtime", parsers.boolean, REPLACE, False, 231, missing(NEEDS_FILTER, True)),
        ("RestrictSUIDSGID", parsers.boolean, REPLACE, False, 242, missing(NEEDS_FILTER, True)),
        ("RestrictAddressFamilies", security_parsers.address_families, APPEND, (), 211, missing(NEEDS_FILTER, True)),
        ("LockPersonality", parsers.boolean, REPLACE, False, 235, missing(NEEDS_FILTER, True)),
        ("RestrictFileSystems", parsers.opaque_item, APPEND, (), 250, ignored("BPF is the host's business", True)),
        ("LimitCPU", exec_parsers.limit("CPU"), REPLACE, None, 0, FULL),
        ("LimitFSIZE", exec_parsers.limit("FSIZE"), REPLACE, None, 0, FULL),
        ("LimitDATA", exec_parsers.limit("DATA"), REPLACE, None, 0, FULL),
        ("LimitSTACK", exec_parsers.limit("STACK"), REPLACE, None, 0, FULL),
        ("LimitCORE", exec_parsers.limit("CORE"), REPLACE, None, 0, FULL),
        ("LimitRSS", exec_parsers.limit("RSS"), REPLACE, None, 0, FULL),
        ("LimitNOFILE", exec_parsers.limit("NOFILE"), REPLACE, None, 0, FULL),
        ("LimitAS", exec_parsers.limit("AS"), REPLACE, None, 228, FULL),
        ("LimitNPROC", exec_parsers.limit("NPROC"), REPLACE, None, 0, FULL),
        ("LimitMEMLOCK", exec_parsers.limit("MEMLOCK"), REPLACE, None, 0, FULL),
        ("LimitLOCKS", exec_parsers.limit("LOCKS"), REPLACE, None, 0, FULL),
        ("LimitSIGPENDING", exec_parsers.limit("SIGPENDING"), REPLACE, None, 0, FULL),
        ("LimitMSGQUEUE", exec_parsers.limit("MSGQUEUE"), REPLACE, None, 0, FULL),
        ("LimitNICE", exec_parsers.limit("NICE"), REPLACE, None, 230, FULL),
        ("LimitRTPRIO", exec_parsers.limit("RTPRIO"), REPLACE, None, 0, FULL),
        ("LimitRTTIME", exec_parsers.limit("RTTIME"), REPLACE, None, 0, FULL),
        ("ReadWriteDirectories", parsers.prefixed_path_list, APPEND, (), 199, sets(("", "ReadWritePaths"))),
        ("ReadOnlyDirectories", parsers.prefixed_path_list, APPEND, (), 199, sets(("", "ReadOnlyPaths"))),
        ("InaccessibleDirectories", parsers.prefixed_path_list, APPEND, (), 199, sets(("", "InaccessiblePaths"))),
        ("ReadWritePaths", parsers.prefixed_path_list, APPEND, (), 231, missing(NEEDS_MOUNTS, True)),
        ("ReadOnlyPaths", parsers.prefixed_path_list, APPEND, (), 231, missing(NEEDS_MOUNTS, True)),
        ("InaccessiblePaths", parsers.prefixed_path_list, APPEND, (), 248, missing(NEEDS_MOUNTS, True)),
        ("ExecPaths", parsers.prefixed_path_list, APPEND, (), 248, missing(NEEDS_MOUNTS, True)),
        ("NoExecPaths", parsers.prefixed_path_list, APPEND, (), 248, missing(NEEDS_MOUNTS, True)),
        ("ExecSearchPath", exec_parsers.exec_search_path, APPEND, (), 250, FULL),
        ("BindPaths", sandbox_parsers.bind_paths, APPEND, (), 233, missing(NEEDS_MOUNTS)),
        ("BindReadOnlyPaths", sandbox_parsers.bind_paths, APPEND, (), 233, missing(NEEDS_MOUNTS)),
        ("TemporaryFileSystem", sandbox_parsers.temporary_file_system, APPEND, (), 238, missing(NEEDS_MOUNTS, True)),
        ("PrivateTmp", parsers.boolean, REPLACE, False, 183, missing(NEEDS_MOUNTS, True)),
        ("PrivateDevices", parsers.boolean, REPLACE, False, 209, missing(ONLY_CAPABILITIES, True)),
        ("ProtectKernelTunables", parsers.boolean, REPLACE, False, 232, missing(NEEDS_MOUNTS, True)),
        ("ProtectKernelModules", parsers.boolean, REPLACE, False, 232, missing(ONLY_CAPABILITIES, True)),
        ("ProtectKernelLogs", parsers.boolean, REPLACE, False, 244, missing(ONLY_CAPABILITIES, True)),
        ("ProtectClock", parsers.boolean, REPLACE, False, 245, missing(ONLY_CAPABILITIES, True)),
        ("ProtectControlGroups", parsers.boolean, REPLACE, False, 232, missing(NEEDS_MOUNTS, True)),
        ("NetworkNamespacePath", parsers.path, REPLACE, "", 242, missing(NEEDS_NETWORK, True)),
        ("IPCNamespacePath", parsers.path, REPLACE, "", 248, missing(NEEDS_IPC, True)),
        ("LogNamespace", security_parsers.log_namespace, REPLACE, "", 245, ignored("there is one journal")),
        ("PrivateNetwork", parsers.boolean, REPLACE, False, 209, missing(NEEDS_NETWORK, True)),
        ("PrivateUsers", parsers.boolean, REPLACE, False, 232, missing(NEEDS_USERS, True)),
        ("PrivateMounts", parsers.boolean, REPLACE, False, 239, missing(NEEDS_MOUNTS, True)),
        ("PrivateIPC", parsers.boolean, REPLACE, False, 248, missing(NEEDS_IPC, True)),
        ("ProtectSystem", sandbox_parsers.protect_system, REPLACE, "no", 214, missing(NEEDS_MOUNTS, True)),
        ("ProtectHome", sandbox_parsers.protect_home, REPLACE, "no", 214, missing(NEEDS_MOUNTS, True)),
        ("MountFlags", sandbox_parsers.mount_flags, REPLACE, "", 239, missing(NEEDS_MOUNTS)),
        ("MountAPIVFS", parsers.tristate, REPLACE, None, 233, missing(NEEDS_MOUNTS)),
        ("Personality", sandbox_parsers.personality, REPLACE, "", 209, FULL),
        ("RuntimeDirectoryPreserve", sandbox_parsers.preserve_mode, REPLACE, "no", 235, FULL),
        ("RuntimeDirectoryMode", parsers.mode, REPLACE, 0o755, 211, FULL),
        ("RuntimeDirectory", exec_parsers.exec_directories, DIRECTORIES, (), 211, FULL),
        ("StateDirectoryMode", parsers.mode, REPLACE, 0o755, 235, FULL),
        ("StateDirectory", exec_parsers.exec_directories, DIRECTORIES, (), 235, FULL),
        ("CacheDirectoryMode", parsers.mode, REPLACE, 0o755, 235, FULL),
        ("CacheDirectory", exec_parsers.exec_directories, DIRECTORIES, (), 235, FULL),
        ("LogsDirectoryMode", parsers.mode, REPLACE, 0o755, 235, FULL),
        ("LogsDirectory", exec_parsers.exec_directories, DIRECTORIES, (), 235, FULL),
        ("ConfigurationDirectoryMode", parsers.mode, REPLACE, 0o755, 235, FULL),
        ("ConfigurationDirectory", exec_parsers.exec_directories, DIRECTORIES, (), 235, FULL),
        ("SetCredential", security_parsers.set_credential, APPEND, (), 247, missing(NO_CREDENTIALS)),
        ("SetCredentialEncrypted", security_parsers.set_credential, APPEND, (), 250, missing(NO_CREDENTIALS)),
        ("LoadCredential", security_parsers.load_credential, APPEND, (), 247, missing(NO_CREDENTIALS)),
        ("LoadCredentialEncrypted", security_parsers.load_credential, APPEND, (), 250, missing(NO_CREDENTIALS)),
        (
            "TimeoutCleanSec",
            parsers.seconds,
            REPLACE,
            INFINITY,
            0,
            {**ignored(OWN_CLEAN), **shown("TimeoutCleanUSec", IGNORED)},
        ),
        ("PAMName", parsers.string, REPLACE, "", 0, ignored(NO_PAM)),
        ("IgnoreSIGPIPE", parsers.boolean, REPLACE, True, 0, FULL),
        ("UtmpIdentifier", parsers.string, REPLACE, "", 0, ignored(NO_UTMP)),
        ("UtmpMode", sandbox_parsers.utmp_mode, REPLACE, "init", 225, ignored(NO_UTMP)),
        ("SELinuxContext", parsers.label, REPLACE, "", 209, ignored(NO_LSM, True)),
        ("AppArmorProfile", parsers.label, REPLACE, "", 210, ignored(NO_LSM, True)),
        ("SmackProcessLabel", parsers.label, REPLACE, "", 218, ignored(NO_LSM, True)),
        ("ProtectHostname", parsers.boolean, REPLACE, False, 242, missing(NEEDS_UTS, True)),
    ),
)
