"""Directives of resource control, shared by all that has processes (systemd.resource-control(5))."""

from __future__ import annotations

from systemctl_replacement.unitfile.directives.directive import (
    ADD,
    APPEND,
    IGNORED,
    REPLACE,
    UNION,
    Directive,
    best_effort,
    ignored,
    shown,
    table,
)
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers import resource as resource_parsers
from systemctl_replacement.unitfile.parsers import sandbox as sandbox_parsers

_NO_CGROUP = "a container has no control group of its own to set limits on"
_NAMED = "`status` names the control group that would be; none is made"
_SUMS = "`status` has sums over the processes that are alive"

RESOURCE: tuple[Directive, ...] = table(
    "Resource",
    (
        ("Slice", parsers.slice_unit, REPLACE, None, 233, best_effort(_NAMED)),
        ("AllowedCPUs", sandbox_parsers.cpu_set, UNION, frozenset(), 244),
        ("StartupAllowedCPUs", sandbox_parsers.cpu_set, UNION, frozenset(), 250),
        ("AllowedMemoryNodes", sandbox_parsers.cpu_set, UNION, frozenset(), 244),
        ("StartupAllowedMemoryNodes", sandbox_parsers.cpu_set, UNION, frozenset(), 250),
        ("CPUAccounting", parsers.boolean, REPLACE, None, 220, best_effort(_SUMS)),
        ("CPUWeight", resource_parsers.cpu_weight, REPLACE, None, 232),
        ("StartupCPUWeight", resource_parsers.cpu_weight, REPLACE, None, 250),
        ("CPUShares", resource_parsers.cpu_shares, REPLACE, None, 213),
        ("StartupCPUShares", resource_parsers.cpu_shares, REPLACE, None, 213),
        ("CPUQuota", resource_parsers.cpu_quota, REPLACE, None, 213, shown("CPUQuotaPerSecUSec")),
        ("CPUQuotaPeriodSec", resource_parsers.cpu_quota_period, REPLACE, None, 242, shown("CPUQuotaPeriodUSec")),
        ("MemoryAccounting", parsers.boolean, REPLACE, None, 238, best_effort(_SUMS)),
        ("MemoryMin", resource_parsers.memory_limit, REPLACE, None, 240),
        ("DefaultMemoryMin", resource_parsers.memory_limit, REPLACE, None, 243),
        ("DefaultMemoryLow", resource_parsers.memory_limit, REPLACE, None, 243),
        ("MemoryLow", resource_parsers.memory_limit, REPLACE, None, 243),
        ("MemoryHigh", resource_parsers.memory_limit, REPLACE, None, 249),
        ("MemoryMax", resource_parsers.memory_limit, REPLACE, None, 249),
        ("MemorySwapMax", resource_parsers.memory_limit, REPLACE, None, 232),
        ("MemoryLimit", resource_parsers.memory_limit, REPLACE, None, 231),
        ("DeviceAllow", resource_parsers.device_allow, APPEND, (), 210, ignored(_NO_CGROUP, True)),
        ("DevicePolicy", resource_parsers.device_policy, REPLACE, "auto", 212, ignored(_NO_CGROUP, True)),
        ("IOAccounting", parsers.boolean, REPLACE, None, 243),
        ("IOWeight", resource_parsers.io_weight, REPLACE, None, 243),
        ("StartupIOWeight", resource_parsers.io_weight, REPLACE, None, 0),
        ("IODeviceWeight", resource_parsers.io_item, APPEND, (), 0),
        ("IOReadBandwidthMax", resource_parsers.io_item, APPEND, (), 0),
        ("IOWriteBandwidthMax", resource_parsers.io_item, APPEND, (), 0),
        ("IOReadIOPSMax", resource_parsers.io_item, APPEND, (), 0),
        ("IOWriteIOPSMax", resource_parsers.io_item, APPEND, (), 0),
        ("IODeviceLatencyTargetSec", resource_parsers.io_item, APPEND, (), 240, shown("IODeviceLatencyTargetUSec")),
        ("BlockIOAccounting", parsers.boolean, REPLACE, None, 0),
        ("BlockIOWeight", resource_parsers.block_io_weight, REPLACE, None, 211),
        ("StartupBlockIOWeight", resource_parsers.block_io_weight, REPLACE, None, 213),
        ("BlockIODeviceWeight", resource_parsers.block_io_item, APPEND, (), 0),
        ("BlockIOReadBandwidth", resource_parsers.block_io_item, APPEND, (), 0),
        ("BlockIOWriteBandwidth", resource_parsers.block_io_item, APPEND, (), 0),
        ("TasksAccounting", parsers.boolean, REPLACE, None, 227, best_effort(_SUMS)),
        ("TasksMax", resource_parsers.tasks_max, REPLACE, None, 227),
        ("Delegate", resource_parsers.delegate, ADD, (), 236),
        ("DisableControllers", resource_parsers.disable_controllers, APPEND, (), 240),
        ("IPAccounting", parsers.boolean, REPLACE, None, 235),
        ("IPAddressAllow", resource_parsers.ip_address, APPEND, (), 235, ignored(_NO_CGROUP, True)),
        ("IPAddressDeny", resource_parsers.ip_address, APPEND, (), 235, ignored(_NO_CGROUP, True)),
        ("IPIngressFilterPath", resource_parsers.filter_program, APPEND, (), 243, ignored(_NO_CGROUP, True)),
        ("IPEgressFilterPath", resource_parsers.filter_program, APPEND, (), 243, ignored(_NO_CGROUP, True)),
        ("ManagedOOMSwap", resource_parsers.managed_oom, REPLACE, "auto", 247),
        ("ManagedOOMMemoryPressure", resource_parsers.managed_oom, REPLACE, "auto", 247),
        ("ManagedOOMMemoryPressureLimit", resource_parsers.memory_pressure_limit, REPLACE, None, 0),
        ("ManagedOOMPreference", resource_parsers.managed_oom_preference, REPLACE, "none", 248),
        ("BPFProgram", resource_parsers.bpf_program, APPEND, (), 249, ignored(_NO_CGROUP, True)),
        ("SocketBindAllow", resource_parsers.socket_bind, APPEND, (), 249, ignored(_NO_CGROUP, True)),
        ("SocketBindDeny", resource_parsers.socket_bind, APPEND, (), 249, ignored(_NO_CGROUP, True)),
        ("RestrictNetworkInterfaces", resource_parsers.network_interfaces, APPEND, (), 250, ignored(_NO_CGROUP, True)),
    ),
    IGNORED,
    _NO_CGROUP,
)
