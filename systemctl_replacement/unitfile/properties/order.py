"""The order in which systemd 252 shows the properties of every unit type and of the manager.

A directive's property is named only: the row has its kind and default. Any other is (name, kind), or (name, kind,
default) where the default is not that of the kind (kinds.NOTHING).
"""

from __future__ import annotations

from systemctl_replacement.unitfile.values import INFINITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union

    _Order = tuple[Union[str, tuple[str, str], tuple[str, str, Any]], ...]

CGROUP: _Order = (
    "Slice", ("ControlGroup", "string"), ("ControlGroupId", "integer"), ("MemoryCurrent", "maybe"),
    ("MemoryAvailable", "limit"), ("CPUUsageNSec", "maybe"), ("EffectiveCPUs", "string"),
    ("EffectiveMemoryNodes", "string"), ("TasksCurrent", "maybe"), ("IPIngressBytes", "maybe-data"),
    ("IPIngressPackets", "maybe-data"), ("IPEgressBytes", "maybe-data"), ("IPEgressPackets", "maybe-data"),
    ("IOReadBytes", "integer", INFINITY), ("IOReadOperations", "integer", INFINITY),
    ("IOWriteBytes", "integer", INFINITY), ("IOWriteOperations", "integer", INFINITY), "Delegate",
    ("DelegateControllers", "strings"), "CPUAccounting", "CPUWeight", "StartupCPUWeight", "CPUShares",
    "StartupCPUShares", "CPUQuotaPerSecUSec", "CPUQuotaPeriodUSec", "AllowedCPUs", "StartupAllowedCPUs",
    "AllowedMemoryNodes", "StartupAllowedMemoryNodes", "IOAccounting", "IOWeight", "StartupIOWeight", "IODeviceWeight",
    "IOReadBandwidthMax", "IOWriteBandwidthMax", "IOReadIOPSMax", "IOWriteIOPSMax", "IODeviceLatencyTargetUSec",
    "BlockIOAccounting", "BlockIOWeight", "StartupBlockIOWeight", "BlockIODeviceWeight", "BlockIOReadBandwidth",
    "BlockIOWriteBandwidth", "MemoryAccounting", "DefaultMemoryLow", "DefaultMemoryMin", "MemoryMin", "MemoryLow",
    "MemoryHigh", "MemoryMax", "MemorySwapMax", "MemoryLimit", "DevicePolicy", "DeviceAllow", "TasksAccounting",
    "TasksMax", "IPAccounting", "IPAddressAllow", "IPAddressDeny", "IPIngressFilterPath", "IPEgressFilterPath",
    "DisableControllers", "ManagedOOMSwap", "ManagedOOMMemoryPressure", "ManagedOOMMemoryPressureLimit",
    "ManagedOOMPreference", "BPFProgram", "SocketBindAllow", "SocketBindDeny", "RestrictNetworkInterfaces",
)  # fmt: skip

