"""Directives of resource control, shared by all unit types that have processes (systemd.resource-control(5))."""

from __future__ import annotations

from systemctl_replacement.unitfile.directives.directive import ADD, APPEND, UNION, Directive
from systemctl_replacement.unitfile.directives.honoured import NO_CGROUP, SUMS, best_effort
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers import resource as resource_parsers
from systemctl_replacement.unitfile.parsers import sandbox as sandbox_parsers
from systemctl_replacement.unitfile.values import INFINITY

RESOURCE: tuple[Directive, ...] = (
    Directive(
        "Slice",
        parse=parsers.slice_unit,
        default=None,
        since=233,
        honoured=best_effort("`status` names the control group that would be; none is made"),
    ),
    Directive("AllowedCPUs", parse=sandbox_parsers.cpu_set, combine=UNION, since=244, honoured=NO_CGROUP),
    Directive("StartupAllowedCPUs", parse=sandbox_parsers.cpu_set, combine=UNION, since=250, honoured=NO_CGROUP),
    Directive("AllowedMemoryNodes", parse=sandbox_parsers.cpu_set, combine=UNION, since=244, honoured=NO_CGROUP),
    Directive("StartupAllowedMemoryNodes", parse=sandbox_parsers.cpu_set, combine=UNION, since=250, honoured=NO_CGROUP),
    Directive("CPUAccounting", parse=parsers.boolean, default=False, kind="bool", since=220, honoured=SUMS),
    Directive(
        "CPUWeight", parse=resource_parsers.cpu_weight, default=INFINITY, kind="weight", since=232, honoured=NO_CGROUP
    ),
    Directive(
        "StartupCPUWeight",
        parse=resource_parsers.cpu_weight,
        default=INFINITY,
        kind="weight",
        since=250,
        honoured=NO_CGROUP,
    ),
    Directive(
        "CPUShares", parse=resource_parsers.cpu_shares, default=INFINITY, kind="maybe", since=213, honoured=NO_CGROUP
    ),
    Directive(
        "StartupCPUShares",
        parse=resource_parsers.cpu_shares,
        default=INFINITY,
        kind="maybe",
        since=213,
        honoured=NO_CGROUP,
    ),
    Directive(
        "CPUQuota",
        parse=resource_parsers.cpu_quota,
        default=INFINITY,
        property="CPUQuotaPerSecUSec",
        kind="timespan",
        since=213,
        honoured=NO_CGROUP,
    ),
    Directive(
        "CPUQuotaPeriodSec",
        parse=resource_parsers.cpu_quota_period,
        default=INFINITY,
        property="CPUQuotaPeriodUSec",
        kind="timespan",
        since=242,
        honoured=NO_CGROUP,
    ),
    Directive("MemoryAccounting", parse=parsers.boolean, default=True, kind="bool", since=238, honoured=SUMS),
    Directive(
        "MemoryMin", parse=resource_parsers.memory_limit, default=0, kind="integer", since=240, honoured=NO_CGROUP
    ),
    Directive(
        "DefaultMemoryMin",
        parse=resource_parsers.memory_limit,
        default=0,
        kind="integer",
        since=243,
        honoured=NO_CGROUP,
    ),
    Directive(
        "DefaultMemoryLow", parse=resource_parsers.memory_limit, default=0, kind="limit", since=243, honoured=NO_CGROUP
    ),
    Directive("MemoryLow", parse=resource_parsers.memory_limit, default=0, kind="limit", since=243, honoured=NO_CGROUP),
    Directive(
        "MemoryHigh", parse=resource_parsers.memory_limit, default=INFINITY, kind="limit", since=249, honoured=NO_CGROUP
    ),
    Directive(
        "MemoryMax", parse=resource_parsers.memory_limit, default=INFINITY, kind="limit", since=249, honoured=NO_CGROUP
    ),
    Directive(
        "MemorySwapMax",
        parse=resource_parsers.memory_limit,
        default=INFINITY,
        kind="limit",
        since=232,
        honoured=NO_CGROUP,
    ),
    Directive(
        "MemoryLimit",
        parse=resource_parsers.memory_limit,
        default=INFINITY,
        kind="limit",
        since=231,
        honoured=NO_CGROUP,
    ),
    Directive(
        "DeviceAllow",
        parse=resource_parsers.device_allow,
        combine=APPEND,
        kind="pairs",
        since=210,
        honoured=NO_CGROUP,
        protects=True,
    ),
    Directive(
        "DevicePolicy",
        parse=resource_parsers.device_policy,
        default="auto",
        since=212,
        honoured=NO_CGROUP,
        protects=True,
    ),
    Directive("IOAccounting", parse=parsers.boolean, default=False, kind="bool", since=243, honoured=NO_CGROUP),
    Directive(
        "IOWeight", parse=resource_parsers.io_weight, default=INFINITY, kind="maybe", since=243, honoured=NO_CGROUP
    ),
    Directive("StartupIOWeight", parse=resource_parsers.io_weight, default=INFINITY, kind="maybe", honoured=NO_CGROUP),
    Directive("IODeviceWeight", parse=resource_parsers.io_item, combine=APPEND, kind="pairs", honoured=NO_CGROUP),
    Directive("IOReadBandwidthMax", parse=resource_parsers.io_item, combine=APPEND, kind="pairs", honoured=NO_CGROUP),
    Directive("IOWriteBandwidthMax", parse=resource_parsers.io_item, combine=APPEND, kind="pairs", honoured=NO_CGROUP),
    Directive("IOReadIOPSMax", parse=resource_parsers.io_item, combine=APPEND, kind="pairs", honoured=NO_CGROUP),
    Directive("IOWriteIOPSMax", parse=resource_parsers.io_item, combine=APPEND, kind="pairs", honoured=NO_CGROUP),
    Directive(
        "IODeviceLatencyTargetSec",
        parse=resource_parsers.io_item,
        combine=APPEND,
        property="IODeviceLatencyTargetUSec",
        kind="pairs",
        since=240,
        honoured=NO_CGROUP,
    ),
    Directive("BlockIOAccounting", parse=parsers.boolean, default=False, kind="bool", honoured=NO_CGROUP),
    Directive(
        "BlockIOWeight",
        parse=resource_parsers.block_io_weight,
        default=INFINITY,
        kind="maybe",
        since=211,
        honoured=NO_CGROUP,
    ),
    Directive(
        "StartupBlockIOWeight",
        parse=resource_parsers.block_io_weight,
        default=INFINITY,
        kind="maybe",
        since=213,
        honoured=NO_CGROUP,
    ),
    Directive(
        "BlockIODeviceWeight", parse=resource_parsers.block_io_item, combine=APPEND, kind="pairs", honoured=NO_CGROUP
    ),
    Directive(
        "BlockIOReadBandwidth", parse=resource_parsers.block_io_item, combine=APPEND, kind="pairs", honoured=NO_CGROUP
    ),
    Directive(
        "BlockIOWriteBandwidth", parse=resource_parsers.block_io_item, combine=APPEND, kind="pairs", honoured=NO_CGROUP
    ),
    Directive("TasksAccounting", parse=parsers.boolean, default=True, kind="bool", since=227, honoured=SUMS),
    Directive(
        "TasksMax", parse=resource_parsers.tasks_max, default=INFINITY, kind="limit", since=227, honoured=NO_CGROUP
    ),
    Directive("Delegate", parse=resource_parsers.delegate, combine=ADD, kind="bool", since=236, honoured=NO_CGROUP),
    Directive(
        "DisableControllers",
        parse=resource_parsers.disable_controllers,
        combine=APPEND,
        kind="strings",
        since=240,
        honoured=NO_CGROUP,
    ),
    Directive("IPAccounting", parse=parsers.boolean, default=False, kind="bool", since=235, honoured=NO_CGROUP),
    Directive(
        "IPAddressAllow",
        parse=resource_parsers.ip_address,
        combine=APPEND,
        kind="list",
        since=235,
        honoured=NO_CGROUP,
        protects=True,
    ),
    Directive(
        "IPAddressDeny",
        parse=resource_parsers.ip_address,
        combine=APPEND,
        kind="list",
        since=235,
        honoured=NO_CGROUP,
        protects=True,
    ),
    Directive(
        "IPIngressFilterPath",
        parse=resource_parsers.filter_program,
        combine=APPEND,
        kind="strings",
        since=243,
        honoured=NO_CGROUP,
        protects=True,
    ),
    Directive(
        "IPEgressFilterPath",
        parse=resource_parsers.filter_program,
        combine=APPEND,
        kind="strings",
        since=243,
        honoured=NO_CGROUP,
        protects=True,
    ),
    Directive("ManagedOOMSwap", parse=resource_parsers.managed_oom, default="auto", since=247, honoured=NO_CGROUP),
    Directive(
        "ManagedOOMMemoryPressure", parse=resource_parsers.managed_oom, default="auto", since=247, honoured=NO_CGROUP
    ),
    Directive(
        "ManagedOOMMemoryPressureLimit",
        parse=resource_parsers.memory_pressure_limit,
        default=0,
        kind="integer",
        honoured=NO_CGROUP,
    ),
    Directive(
        "ManagedOOMPreference",
        parse=resource_parsers.managed_oom_preference,
        default="none",
        since=248,
        honoured=NO_CGROUP,
    ),
    Directive(
        "BPFProgram",
        parse=resource_parsers.bpf_program,
        combine=APPEND,
        kind="pairs",
        since=249,
        honoured=NO_CGROUP,
        protects=True,
    ),
    Directive(
        "SocketBindAllow",
        parse=resource_parsers.socket_bind,
        combine=APPEND,
        kind="pairs",
        since=249,
        honoured=NO_CGROUP,
        protects=True,
    ),
    Directive(
        "SocketBindDeny",
        parse=resource_parsers.socket_bind,
        combine=APPEND,
        kind="pairs",
        since=249,
        honoured=NO_CGROUP,
        protects=True,
    ),
    Directive(
        "RestrictNetworkInterfaces",
        parse=resource_parsers.network_interfaces,
        combine=APPEND,
        kind="filter",
        since=250,
        honoured=NO_CGROUP,
        protects=True,
    ),
    # Newer than systemd 252, which warns about an unknown key.
    Directive("StartupMemoryLow", parse=parsers.opaque, default=None, property="", since=252, honoured=NO_CGROUP),
    Directive("StartupMemoryHigh", parse=parsers.opaque, default=None, property="", since=252, honoured=NO_CGROUP),
    Directive("StartupMemoryMax", parse=parsers.opaque, default=None, property="", since=252, honoured=NO_CGROUP),
    Directive("StartupMemorySwapMax", parse=parsers.opaque, default=None, property="", since=252, honoured=NO_CGROUP),
    Directive(
        "DefaultStartupMemoryLow", parse=parsers.opaque, default=None, property="", since=252, honoured=NO_CGROUP
    ),
    Directive("MemoryZSwapMax", parse=parsers.opaque, default=None, property="", since=253, honoured=NO_CGROUP),
    Directive("StartupMemoryZSwapMax", parse=parsers.opaque, default=None, property="", since=252, honoured=NO_CGROUP),
    Directive("MemoryZSwapWriteback", parse=parsers.opaque, default=None, property="", since=256, honoured=NO_CGROUP),
    Directive("MemoryPressureWatch", parse=parsers.opaque, default=None, property="", since=254, honoured=NO_CGROUP),
    Directive(
        "MemoryPressureThresholdSec", parse=parsers.opaque, default=None, property="", since=254, honoured=NO_CGROUP
    ),
    Directive("DelegateSubgroup", parse=parsers.opaque, default=None, property="", since=254, honoured=NO_CGROUP),
    Directive("CoredumpReceive", parse=parsers.opaque, default=None, property="", since=255, honoured=NO_CGROUP),
    Directive("NFTSet", parse=parsers.opaque, default=None, property="", since=255, honoured=NO_CGROUP),
)