EXEC: _Order = (
    "Environment", "EnvironmentFiles", "PassEnvironment", "UnsetEnvironment", "UMask", "LimitCPU",
    ("LimitCPUSoft", "limit"), "LimitFSIZE", ("LimitFSIZESoft", "limit"), "LimitDATA", ("LimitDATASoft", "limit"),
    "LimitSTACK", ("LimitSTACKSoft", "limit"), "LimitCORE", ("LimitCORESoft", "limit"), "LimitRSS",
    ("LimitRSSSoft", "limit"), "LimitNOFILE", ("LimitNOFILESoft", "limit"), "LimitAS", ("LimitASSoft", "limit"),
    "LimitNPROC", ("LimitNPROCSoft", "limit"), "LimitMEMLOCK", ("LimitMEMLOCKSoft", "limit"), "LimitLOCKS",
    ("LimitLOCKSSoft", "limit"), "LimitSIGPENDING", ("LimitSIGPENDINGSoft", "limit"), "LimitMSGQUEUE",
    ("LimitMSGQUEUESoft", "limit"), "LimitNICE", ("LimitNICESoft", "limit"), "LimitRTPRIO",
    ("LimitRTPRIOSoft", "limit"), "LimitRTTIME", ("LimitRTTIMESoft", "limit"), "WorkingDirectory", "RootDirectory",
    "RootImage", "RootImageOptions", "RootHash", ("RootHashPath", "string"), "RootHashSignature",
    ("RootHashSignaturePath", "string"), "RootVerity", "ExtensionDirectories", "ExtensionImages", "MountImages",
    "OOMScoreAdjust", "CoredumpFilter", "Nice", "IOSchedulingClass", "IOSchedulingPriority", "CPUSchedulingPolicy",
    "CPUSchedulingPriority", "CPUAffinity", ("CPUAffinityFromNUMA", "bool"), "NUMAPolicy", "NUMAMask",
    "TimerSlackNSec", "CPUSchedulingResetOnFork", ("NonBlocking", "bool"), "StandardInput",
    ("StandardInputFileDescriptorName", "string"), "StandardInputData", "StandardOutput",
    ("StandardOutputFileDescriptorName", "string"), "StandardError", ("StandardErrorFileDescriptorName", "string"),
    "TTYPath", "TTYReset", "TTYVHangup", "TTYVTDisallocate", "TTYRows", "TTYColumns",
    ("SyslogPriority", "integer", 30), "SyslogIdentifier", "SyslogLevelPrefix", "SyslogLevel", "SyslogFacility",
    "LogLevelMax", "LogRateLimitIntervalUSec", "LogRateLimitBurst", "LogExtraFields", "LogNamespace", "SecureBits",
    "CapabilityBoundingSet", "AmbientCapabilities", "User", "Group", "DynamicUser", "RemoveIPC", "SetCredential",
    "SetCredentialEncrypted", "LoadCredential", "LoadCredentialEncrypted", "SupplementaryGroups", "PAMName",
    "ReadWritePaths", "ReadOnlyPaths", "InaccessiblePaths", "ExecPaths", "NoExecPaths", "ExecSearchPath", "MountFlags",
    "PrivateTmp", "PrivateDevices", "ProtectClock", "ProtectKernelTunables", "ProtectKernelModules",
    "ProtectKernelLogs", "ProtectControlGroups", "PrivateNetwork", "PrivateUsers", "PrivateMounts", "PrivateIPC",
    "ProtectHome", "ProtectSystem", ("SameProcessGroup", "bool"), "UtmpIdentifier", "UtmpMode", "SELinuxContext",
    "AppArmorProfile", "SmackProcessLabel", "IgnoreSIGPIPE", "NoNewPrivileges", "SystemCallFilter",
    "SystemCallArchitectures", "SystemCallErrorNumber", "SystemCallLog", "Personality", "LockPersonality",
    "RestrictAddressFamilies", ("RuntimeDirectorySymlink", "symlinks"), "RuntimeDirectoryPreserve",
    "RuntimeDirectoryMode", "RuntimeDirectory", ("StateDirectorySymlink", "symlinks"), "StateDirectoryMode",
    "StateDirectory", ("CacheDirectorySymlink", "symlinks"), "CacheDirectoryMode", "CacheDirectory",
    ("LogsDirectorySymlink", "symlinks"), "LogsDirectoryMode", "LogsDirectory", "ConfigurationDirectoryMode",
    "ConfigurationDirectory", "TimeoutCleanUSec", "MemoryDenyWriteExecute", "RestrictRealtime", "RestrictSUIDSGID",
    "RestrictNamespaces", "RestrictFileSystems", "BindPaths", "BindReadOnlyPaths", "TemporaryFileSystem",
    "MountAPIVFS", "KeyringMode", "ProtectProc", "ProcSubset", "ProtectHostname", "NetworkNamespacePath",
    "IPCNamespacePath",
)  # fmt: skip

KILL: _Order = (
    "KillMode", "KillSignal", "RestartKillSignal", "FinalKillSignal", "SendSIGKILL", "SendSIGHUP", "WatchdogSignal",
)  # fmt: skip

UNIT: _Order = (
    ("Id", "string"), ("Names", "strings"), ("Following", "string"), "Requires", "Requisite", "Wants", "BindsTo",
    "PartOf", "Upholds", ("RequiredBy", "strings"), ("RequisiteOf", "strings"), ("WantedBy", "strings"),
    ("BoundBy", "strings"), ("UpheldBy", "strings"), ("ConsistsOf", "strings"), "Conflicts",
    ("ConflictedBy", "strings"), "Before", "After", "OnSuccess", ("OnSuccessOf", "strings"), "OnFailure",
    ("OnFailureOf", "strings"), ("Triggers", "strings"), ("TriggeredBy", "strings"), "PropagatesReloadTo",
    "ReloadPropagatedFrom", "PropagatesStopTo", "StopPropagatedFrom", "JoinsNamespaceOf", ("SliceOf", "strings"),
    "RequiresMountsFor", "Documentation", "Description", ("AccessSELinuxContext", "string"),
    ("LoadState", "string", "not-found"), ("ActiveState", "string", "inactive"), ("FreezerState", "string", "running"),
    ("SubState", "string", "dead"), ("FragmentPath", "string"), "SourcePath", ("DropInPaths", "strings"),
    ("UnitFileState", "string"), ("UnitFilePreset", "string"), ("StateChangeTimestamp", "timestamp"),
    ("StateChangeTimestampMonotonic", "integer"), ("InactiveExitTimestamp", "timestamp"),
    ("InactiveExitTimestampMonotonic", "integer"), ("ActiveEnterTimestamp", "timestamp"),
    ("ActiveEnterTimestampMonotonic", "integer"), ("ActiveExitTimestamp", "timestamp"),
    ("ActiveExitTimestampMonotonic", "integer"), ("InactiveEnterTimestamp", "timestamp"),
    ("InactiveEnterTimestampMonotonic", "integer"), ("CanStart", "bool"), ("CanStop", "bool", True),
    ("CanReload", "bool"), ("CanIsolate", "bool"), ("CanClean", "strings"), ("CanFreeze", "bool", True),
    ("Job", "job"), "StopWhenUnneeded", "RefuseManualStart", "RefuseManualStop", "AllowIsolate", "DefaultDependencies",
    "OnSuccessJobMode", "OnFailureJobMode", "IgnoreOnIsolate", ("NeedDaemonReload", "bool"), ("Markers", "strings"),
    "JobTimeoutUSec", "JobRunningTimeoutUSec", "JobTimeoutAction", "JobTimeoutRebootArgument",
    ("ConditionResult", "bool"), ("AssertResult", "bool"), ("ConditionTimestamp", "timestamp"),
    ("ConditionTimestampMonotonic", "integer"), ("AssertTimestamp", "timestamp"),
    ("AssertTimestampMonotonic", "integer"), "Conditions", "Asserts", ("LoadError", "load-error"),
    ("Transient", "bool"), ("Perpetual", "bool"), "StartLimitIntervalUSec", "StartLimitBurst", "StartLimitAction",
    "FailureAction", "FailureActionExitStatus", "SuccessAction", "SuccessActionExitStatus", "RebootArgument",
    ("InvocationID", "string"), "CollectMode", ("Refs", "strings"), ("ActivationDetails", "unprintable"),
)  # fmt: skip

MANAGER: _Order = (
    ("Version", "string"), ("Features", "string"), ("Virtualization", "string"), ("Architecture", "string"),
    ("Tainted", "string"), ("FirmwareTimestamp", "timestamp"), ("FirmwareTimestampMonotonic", "integer"),
    ("LoaderTimestamp", "timestamp"), ("LoaderTimestampMonotonic", "integer"), ("KernelTimestamp", "timestamp"),
    ("KernelTimestampMonotonic", "integer"), ("InitRDTimestamp", "timestamp"), ("InitRDTimestampMonotonic", "integer"),
    ("UserspaceTimestamp", "timestamp"), ("UserspaceTimestampMonotonic", "integer"), ("FinishTimestamp", "timestamp"),
    ("FinishTimestampMonotonic", "integer"), ("SecurityStartTimestamp", "timestamp"),
    ("SecurityStartTimestampMonotonic", "integer"), ("SecurityFinishTimestamp", "timestamp"),
    ("SecurityFinishTimestampMonotonic", "integer"), ("GeneratorsStartTimestamp", "timestamp"),
    ("GeneratorsStartTimestampMonotonic", "integer"), ("GeneratorsFinishTimestamp", "timestamp"),
    ("GeneratorsFinishTimestampMonotonic", "integer"), ("UnitsLoadStartTimestamp", "timestamp"),
    ("UnitsLoadStartTimestampMonotonic", "integer"), ("UnitsLoadFinishTimestamp", "timestamp"),
    ("UnitsLoadFinishTimestampMonotonic", "integer"), ("UnitsLoadTimestamp", "timestamp"),
    ("UnitsLoadTimestampMonotonic", "integer"), ("InitRDSecurityStartTimestamp", "timestamp"),
    ("InitRDSecurityStartTimestampMonotonic", "integer"), ("InitRDSecurityFinishTimestamp", "timestamp"),
    ("InitRDSecurityFinishTimestampMonotonic", "integer"), ("InitRDGeneratorsStartTimestamp", "timestamp"),
    ("InitRDGeneratorsStartTimestampMonotonic", "integer"), ("InitRDGeneratorsFinishTimestamp", "timestamp"),
    ("InitRDGeneratorsFinishTimestampMonotonic", "integer"), ("InitRDUnitsLoadStartTimestamp", "timestamp"),
    ("InitRDUnitsLoadStartTimestampMonotonic", "integer"), ("InitRDUnitsLoadFinishTimestamp", "timestamp"),
    ("InitRDUnitsLoadFinishTimestampMonotonic", "integer"), ("LogLevel", "string"), ("LogTarget", "string"),
    ("NNames", "integer"), ("NFailedUnits", "integer"), ("NJobs", "integer"), ("NInstalledJobs", "integer"),
    ("NFailedJobs", "integer"), ("Progress", "double", 1.0), ("Environment", "strings"), ("ConfirmSpawn", "bool"),
    ("ShowStatus", "bool", True), ("UnitPath", "strings"), ("DefaultStandardOutput", "string"),
    ("DefaultStandardError", "string"), ("WatchdogDevice", "string"), ("WatchdogLastPingTimestamp", "timestamp"),
    ("WatchdogLastPingTimestampMonotonic", "integer"), ("RuntimeWatchdogUSec", "timespan"),
    ("RuntimeWatchdogPreUSec", "timespan"), ("RuntimeWatchdogPreGovernor", "string"),
    ("RebootWatchdogUSec", "timespan", 600000000), ("KExecWatchdogUSec", "timespan"),
    ("ServiceWatchdogs", "bool", True), ("ControlGroup", "string"), ("SystemState", "string"),
    ("ExitCode", "unprintable"), ("DefaultTimerAccuracyUSec", "timespan"), ("DefaultTimeoutStartUSec", "timespan"),
    ("DefaultTimeoutStopUSec", "timespan"), ("DefaultTimeoutAbortUSec", "timespan"),
    ("DefaultDeviceTimeoutUSec", "timespan"), ("DefaultRestartUSec", "timespan"),
    ("DefaultStartLimitIntervalUSec", "timespan"), ("DefaultStartLimitBurst", "integer"),
    ("DefaultCPUAccounting", "bool"), ("DefaultBlockIOAccounting", "bool"), ("DefaultMemoryAccounting", "bool", True),
    ("DefaultTasksAccounting", "bool", True), ("DefaultLimitCPU", "limit"), ("DefaultLimitCPUSoft", "limit"),
    ("DefaultLimitFSIZE", "limit"), ("DefaultLimitFSIZESoft", "limit"), ("DefaultLimitDATA", "limit"),
    ("DefaultLimitDATASoft", "limit"), ("DefaultLimitSTACK", "limit"), ("DefaultLimitSTACKSoft", "limit"),
    ("DefaultLimitCORE", "limit"), ("DefaultLimitCORESoft", "limit"), ("DefaultLimitRSS", "limit"),
    ("DefaultLimitRSSSoft", "limit"), ("DefaultLimitNOFILE", "limit", 524288),
    ("DefaultLimitNOFILESoft", "limit", 1024), ("DefaultLimitAS", "limit"), ("DefaultLimitASSoft", "limit"),
    ("DefaultLimitNPROC", "limit"), ("DefaultLimitNPROCSoft", "limit"), ("DefaultLimitMEMLOCK", "limit"),
    ("DefaultLimitMEMLOCKSoft", "limit"), ("DefaultLimitLOCKS", "limit"), ("DefaultLimitLOCKSSoft", "limit"),
    ("DefaultLimitSIGPENDING", "limit"), ("DefaultLimitSIGPENDINGSoft", "limit"), ("DefaultLimitMSGQUEUE", "limit"),
    ("DefaultLimitMSGQUEUESoft", "limit"), ("DefaultLimitNICE", "limit"), ("DefaultLimitNICESoft", "limit"),
    ("DefaultLimitRTPRIO", "limit"), ("DefaultLimitRTPRIOSoft", "limit"), ("DefaultLimitRTTIME", "limit"),
    ("DefaultLimitRTTIMESoft", "limit"), ("DefaultTasksMax", "limit"), ("TimerSlackNSec", "integer", 50000),
    ("DefaultOOMPolicy", "string"), ("DefaultOOMScoreAdjust", "integer"),
    ("CtrlAltDelBurstAction", "string", "reboot-force"),
)  # fmt: skip

SERVICE: _Order = (
    "Type", "ExitType", "Restart", "PIDFile", "NotifyAccess", "RestartUSec", "TimeoutStartUSec", "TimeoutStopUSec",
    "TimeoutAbortUSec", "TimeoutStartFailureMode", "TimeoutStopFailureMode", "RuntimeMaxUSec",
    "RuntimeRandomizedExtraUSec", "WatchdogUSec", ("WatchdogTimestamp", "timestamp"),
    ("WatchdogTimestampMonotonic", "integer"), "RootDirectoryStartOnly", "RemainAfterExit", "GuessMainPID",
    "RestartPreventExitStatus", "RestartForceExitStatus", "SuccessExitStatus", ("MainPID", "integer"),
    ("ControlPID", "integer"), "BusName", "FileDescriptorStoreMax", ("NFileDescriptorStore", "integer"),
    ("StatusText", "string"), ("StatusErrno", "integer"), ("Result", "string", "success"),
    ("ReloadResult", "string", "success"), ("CleanResult", "string", "success"), "USBFunctionDescriptors",
    "USBFunctionStrings", ("UID", "maybe-id"), ("GID", "maybe-id"), ("NRestarts", "integer"), "OOMPolicy",
    ("ExecMainStartTimestamp", "timestamp"), ("ExecMainStartTimestampMonotonic", "integer"),
    ("ExecMainExitTimestamp", "timestamp"), ("ExecMainExitTimestampMonotonic", "integer"), ("ExecMainPID", "integer"),
    ("ExecMainCode", "integer"), ("ExecMainStatus", "integer"), "ExecCondition", ("ExecConditionEx", "commands-ex"),
    "ExecStartPre", ("ExecStartPreEx", "commands-ex"), "ExecStart", ("ExecStartEx", "commands-ex"), "ExecStartPost",
    ("ExecStartPostEx", "commands-ex"), "ExecReload", ("ExecReloadEx", "commands-ex"), "ExecStop",
    ("ExecStopEx", "commands-ex"), "ExecStopPost", ("ExecStopPostEx", "commands-ex"),
)  # fmt: skip

SOCKET: _Order = (
    "BindIPv6Only", "Backlog", "TimeoutUSec", "BindToDevice", "SocketUser", "SocketGroup", "SocketMode",
    "DirectoryMode", "Accept", "FlushPending", "Writable", "KeepAlive", "KeepAliveTimeUSec", "KeepAliveIntervalUSec",
    "KeepAliveProbes", "DeferAcceptUSec", "NoDelay", "Priority", "ReceiveBuffer", "SendBuffer", "IPTOS", "IPTTL",
    "PipeSize", "FreeBind", "Transparent", "Broadcast", "PassCredentials", "PassSecurity", "PassPacketInfo",
    "Timestamping", "RemoveOnStop", "Listen", "Symlinks", "Mark", "MaxConnections", "MaxConnectionsPerSource",
    "MessageQueueMaxMessages", "MessageQueueMessageSize", "TCPCongestion", "ReusePort", "SmackLabel", "SmackLabelIPIn",
    "SmackLabelIPOut", ("ControlPID", "integer"), ("Result", "string", "success"), ("NConnections", "integer"),
    ("NAccepted", "integer"), ("NRefused", "integer"), "FileDescriptorName", "SocketProtocol",
    "TriggerLimitIntervalUSec", "TriggerLimitBurst", ("UID", "maybe-id"), ("GID", "maybe-id"), "ExecStartPre",
    "ExecStartPost", "ExecStopPre", "ExecStopPost",
)  # fmt: skip

TIMER: _Order = (
    "Unit", "TimersMonotonic", "TimersCalendar", "OnClockChange", "OnTimezoneChange",
    ("NextElapseUSecRealtime", "timestamp", INFINITY), ("NextElapseUSecMonotonic", "timespan", INFINITY),
    ("LastTriggerUSec", "timestamp"), ("LastTriggerUSecMonotonic", "timespan"), ("Result", "string", "success"),
    "AccuracyUSec", "RandomizedDelayUSec", "FixedRandomDelay", "Persistent", "WakeSystem", "RemainAfterElapse",
)  # fmt: skip

PATH: _Order = (
    "Unit", "Paths", "MakeDirectory", "DirectoryMode", ("Result", "string", "success"), "TriggerLimitIntervalUSec",
    "TriggerLimitBurst",
)  # fmt: skip

MOUNT: _Order = (
    "Where", "What", "Options", "Type", "TimeoutUSec", ("ControlPID", "integer"), "DirectoryMode", "SloppyOptions",
    "LazyUnmount", "ForceUnmount", "ReadWriteOnly", ("Result", "string", "success"), ("UID", "maybe-id"),
    ("GID", "maybe-id"), ("ExecMount", "commands"), ("ExecUnmount", "commands"), ("ExecRemount", "commands"),
)  # fmt: skip

SWAP: _Order = (
    "What", "Priority", "Options", "TimeoutUSec", ("ControlPID", "integer"), ("Result", "string", "success"),
    ("UID", "maybe-id"), ("GID", "maybe-id"), ("ExecActivate", "commands"), ("ExecDeactivate", "commands"),
)  # fmt: skip

AUTOMOUNT: _Order = (
    "Where", "ExtraOptions", "DirectoryMode", ("Result", "string", "success"), "TimeoutIdleUSec",
)  # fmt: skip

DEVICE: _Order = (("SysFSPath", "string"),)

SCOPE: _Order = (
    ("Controller", "string"), "TimeoutStopUSec", ("Result", "string", "success"), "RuntimeMaxUSec",
    "RuntimeRandomizedExtraUSec", "OOMPolicy",
)  # fmt: skip
